"""A thousand refused requests in a row through each surface: each a 4xx in that surface's shape; nothing changes and the server goes on."""

import itertools
import json

import pytest

ROUNDS = 1_000
DEEP = "[" * 600 + "]" * 600
LONG_ID = "x" * 70_000


class Surface:
    """One surface's collection with three records, its bad requests, and how to look at it."""

    def __init__(self, http, key, name):
        self.http, self.key, self.name = http, key, name
        self.headers = {"api-key": key, "x-api-key": key, "x-chroma-token": key}
        self.prepare()

    def call(self, method, path, body=None, content=None, content_type="application/json"):
        content = json.dumps(body) if content is None else content
        return self.http.request(method, path, content=content, headers={**self.headers, "content-type": content_type})

    def good(self, method, path, body):
        answer = self.call(method, path, body)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class Native(Surface):
    def prepare(self):
        self.good("POST", "/v1/collections", {"name": self.name, "dimension": 2, "metric": "l2"})
        self.at = f"/v1/collections/{self.name}/records"
        self.good("POST", f"{self.at}/upsert", {"records": [{"id": one, "vector": [1, 2]} for one in "abc"]})

    def requests(self):
        return [
            *[("POST", f"{self.at}/delete", body) for body in refused_bodies({"ids": "a"}, {"filter": {}}, {"filter": {"a": {"$what": 1}}}, {"ids": ["a"], "delete_all": True})],
            ("POST", f"{self.at}/delete", {"ids": [LONG_ID]}),
            ("POST", f"{self.at}/upsert", {"records": [{"id": "a", "vector": [1, 2, 3]}]}),
            ("POST", f"{self.at}/upsert", {"records": [{"id": 7, "vector": [1, 2]}]}),
            ("POST", f"{self.at}/query", {"vector": [1, 2], "top_k": -1}),
        ]

    def shaped(self, body):
        return set(body) == {"error"} and {"code", "message", "retry"} <= set(body["error"])

    def count(self):
        return self.good("POST", f"{self.at}/count", {})["count"]


class Chroma(Surface):
    def prepare(self):
        database = "/api/v2/tenants/default_tenant/databases/default_database"
        made = self.good("POST", f"{database}/collections", {"name": self.name})
        self.at = f"{database}/collections/{made['id']}"
        self.good("POST", f"{self.at}/add", {"ids": ["a", "b", "c"], "embeddings": [[1, 2]] * 3})

    def requests(self):
        return [
            *[("POST", f"{self.at}/delete", body) for body in refused_bodies({"ids": "a"}, {"where": {}}, {"where": {"a": {"$what": 1}}}, {"ids": ["a"], "limit": 1})],
            ("POST", f"{self.at}/delete", {"where_document": {"$regex": "("}}),
            ("POST", f"{self.at}/add", {"ids": ["d"], "embeddings": ["not base64!"]}),
            ("POST", f"{self.at}/add", {"ids": ["d"], "embeddings": [[1, 2, 3]]}),
            ("POST", f"{self.at}/upsert", {"ids": [""], "embeddings": [[1, 2]]}),
            ("POST", f"{self.at}/query", {"query_embeddings": [[1, 2]], "n_results": -1}),
        ]

    def shaped(self, body):
        return isinstance(body["error"], str) and isinstance(body["message"], str)

    def count(self):
        return self.http.get(f"{self.at}/count", headers=self.headers).json()


