"""An index by plain HTTP, and how its refusals look."""

import httpx


class Raw:
    """Plain HTTP to an index, for what a client refuses to send."""

    def __init__(self, client: httpx.Client, url: str, index: str):
        self.client, self.base, self.index = client, f"{url}/pc.v1/{index}", index
        self.control = f"{url}/pinecone"

    def post(self, path: str, body=None, **more) -> httpx.Response:
        return self.client.post(f"{self.base}{path}", json={} if body is None else body, **more)

    def get(self, path: str, **more) -> httpx.Response:
        return self.client.get(f"{self.base}{path}", **more)

    def drop(self, path: str, **more) -> httpx.Response:
        return self.client.delete(f"{self.base}{path}", **more)

    def delete(self, **body) -> httpx.Response:
        """`POST /vectors/delete`."""
        return self.post("/vectors/delete", body)

    def ids(self, namespace: str = "") -> list[str]:
        """Every id in a namespace."""
        found, token = [], None
        while True:
            query = {"namespace": namespace} | ({"paginationToken": token} if token else {})
            page = self.get("/vectors/list", params=query).json()
            found += [one["id"] for one in page["vectors"]]
            if "pagination" not in page:
                return found
            token = page["pagination"]["next"]

    def counts(self) -> dict[str, int]:
        """Records of each namespace, as the statistics have them."""
        stats = self.post("/describe_index_stats").json()
        return {name: one["vectorCount"] for name, one in stats["namespaces"].items()}

    def load(self, records: int = 10, namespace: str = "n1", prefix: str = "r") -> None:
        """`r0`… with `{n, even}`; the namespace exists afterwards."""
        vectors = [
            {"id": f"{prefix}{n}", "values": [float(n), 1.0, 0.5], "metadata": {"n": n, "even": n % 2 == 0}} for n in range(records)
        ]
        answer = self.post("/vectors/upsert", {"vectors": vectors, "namespace": namespace})
        assert answer.status_code == 200, answer.text


def refused(answer: httpx.Response, words: str = "") -> dict:
    """Asserts a 400 of the data plane; its body."""
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert set(body) == {"code", "message", "details"} and body["code"] == 3 and body["details"] == [], body
    assert words.lower() in body["message"].lower(), body
    return body


def missing_namespace(answer: httpx.Response) -> None:
    assert answer.status_code == 404, answer.text
    assert answer.json() == {"code": 5, "message": "Namespace not found", "details": []}
