"""Two keys: one with `admin` for indexes, one without for records. And no key, another's, a wrong one."""

import secrets

import httpx
import pytest
from deployment import Embedded
from pinecone import ForbiddenError, NotFoundError, Pinecone, ServerlessSpec, UnauthorizedError
from pinecone_older_clients import run
from pinecone_raw import Raw

ROOT = secrets.token_hex(32)
SPEC = ServerlessSpec(cloud="aws", region="us-east-1")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for keys."""
    server = Embedded(tmp_path_factory.mktemp("guarded"), environment={"LACUNA_ROOT_KEY": ROOT})
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def made_key(guarded):
    """`made_key("read", "write")` is the secret of a new key with these rights."""

    def make(*rights: str, account: str | None = None) -> str:
        headers = {"authorization": f"Bearer {ROOT}"} | ({"lacuna-account": account} if account else {})
        answer = httpx.post(f"{guarded.url}/v1/keys", json={"name": "test", "rights": list(rights)}, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["secret"]

    return make


@pytest.fixture(scope="module")
def admin_key(made_key):
    return made_key("read", "write", "delete", "admin")


@pytest.fixture(scope="module")
def data_key(made_key):
    return made_key("read", "write", "delete")


@pytest.fixture
def made_index(guarded, admin_key, fresh):
    name = fresh("k")
    Pinecone(api_key=admin_key, host=f"{guarded.url}/pinecone").create_index(name=name, dimension=3, metric="cosine", spec=SPEC)
    return name


def client(guarded, key: str) -> Pinecone:
    return Pinecone(api_key=key, host=f"{guarded.url}/pinecone")


def test_d37_no_key_and_a_wrong_one_are_401(guarded, made_index):
    for headers in [{}, {"api-key": ""}, {"api-key": "wrong"}, {"api-key": "lacuna_" + "0" * 64}]:
        control = httpx.get(f"{guarded.url}/pinecone/indexes", headers=headers)
        assert control.status_code == 401 and control.json()["error"]["code"] == "UNAUTHENTICATED", control.text
        for path, body in [("vectors/delete", {"deleteAll": True}), ("vectors/delete", {}), ("query", {})]:
            data = httpx.post(f"{guarded.url}/pc.v1/{made_index}/{path}", json=body, headers=headers)
            assert data.status_code == 401 and data.json()["code"] == 16, data.text
        unknown = httpx.post(f"{guarded.url}/pc.v1/no-such-index/vectors/delete", json={"ids": ["a"]}, headers=headers)
        assert unknown.status_code == 401, "the key comes before the index"
    with pytest.raises(UnauthorizedError):
        client(guarded, "wrong").list_indexes()


def test_the_data_key_does_everything_with_records_and_nothing_with_indexes(guarded, data_key, made_index, fresh):
    pc = client(guarded, data_key)
    index = pc.Index(made_index)
    index.upsert(vectors=[(f"r{n}", [float(n), 1.0, 0.0], {"n": n}) for n in range(6)], namespace="n")
    assert len(index.query(vector=[1.0, 1.0, 0.0], top_k=10, namespace="n").matches) == 6
    index.update(id="r1", set_metadata={"x": "y"}, namespace="n")
    index.delete(ids=["r0"], namespace="n")
    index.delete(filter={"n": {"$gt": 3}}, namespace="n")
    assert index.describe_index_stats().namespaces["n"].vector_count == 3
    index.create_namespace(name="made")
    index.delete_namespace(namespace="made")
    index.delete(delete_all=True, namespace="n")
    for forbidden in [
        lambda: pc.delete_index(made_index),
        lambda: pc.create_index(name=fresh("k"), dimension=3, spec=SPEC),
        lambda: pc.configure_index(made_index, tags={"a": "b"}),
    ]:
        with pytest.raises(ForbiddenError):
            forbidden()
    assert pc.has_index(made_index)


def test_a_read_key_cannot_write_or_delete(guarded, made_key, admin_key, made_index):
    client(guarded, admin_key).Index(made_index).upsert(vectors=[("a", [1.0, 0.0, 0.0], {"n": 1})])
    index = client(guarded, made_key("read")).Index(made_index)
    assert list(index.fetch(ids=["a"]).vectors) == ["a"]
    for forbidden in [
        lambda: index.upsert(vectors=[("b", [1.0, 0.0, 0.0])]),
        lambda: index.update(id="a", set_metadata={"x": "y"}),
        lambda: index.delete(ids=["a"]),
        lambda: index.delete(filter={"n": 1}),
        lambda: index.delete(delete_all=True),
        lambda: index.delete_namespace(namespace="__default__"),
        lambda: index.create_namespace(name="made"),
    ]:
        with pytest.raises(ForbiddenError):
            forbidden()
    assert list(index.fetch(ids=["a"]).vectors) == ["a"]


def test_a_delete_key_deletes_and_reads_nothing(guarded, made_key, admin_key, made_index):
    whole = client(guarded, admin_key).Index(made_index)
    whole.upsert(vectors=[(id, [1.0, 0.0, 0.0], {"id": id}) for id in "abc"], namespace="n")
    with httpx.Client(headers={"api-key": made_key("delete")}) as http:
        raw = Raw(http, guarded.url, made_index)
        assert raw.delete(ids=["a"], namespace="n").status_code == 200
        assert raw.delete(filter={"id": "b"}, namespace="n").status_code == 200
        assert raw.delete(ids=["a"], namespace="never").status_code == 404
        assert raw.get("/vectors/fetch?ids=c&namespace=n").status_code == 403
        assert raw.delete(deleteAll=True, namespace="n").status_code == 200
    assert "n" not in whole.describe_index_stats().namespaces


def test_another_accounts_index_is_none(guarded, admin_key, made_key, made_index, fresh):
    name = fresh("account")
    made = httpx.post(f"{guarded.url}/v1/accounts", json={"name": name}, headers={"authorization": f"Bearer {ROOT}"})
    assert made.status_code == 201, made.text
    other = client(guarded, made_key("read", "write", "delete", "admin", account=name))
    assert list(other.list_indexes()) == []
    with pytest.raises(NotFoundError):
        other.describe_index(made_index)
    with pytest.raises(NotFoundError):
        other.delete_index(made_index)
    index = other.Index(host=f"{guarded.url}/pc.v1/{made_index}")
    with pytest.raises(NotFoundError):
        index.delete(delete_all=True)
    other.create_index(name=made_index, dimension=3, metric="cosine", spec=SPEC)
    other.Index(made_index).upsert(vectors=[("theirs", [1.0, 0.0, 0.0])])
    ours = client(guarded, admin_key).Index(made_index)
    ours.upsert(vectors=[("ours", [1.0, 0.0, 0.0])])
    assert list(ours.fetch(ids=["ours", "theirs"]).vectors) == ["ours"]
    other.delete_index(made_index)
    assert ours.describe_index_stats().total_vector_count == 1


@pytest.mark.timeout(300)
def test_d55_client_9_cannot_climb_to_an_index_with_the_data_key(guarded, admin_key, data_key, made_index, fresh):
    """`delete_namespace("../../../pinecone/indexes/victim")` arrives as `DELETE /pinecone/indexes/victim`; without `admin` it is 403."""
    victim = fresh("victim")
    client(guarded, admin_key).create_index(name=victim, dimension=3, metric="cosine", spec=SPEC)
    seen = run("9.0.1", "pinecone_climbing_program.py", guarded.url, made_index, victim, admin_key, data_key)
    assert seen.pop("there") is True
    assert seen.pop("../../../pinecone/indexes/victim") == 403
    assert all(status in (404, 405) for status in seen.values()), seen
