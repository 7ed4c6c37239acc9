"""A namespace's name never leads out of its index: paths are matched as they come, and no client's collapsing of `..` deletes what was
not meant, but where that client itself asks for another index by its whole path."""

import socket
import urllib.parse

import httpx
import pytest
from deployment import Embedded
from pinecone import Pinecone, ServerlessSpec
from pinecone_older_clients import run
from pinecone_raw import Raw, missing_namespace


def sent_raw(lacuna, method: str, path: str, key: str) -> int:
    """The status of a request whose path no library touches."""
    address = urllib.parse.urlsplit(lacuna.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        head = f"{method} {path} HTTP/1.1\r\nhost: {address.netloc}\r\napi-key: {key}\r\nconnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    return int(answer.split(b" ", 2)[1])


CLIMBS = ["..", ".", "../..", "../../../indexes/{victim}", "../../../pinecone/indexes/{victim}", "../../{victim}/namespaces/n1"]


@pytest.mark.parametrize("climb", CLIMBS)
def test_an_untouched_path_is_never_resolved(raw, lacuna, key, fresh, pinecone_client, index_name, climb):
    raw.load(3)
    path = climb.replace("{victim}", index_name)
    assert sent_raw(lacuna, "DELETE", f"/pc.v1/{index_name}/namespaces/{path}", key) == 404
    assert pinecone_client.has_index(index_name) and raw.counts()["n1"] == 3


@pytest.mark.parametrize("climb", CLIMBS)
def test_an_encoded_climb_is_a_namespaces_name(raw, lacuna, key, pinecone_client, index_name, climb):
    name = climb.replace("{victim}", index_name)
    raw.load(3)
    raw.load(2, name)
    segment = "".join(f"%{byte:02X}" for byte in name.encode())
    assert sent_raw(lacuna, "GET", f"/pc.v1/{index_name}/namespaces/{segment}", key) == 200
    assert sent_raw(lacuna, "DELETE", f"/pc.v1/{index_name}/namespaces/{segment}", key) == 200
    assert pinecone_client.has_index(index_name) and raw.counts() == {"__default__": 0, "n1": 3}


def test_the_root_of_an_index_takes_no_delete(raw, lacuna, key, index_name, pinecone_client):
    raw.load(3)
    raw.load(3, "")
    for path in ["", "/", "//", "/namespaces", "/namespaces/", "/namespaces//", "/.."]:
        status = sent_raw(lacuna, "DELETE", f"/pc.v1/{index_name}{path}", key)
        assert status in (404, 405), path
    assert pinecone_client.has_index(index_name) and raw.counts() == {"__default__": 3, "n1": 3}


def test_a_slash_in_an_index_name_is_no_path(raw, lacuna, key, index_name):
    raw.load(3)
    assert sent_raw(lacuna, "DELETE", f"/pc.v1/x%2F..%2F{index_name}/namespaces/n1", key) == 404
    assert sent_raw(lacuna, "DELETE", f"/pinecone/indexes/x%2F..%2F{index_name}", key) == 404
    assert raw.counts()["n1"] == 3
    missing_namespace(raw.drop("/namespaces/never"))
    assert Raw(raw.client, lacuna.url, "x%2Fy").drop("/namespaces/n1").status_code == 404


@pytest.mark.timeout(300)
def test_client_9_reaches_nothing_by_climbing_but_what_it_names_whole(raw, lacuna, key, fresh, pinecone_client, index_name):
    """Its HTTP library resolves the dots before they are sent. On one open port the whole path of an index is then a request like any
    other (named in README and docs); with keys, a key without `admin` is refused: test_pinecone_keys.py."""
    victim = fresh("victim")
    pinecone_client.create_index(name=victim, dimension=3, spec=ServerlessSpec(cloud="aws", region="us-east-1"), deletion_protection="enabled")
    raw.load(3)
    raw.load(3, "")
    seen = run("9.0.1", "pinecone_climbing_program.py", lacuna.url, index_name, victim, key, key)
    assert seen.pop("there") is True
    assert seen.pop("../../../pinecone/indexes/victim") == 403, "protected: the request itself arrives"
    assert all(status in (404, 405) for status in seen.values()), seen
    assert raw.counts() == {"__default__": 3, "n1": 3}
    pinecone_client.configure_index(victim, deletion_protection="disabled")
    pinecone_client.delete_index(victim)


@pytest.mark.timeout(300)
def test_records_on_a_port_of_their_own_lead_to_no_index(tmp_path):
    with Embedded(tmp_path, environment={"LACUNA_PINECONE_LISTEN": "127.0.0.1:0"}) as server:
        client = Pinecone(api_key="any", host=f"{server.url}/pinecone")
        for name in ("books", "victim"):
            client.create_index(name=name, dimension=2, spec=ServerlessSpec(cloud="aws", region="us-east-1"))
        host = client.describe_index("books").host
        records = host.removesuffix("/pc.v1/books")
        assert records != server.url and records.startswith("http://127.0.0.1:")
        books = client.Index(host=host)
        books.upsert(vectors=[("a", [1.0, 0.0]), ("b", [0.0, 1.0])])
        books.delete(ids=["a"])
        assert books.describe_index_stats().total_vector_count == 1
        for elsewhere in (f"{server.url}/pc.v1/books/describe_index_stats", f"{records}/pinecone/indexes", f"{records}/v1/collections", f"{records}/"):
            assert httpx.get(elsewhere, headers={"api-key": "any"}).status_code == 404, elsewhere
        seen = run("9.0.1", "pinecone_climbing_program.py", server.url, "books", "victim", "any", "any")
        assert seen.pop("there") is True
        assert all(status == 404 for status in seen.values()), seen
        assert books.describe_index_stats().total_vector_count == 1
