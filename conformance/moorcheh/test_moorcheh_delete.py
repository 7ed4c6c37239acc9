"""Section 7 line by line, and what sections 4 and 5 say about deleting."""

import asyncio
import concurrent.futures
import time

import pytest
from moorcheh_sdk import MoorchehClient
from moorcheh_sdk.exceptions import APIError, InvalidInputError, NamespaceNotFound

from deployment import Embedded
from moorcheh_support import PREFIX, Raw, documents, paused, vectors

FIELDS = {"status", "message", "requested_deletions", "actual_deletions", "remaining_items", "requested_ids"}


def test_d01_wrong_endpoint(raw, moorcheh_client, text_namespace, vector_namespace):
    raw.upload(text_namespace, documents(1))
    for namespace, wrong, right in [(vector_namespace, "documents", "vectors"), (text_namespace, "vectors", "documents")]:
        answer = raw.delete(namespace, ["d0"], wrong)
        assert answer.status_code == 400
        assert answer.json()["error_code"] == "WRONG_NAMESPACE_TYPE"
        assert f"/namespaces/{namespace}/{right}/delete" in answer.json()["message"]
    with pytest.raises(InvalidInputError, match="vectors/delete"):
        moorcheh_client.documents.delete(vector_namespace, ["d0"])
    assert raw.count(text_namespace) == 1


def test_d02_post_only(raw, text_namespace):
    raw.upload(text_namespace, documents(1))
    for method in ["DELETE", "GET", "PUT", "PATCH"]:
        for slash in ["", "/"]:
            answer = raw.send(method, f"/namespaces/{text_namespace}/documents/delete{slash}", {"ids": ["d0"]})
            assert answer.status_code == 405, method
            assert answer.headers["allow"] == "POST"
    assert raw.count(text_namespace) == 1
    assert raw.post(f"/namespaces/{text_namespace}/documents/delete/", {"ids": ["d0"]}).json()["actual_deletions"] == 1


def test_d03_other_fields_are_ignored(raw, text_namespace):
    raw.upload(text_namespace, documents(3))
    body = {"ids": ["d0"], "filter": {"n": 1}, "delete_all": True, "namespace_name": "other", "x": None}
    answer = raw.post(f"/namespaces/{text_namespace}/documents/delete", body)
    assert (answer.status_code, answer.json()["actual_deletions"], answer.json()["remaining_items"]) == (200, 1, 2)


@pytest.mark.parametrize("body", [{"ids": []}, {"ids": None}, {}, {"ids": "d0"}, {"ids": {"d0": 1}}, {"id": ["d0"]}, [["d0"]], None, "d0"])
def test_d04_no_ids(raw, text_namespace, body):
    raw.upload(text_namespace, documents(2))
    answer = raw.send("POST", f"/namespaces/{text_namespace}/documents/delete", body)
    if body is None:
        answer = raw.http.post(f"{PREFIX}/namespaces/{text_namespace}/documents/delete", content="null", headers=raw.headers | {"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error_code"] == "INVALID_FIELD"
    assert raw.count(text_namespace) == 2


def test_d05_a_thousand_and_one_ids(raw, moorcheh_client, text_namespace):
    raw.upload(text_namespace, documents(2))
    many = [f"d{n}" for n in range(1_001)]
    answer = raw.delete(text_namespace, many)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "TOO_MANY_IDS")
    with pytest.raises(InvalidInputError, match="TOO_MANY_IDS"):
        moorcheh_client.documents.delete(text_namespace, many)
    assert raw.count(text_namespace) == 2
    answer = moorcheh_client.documents.delete(text_namespace, many[:1_000])
    assert (answer["actual_deletions"], answer["requested_deletions"], answer["remaining_items"]) == (2, 1_000, 0)


def test_d06_duplicates_count_towards_the_limit(raw, text_namespace):
    raw.upload(text_namespace, documents(1))
    assert raw.delete(text_namespace, ["d0"] * 1_001).json()["error_code"] == "TOO_MANY_IDS"
    assert raw.count(text_namespace) == 1
    answer = raw.delete(text_namespace, ["d0"] * 1_000).json()
    assert (answer["actual_deletions"], answer["requested_deletions"]) == (1, 1_000)


