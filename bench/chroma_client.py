"""One life of a collection through the real Chroma client, in one process: prints seconds per phase as JSON.

Run by bench/clients.py with the Python that has chromadb.
"""

import json
import pathlib
import sys
import time

import chromadb
import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIMENSION, BASE, GROUP = 128, 9_800, 20


def rows(count: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """SIFT rows, behind the first 9,800 with noise; and queries."""
    real = numpy.fromfile(ROOT / "cli/data/sift10k.u8", dtype=numpy.uint8).reshape(-1, DIMENSION).astype(numpy.float32)
    random = numpy.random.default_rng(7)
    made = real[numpy.arange(count) % BASE]
    made[BASE:] += random.normal(0, 8, made[BASE:].shape).astype(numpy.float32)
    return made, real[BASE:]


def main() -> None:
    host, port, count, checks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "check"
    vectors, queries = rows(count)
    client = chromadb.HttpClient(host=host, port=port, settings=chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection("bench", embedding_function=None)
    seconds: dict[str, float] = {}

    def phase(name: str, calls) -> None:
        begin = time.perf_counter()
        for call in calls:
            call()
        seconds[name] = time.perf_counter() - begin

    def add(begin: int):
        part = range(begin, min(begin + 100, count))
        ids, metadatas = [f"r{at}" for at in part], [{"bucket": at // GROUP, "tenth": at % 10} for at in part]
        batch = list(vectors[part.start:part.stop])
        return lambda: collection.add(ids=ids, embeddings=batch, metadatas=metadatas)

    def query(number: int, **where):
        vector = [queries[number % len(queries)]]
        return lambda: collection.query(query_embeddings=vector, n_results=10, include=["distances"], **where)

    def delete(**selector):
        return lambda: collection.delete(**selector)

    hundreds = range(1_000, 1_000 + count // 4, 100)
    phase("load by 100", [add(begin) for begin in range(0, count, 100)])
    if checks:
        assert collection.count() == count
        query(0)()  # Whatever is done once, by the client or the server, is not a query's.
    phase("query", [query(number) for number in range(400)])
    phase("filtered query", [query(number, where={"tenth": number % 10}) for number in range(200)])
    phase("delete one", [delete(ids=[f"r{at}"]) for at in range(300)])
    phase("delete by 100", [delete(ids=[f"r{at}" for at in range(begin, begin + 100)]) for begin in hundreds])
    phase("where-delete of 20", [delete(where={"bucket": count // GROUP - 1 - at}) for at in range(30)])
    phase("delete all by a filter", [delete(where={"bucket": {"$gte": 0}})])
    if checks:
        assert collection.count() == 0
    print(json.dumps(seconds))


main()
