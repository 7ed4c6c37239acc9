"""Short ways to speak to memory collections."""

import time
import uuid

import httpx


class Memory:
    """One user's view of `/api/v1`."""

    def __init__(self, url: str, key: str | None = None, account: str | None = None):
        # Its own header, and the one that the native routes read.
        headers = {"X-Api-Key": key, "Authorization": f"Bearer {key}"} if key else {}
        if account:
            headers["Lacuna-Account"] = account
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60)

    def call(self, method: str, path: str, expect: int = 200, **given):
        answer = self.http.request(method, path, **given)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def dataset(self, name: str) -> str:
        return self.call("POST", "/api/v1/datasets", json={"name": name}).json()["id"]

    def add(self, dataset: str, records: list[dict], expect: int = 201, **fields) -> dict:
        body = {"id": str(uuid.uuid4()), "name": "notes.txt", "records": records, **fields}
        return self.call("POST", f"/api/v1/datasets/{dataset}/data", expect, json=body).json()

    def items(self, dataset: str) -> list[dict]:
        return self.call("GET", f"/api/v1/datasets/{dataset}/data").json()

    def records(self, dataset: str, item: str) -> dict[str, dict]:
        found = self.call("GET", f"/api/v1/datasets/{dataset}/data/{item}/records").json()
        return {record["id"]: record for record in found}

    def record(self, dataset: str, record: str, collection: str = "default", expect: int = 200) -> dict:
        return self.call("GET", f"/api/v1/datasets/{dataset}/records/{collection}/{record}", expect).json()

    def forget(self, expect: int = 200, **body) -> dict:
        return self.call("POST", "/api/v1/forget", expect, json=body).json()

    def forget_item(self, dataset: str, item: str, expect: int = 200, **query) -> dict:
        return self.call("DELETE", f"/api/v1/datasets/{dataset}/data/{item}", expect, params=query).json()

    def search(self, vector: list[float], expect: int = 200, **fields) -> list[dict]:
        return self.call("POST", "/api/v1/search", expect, json={"vector": vector, **fields}).json()

    def graph(self, dataset: str) -> dict:
        return self.call("GET", f"/api/v1/datasets/{dataset}/graph").json()

    def stats(self) -> dict:
        return self.call("GET", "/api/v1/stats").json()

    def grant(self, principal: str, permission: str, *datasets: str, expect: int = 200) -> dict:
        path = f"/api/v1/permissions/datasets/{principal}"
        return self.call("POST", path, expect, params={"permission_name": permission}, json=list(datasets)).json()

    def revoke(self, principal: str, permission: str, *datasets: str, expect: int = 200) -> dict:
        path = f"/api/v1/permissions/datasets/{principal}"
        return self.call("DELETE", path, expect, params={"permission_name": permission}, json=list(datasets)).json()


def node(name: str, **fields) -> dict:
    return {"id": name, "kind": "node", "type": "Thing", "text": name, **fields}


def edge(name: str, source, target, **fields) -> dict:
    return {"id": name, "kind": "edge", "source": source, "target": target, "relationship": "knows", **fields}


def until(check, seconds: float = 15.0):
    """Waits until `check()` is true: for what the cluster completes by itself."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it didn't come about in time"
        time.sleep(0.05)
