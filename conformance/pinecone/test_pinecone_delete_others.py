"""Each line of the contract's section on the other deletions (6.2), and on what is not done everywhere."""

import time

import pytest
from pinecone import ForbiddenError, NotFoundError
from pinecone_raw import Raw, missing_namespace, refused

EVEN = {"even": True}


def done(answer, status: int = 200) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json() == {} and answer.headers["lacuna-status"] == "complete"


def test_d40_the_old_form_by_ids(raw):
    raw.load()
    done(raw.drop("/vectors/delete?ids=r1&ids=r2&namespace=n1"))
    assert raw.counts()["n1"] == 8
    raw.load(2, "", "a ")
    done(raw.drop("/vectors/delete?ids=a+0"))
    done(raw.drop("/vectors/delete?ids=a%201"))
    assert raw.ids() == []


def test_d41_the_old_form_of_everything(raw):
    raw.load(3)
    raw.load(3, "")
    done(raw.drop("/vectors/delete?deleteAll=true&namespace=n1"))
    assert raw.counts() == {"__default__": 3}
    missing_namespace(raw.drop("/vectors/delete?deleteAll=true&namespace=n1"))


def test_d42_the_old_form_has_the_same_rules(raw, api_client, lacuna):
    raw.load()
    refused(raw.drop("/vectors/delete?namespace=n1"))
    refused(raw.drop("/vectors/delete?namespace=n1&deleteAll=false"))
    refused(raw.drop("/vectors/delete?namespace=n1&deleteAll=yes"))
    refused(raw.drop("/vectors/delete?namespace=n1&deleteAll=true&ids=r1"), "No explicit IDs allowed when delete_all=true")
    refused(raw.drop("/vectors/delete?namespace=n1&" + "&".join(f"ids=r{n}" for n in range(1001))))
    refused(raw.drop("/vectors/delete?namespace=n1&ids=r1&ids="))
    assert Raw(api_client, lacuna.url, "no-such-index").drop("/vectors/delete?ids=a").status_code == 404
    missing_namespace(raw.drop("/vectors/delete?ids=a&namespace=never"))
    assert len(raw.ids("n1")) == 10


def test_d43_a_namespace_goes_with_its_records(raw, index):
    raw.load()
    raw.load(3, "n2")
    index.delete_namespace(namespace="n1")
    assert raw.counts() == {"__default__": 0, "n2": 3}
    assert raw.get("/vectors/list", params={"namespace": "n1"}).json()["vectors"] == []
    done(raw.drop("/namespaces/n2"))


def test_d44_a_missing_namespace_is_404(raw, index):
    missing_namespace(raw.drop("/namespaces/never"))
    raw.load(2, "")
    assert raw.drop("/namespaces/").status_code == 404, "no name is not the default one's"
    assert raw.ids() == ["r0", "r1"]
    with pytest.raises(NotFoundError):
        index.delete_namespace(namespace="never")


@pytest.mark.parametrize("name", ["a/b", "a b", "%2F", "..", ".", "a%b#c?d", "../../indexes"])
def test_d45_the_segment_is_decoded_once(raw, index, name):
    raw.load(2, name)
    raw.load(2, "other")
    index.delete_namespace(namespace=name)
    assert raw.counts() == {"__default__": 0, "other": 2}


def test_d46_the_default_namespace_is_emptied(raw):
    raw.load(3, "")
    raw.load(3)
    done(raw.drop("/namespaces/__default__"))
    assert raw.counts() == {"__default__": 0, "n1": 3}
    done(raw.drop("/namespaces/__default__"))


def test_d47_an_index_goes_at_once(raw, api_client, index_name):
    raw.load()
    answer = api_client.delete(f"{raw.control}/indexes/{index_name}")
    assert answer.status_code == 202 and answer.content == b""
    assert api_client.get(f"{raw.control}/indexes/{index_name}").status_code == 404
    assert index_name not in [one["name"] for one in api_client.get(f"{raw.control}/indexes").json()["indexes"]]
    for answer in [
        raw.post("/query", {"vector": [1.0, 1.0, 1.0], "topK": 1, "namespace": "n1"}),
        raw.get("/vectors/fetch", params={"ids": "r1", "namespace": "n1"}),
        raw.delete(ids=["r1"], namespace="n1"),
        raw.post("/vectors/upsert", {"vectors": [{"id": "a", "values": [1.0, 1.0, 1.0]}]}),
        raw.post("/describe_index_stats"),
    ]:
        assert answer.status_code == 404 and answer.json()["code"] == 5, answer.text
    assert api_client.delete(f"{raw.control}/indexes/{index_name}").status_code == 404


