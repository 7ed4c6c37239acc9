"""Accounts, rights and revoked keys, through each surface's real client, over one process and over a cluster with two routers."""

import time

import httpx
import pytest
from chromadb.errors import AuthorizationError, ChromaAuthError
from moorcheh_sdk.exceptions import AuthenticationError
from pinecone import ForbiddenError, UnauthorizedError

from guarded import SURFACES, Guarded, NativeThings, PineconeThings

# What each client raises for a key that isn't good, and for one that may not.
UNKNOWN = {"native": httpx.HTTPStatusError, "chroma": ChromaAuthError, "pinecone": UnauthorizedError, "moorcheh": AuthenticationError}
FORBIDDEN = {"native": httpx.HTTPStatusError, "chroma": AuthorizationError, "pinecone": ForbiddenError, "moorcheh": AuthenticationError}


@pytest.fixture(scope="module", params=["embedded", "cluster"])
def guarded(request, tmp_path_factory):
    server = Guarded(request.param, tmp_path_factory.mktemp(f"keys-{request.param}"))
    try:
        yield server
        server.running.must_run()
    finally:
        server.running.stop()


@pytest.fixture(params=SURFACES)
def surface(request):
    return request.param


def test_two_accounts_with_the_same_names_never_see_each_other(guarded, fresh, surface):
    name, things = fresh("same"), SURFACES[surface]
    mine, theirs = [things(guarded.url, guarded.secret(guarded.account(fresh("account"))), name) for _ in range(2)]
    mine.make()
    assert theirs.names() == []
    with pytest.raises(Exception) as absent:
        theirs.write(["x"])
    never_was = SURFACES[surface](guarded.url, guarded.secret(guarded.account(fresh("account"))), name)
    with pytest.raises(type(absent.value)):
        never_was.write(["x"])
    theirs.make()
    mine.write(["a", "b", "c"])
    theirs.write(["c", "d"])
    assert (mine.ids(), theirs.ids()) == (["a", "b", "c"], ["c", "d"])
    theirs.delete(["a", "c"])
    assert (mine.ids(), theirs.ids()) == (["a", "b", "c"], ["d"])
    theirs.delete_where()
    assert (mine.ids(), theirs.ids()) == (["a", "b", "c"], [])
    theirs.drop()
    assert (mine.names(), theirs.names()) == ([name], [])
    assert mine.ids() == ["a", "b", "c"]


def test_another_accounts_collection_is_not_there_even_by_its_id(guarded, fresh):
    secrets = [guarded.secret(guarded.account(fresh("account"))) for _ in range(2)]
    made = SURFACES["chroma"](guarded.url, secrets[0], fresh("hidden"))
    made.make()
    made.write(["a"])
    path = f"{guarded.url}/api/v2/tenants/default_tenant/databases/default_database/collections/{made.it().id}"
    seen = [httpx.post(f"{path}/delete", json={"ids": ["a"]}, headers={"x-chroma-token": secret}, timeout=30) for secret in (secrets[1], secrets[0])]
    assert [answer.status_code for answer in seen] == [404, 200]
    native = NativeThings(guarded.url, secrets[0], fresh("hidden"))
    native.make()
    native.write(["a"])
    number = native.call("GET", f"/collections/{native.name}")["id"]
    other = NativeThings(guarded.url, secrets[1], str(number))
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        other.delete(["a"])
    assert native.ids() == ["a"]


def test_a_key_to_read_cannot_write_delete_or_drop(guarded, fresh, surface):
    name, account = fresh("rights"), guarded.account(fresh("account"))
    owner = SURFACES[surface](guarded.url, guarded.secret(account), name)
    owner.make()
    owner.write(["a", "b"])
    reader = SURFACES[surface](guarded.url, guarded.secret(account, ["read"]), name)
    assert reader.ids() == ["a", "b"]
    for refused in [lambda: reader.write(["c"]), lambda: reader.delete(["a"]), reader.delete_where, reader.drop]:
        with pytest.raises(FORBIDDEN[surface]):
            refused()
    assert owner.ids() == ["a", "b"]


def test_a_key_for_data_cannot_drop_an_index(guarded, fresh):
    name, account = fresh("films"), guarded.account(fresh("account"))
    owner = PineconeThings(guarded.url, guarded.secret(account), name)
    owner.make()
    data = PineconeThings(guarded.url, guarded.secret(account, ["read", "write", "delete"]), name)
    data.write(["a", "b"])
    data.delete(["a"])
    with pytest.raises(ForbiddenError):
        data.drop()
    assert owner.ids() == ["b"]


def test_a_revoked_key_is_no_good_through_any_router(guarded, fresh, surface):
    name, account = fresh("revoked"), guarded.account(fresh("account"))
    number, secret = guarded.key(account)
    through = [SURFACES[surface](url, secret, name) for url in guarded.urls]
    through[0].make()
    through[0].write(["a"])
    assert all(one.ids() == ["a"] for one in through), "the key was good through every router"
    began = time.monotonic()
    guarded.ask("DELETE", f"/v1/keys/{number}", account=account)
    for one in through:
        with pytest.raises(UNKNOWN[surface]):
            one.delete(["a"])
    assert time.monotonic() - began < 15
    assert SURFACES[surface](guarded.url, guarded.secret(account), name).ids() == ["a"]


def test_a_rotated_key_is_good_by_its_new_secret_only(guarded, fresh):
    account = guarded.account(fresh("account"))
    number, old = guarded.key(account)
    new = guarded.ask("POST", f"/v1/keys/{number}/rotate", {}, account)["secret"]
    guarded.secrets.append(new)
    for url in guarded.urls:
        assert NativeThings(url, new, "").names() == []
        with pytest.raises(httpx.HTTPStatusError, match="401"):
            NativeThings(url, old, "").names()


@pytest.mark.parametrize("secret", ["", "not-a-key", "lacuna_" + "A" * 43])
def test_without_a_good_key_nothing_is_answered(guarded, secret):
    routes = ["/v1/collections", "/api/v2/auth/identity", "/pinecone/indexes", "/moorcheh/v1/namespaces", "/v1/operations", "/v1/cluster"]
    headers = {"authorization": f"Bearer {secret}", "x-chroma-token": secret, "api-key": secret, "x-api-key": secret} if secret else {}
    for route in routes:
        answer = httpx.get(f"{guarded.url}{route}", headers=headers, timeout=30)
        assert answer.status_code in (401, 403), f"{route}: {answer.status_code} {answer.text}"
        assert not secret or secret not in answer.text, "an error shows the secret it was given"


def test_zz_no_secret_is_in_any_file_or_log(guarded):
    """The last one in this file: it looks for every secret that the others made."""
    assert len(guarded.secrets) > 10
    sought = [secret.encode() for secret in guarded.secrets]
    searched = 0
    for path in guarded.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            searched += len(content)
            assert not [secret for secret in sought if secret in content], f"a secret stands in {path}"
    assert searched > 10_000
    listed = guarded.ask("GET", "/v1/keys")
    assert not any(secret in str(listed) for secret in guarded.secrets)
