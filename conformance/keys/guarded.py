"""A server that asks for keys: accounts, keys, and each vendor's client with a key."""

import pathlib
import secrets

import chromadb
import httpx
from moorcheh_sdk import MoorchehClient
from pinecone import Pinecone

from deployment import DEPLOYMENTS

EVERYTHING = ["read", "write", "delete", "admin"]
SPEC = {"serverless": {"cloud": "aws", "region": "us-east-1"}}


class Guarded:
    """A deployment with a root key. `secrets` holds every secret that there ever was."""

    def __init__(self, kind: str, folder: pathlib.Path):
        self.root = "lacuna_" + secrets.token_urlsafe(32)
        self.secrets = [self.root]
        self.folder = folder
        environment = {"LACUNA_ROOT_KEY": self.root}
        self.running = DEPLOYMENTS[kind](folder, environment=environment)
        self.running.start()
        self.urls = self.running.urls
        self.url = self.urls[0]

    def ask(self, method: str, path: str, body: dict | None = None, account: str | None = None) -> dict:
        """The native API, with the root key."""
        headers = {"authorization": f"Bearer {self.root}"} | ({"lacuna-account": account} if account else {})
        answer = httpx.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def account(self, name: str) -> str:
        self.ask("POST", "/v1/accounts", {"name": name})
        return name

    def key(self, account: str, rights: list[str] = EVERYTHING) -> tuple[str, str]:
        """A key's id and its secret."""
        made = self.ask("POST", "/v1/keys", {"name": "for a test", "rights": rights}, account)
        self.secrets.append(made["secret"])
        return made["key"]["id"], made["secret"]

    def secret(self, account: str, rights: list[str] = EVERYTHING) -> str:
        return self.key(account, rights)[1]


class ChromaThings:
    """Records of one name through Chroma's client."""

    def __init__(self, url: str, secret: str, name: str):
        address = httpx.URL(url)
        self.client = chromadb.HttpClient(host=address.host, port=address.port, headers={"X-Chroma-Token": secret})
        self.name = name

    def it(self):
        return self.client.get_collection(self.name, embedding_function=None)

    def make(self):
        self.client.create_collection(self.name, embedding_function=None)

    def write(self, ids):
        self.it().upsert(ids=ids, embeddings=[[1, 2]] * len(ids), metadatas=[{"a": 1}] * len(ids))

    def ids(self):
        return sorted(self.it().get()["ids"])

    def delete(self, ids):
        self.it().delete(ids=ids)

    def delete_where(self):
        self.it().delete(where={"a": 1})

    def drop(self):
        self.client.delete_collection(self.name)

    def names(self):
        return [one.name for one in self.client.list_collections()]


class PineconeThings:
    """Records of one index through Pinecone's client."""

    def __init__(self, url: str, secret: str, name: str):
        self.client = Pinecone(api_key=secret, host=f"{url}/pinecone")
        self.name = name

    def it(self):
        return self.client.Index(self.name)

    def make(self):
        self.client.create_index(name=self.name, dimension=2, metric="cosine", spec=SPEC)

    def write(self, ids):
        self.it().upsert(vectors=[{"id": one, "values": [1.0, 2.0], "metadata": {"a": 1}} for one in ids])

    def ids(self):
        return sorted(match.id for match in self.it().query(vector=[1.0, 2.0], top_k=100).matches)

    def delete(self, ids):
        self.it().delete(ids=ids)

    def delete_where(self):
        self.it().delete(filter={"a": 1})

    def drop(self):
        self.client.delete_index(self.name)

    def names(self):
        return list(self.client.list_indexes().names())


class MoorchehThings:
    """Items of one namespace through Moorcheh's client."""

    def __init__(self, url: str, secret: str, name: str):
        self.client = MoorchehClient(api_key=secret, base_url=f"{url}/moorcheh/v1", max_retries=0)
        self.name = name

    def make(self):
        self.client.namespaces.create(self.name, type="vector", vector_dimension=2)

    def write(self, ids):
        self.client.vectors.upload(self.name, [{"id": one, "vector": [1.0, 2.0], "a": 1} for one in ids])

    def ids(self):
        found = self.client.similarity_search.query([self.name], [1.0, 2.0], top_k=100)["results"]
        return sorted(hit["id"] for hit in found)

    def delete(self, ids):
        self.client.vectors.delete(self.name, ids)

    # Moorcheh has no delete by filter.
    def delete_where(self):
        self.delete(self.ids())

    def drop(self):
        self.client.namespaces.delete(self.name)

    def names(self):
        return [one["namespace_name"] for one in self.client.namespaces.list()["namespaces"]]


class NativeThings:
    """Records of one collection through the native API."""

    def __init__(self, url: str, secret: str, name: str):
        self.http = httpx.Client(base_url=f"{url}/v1", headers={"authorization": f"Bearer {secret}"}, timeout=30)
        self.name = name

    def call(self, method, path, body=None):
        answer = self.http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def make(self):
        self.call("POST", "/collections", {"name": self.name, "dimension": 2, "metric": "l2"})

    def write(self, ids):
        records = [{"id": one, "vector": [1, 2], "metadata": {"a": 1}} for one in ids]
        self.call("POST", f"/collections/{self.name}/records/upsert", {"records": records})

    def ids(self):
        return sorted(self.call("POST", f"/collections/{self.name}/records/list", {})["ids"])

    def delete(self, ids):
        self.call("POST", f"/collections/{self.name}/records/delete", {"ids": ids})

    def delete_where(self):
        self.call("POST", f"/collections/{self.name}/records/delete", {"filter": {"a": 1}})

    def drop(self):
        self.call("DELETE", f"/collections/{self.name}")

    def names(self):
        return [one["name"] for one in self.call("GET", "/collections")["collections"] if one["surface"] == "native"]


SURFACES = {"native": NativeThings, "chroma": ChromaThings, "pinecone": PineconeThings, "moorcheh": MoorchehThings}