def test_d07_success_body(raw, moorcheh_client, text_namespace, vector_namespace):
    raw.upload(text_namespace, documents(7))
    answer = raw.delete(text_namespace, ["d0", "d1", "gone"])
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == FIELDS
    assert body["status"] == "success"
    assert body["message"] == f"Deleted 2 of 3 requested items from namespace '{text_namespace}'; 5 remain."
    assert (body["requested_deletions"], body["actual_deletions"], body["remaining_items"]) == (3, 2, 5)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["lacuna-operation"] and answer.headers["lacuna-status"] == "complete"
    moorcheh_client.vectors.upload(vector_namespace, vectors(3))
    through_sdk = moorcheh_client.vectors.delete(vector_namespace, ["v0", "gone"])
    assert set(through_sdk) == FIELDS
    assert (through_sdk["status"], through_sdk["actual_deletions"], through_sdk["remaining_items"]) == ("success", 1, 2)


def partial(raw, fresh, count=40):
    """A delete of `count` items with one node away: the answer, and the namespace."""
    namespace = raw.make(fresh("part"))
    raw.upload(namespace, documents(count))
    with paused(raw.cluster, 1):
        answer = raw.delete(namespace, [f"d{n}" for n in range(count)] + ["gone", "d0"])
    assert answer.status_code == 207, answer.text
    return answer.json(), namespace


