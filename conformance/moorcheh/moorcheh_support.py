"""What the tests of Moorcheh's surface share."""

import contextlib

PREFIX = "/moorcheh/v1"


class Raw:
    """Plain HTTP to the surface: `raw.post("/search", {...})`."""

    def __init__(self, http, key, deadline_ms=None):
        self.http = http
        self.headers = {"x-api-key": key} | ({"lacuna-deadline-ms": str(deadline_ms)} if deadline_ms else {})

    def send(self, method, path, body=None, **more):
        return self.http.request(method, PREFIX + path, json=body, headers=self.headers, **more)

    def post(self, path, body):
        return self.send("POST", path, body)

    def get(self, path, **params):
        return self.send("GET", path, params=params)

    def delete(self, namespace, ids, kind="documents"):
        return self.post(f"/namespaces/{namespace}/{kind}/delete", {"ids": ids})

    def upload(self, namespace, documents):
        answer = self.post(f"/namespaces/{namespace}/documents", {"documents": documents})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def texts(self, namespace, ids):
        """id → item, of those that are there."""
        answer = self.post(f"/namespaces/{namespace}/documents/get", {"ids": ids})
        assert answer.status_code == 200, answer.text
        return {item["id"]: item for item in answer.json()["items"]}

    def namespaces(self):
        return {one["namespace_name"]: one for one in self.get("/namespaces").json()["namespaces"]}

    def count(self, namespace):
        return self.namespaces()[namespace]["item_count"]

    def make(self, namespace, dimension=None):
        kind = "vector" if dimension else "text"
        body = {"namespace_name": namespace, "type": kind, "vector_dimension": dimension}
        answer = self.post("/namespaces", body)
        assert answer.status_code == 201, answer.text
        return namespace


def documents(count, begin=0):
    return [{"id": f"d{n}", "text": f"document number {n}", "metadata": {"n": n}} for n in range(begin, begin + count)]


def vectors(count):
    return [{"id": f"v{n}", "vector": [1.0, n], "metadata": {"n": n}} for n in range(count)]


@contextlib.contextmanager
def paused(cluster, node):
    cluster.pause(node)
    try:
        yield
    finally:
        cluster.resume(node)
