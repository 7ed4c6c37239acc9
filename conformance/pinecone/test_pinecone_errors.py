"""Refusals in the shape of each plane, and that nothing wears the server down."""

import time

import pytest
from pinecone_raw import Raw


def test_bodies_must_be_declared_as_json(raw):
    answer = raw.client.post(f"{raw.base}/vectors/delete", content='{"deleteAll":true}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415 and set(answer.json()) == {"code", "message", "details"}
    answer = raw.client.post(f"{raw.control}/indexes", content="{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415 and set(answer.json()) == {"status", "error"}


def test_unknown_routes_and_methods_have_the_planes_body(raw, api_client, lacuna):
    for answer in [raw.post("/vectors/nothing"), raw.get(""), raw.drop(""), raw.drop("/"), api_client.get(f"{lacuna.url}/pc.v1"), api_client.get(f"{lacuna.url}/pc.v1/")]:
        assert answer.status_code == 404 and answer.json()["code"] == 5, answer.text
    assert raw.get("/query").status_code == 405 and raw.get("/query").json()["code"] == 12
    for path in ["/pinecone/nothing", "/pinecone/indexes/a/b", "/pinecone/"]:
        answer = api_client.get(f"{lacuna.url}{path}")
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "NOT_FOUND", answer.text
    answer = api_client.put(f"{lacuna.url}/pinecone/indexes")
    assert answer.status_code == 405 and answer.json()["status"] == 405


def test_every_call_on_an_unknown_index_is_404(api_client, lacuna):
    raw = Raw(api_client, lacuna.url, "no-such-index")
    for answer in [
        raw.post("/vectors/upsert", {"vectors": [{"id": "a", "values": [1.0]}]}),
        raw.post("/vectors/upsert", {}),
        raw.post("/vectors/update", {"id": "a"}),
        raw.get("/vectors/fetch?ids=a"),
        raw.get("/vectors/fetch"),
        raw.get("/vectors/list"),
        raw.post("/query", {"vector": [1.0], "topK": 1}),
        raw.post("/vectors/fetch_by_metadata", {"filter": {"a": 1}}),
        raw.post("/describe_index_stats", {"filter": {"a": 1}}),
        raw.get("/describe_index_stats"),
        raw.get("/namespaces"),
        raw.post("/namespaces", {"name": "a"}),
        raw.get("/namespaces/a"),
        raw.drop("/namespaces/a"),
        raw.post("/namespaces/a/documents/delete", {}),
        raw.post("/records/namespaces/a/search", {"query": {"top_k": 1, "id": "a"}}),
    ]:
        assert answer.status_code == 404, (answer.request.method, answer.request.url, answer.text)
        assert answer.json()["code"] == 5


@pytest.mark.parametrize("text", ['{"vector":[NaN,1,1],"topK":1}', '{"topK":1', "{" * 5000, '{"vector":[' * 5000, '{"topK":1,"topK":1}', "\x00"])
def test_what_is_no_json_is_400(raw, text):
    answer = raw.client.post(f"{raw.base}/query", content=text, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["code"] == 3, answer.text


def test_a_filter_too_deep_is_400(raw):
    filter = {"a": 1}
    for _ in range(60):
        filter = {"$and": [filter]}
    assert raw.delete(filter=filter).status_code == 400


def test_a_thousand_refusals_leave_it_as_fast_as_before(raw):
    raw.load(5)

    def hundred() -> float:
        began = time.perf_counter()
        for _ in range(100):
            assert raw.get("/vectors/fetch?ids=r1&namespace=n1").status_code == 200
        return time.perf_counter() - began

    hundred()
    before = min(hundred() for _ in range(3))
    for n in range(1000):
        bodies = [{}, {"deleteAll": "true"}, {"ids": [""]}, {"filter": {}}, {"filter": {"a": {"$x": 1}}}, {"ids": ["a"] * 1001}]
        assert 400 <= raw.delete(**bodies[n % len(bodies)]).status_code < 500
    after = min(hundred() for _ in range(3))
    assert after < 10 * before + 1, f"{before:.3f} s, then {after:.3f} s"
    assert len(raw.ids("n1")) == 5
