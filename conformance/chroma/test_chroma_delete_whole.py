"""Deletes of whole collections and databases (section 7.5), and what of them must never come back (7.6)."""

import chromadb
import chromadb.errors
import httpx
import pytest
from chroma_calls import DATABASE, filled, ids, make, path, post, refused


def client_in(lacuna, key, database):
    """A client that works in this database."""
    address = httpx.URL(lacuna.url)
    return chromadb.HttpClient(host=address.host, port=address.port, database=database, headers={"X-Chroma-Token": key})


def admin(lacuna, key):
    """The client of tenants and databases."""
    address = httpx.URL(lacuna.url)
    settings = chromadb.config.Settings(
        chroma_api_impl="chromadb.api.fastapi.FastAPI", chroma_server_host=address.host, chroma_server_http_port=address.port, chroma_server_headers={"X-Chroma-Token": key}
    )
    return chromadb.AdminClient(settings)


def every_call_is_404(http, collection, database=DATABASE):
    calls = {
        "get": {},
        "query": {"query_embeddings": [[1, 1]]},
        "add": {"ids": ["x"], "embeddings": [[1, 1]]},
        "upsert": {"ids": ["x"], "embeddings": [[1, 1]]},
        "update": {"ids": ["x"]},
        "delete": {"ids": ["x"]},
    }
    for verb, body in calls.items():
        message = refused(post(http, collection, verb, body, database), 404, "NotFoundError")
        assert message.startswith(f"Collection [{collection.id}] does not exist"), verb
    refused(post(http, collection, "delete", {"where": {"n": 1}}, database), 404, "NotFoundError")
    refused(http.get(path(collection, "count", database)), 404, "NotFoundError")
    refused(http.get(f"{database}/collections/by-id/{collection.id}"), 404, "NotFoundError")
    refused(http.put(f"{database}/collections/{collection.id}", json={"new_name": "other"}), 404, "NotFoundError")


def test_d33_a_collection(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    by_uuid = http.delete(f"{DATABASE}/collections/{collection.id}")
    refused(by_uuid, 404, "NotFoundError")
    assert collection.count() == 6, "it is deleted by name only"
    chroma_client.delete_collection(collection.name)
    with pytest.raises(chromadb.errors.NotFoundError):
        chroma_client.delete_collection(collection.name)
    with pytest.raises(chromadb.errors.NotFoundError):
        chroma_client.get_collection(collection.name)
    assert collection.name not in [other.name for other in chroma_client.list_collections()]
    every_call_is_404(http, collection)


def test_d34_a_name_made_again(chroma_client, fresh, http):
    old = filled(chroma_client, fresh)
    chroma_client.delete_collection(old.name)
    new = chroma_client.create_collection(old.name, embedding_function=None)
    assert new.id != old.id
    assert (new.count(), ids(new)) == (0, [])
    assert http.get(f"{DATABASE}/collections/{new.name}").json()["dimension"] is None
    new.add(ids=["r0"], embeddings=[[1, 2, 3]])
    every_call_is_404(http, old)
    assert new.count() == 1


def test_d35_a_database(lacuna, key, chroma_client, fresh, http):
    databases, name = admin(lacuna, key), fresh("base")
    databases.create_database(name)
    databases.create_database(f"{name}-2")
    stem = fresh("shared")
    here, there, kept = (client_in(lacuna, key, base) for base in [name, f"{name}-2", "default_database"])
    made = [client.create_collection(stem, embedding_function=None) for client in [here, there, kept]]
    for collection in made:
        collection.add(ids=["a"], embeddings=[[1, 2]])
    databases.delete_database(name)
    every_call_is_404(http, made[0], f"/api/v2/tenants/default_tenant/databases/{name}")
    with pytest.raises(chromadb.errors.NotFoundError):
        databases.get_database(name)
    with pytest.raises(chromadb.errors.NotFoundError):
        databases.delete_database(name)
    assert [collection.count() for collection in made[1:]] == [1, 1]
    databases.create_database(name)
    assert client_in(lacuna, key, name).list_collections() == [], "made again, it is empty"
    for base in [name, f"{name}-2"]:
        databases.delete_database(base)


def test_d36_no_resurrection(lacuna, key, chroma_client, fresh):
    """Upstream's issue 7594: rows of list metadata outlive their collection and land on somebody else's records."""
    databases, base = admin(lacuna, key), fresh("base")
    databases.create_database(base)
    for client, drop in [(chroma_client, None), (client_in(lacuna, key, base), base)]:
        name = fresh("lists")
        old = client.create_collection(name, embedding_function=None)
        old.add(ids=[f"r{n}" for n in range(20)], embeddings=[[1.0, 2.0]] * 20, metadatas=[{"tags": ["secret", "old"]}] * 20)
        if drop:
            databases.delete_database(drop)
        else:
            client.delete_collection(name)
        other = make(chroma_client, fresh)
        other.add(ids=[f"r{n}" for n in range(20)], embeddings=[[1.0, 2.0]] * 20, metadatas=[{"n": n} for n in range(20)])
        assert other.get()["metadatas"] == [{"n": n} for n in range(20)]
        assert other.get(where={"tags": {"$contains": "secret"}})["ids"] == []
        assert other.delete(where={"tags": {"$contains": "secret"}})["deleted"] == 0
        assert other.count() == 20


def test_d38_the_path_is_checked(lacuna, key, chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    databases, name = admin(lacuna, key), fresh("base")
    databases.create_database(name)
    databases.create_tenant(name)
    databases.create_database(name, tenant=name)
    others = [("other", "other"), ("default_tenant", "other"), ("default_tenant", name), (name, name), (name, "default_database")]
    for tenant, database in others:
        every_call_is_404(http, collection, f"/api/v2/tenants/{tenant}/databases/{database}")
    assert collection.count() == 6
    databases.delete_database(name)
