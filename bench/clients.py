"""Times Lacuna and Chroma through the real Chroma client, and each surface's CPU time beside the native route's.

    python3 bench/clients.py [--rounds 3] [--records 20000] [--cpu-runs 9] [--only client,cpu]

Total time is what a program waits; server time is that less the client's own cost: the same calls against a stub that
answers at once. Servers take turns, one at a time; tables show medians. Needs what bench/run.py needs.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import run
import surfaces_cpu

SERVERS = ("stub", "embedded", "chroma")


@contextlib.contextmanager
def stub(folder: pathlib.Path):
    port = run.free_port()
    with run.child([str(run.BENCH), "stub", "--listen", f"127.0.0.1:{port}"], folder / "log") as process:
        run.wait_http(f"http://127.0.0.1:{port}/")
        yield f"127.0.0.1:{port}", [process.pid]


def life(server: str, records: int) -> dict[str, float]:
    """Seconds per phase through the client."""
    start = {"stub": stub, "embedded": run.embedded, "chroma": run.chroma}[server]
    with tempfile.TemporaryDirectory(prefix=f"lacuna-clients-{server}-") as name:
        with start(pathlib.Path(name)) as (host, _):
            address, port = host.split(":")
            checks = "pretend" if server == "stub" else "check"
            command = [str(run.VENV / "bin/python"), "bench/chroma_client.py", address, port, str(records), checks]
            done = subprocess.run(command, cwd=run.ROOT, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"{server}: {done.stderr.strip()}")
            return json.loads(done.stdout)


def client_table(seen: dict[str, list[dict[str, float]]]) -> list[str]:
    middle = {server: {phase: statistics.median(of[phase] for of in runs) for phase in runs[0]} for server, runs in seen.items()}
    lines = ["| phase | client's own | Lacuna total | Chroma total | total | Lacuna server | Chroma server | server |",
             "|---|---|---|---|---|---|---|---|"]
    for phase, own in middle["stub"].items():
        ours, theirs = middle["embedded"][phase], middle["chroma"][phase]
        mine, other = max(ours - own, 1e-9), max(theirs - own, 0)
        lines.append(f"| {phase} | {own:.3f} s | {ours:.3f} s | {theirs:.3f} s | ×{theirs / ours:.1f} | {mine:.3f} s | "
                     f"{other:.3f} s | ×{other / mine:.1f} |")
    return lines


def cpu_table(seen: dict) -> list[str]:
    lines = ["| request | native | Chroma's | Pinecone's | Moorcheh's |", "|---|---|---|---|---|"]
    for verb, of in seen["ms"].items():
        cells = [f'{of["native"]:.3f} ms']
        cells += [f'{of[name]:.3f} ms ({(seen["ratio"][verb][name] - 1) * 100:+.0f}%)' if name in of else "—"
                  for name in ("chroma", "pinecone", "moorcheh")]
        lines.append(f"| {verb} | " + " | ".join(cells) + " |")
    return lines


def vectors() -> list[list[float]]:
    raw = (run.ROOT / "cli/data/sift10k.u8").read_bytes()
    size = surfaces_cpu.DIMENSION
    return [[float(byte) for byte in raw[at:at + size]] for at in range(0, len(raw) - size, size)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--cpu-runs", type=int, default=9)
    parser.add_argument("--only", default="client,cpu")
    parser.add_argument("--built", action="store_true", help="the binaries are there: build nothing")
    options = parser.parse_args()
    if not options.built:
        run.prepare(["chroma"])
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=run.ROOT, text=True).strip()
    lines = [f"Seen on {datetime.date.today()} at commit {commit}, {os.cpu_count()} cores ({run.cpu_model()}), load "
             f"{os.getloadavg()[0]:.0f} at the beginning.", f"Command: `python3 bench/clients.py {' '.join(sys.argv[1:])}`", ""]
    if "client" in options.only:
        seen: dict[str, list[dict[str, float]]] = {server: [] for server in SERVERS}
        for number in range(options.rounds):
            for server in SERVERS:
                print(f"round {number + 1} of {options.rounds}: {server}", file=sys.stderr)
                seen[server].append(life(server, options.records))
        lines += client_table(seen) + [""]
        (run.ROOT / "target/clients.json").write_text(json.dumps(seen, indent=1))
    if "cpu" in options.only:
        with tempfile.TemporaryDirectory(prefix="lacuna-clients-cpu-") as name:
            with run.embedded(pathlib.Path(name)) as (host, pids):
                told = surfaces_cpu.measure(host, pids[0], vectors(), options.cpu_runs)
        lines += cpu_table(told) + [""]
        (run.ROOT / "target/surfaces_cpu.json").write_text(json.dumps(told, indent=1))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