def again(raw, namespace, ids):
    """The same once the node is back: until no id is left over."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        answer = raw.delete(namespace, ids)
        if answer.status_code == 200:
            return answer.json()
    raise AssertionError(f"still {answer.status_code}: {answer.text}")


def test_d08_partial_body(faulty, fresh):
    body, _ = partial(faulty, fresh)
    assert set(body) == FIELDS | {"unprocessed_ids", "errors", "remaining_items_exact"}
    assert body["status"] == "partial"
    assert body["requested_deletions"] == 42
    assert isinstance(body["actual_deletions"], int) and body["actual_deletions"] > 0
    assert isinstance(body["remaining_items"], int)


def test_d09_requested_ids(raw, moorcheh_client, text_namespace):
    raw.upload(text_namespace, [{"id": 7, "text": "seven"}, {"id": "a", "text": "a"}])
    sent = ["a", 7, "gone", "7", "a"]
    answer = raw.delete(text_namespace, sent).json()
    assert answer["requested_ids"] == ["a", "7", "gone", "7", "a"]
    assert answer["requested_deletions"] == 5
    assert answer["actual_deletions"] == 2
    assert moorcheh_client.documents.delete(text_namespace, [7, "7"])["requested_ids"] == ["7", "7"]


def test_d10_actual_deletions(raw, text_namespace):
    raw.upload(text_namespace, documents(3))
    for ids, deleted in [(["d0", "d0", "gone"], 1), (["gone"], 0), (["d0"], 0), (["d1", "d2"], 2)]:
        answer = raw.delete(text_namespace, ids)
        assert (answer.status_code, answer.json()["actual_deletions"]) == (200, deleted), ids


def test_d11_remaining_items(raw, text_namespace):
    answer = raw.delete(text_namespace, ["gone"]).json()
    assert answer["remaining_items"] == 0, "of a namespace that never held anything"
    raw.upload(text_namespace, documents(50))
    left = 50
    for n in range(0, 50, 7):
        answer = raw.delete(text_namespace, [f"d{n}"]).json()
        left -= 1
        assert (answer["remaining_items"], type(answer["remaining_items"])) == (left, int)
        assert "remaining_items_exact" not in answer


def test_d12_remaining_items_of_a_partial_delete(faulty, fresh):
    body, _ = partial(faulty, fresh)
    assert body["remaining_items_exact"] is False
    assert body["remaining_items"] == 40 - body["actual_deletions"]


def test_d13_unprocessed_ids(faulty, fresh):
    body, namespace = partial(faulty, fresh)
    open_ids = body["unprocessed_ids"]
    assert open_ids and len(set(open_ids)) == len(open_ids)
    order = list(dict.fromkeys(body["requested_ids"]))
    assert open_ids == [one for one in order if one in open_ids]
    answer = again(faulty, namespace, open_ids)
    assert "unprocessed_ids" not in answer
    assert answer["remaining_items"] == 0


def test_d14_deleted_or_unprocessed(faulty, fresh):
    body, namespace = partial(faulty, fresh)
    there = {f"d{n}" for n in range(40)}
    assert body["actual_deletions"] + len(there & set(body["unprocessed_ids"])) == 40
    # An id that never was is open only if its shard did not answer; the confirmed ones are gone for good.
    again(faulty, namespace, ["gone"])
    left = faulty.texts(namespace, sorted(there))
    assert set(left) <= set(body["unprocessed_ids"])


def test_d15_errors(faulty, fresh, raw, text_namespace):
    body, _ = partial(faulty, fresh)
    assert [error["id"] for error in body["errors"]] == body["unprocessed_ids"]
    assert all(error["error"].startswith("shard ") for error in body["errors"])
    assert "errors" not in raw.delete(text_namespace, ["gone"]).json()


def test_d16_no_shard_confirmed(faulty, fresh):
    namespace = faulty.make(fresh("none"))
    faulty.upload(namespace, documents(40))
    with paused(faulty.cluster, 1):
        left = faulty.delete(namespace, [f"d{n}" for n in range(40)]).json()["unprocessed_ids"]
        began = time.monotonic()
        answer = faulty.delete(namespace, [*left, left[0]])
        assert time.monotonic() - began < 10
    body = answer.json()
    assert answer.status_code == 503
    assert float(answer.headers["retry-after"]) >= 0
    assert (body["actual_deletions"], body["unprocessed_ids"]) == (0, left)
    assert (body["status"], body["error_code"]) == ("failure", "UNAVAILABLE")
    assert "nothing" not in body["message"].lower()
    assert again(faulty, namespace, left)["remaining_items"] == 0


def test_d17_unknown_outcome(faulty, fresh):
    """The node is stopped with the request under way: its outcome is unknown, its ids are open, and a retry ends it."""
    namespace = faulty.make(fresh("doubt"))
    faulty.upload(namespace, documents(40))
    ids = [f"d{n}" for n in range(40)]
    with concurrent.futures.ThreadPoolExecutor() as pool, paused(faulty.cluster, 2):
        answer = pool.submit(faulty.delete, namespace, ids).result()
    assert answer.status_code == 207, answer.text
    first = answer.json()
    second = again(faulty, namespace, first["unprocessed_ids"])
    assert first["actual_deletions"] + second["actual_deletions"] <= 40
    assert second["remaining_items"] == 0
    assert faulty.count(namespace) == 0


def test_d18_a_restart_brings_nothing_back(tmp_path, key):
    import httpx

    server = Embedded(tmp_path).start()
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            raw = Raw(client, key)
            raw.upload(raw.make("docs"), documents(10))
            assert raw.delete("docs", ["d0", "d1"]).json()["actual_deletions"] == 2
            server.process.kill()
            server.start()
            assert set(raw.texts("docs", [f"d{n}" for n in range(10)])) == {f"d{n}" for n in range(2, 10)}
            assert raw.delete("docs", ["d2"]).json()["actual_deletions"] == 1
            server.process.stop()
            server.start()
            assert raw.count("docs") == 7
            assert raw.delete("docs", ["d0", "d1", "d2"]).json()["actual_deletions"] == 0
    finally:
        server.stop()


def test_d19_seen_by_the_next_request(lacuna, key, raw, moorcheh_client, text_namespace, vector_namespace):
    raw.upload(text_namespace, documents(20))
    moorcheh_client.vectors.upload(vector_namespace, vectors(20))
    clients = [MoorchehClient(api_key=key, base_url=url + PREFIX) for url in lacuna.urls]
    for n in range(20):
        moorcheh_client.documents.delete(text_namespace, [f"d{n}"])
        moorcheh_client.vectors.delete(vector_namespace, [f"v{n}"])
        for client in clients:
            assert client.documents.get(text_namespace, [f"d{n}"])["documents"] == []
            page = client.documents.fetch_text_data(text_namespace)
            assert f"d{n}" not in [item["id"] for item in page["items"]]
            found = client.similarity_search.query([text_namespace], f"document number {n}", top_k=20)
            assert f"d{n}" not in [hit["id"] for hit in found["results"]]
            assert len(found["results"]) == 19 - n
            found = client.similarity_search.query([vector_namespace], [1.0, float(n)], top_k=20)
            assert f"v{n}" not in [hit["id"] for hit in found["results"]]
            counts = {one["namespace_name"]: one["item_count"] for one in client.namespaces.list()["namespaces"]}
            assert (counts[text_namespace], counts[vector_namespace]) == (19 - n, 19 - n)


def test_d20_repeating(raw, text_namespace):
    raw.upload(text_namespace, documents(5))
    first = raw.delete(text_namespace, ["d0", "d1"]).json()
    for _ in range(3):
        answer = raw.delete(text_namespace, ["d0", "d1"])
        assert answer.status_code == 200
        assert (answer.json()["actual_deletions"], answer.json()["remaining_items"]) == (0, first["remaining_items"])


def test_d21_uploading_again(raw, moorcheh_client, text_namespace, vector_namespace):
    raw.upload(text_namespace, [{"id": "a", "text": "first", "metadata": {"old": 1, "both": 1}, "flat": True}])
    raw.delete(text_namespace, ["a"])
    raw.upload(text_namespace, [{"id": "a", "text": "second", "metadata": {"both": 2}}])
    assert raw.texts(text_namespace, ["a"])["a"] == {"id": "a", "text": "second", "metadata": {"both": 2}}
    moorcheh_client.vectors.upload(vector_namespace, [{"id": "a", "vector": [1.0, 0.0], "text": "old", "metadata": {"old": 1}}])
    moorcheh_client.vectors.delete(vector_namespace, ["a"])
    moorcheh_client.vectors.upload(vector_namespace, [{"id": "a", "vector": [0.0, 1.0]}])
    [hit] = moorcheh_client.similarity_search.query([vector_namespace], [1.0, 0.0])["results"]
    assert (hit["score"], hit["text"], hit["metadata"]) == (0.0, "", {})


def test_d22_others_are_untouched(raw, fresh):
    one, other = raw.make(fresh("one")), raw.make(fresh("other"))
    raw.upload(one, documents(10))
    raw.upload(other, documents(10))
    raw.delete(one, ["d1", "d11"])
    assert set(raw.texts(one, [f"d{n}" for n in range(10)])) == {f"d{n}" for n in range(10)} - {"d1"}
    assert raw.count(other) == 10


def test_d23_concurrent_deletes(lacuna, raw, key, text_namespace):
    raw.upload(text_namespace, documents(100))
    clients = [MoorchehClient(api_key=key, base_url=url + PREFIX) for url in lacuna.urls for _ in range(4)]
    ids = [f"d{n}" for n in range(100)]
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda client: client.documents.delete(text_namespace, ids), clients))
    assert sum(answer["actual_deletions"] for answer in answers) == 100
    assert raw.count(text_namespace) == 0


async def test_d24_async_client(async_client, text_namespace, vector_namespace):
    await async_client.documents.upload(text_namespace, documents(10))
    answer = await async_client.documents.delete(text_namespace, ["d0", "gone", 7])
    assert (answer["status"], answer["actual_deletions"], answer["remaining_items"]) == ("success", 1, 9)
    await async_client.vectors.upload(vector_namespace, vectors(10))
    answers = await asyncio.gather(*(async_client.vectors.delete(vector_namespace, ["v0", "v1"]) for _ in range(8)))
    assert sum(answer["actual_deletions"] for answer in answers) == 2
    with pytest.raises(InvalidInputError, match="documents/delete"):
        await async_client.vectors.delete(text_namespace, ["d0"])


def test_n01_delete_answers_after_the_deed(raw, moorcheh_client, text_namespace):
    raw.upload(text_namespace, documents(12))
    answer = raw.send("DELETE", f"/namespaces/{text_namespace}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["namespace_name"], body["deleted_items"]) == ("success", text_namespace, 12)
    assert set(body) == {"status", "message", "namespace_name", "deleted_items"}
    assert text_namespace not in raw.namespaces()
    with pytest.raises(NamespaceNotFound):
        moorcheh_client.documents.get(text_namespace, ["d0"])


def test_n02_the_name_is_free_at_once(lacuna, key, raw, moorcheh_client, text_namespace):
    raw.upload(text_namespace, documents(12))
    moorcheh_client.namespaces.delete(text_namespace)
    moorcheh_client.namespaces.create(text_namespace, "text")
    assert raw.texts(text_namespace, ["d0"]) == {}
    assert raw.count(text_namespace) == 0
    raw.upload(text_namespace, documents(1))
    assert raw.count(text_namespace) == 1
    for url in lacuna.urls:
        client = MoorchehClient(api_key=key, base_url=url + PREFIX)
        client.namespaces.delete(text_namespace)
        client.namespaces.create(text_namespace, "vector", 2)
        for other in lacuna.urls:
            client = MoorchehClient(api_key=key, base_url=other + PREFIX, max_retries=0)
            assert client.vectors.upload(text_namespace, vectors(3))["vectors_processed"] == 3
            assert client.vectors.delete(text_namespace, ["v0", "v1", "v2"])["actual_deletions"] == 3


def test_n03_missing_namespace(raw, moorcheh_client, fresh):
    name = fresh("never")
    answer = raw.send("DELETE", f"/namespaces/{name}")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "NAMESPACE_NOT_FOUND")
    for call in [
        lambda: moorcheh_client.namespaces.delete(name),
        lambda: moorcheh_client.documents.delete(name, ["a"]),
        lambda: moorcheh_client.vectors.delete(name, ["a"]),
    ]:
        with pytest.raises(NamespaceNotFound):
            call()


def dropped(raw, fresh):
    """A namespace of 40 items dropped with a node away: its name, its answer, and what was seen meanwhile."""
    namespace = raw.make(fresh("drop"))
    raw.upload(namespace, documents(40))
    with paused(raw.cluster, 1):
        # The meta group may have to find a leader first.
        answer = raw.send("DELETE", f"/namespaces/{namespace}")
        until = time.monotonic() + 30
        while answer.status_code == 503 and time.monotonic() < until:
            answer = raw.send("DELETE", f"/namespaces/{namespace}")
        get = raw.post(f"/namespaces/{namespace}/documents/get", {"ids": ["d0"]})
        listed = raw.namespaces()
        raw.make(namespace)
        inside = raw.get("/namespaces").json()
    return namespace, answer, (get, listed, inside)


def test_n04_shard_away(faulty, fresh):
    namespace, answer, (get, listed, _) = dropped(faulty, fresh)
    body = answer.json()
    assert (answer.status_code, body["status"]) == (202, "partial"), answer.text
    assert body["pending_shards"] and all(isinstance(shard, int) for shard in body["pending_shards"])
    assert isinstance(body["deleted_items"], int)
    assert get.status_code == 404
    assert namespace not in listed


def test_n05_fenced_name_made_anew(faulty, fresh):
    namespace, _, (_, _, inside) = dropped(faulty, fresh)
    [made] = [one for one in inside["namespaces"] if one["namespace_name"] == namespace]
    assert made["item_count"] == 0
    until = time.monotonic() + 30
    while time.monotonic() < until:
        answer = faulty.post(f"/namespaces/{namespace}/documents/get", {"ids": [f"d{n}" for n in range(40)]})
        if answer.status_code == 200:
            break
    assert answer.json()["items"] == []
    faulty.upload(namespace, documents(3))
    assert faulty.count(namespace) == 3


def test_n06_item_count(lacuna, key, raw, text_namespace):
    raw.upload(text_namespace, documents(30))
    clients = [MoorchehClient(api_key=key, base_url=url + PREFIX) for url in lacuna.urls]
    for n in range(30):
        clients[n % len(clients)].documents.delete(text_namespace, [f"d{n}"])
        listed = clients[(n + 1) % len(clients)].namespaces.list()["namespaces"]
        [found] = [one for one in listed if one["namespace_name"] == text_namespace]
        assert found["item_count"] == 29 - n
        assert "item_count_exact" not in found


def test_i01_numbers_are_texts(raw, moorcheh_client, text_namespace, vector_namespace):
    pairs = [(7, "7"), ("8", "8"), (1.0, "1"), (2.5, "2.5"), (1e2, "100"), (-3, "-3"), (0.1, "0.1"), (10**30, "1" + "0" * 30)]
    stored = raw.upload(text_namespace, [{"id": sent, "text": str(sent)} for sent, _ in pairs])
    assert stored["submitted_ids"] == [text for _, text in pairs]
    assert set(raw.texts(text_namespace, [text for _, text in pairs])) == {text for _, text in pairs}
    answer = raw.delete(text_namespace, ["7", 8, "1", 2.5, 100, "-3", 0.1, 10**30]).json()
    assert (answer["actual_deletions"], answer["requested_ids"]) == (8, ["7", "8", "1", "2.5", "100", "-3", "0.1", "1" + "0" * 30])
    moorcheh_client.vectors.upload(vector_namespace, [{"id": 7, "vector": [1.0, 0.0]}, {"id": "7", "vector": [0.0, 1.0]}])
    assert moorcheh_client.vectors.delete(vector_namespace, [7])["actual_deletions"] == 1
    assert raw.count(vector_namespace) == 0


@pytest.mark.parametrize("bad", [True, False, None, {}, {"id": 1}, [], ["a"], ""])
def test_i02_what_is_no_id(raw, moorcheh_client, text_namespace, bad):
    raw.upload(text_namespace, documents(2))
    answer = raw.delete(text_namespace, ["d0", bad])
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD")
    assert "ids[1]" in answer.json()["message"]
    if bad is True:
        with pytest.raises(InvalidInputError, match="bool"):
            moorcheh_client.documents.delete(text_namespace, ["d0", True])
    assert raw.count(text_namespace) == 2


def test_i03_bytes(raw, text_namespace):
    ids = ["a", "A", " a", "a ", "é", "e\u0301", "x" * 512, "ü" * 256, "/", "a/b?c#d", "\u0000", "🙂"]
    raw.upload(text_namespace, [{"id": one, "text": "t"} for one in ids])
    assert raw.count(text_namespace) == len(ids)
    for left, one in reversed(list(enumerate(ids))):
        answer = raw.delete(text_namespace, [one]).json()
        assert (answer["actual_deletions"], answer["remaining_items"], answer["requested_ids"]) == (1, left, [one])
    for long in ["x" * 513, "ü" * 257]:
        assert raw.delete(text_namespace, [long]).status_code == 400


def test_i04_what_the_sdk_sends(raw, moorcheh_client, text_namespace, vector_namespace):
    raw.upload(text_namespace, [{"id": "with a space", "text": "t"}])
    assert moorcheh_client.documents.delete(text_namespace, ["with a space"])["actual_deletions"] == 1
    moorcheh_client.vectors.upload(vector_namespace, [{"id": "0", "vector": [1.0, 0.0]}])
    assert moorcheh_client.vectors.delete(vector_namespace, [0])["actual_deletions"] == 1
    with pytest.raises((InvalidInputError, APIError)):
        moorcheh_client.vectors.delete(vector_namespace, [])
