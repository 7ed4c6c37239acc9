"""Refusals (section 9) and keys (section 10), as the clients meet them."""

import base64

import chromadb
import chromadb.errors
import httpx
import pytest
from chroma_calls import DATABASE, filled, ids, path, refused

JSON = {"content-type": "application/json"}


def test_media_types(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    http.headers["user-agent"] = "curl/8"
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", None]:
        headers = {} if content_type is None else {"content-type": content_type}
        answer = http.post(path(collection, "delete"), content=b'{"ids": ["r0"]}', headers=headers)
        refused(answer, 415, "ChromaError")
    for content_type in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]:
        answer = http.post(path(collection, "get"), content=b"{}", headers={"content-type": content_type})
        assert answer.status_code == 200
    assert collection.count() == 6


def test_deep_json(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for verb, field in [("delete", "where"), ("get", "where"), ("query", "where_document")]:
        deep = b'{"query_embeddings":[[1,1]],"' + field.encode() + b'":' + b'{"$and":[' * 260 + b"]}" * 260 + b"}"
        refused(http.post(path(collection, verb), content=deep, headers=JSON), 400, "InvalidArgumentError")
    lists = b'{"name":"abc","metadata":{"a":' + b"[" * 520 + b"]" * 520 + b"}}"
    refused(http.post(f"{DATABASE}/collections", content=lists, headers=JSON), 400, "InvalidArgumentError")
    assert collection.count() == 6


def test_what_the_client_raises(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    with pytest.raises(chromadb.errors.InvalidArgumentError):
        collection.query(query_embeddings=[[1, 2, 3]])
    with pytest.raises(chromadb.errors.InvalidArgumentError):
        collection.get(where_document={"$regex": "("})
    with pytest.raises(chromadb.errors.NotFoundError):
        chroma_client.get_collection(fresh())
    with pytest.raises(chromadb.errors.UniqueConstraintError):
        chroma_client.create_collection(collection.name, embedding_function=None)
    with pytest.raises(chromadb.errors.NotFoundError):
        chromadb.HttpClient(host=chroma_client._server._session.base_url.host or "127.0.0.1", port=httpx.URL(chroma_client._server._api_url).port, database=fresh("none"))


def test_a_thousand_refusals_leave_it_as_it_was(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    bodies = [b"", b"{", b"[]", b'{"ids": 7}', b'{"ids": [""]}', b'{"where": {"a": {"$x": 1}}}', b'{"where": {}}', b'{"ids": ["r0"], "limit": 1}', b'{"ids": ["' + b"x" * 5000 + b'"]}', b"\xff\xfe"]
    for _ in range(100):
        for body in bodies:
            answer = http.post(path(collection, "delete"), content=body, headers=JSON)
            assert 400 <= answer.status_code < 500
            assert set(answer.json()) >= {"error", "message"}
    assert ids(collection) == [f"r{n}" for n in range(6)]


def test_encoded_paths(http):
    assert http.get(f"{DATABASE}/collections/%E4%BD%A0%E5%A5%BD").status_code == 404
    refused(http.get(f"{DATABASE}/collections/%ff"), 400, "InvalidArgumentError")
    assert http.get(f"{DATABASE}/collections/a%2Fb").status_code == 404


def test_each_way_to_send_a_key_is_taken(lacuna, key):
    address = httpx.URL(lacuna.url)
    for settings in [
        {"chroma_client_auth_provider": "chromadb.auth.token_authn.TokenAuthClientProvider", "chroma_client_auth_credentials": key},
        {"chroma_client_auth_provider": "chromadb.auth.token_authn.TokenAuthClientProvider", "chroma_client_auth_credentials": key, "chroma_auth_token_transport_header": "X-Chroma-Token"},
        {"chroma_client_auth_provider": "chromadb.auth.basic_authn.BasicAuthClientProvider", "chroma_client_auth_credentials": f"user:{key}"},
    ]:
        client = chromadb.HttpClient(host=address.host, port=address.port, settings=chromadb.config.Settings(**settings))
        assert client.heartbeat() > 0
    with httpx.Client(base_url=lacuna.url) as plain:
        for headers in [{"x-chroma-token": key}, {"authorization": f"Bearer {key}"}, {"authorization": f"Basic {base64.b64encode(f'u:{key}'.encode()).decode()}"}]:
            assert plain.get("/api/v2/auth/identity", headers=headers).status_code == 200
        for route in ["heartbeat", "version", "pre-flight-checks", "healthcheck"]:
            assert plain.get(f"/api/v2/{route}").status_code == 200, "open without a key"


async def test_the_asynchronous_client(lacuna, key, fresh):
    address = httpx.URL(lacuna.url)
    client = await chromadb.AsyncHttpClient(host=address.host, port=address.port, headers={"Authorization": f"Bearer {key}"})
    collection = await client.create_collection(fresh(), metadata={"hnsw:space": "cosine"}, embedding_function=None)
    await collection.add(ids=["a", "b"], embeddings=[[1, 0], [0, 1]], metadatas=[{"n": 1}, {"n": 2}])
    assert await collection.count() == 2
    assert (await collection.query(query_embeddings=[[1, 0]], n_results=1))["distances"] == [[0.0]]
    assert await collection.delete(where={"n": 1}) == {"deleted": 1}
    assert (await collection.get())["ids"] == ["b"]
    await collection.modify(metadata={"x": 1})
    await client.delete_collection(collection.name)
    with pytest.raises(chromadb.errors.NotFoundError):
        await collection.count()
