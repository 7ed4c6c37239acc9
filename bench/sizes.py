"""What depends on size: opening 200,000 records, deleteAll of 1,000 against 100,000, memory of an empty cluster, and
search in process beside usearch. Prints a Markdown table.

    python3 bench/sizes.py [--records 200000] [--only open,delete_all,dev,search]
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request

import run

BENCH, LACUNA, ROOT = run.BENCH, run.LACUNA, run.ROOT


def post(base: str, path: str, body: dict) -> tuple[dict, float]:
    request = urllib.request.Request(f"http://{base}{path}", json.dumps(body).encode(), {"content-type": "application/json"})
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        told = json.load(answer)
    return told, time.perf_counter() - begun


class Server:
    """One embedded server on a directory that outlives it."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.port = folder, run.free_port()
        self.base = f"127.0.0.1:{self.port}"
        begun = time.perf_counter()
        log = (folder / "log").open("ab")
        command = [str(LACUNA), "serve", "--listen", self.base, "--data-dir", str(folder / "data")]
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        run.wait_http(f"http://{self.base}/readyz", 120)
        self.open_seconds = time.perf_counter() - begun

    def end(self, with_signal: signal.Signals) -> None:
        self.process.send_signal(with_signal)
        self.process.wait(120)


def opening(records: int) -> list[tuple[str, str]]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="lacuna-open-") as name:
        folder = pathlib.Path(name)
        server = Server(folder)
        load = run.bench("load", "--host", server.base, "--records", str(records))
        rows.append((f"load {records:,} × 128 by 100", f'{load[0]["per_second"]:,.0f} records/s'))
        # Graphs are built behind the load: their cost is part of the next opening only if it is over before.
        time.sleep(90)
        rows.append(("resident then, on disk", f"{run.resident_mb([server.process.pid]):,.0f} MB, {run.disk_mb(folder):,.0f} MB"))
        for how, with_signal in (("a clean stop", signal.SIGTERM), ("SIGKILL", signal.SIGKILL)):
            server.end(with_signal)
            server = Server(folder)
            count, _ = post(server.base, "/v1/collections/bench/records/count", {})
            assert count["count"] == records, count
            rows.append((f"opens after {how}", f"{server.open_seconds:.1f} s"))
        server.end(signal.SIGTERM)
    return rows


def delete_all() -> list[tuple[str, str]]:
    medians = {}
    with tempfile.TemporaryDirectory(prefix="lacuna-all-") as name:
        server = Server(pathlib.Path(name))
        for size in (1_000, 100_000):
            times = []
            for number in range(5):
                collection = f"s{size}n{number}"
                run.bench("load", "--host", server.base, "--records", str(size), "--collection", collection)
                time.sleep(1)
                told, took = post(server.base, f"/v1/collections/{collection}/records/delete", {"delete_all": True})
                assert told["deleted"] == size and told["status"] == "complete", told
                times.append(took * 1000)
            medians[size] = statistics.median(times)
        server.end(signal.SIGTERM)
    small, large = medians[1_000], medians[100_000]
    return [("deleteAll of 1,000 / of 100,000 (median of 5)", f"{small:.1f} ms / {large:.1f} ms, ×{large / small:.2f}")]


def dev() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="lacuna-dev-") as name:
        port = run.free_port()
        command = [str(LACUNA), "dev", "--listen", f"127.0.0.1:{port}", "--data-dir", name]
        with run.child(command, pathlib.Path(name) / "log") as process:
            run.wait_http(f"http://127.0.0.1:{port}/readyz")
            time.sleep(3)
            children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
            pids = [process.pid, *map(int, children)]
            return [(f"`dev`, empty, {len(pids)} processes: resident in all", f"{run.resident_mb(pids):,.0f} MB")]


USEARCH = """
import sys, time, numpy as np
from usearch.index import Index
data = np.fromfile(sys.argv[1], dtype=np.uint8).reshape(-1, 128).astype(np.float32)
base, queries = data[:9800], data[9800:]
exact = np.array([np.argsort(((base - q) ** 2).sum(1), kind="stable")[:10] for q in queries])
index = Index(ndim=128, metric="l2sq", dtype="f32", connectivity=16, expansion_add=200)
index.add(np.arange(len(base)), base, threads=1)
for ef in (16, 32, 64):
    index.expansion_search = ef
    best = 1e9
    for _ in range(5):
        begun = time.perf_counter(); found = index.search(queries, 10, threads=1); best = min(best, time.perf_counter() - begun)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.keys, exact)])
    print(f"| usearch, ef {ef} | {len(queries) / best:,.0f} queries/s | recall {recall:.4f} |")
"""


def search() -> list[tuple[str, str]]:
    data = str(ROOT / "cli/data/sift10k.u8")
    subprocess.run([str(run.VENV / "bin/pip"), "install", "-q", "usearch==2.26.6", "numpy"], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    theirs = subprocess.run([str(run.VENV / "bin/python"), "-c", USEARCH, data], capture_output=True, text=True, check=True, env=environment).stdout
    command = ["cargo", "run", "--locked", "--release", "-q", "-p", "lacuna-engine", "--example", "search_bench", data]
    ours = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [("in process, one thread, usearch 2.26.6 then ours", "\n\n" + theirs + "\n" + ours)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--only", default="open,delete_all,dev,search")
    options = parser.parse_args()
    run.prepare([])
    parts = {"open": lambda: opening(options.records), "delete_all": delete_all, "dev": dev, "search": search}
    for name in options.only.split(","):
        for what, told in parts[name]():
            print(f"| {what} | {told} |", flush=True)


if __name__ == "__main__":
    main()
