"""Runs every benchmark side by side on this machine and writes bench/RESULTS.md.

    python3 bench/run.py [--rounds 3] [--records 20000] [--only embedded,cluster,etcd,chroma,ceiling]

Servers run one at a time, rounds alternate between them, so a drift of the machine's speed falls on all alike;
the table shows medians and the ratio to Chroma. Needs cargo, and installs Chroma's server (PyPI) into
target/bench-venv and etcd (Debian) itself.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "target/release/lacuna-bench"
LACUNA = ROOT / "target/release/lacuna"
VENV = ROOT / "target/bench-venv"
CHROMA_VERSION = "1.5.9"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_http(url: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


@contextlib.contextmanager
def child(command: list[str], log: pathlib.Path, **environment: str):
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **environment})
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def embedded(folder: pathlib.Path, shards: int = 4):
    port = free_port()
    command = [str(LACUNA), "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", str(folder / "data"), "--shards", str(shards)]
    with child(command, folder / "log") as process:
        wait_http(f"http://127.0.0.1:{port}/readyz")
        yield f"127.0.0.1:{port}", [process.pid]


@contextlib.contextmanager
def cluster(folder: pathlib.Path):
    ports = [free_port() for _ in range(3)]
    peers = ",".join(f"{at + 1}=127.0.0.1:{port}" for at, port in enumerate(ports))
    with contextlib.ExitStack() as stack:
        pids = []
        for at, port in enumerate(ports):
            command = [str(LACUNA), "node", "--id", str(at + 1), "--listen", f"127.0.0.1:{port}", "--peers", peers,
                       "--data-dir", str(folder / f"node-{at + 1}"), "--shards", "4", "--replicas", "3"]
            pids.append(stack.enter_context(child(command, folder / f"node-{at + 1}.log")).pid)
        port = free_port()
        command = [str(LACUNA), "router", "--listen", f"127.0.0.1:{port}", "--nodes", peers]
        pids.append(stack.enter_context(child(command, folder / "router.log")).pid)
        wait_http(f"http://127.0.0.1:{port}/readyz")
        yield f"127.0.0.1:{port}", pids


@contextlib.contextmanager
def chroma(folder: pathlib.Path):
    port = free_port()
    command = [str(VENV / "bin/chroma"), "run", "--path", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)]
    with child(command, folder / "log", ANONYMIZED_TELEMETRY="False") as process:
        wait_http(f"http://127.0.0.1:{port}/api/v2/heartbeat")
        yield f"127.0.0.1:{port}", [process.pid]


@contextlib.contextmanager
def etcd(folder: pathlib.Path, members: int):
    clients, peers = [free_port() for _ in range(members)], [free_port() for _ in range(members)]
    initial = ",".join(f"m{at}=http://127.0.0.1:{port}" for at, port in enumerate(peers))
    with contextlib.ExitStack() as stack:
        for at in range(members):
            command = ["etcd", "--name", f"m{at}", "--data-dir", str(folder / f"m{at}"),
                       "--listen-client-urls", f"http://127.0.0.1:{clients[at]}",
                       "--advertise-client-urls", f"http://127.0.0.1:{clients[at]}",
                       "--listen-peer-urls", f"http://127.0.0.1:{peers[at]}",
                       "--initial-advertise-peer-urls", f"http://127.0.0.1:{peers[at]}",
                       "--initial-cluster", initial, "--initial-cluster-state", "new"]
            stack.enter_context(child(command, folder / f"m{at}.log"))
        for port in clients:
            wait_http(f"http://127.0.0.1:{port}/health")
        yield leader_of(clients)


def leader_of(clients: list[int]) -> str:
    """The member that leads: the peer gets its best case, as our router asks our leaders."""
    for port in clients:
        body = urllib.request.Request(f"http://127.0.0.1:{port}/v3/maintenance/status", b"{}", method="POST")
        with urllib.request.urlopen(body) as answer:
            status = json.load(answer)
        if status["leader"] == status["header"]["member_id"]:
            return f"127.0.0.1:{port}"
    raise RuntimeError("no member of etcd leads")


def bench(*arguments: str) -> list[dict]:
    done = subprocess.run([str(BENCH), *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def resident_mb(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                total += int(line.split()[1])
    return total / 1024


def disk_mb(folder: pathlib.Path) -> float:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()) / 1e6


def one_round(target: str, options: argparse.Namespace, results: dict) -> None:
    size = ["--records", str(options.records)]
    with tempfile.TemporaryDirectory(prefix=f"lacuna-bench-{target}-") as name:
        folder = pathlib.Path(name)
        if target == "ceiling":
            figures = bench("ceiling", *size)
        elif target == "etcd":
            figures = []
            for members in (1, 3):
                for clients in (8, 64):
                    sub = folder / f"{members}-{clients}"
                    sub.mkdir()
                    with etcd(sub, members) as host:
                        told = bench("etcd", "--host", host, "--clients", str(clients))
                    figures += [{**figure, "phase": f'{figure["phase"]}, {members} member(s)'} for figure in told]
        else:
            start = {"embedded": embedded, "cluster": cluster, "chroma": chroma}[target]
            with start(folder) as (host, pids):
                api = ["--api", "chroma"] if target == "chroma" else ["--ef", "16,32,64,128"]
                figures = bench("phases", "--host", host, *api, *size)
                if target != "chroma":
                    for clients in (8, 64):
                        told = bench("delete-one", "--host", host, "--clients", str(clients), "--records", "10000",
                                     "--delete-ones", "5000", "--collection", f"ones{clients}")
                        figures.append(told[1])
                figures.append({"phase": "resident, MB", "per_second": resident_mb(pids), "p50_ms": 0, "p99_ms": 0})
                figures.append({"phase": "on disk, MB", "per_second": disk_mb(folder), "p50_ms": 0, "p99_ms": 0})
    for figure in figures:
        results.setdefault(target, {}).setdefault(figure["phase"], []).append(figure)


def median(figures: list[dict], key: str) -> float | None:
    values = [figure[key] for figure in figures if figure.get(key) is not None]
    return statistics.median(values) if values else None


def cell(figures: list[dict] | None) -> str:
    if not figures:
        return ""
    recall = median(figures, "recall")
    text = f'{median(figures, "per_second"):,.0f}/s; p50 {median(figures, "p50_ms"):.2f}, p99 {median(figures, "p99_ms"):.1f} ms'
    if figures[0]["phase"].endswith("MB"):
        return f'{median(figures, "per_second"):,.0f}'
    return text + (f"; recall {recall:.3f}" if recall is not None else "")


def ratio(results: dict, target: str, phase: str) -> str:
    ours, theirs = results.get(target, {}).get(phase), results.get("chroma", {}).get(phase)
    if not ours or not theirs or phase.endswith("MB"):
        return ""
    return f'×{median(ours, "per_second") / median(theirs, "per_second"):.1f}'


def table(results: dict, options: argparse.Namespace) -> str:
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True).strip()
    lines = [
        f"Seen on {datetime.date.today()} at commit {commit}, {os.cpu_count()} cores "
        f"({cpu_model()}), medians of {options.rounds} alternating rounds, {options.records:,} × 128 "
        "(SIFT rows with noise), 8 clients, generator on the same cores.",
        f"Command: `python3 bench/run.py --rounds {options.rounds} --records {options.records}`", "",
        "| phase | Lacuna embedded | to Chroma | Lacuna, 3 nodes RF 3 | to Chroma | Chroma " + CHROMA_VERSION + " | generator's ceiling |",
        "|---|---|---|---|---|---|---|",
    ]
    phases: list[str] = []
    for target in ("embedded", "cluster", "chroma"):
        phases += [phase for phase in results.get(target, {}) if phase not in phases]
    for phase in phases:
        of = {target: cell(results.get(target, {}).get(phase)) for target in ("embedded", "cluster", "chroma", "ceiling")}
        lines.append(f'| {phase} | {of["embedded"]} | {ratio(results, "embedded", phase)} | {of["cluster"]} | '
                     f'{ratio(results, "cluster", phase)} | {of["chroma"]} | {of["ceiling"]} |')
    lines += ["", "| etcd, 1 KiB values | |", "|---|---|"]
    lines += [f"| {phase} | {cell(figures)} |" for phase, figures in results.get("etcd", {}).items()]
    return "\n".join(lines) + "\n"


def cpu_model() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def prepare(targets: list[str]) -> None:
    subprocess.run(["cargo", "build", "--locked", "--release", "--bin", "lacuna", "-p", "lacuna", "-p", "lacuna-bench"], cwd=ROOT, check=True)
    if "etcd" in targets and not shutil.which("etcd"):
        subprocess.run(["apt-get", "install", "-y", "-q", "etcd-server"], check=True)
    if "chroma" in targets and not (VENV / "bin/chroma").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(VENV / "bin/pip"), "install", "-q", f"chromadb=={CHROMA_VERSION}"], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--only", default="ceiling,embedded,cluster,chroma,etcd")
    parser.add_argument("--write", default="bench/figures.md", help="file for the table")
    options = parser.parse_args()
    targets = options.only.split(",")
    prepare(targets)
    results: dict = {}
    for number in range(options.rounds):
        for target in targets:
            print(f"round {number + 1} of {options.rounds}: {target}", file=sys.stderr)
            one_round(target, options, results)
    text = table(results, options)
    (ROOT / options.write).write_text(text)
    (ROOT / options.write).with_suffix(".json").write_text(json.dumps(results, indent=1))
    print(text)


if __name__ == "__main__":
    main()
