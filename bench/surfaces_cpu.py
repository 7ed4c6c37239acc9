"""CPU time of the server per request, each surface beside the native route: the same work, asked alternately.

One embedded server, one connection. The server's time is utime + stime of its process; a run lasts long enough that
ticks of 10 ms are small.
"""

import http.client
import json
import os
import pathlib
import statistics

DIMENSION = 128
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, host: str, pid: int):
        self.connection, self.pid = http.client.HTTPConnection(host), pid

    def cpu(self) -> float:
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def ask(self, method: str, path: str, body, **headers: str) -> dict:
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request(method, path, encoded, {"Content-Type": "application/json", **headers})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text) if text else {}


class Surface:
    """Where a surface has its three verbs, and how it wants them said."""

    def __init__(self, server: Server, name: str):
        self.server, self.name = server, name
        getattr(self, f"make_{name}")()

    def make_native(self) -> None:
        self.server.ask("POST", "/v1/collections", {"name": "cpu", "dimension": DIMENSION, "metric": "l2"})
        base = "/v1/collections/cpu/records"
        self.paths = {"upsert of 100": f"{base}/upsert", "query": f"{base}/query", "delete one": f"{base}/delete"}

    def make_chroma(self) -> None:
        base = "/api/v2/tenants/default_tenant/databases/default_database/collections"
        made = self.server.ask("POST", base, {"name": "cpu"})
        base = f'{base}/{made["id"]}'
        self.paths = {"upsert of 100": f"{base}/upsert", "query": f"{base}/query", "delete one": f"{base}/delete"}

    def make_pinecone(self) -> None:
        spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        body = {"name": "cpu", "dimension": DIMENSION, "metric": "euclidean", "spec": spec}
        self.server.ask("POST", "/pinecone/indexes", body)
        base = "/pc.v1/cpu"
        self.paths = {"upsert of 100": f"{base}/vectors/upsert", "query": f"{base}/query", "delete one": f"{base}/vectors/delete"}

    def make_moorcheh(self) -> None:
        base = "/moorcheh/v1"
        body = {"namespace_name": "cpu", "type": "vector", "vector_dimension": DIMENSION}
        self.server.ask("POST", f"{base}/namespaces", body)
        at = f"{base}/namespaces/cpu"
        self.paths = {"upsert of 100": f"{at}/vectors", "query": f"{base}/search", "delete one": f"{at}/vectors/delete"}

    def bodies(self, verb: str, vectors: list[list[float]], run: int, calls: int) -> list[bytes]:
        def one(call: int) -> dict:
            at = run * calls + call
            vector = vectors[at % len(vectors)]
            if verb == "query with metadata":
                return {
                    "native": {"vector": vector, "top_k": 10, "include": ["metadata", "document"]},
                    "chroma": {"query_embeddings": [vector], "n_results": 10,
                               "include": ["distances", "metadatas", "documents"]},
                    "pinecone": {"vector": vector, "topK": 10, "includeMetadata": True},
                    "moorcheh": {"namespaces": ["cpu"], "query": vector, "top_k": 10},
                }[self.name]
            if verb == "query":
                return {
                    "native": {"vector": vector, "top_k": 10},
                    "chroma": {"query_embeddings": [vector], "n_results": 10, "include": ["distances"]},
                    "pinecone": {"vector": vector, "topK": 10},
                }[self.name]
            if verb == "delete one":
                return {"ids": [f"r{at % 9_000}"]}
            ids = [f"u{(at * 100 + number) % 20_000}" for number in range(100)]
            batch = [vectors[(at + number) % len(vectors)] for number in range(100)]
            return self.records(ids, batch)

        return [json.dumps(one(call)).encode() for call in range(calls)]

    def records(self, ids: list[str], batch: list[list[float]]) -> dict:
        metadata = {"bucket": len(ids[0]), "source": "sift"}
        if self.name == "chroma":
            return {"ids": ids, "embeddings": batch, "metadatas": [metadata] * len(ids)}
        words = {"native": ("records", "vector"), "pinecone": ("vectors", "values"), "moorcheh": ("vectors", "vector")}
        many, vector = words[self.name]
        return {many: [{"id": id, vector: values, "metadata": metadata} for id, values in zip(ids, batch)]}

    def load(self, vectors: list[list[float]]) -> None:
        for begin in range(0, 9_000, 100):
            ids = [f"r{at}" for at in range(begin, begin + 100)]
            self.server.ask("POST", self.paths["upsert of 100"], self.records(ids, vectors[begin:begin + 100]))

    def run(self, verb: str, bodies: list[bytes]) -> float:
        """ms of the server's CPU time per request."""
        begin = self.server.cpu()
        for body in bodies:
            self.server.ask("POST", self.paths[verb.removesuffix(" with metadata")], body)
        return (self.server.cpu() - begin) * 1e3 / len(bodies)


CALLS = {"query": 2_000, "query with metadata": 2_000, "delete one": 1_000, "upsert of 100": 100}


# Its hits always carry their metadata.
UNABLE = ("query", "moorcheh")


def measure(host: str, pid: int, vectors: list[list[float]], rounds: int) -> dict:
    """verb → surface → ms of CPU time, median of alternating runs; and the median of each run's ratio to native."""
    server = Server(host, pid)
    surfaces = [Surface(server, name) for name in ("native", "chroma", "pinecone", "moorcheh")]
    for surface in surfaces:
        surface.load(vectors)
    seen: dict = {}
    for verb, calls in CALLS.items():
        able = [surface for surface in surfaces if (verb, surface.name) != UNABLE]
        seen[verb] = {surface.name: [] for surface in able}
        for run in range(rounds):
            for surface in able:
                seen[verb][surface.name].append(surface.run(verb, surface.bodies(verb, vectors, run, calls)))
    native = {verb: of["native"] for verb, of in seen.items()}
    ratio = {verb: {name: statistics.median(a / b for a, b in zip(runs, native[verb]) if b) for name, runs in of.items()}
             for verb, of in seen.items()}
    medians = {verb: {name: statistics.median(runs) for name, runs in of.items()} for verb, of in seen.items()}
    return {"ms": medians, "ratio": ratio, "runs": seen}