class Pinecone(Surface):
    def prepare(self):
        spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        self.good("POST", "/pinecone/indexes", {"name": self.name, "dimension": 2, "metric": "cosine", "spec": spec})
        self.at = f"/pc.v1/{self.name}"
        self.good("POST", f"{self.at}/vectors/upsert", {"vectors": [{"id": one, "values": [1, 2]} for one in "abc"]})

    def requests(self):
        both = {"ids": ["a"], "deleteAll": True}
        return [
            *[("POST", f"{self.at}/vectors/delete", body) for body in refused_bodies({"ids": "a"}, {"filter": {}}, {"filter": {"a": {"$what": 1}}}, both)],
            ("POST", f"{self.at}/vectors/delete", {"ids": [f"i{at}" for at in range(1_001)]}),
            ("POST", f"{self.at}/vectors/delete", {"ids": ["x" * 513]}),
            ("POST", f"{self.at}/vectors/delete", {"deleteAll": "true"}),
            ("POST", f"{self.at}/vectors/upsert", {"vectors": [{"id": "a", "values": [1, 2, 3]}]}),
            ("POST", f"{self.at}/query", {"vector": [1, 2], "topK": 0}),
        ]

    def shaped(self, body):
        return isinstance(body["code"], int) and isinstance(body["message"], str)

    def count(self):
        return self.good("POST", f"{self.at}/describe_index_stats", {})["totalVectorCount"]


class Moorcheh(Surface):
    def prepare(self):
        self.good("POST", "/moorcheh/v1/namespaces", {"namespace_name": self.name, "type": "vector", "vector_dimension": 2})
        self.at = f"/moorcheh/v1/namespaces/{self.name}"
        self.good("POST", f"{self.at}/vectors", {"vectors": [{"id": one, "vector": [1, 2]} for one in "abc"]})

    def requests(self):
        return [
            *[("POST", f"{self.at}/vectors/delete", body) for body in refused_bodies({"ids": "a"}, {"ids": [True]}, {"ids": [""]}, {"ids": [["a"]]})],
            ("POST", f"{self.at}/vectors/delete", {"ids": list(range(1_001))}),
            ("POST", f"{self.at}/documents/delete", {"ids": ["a"]}),
            ("POST", f"{self.at}/vectors", {"vectors": [{"id": "a", "vector": [1, 2, 3]}]}),
            ("POST", "/moorcheh/v1/search", {"namespaces": [self.name], "query": [1, 2], "top_k": 0}),
        ]

    def shaped(self, body):
        return body["status"] == "failure" and {"message", "error_code"} <= set(body)

    def count(self):
        listed = self.http.get("/moorcheh/v1/namespaces", headers=self.headers).json()["namespaces"]
        return {one["namespace_name"]: one["item_count"] for one in listed}[self.name]


def refused_bodies(*own):
    """A delete's bodies that every surface refuses, and the surface's own. Text is sent as it is."""
    return [{}, [], None, {"ids": []}, {"ids": [7.5, None]}, "", "{", '{"ids": NaN}', '{"ids": ' + DEEP + "}", *own]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("surface", [Native, Chroma, Pinecone, Moorcheh], ids=lambda surface: surface.__name__.lower())
def test_a_thousand_refused_requests_change_nothing(lacuna, http, key, fresh, surface):
    it = surface(http, key, fresh("bad"))
    requests = it.requests()
    for method, path, body in itertools.islice(itertools.cycle(requests), ROUNDS):
        answer = it.call(method, path, content=body) if isinstance(body, str) else it.call(method, path, body)
        assert 400 <= answer.status_code < 500, f"{path} {str(body)[:80]}: {answer.status_code} {answer.text[:200]}"
        assert it.shaped(answer.json()), f"{path} {str(body)[:80]}: {answer.text[:200]}"
    for path in {path for _, path, _ in requests}:
        assert it.call("POST", path, content="ids=a", content_type="application/x-www-form-urlencoded").status_code in (400, 415), path
    assert it.count() == 3


@pytest.mark.parametrize("surface", [Native, Chroma, Pinecone, Moorcheh], ids=lambda surface: surface.__name__.lower())
def test_a_body_over_the_limit_is_refused_without_being_read(lacuna, http, key, fresh, surface):
    it = surface(http, key, fresh("huge"))
    _, path, _ = it.requests()[0]
    limit = {"Pinecone": 2 << 20, "Chroma": 40 << 20}.get(surface.__name__, 32 << 20)
    answer = it.call("POST", path, content='{"ids": ["' + "x" * (limit + 1) + '"]}')
    assert answer.status_code == 413 and it.shaped(answer.json()), answer.text[:200]
    assert it.count() == 3
