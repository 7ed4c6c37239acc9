"""Times memory collections: an item forgotten among many, an item added beside an upsert, what owners cost in memory.

    python3 bench/memory.py [--items 100] [--runs 9] [--built]

One embedded server for each number of shards; the same records are written as items and by the native upsert, in turn.
Tables show medians.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import run
import surfaces_cpu
from clients import vectors

RECORDS_PER_ITEM = 1_000
# Owners each record is given at last.
OWNERS = 4


class Server(surfaces_cpu.Server):
    def timed(self, method: str, path: str, body) -> tuple[float, dict]:
        sent = json.dumps(body).encode()
        begin = time.perf_counter()
        answer = self.ask(method, path, sent)
        return (time.perf_counter() - begin) * 1e3, answer

    def resident(self) -> int:
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


def records(rows: list[list[float]], begin: int, id_of=lambda at: f"r{at}") -> list[dict]:
    span = range(begin, begin + RECORDS_PER_ITEM)
    return [{"id": id_of(at), "vector": rows[at % len(rows)], "text": f"record {at}", "metadata": {"bucket": at % 20}} for at in span]


def item(rows: list[list[float]], number: int) -> dict:
    return {"name": f"item {number}", "records": records(rows, number * RECORDS_PER_ITEM)}


def upsert(rows: list[list[float]], number: int) -> dict:
    given = records(rows, number * RECORDS_PER_ITEM)
    return {"records": [{"id": r["id"], "vector": r["vector"], "document": r["text"], "metadata": r["metadata"]} for r in given]}


def measure(server: Server, rows: list[list[float]], items: int, runs: int) -> dict[str, float]:
    server.ask("POST", "/v1/collections", {"name": "plain", "dimension": len(rows[0]), "metric": "cosine"})
    dataset = server.ask("POST", "/api/v1/datasets", {"name": "bench"})["id"]
    data = f"/api/v1/datasets/{dataset}/data"
    adds, upserts, ids = [], [], []
    for number in range(items):
        took, answer = server.timed("POST", data, item(rows, number))
        adds.append(took)
        ids.append(answer["id"])
        upserts.append(server.timed("POST", "/v1/collections/plain/records/upsert", upsert(rows, number))[0])
    # The first are as fast as an empty store; what is asked for is an item among many.
    ratios = [a / b for a, b in zip(adds[items // 2:], upserts[items // 2:])]
    forgets = []
    for id in ids[:runs]:
        took, answer = server.timed("DELETE", f"{data}/{id}", None)
        assert answer["deleted"] == RECORDS_PER_ITEM and answer["references_removed"] == RECORDS_PER_ITEM, answer
        forgets.append(took)
    return {
        "add": statistics.median(adds[items // 2:]),
        "upsert": statistics.median(upserts[items // 2:]),
        "add to upsert": statistics.median(ratios),
        "forget": statistics.median(forgets),
    }


def owned(folder: pathlib.Path, rows: list[list[float]], items: int, name: str) -> int:
    """Resident bytes of a server begun anew, after items of this name were added: what it must hold, and not what it
    gathered on the way."""
    with run.embedded(folder) as (host, pids):
        server = Server(host, pids[0])
        dataset = server.ask("POST", "/api/v1/datasets", {"name": "owned"})["id"]
        for number in range(items):
            server.ask("POST", f"/api/v1/datasets/{dataset}/data", item(rows, number) | {"name": f"{name} {number}"})
    with run.embedded(folder) as (host, pids):
        return settled(Server(host, pids[0]))


def settled(server: Server) -> int:
    """Resident bytes once they have stopped to move."""
    last = server.resident()
    for _ in range(30):
        time.sleep(2)
        now = server.resident()
        if abs(now - last) < 1 << 20:
            return now
        last = now
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100, help="of 1,000 records each")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--built", action="store_true", help="the release binary is there: build nothing")
    options = parser.parse_args()
    if not options.built:
        run.prepare([])
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=run.ROOT, text=True).strip()
    print(f"Seen on {datetime.date.today()} at commit {commit}, {os.cpu_count()} cores ({run.cpu_model()}), load "
          f"{os.getloadavg()[0]:.0f} at the beginning.\nCommand: `python3 bench/memory.py {' '.join(sys.argv[1:])}`\n")
    rows = vectors()
    seen = {}
    for shards in (4, 16):
        with tempfile.TemporaryDirectory(prefix="lacuna-memory-") as name:
            with run.embedded(pathlib.Path(name), shards=shards) as (host, pids):
                seen[shards] = measure(Server(host, pids[0]), rows, options.items, options.runs)
    total = options.items * RECORDS_PER_ITEM
    with tempfile.TemporaryDirectory(prefix="lacuna-memory-") as name:
        resident = [owned(pathlib.Path(name), rows, options.items, f"round {number}") for number in range(OWNERS)]
    print(f"| {total:,} records × {len(rows[0])}, 1,000 an item | 4 shards | 16 shards |\n|---|---|---|")
    for what, unit in (("forget", " ms"), ("add", " ms"), ("upsert", " ms"), ("add to upsert", "")):
        print(f"| {what} | " + " | ".join(f"{seen[shards][what]:.2f}{unit}" for shards in seen) + " |")
    print(f"\n| owners of each record | {' | '.join(str(owners + 1) for owners in range(OWNERS))} |\n|---{'|---' * OWNERS}|")
    print(f"| resident after a start, MB | {' | '.join(f'{size / 1e6:.1f}' for size in resident)} |")
    slope = (resident[-1] - resident[0]) / (total * (OWNERS - 1))
    print(f"\nFrom the first to the last: {slope:.0f} bytes a reference.")


main()