def test_d48_a_new_index_of_the_name_is_empty(raw, pinecone_client, index_name):
    from pinecone import ServerlessSpec

    raw.load()
    pinecone_client.delete_index(index_name)
    pinecone_client.create_index(name=index_name, dimension=3, metric="cosine", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    assert raw.counts() == {"__default__": 0}
    assert raw.get("/vectors/fetch", params={"ids": "r1", "namespace": "n1"}).json()["vectors"] == {}


def test_d49_a_protected_index_stays(raw, pinecone_client, index_name):
    raw.load()
    pinecone_client.configure_index(index_name, deletion_protection="enabled")
    with pytest.raises(ForbiddenError, match="Deletion protection is enabled for this index"):
        pinecone_client.delete_index(index_name)
    assert raw.counts()["n1"] == 10
    done(raw.delete(ids=["r1"], namespace="n1"))
    done(raw.delete(filter=EVEN, namespace="n1"))
    done(raw.delete(deleteAll=True, namespace="n1"))
    raw.load(2, "n2")
    done(raw.drop("/namespaces/n2"))
    pinecone_client.configure_index(index_name, deletion_protection="disabled")
    pinecone_client.delete_index(index_name)
    assert index_name not in [one.name for one in pinecone_client.list_indexes()]


def test_d50_documents_are_deleted_in_three_ways(raw):
    raw.load()
    path = "/namespaces/n1/documents/delete"
    done(raw.post(path, {"ids": ["r1", "zzz"]}), 202)
    by_filter = raw.post(path, {"filter": EVEN})
    assert by_filter.status_code == 202 and by_filter.json() == {"matched_records": 5}
    assert raw.ids("n1") == ["r3", "r5", "r7", "r9"]
    done(raw.post(path, {"delete_all": True}), 202)
    missing_namespace(raw.get("/namespaces/n1"))
    raw.load(3, "")
    done(raw.post("/namespaces/__default__/documents/delete", {"ids": ["r1"]}), 202)
    assert raw.ids() == ["r0", "r2"]


def test_d51_documents_need_exactly_one_selector(raw):
    raw.load()
    path = "/namespaces/n1/documents/delete"
    for body in [
        {},
        {"ids": []},
        {"filter": {}},
        {"ids": ["r1"], "filter": EVEN},
        {"ids": ["r1"], "delete_all": True},
        {"filter": EVEN, "delete_all": True},
        {"deleteAll": True},
        {"filter": {"$match_all": "x"}},
        {"filter": {"text": {"$match_phrase": "x"}}},
    ]:
        refused(raw.post(path, body))
    assert len(raw.ids("n1")) == 10
    missing_namespace(raw.post("/namespaces/never/documents/delete", {"ids": ["a"]}))
    assert raw.post("/namespaces//documents/delete", {"ids": ["a"]}).status_code == 404


def test_d52_by_prefix_page_by_page(raw, index):
    raw.load(250, "n1", "doc#")
    raw.load(7, "n1", "keep#")
    for page in index.list(prefix="doc#", namespace="n1", limit=20):
        index.delete(ids=[one.id for one in page.vectors], namespace="n1")
    assert raw.ids("n1") == [f"keep#{n}" for n in range(7)]


def test_d53_a_namespace_may_be_made_again_at_once(raw):
    for round in range(5):
        raw.load(round + 1)
        assert raw.counts()["n1"] == round + 1
        done(raw.delete(deleteAll=True, namespace="n1") if round % 2 else raw.drop("/namespaces/n1"))
        assert raw.ids("n1") == []


@pytest.mark.parametrize("how", ["ids", "filter", "all"])
def test_d54_not_done_on_every_shard_is_503(one_replica_cluster, api_client, fresh, how):
    name = fresh("p")
    raw = Raw(api_client, one_replica_cluster.url, name)
    body = {"name": name, "dimension": 3, "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}
    assert api_client.post(f"{raw.control}/indexes", json=body).status_code == 201
    raw.load(60)
    selector = {"ids": {"ids": [f"r{n}" for n in range(60)]}, "filter": {"filter": {"n": {"$gte": 0}}}, "all": {"deleteAll": True}}[how]
    # A node that leads shards and not the meta group: the one whose stop leaves the catalog working.
    one_replica_cluster.pause(2)
    try:
        answer = raw.post("/vectors/delete", {"namespace": "n1", **selector}, headers={"lacuna-deadline-ms": "4000"})
        assert answer.status_code == 503, answer.text
        body = answer.json()
        assert body["code"] == 14 and body["details"], body
        states = {part["shard"]: part["state"] for part in body["details"]}
        assert all(state in ("pending", "refused", "unknown") for state in states.values())
        assert all(str(shard) in body["message"] for shard in states)
        assert answer.headers["lacuna-operation"] in body["message"]
        assert answer.headers["lacuna-status"] in ("partial", "pending")
    finally:
        one_replica_cluster.resume(2)
    answer = raw.delete(namespace="n1", **selector)
    # deleteAll has ended by itself by now, or is joined.
    assert answer.status_code in ((200, 404) if how == "all" else (200,)), answer.text
    deadline = time.monotonic() + 20
    while raw.ids("n1") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert raw.ids("n1") == []
