"""Something on each of the other surfaces, by plain HTTP: to see that it stays."""

import httpx

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"


class Others:
    """A collection with two records through each other API of an account."""

    def __init__(self, url: str, key: str, name: str):
        self.name = name
        headers = {"authorization": f"Bearer {key}", "x-chroma-token": key, "api-key": key, "x-api-key": key}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60)

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def write(self) -> "Others":
        records = [{"id": one, "vector": [1, 2]} for one in ("a", "b")]
        self.call("POST", "/v1/collections", {"name": self.name, "dimension": 2, "metric": "l2"})
        self.call("POST", f"/v1/collections/{self.name}/records/upsert", {"records": records})
        self.chroma = self.call("POST", f"{DATABASE}/collections", {"name": self.name})["id"]
        self.call("POST", f"{DATABASE}/collections/{self.chroma}/add", {"ids": ["a", "b"], "embeddings": [[1, 2], [2, 1]]})
        spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        self.call("POST", "/pinecone/indexes", {"name": self.name, "dimension": 2, "metric": "cosine", "spec": spec})
        vectors = [{"id": one, "values": [1, 2]} for one in ("a", "b")]
        self.index = self.call("GET", f"/pinecone/indexes/{self.name}")["host"]
        upserted = self.http.post(f"{self.index}/vectors/upsert", json={"vectors": vectors})
        assert upserted.status_code == 200, upserted.text
        self.call("POST", "/moorcheh/v1/namespaces", {"namespace_name": self.name, "type": "vector", "vector_dimension": 2})
        self.call("POST", f"/moorcheh/v1/namespaces/{self.name}/vectors", {"vectors": records})
        return self

    def native(self) -> list[str]:
        return sorted(self.call("POST", f"/v1/collections/{self.name}/records/list", {})["ids"])

    def in_chroma(self) -> list[str]:
        return sorted(self.call("POST", f"{DATABASE}/collections/{self.chroma}/get", {"include": []})["ids"])

    def chroma_names(self) -> list[str]:
        return [one["name"] for one in self.call("GET", f"{DATABASE}/collections")]

    def in_pinecone(self) -> list[str]:
        answer = self.http.get(f"{self.index}/vectors/list")
        assert answer.status_code == 200, answer.text
        return sorted(one["id"] for one in answer.json()["vectors"])

    def in_moorcheh(self) -> list[str]:
        body = {"namespaces": [self.name], "query": [1, 2], "top_k": 10}
        return sorted(hit["id"] for hit in self.call("POST", "/moorcheh/v1/search", body)["results"])

    def are_there(self) -> bool:
        """All but Chroma's, which have a test of their own."""
        return self.native() == self.in_pinecone() == self.in_moorcheh() == ["a", "b"]
