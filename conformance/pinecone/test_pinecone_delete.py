"""Each line of the contract's section on `POST /vectors/delete` (6.1). The other deletions: test_pinecone_delete_others.py."""

import pytest
from pinecone import NotFoundError
from pinecone_raw import Raw, missing_namespace, refused

EVEN = {"even": True}


def done(answer) -> None:
    """The one answer of a delete that was applied everywhere."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == b"{}"
    assert answer.headers["lacuna-status"] == "complete" and answer.headers["lacuna-operation"]


def test_d01_answer_is_the_empty_object(raw):
    raw.load()
    done(raw.delete(ids=["r1"], namespace="n1"))
    done(raw.delete(filter=EVEN, namespace="n1"))
    done(raw.delete(deleteAll=True, namespace="n1"))


def test_d02_no_namespace_is_the_default_one(raw):
    raw.load(4, "")
    done(raw.delete(ids=["r0"]))
    done(raw.delete(ids=["r1"], namespace=""))
    done(raw.delete(ids=["r2"], namespace="__default__"))
    done(raw.delete(ids=["r9"], namespace=None))
    assert raw.ids() == ["r3"]


def test_d03_unknown_index_comes_before_the_body(raw, api_client, lacuna):
    for other in [Raw(api_client, lacuna.url, "no-such-index")]:
        for body in [{"ids": ["a"]}, {}, {"deleteAll": "true"}, [1], {"ids": [""]}]:
            answer = other.post("/vectors/delete", body)
            assert answer.status_code == 404 and answer.json()["code"] == 5, answer.text


@pytest.mark.parametrize("body", ["[]", '"all"', "null", "7", "", "{", '["", ["r1"]]'])
def test_d04_body_that_is_no_object(raw, body):
    raw.load()
    refused(raw.client.post(f"{raw.base}/vectors/delete", content=body, headers={"content-type": "application/json"}))
    assert len(raw.ids("n1")) == 10


@pytest.mark.parametrize("value", ["true", 1, 0, "", [], {}])
def test_d05_delete_all_that_is_no_boolean(raw, value):
    raw.load()
    refused(raw.delete(deleteAll=value, namespace="n1"))
    refused(raw.delete(deleteAll=value, namespace="n1", ids=["r1"]))
    assert len(raw.ids("n1")) == 10


@pytest.mark.parametrize("value", ["r1", 1, {"0": "r1"}, [1], ["r1", None], [["r1"]], True])
def test_d06_ids_that_are_no_list_of_strings(raw, value):
    raw.load()
    refused(raw.delete(ids=value, namespace="n1"))
    assert len(raw.ids("n1")) == 10


@pytest.mark.parametrize("value", ["even", 1, [], [{"even": True}], True])
def test_d07_filter_that_is_no_object(raw, value):
    raw.load()
    refused(raw.delete(filter=value, namespace="n1"), "filter")
    assert len(raw.ids("n1")) == 10


@pytest.mark.parametrize(
    "body",
    [{}, {"deleteAll": False}, {"ids": []}, {"ids": None}, {"filter": None}, {"deleteAll": None}, {"ids": [], "filter": None, "deleteAll": False}],
)
def test_d08_no_selector_never_means_all(raw, body):
    raw.load()
    refused(raw.delete(namespace="n1", **body))
    assert len(raw.ids("n1")) == 10


def test_d09_ids_beside_delete_all(raw):
    raw.load()
    refused(raw.delete(ids=["r1"], deleteAll=True, namespace="n1"), "No explicit IDs allowed when delete_all=true")
    assert len(raw.ids("n1")) == 10


def test_d10_filter_beside_delete_all(raw):
    raw.load()
    for filter in [EVEN, {}]:
        refused(raw.delete(filter=filter, deleteAll=True, namespace="n1"), "No filter allowed when delete_all=true")
    assert len(raw.ids("n1")) == 10


def test_d11_ids_beside_a_filter(raw):
    raw.load()
    for filter in [EVEN, {}]:
        refused(raw.delete(ids=["r1"], filter=filter, namespace="n1"), "not both")
    assert len(raw.ids("n1")) == 10


def test_d12_empty_filter(raw):
    raw.load()
    refused(raw.delete(filter={}, namespace="n1"), "Delete with empty metadata filter is not allowed")
    assert len(raw.ids("n1")) == 10


def test_d13_at_most_1000_ids(raw):
    raw.load(2)
    refused(raw.delete(ids=[f"r{n}" for n in range(1001)], namespace="n1"), "1000")
    assert len(raw.ids("n1")) == 2
    done(raw.delete(ids=[f"r{n}" for n in range(1000)], namespace="n1"))
    assert raw.ids("n1") == []


@pytest.mark.parametrize("bad", ["", "ä", "a\0b", "x" * 513])
def test_d14_one_bad_id_refuses_all(raw, bad):
    raw.load()
    refused(raw.delete(ids=["r1", bad], namespace="n1"), "ids[1]")
    assert len(raw.ids("n1")) == 10


@pytest.mark.parametrize(
    "filter",
    [
        {"n": {"$near": 1}},
        {"n": {"$and": [{"a": 1}]}},
        {"$gt": 1},
        {"$and": []},
        {"$or": []},
        {"$and": [{}]},
        {"n": {}},
        {"n": None},
        {"n": {"$eq": None}},
        {"n": {"$gt": "1"}},
        {"n": {"$in": 1}},
        {"n": {"$in": []}},
        {"n": {"$nin": []}},
        {"n": [1]},
        {"$not": {"n": 1}},
        {"n": {"$exists": 1}},
        {"even": True, "n": {"$regex": "x"}},
    ],
)
def test_d15_bad_filter_is_refused_before_any_shard(raw, filter):
    raw.load()
    refused(raw.delete(filter=filter, namespace="n1"))
    assert len(raw.ids("n1")) == 10


def test_d16_missing_namespace_is_404(raw, index):
    for selector in [{"ids": ["a"]}, {"filter": EVEN}, {"deleteAll": True}]:
        missing_namespace(raw.delete(namespace="never", **selector))
    for selector in [{"ids": ["a"]}, {"filter": EVEN}, {"delete_all": True}]:
        with pytest.raises(NotFoundError):
            index.delete(namespace="never", **selector)


def test_d17_refused_delete_makes_no_namespace(raw):
    missing_namespace(raw.delete(ids=["a"], namespace="never"))
    refused(raw.delete(filter={}, namespace="never"))
    assert "never" not in raw.counts()
    assert raw.get("/namespaces/never").status_code == 404


def test_d18_default_namespace_is_never_missing(raw):
    for selector in [{"ids": ["a"]}, {"filter": EVEN}, {"deleteAll": True}]:
        done(raw.delete(**selector))


def test_d19_namespace_without_records_exists(raw):
    assert raw.post("/namespaces", {"name": "made"}).status_code == 200
    done(raw.delete(ids=["a"], namespace="made"))
    done(raw.delete(filter=EVEN, namespace="made"))
    done(raw.delete(deleteAll=True, namespace="made"))
    missing_namespace(raw.delete(ids=["a"], namespace="made"))


def test_d20_unknown_and_repeated_ids(raw, index):
    raw.load()
    assert index.delete(ids=["r1", "zzz", "r1"], namespace="n1") is None
    assert raw.counts()["n1"] == 9
    done(raw.delete(ids=["R2", "r2 "], namespace="n1"))
    assert raw.counts()["n1"] == 9


def test_d21_the_call_can_be_repeated(raw):
    raw.load()
    for _ in range(3):
        done(raw.delete(ids=["r1", "r2"], namespace="n1"))
        done(raw.delete(filter={"n": {"$gte": 8}}, namespace="n1"))
    assert raw.ids("n1") == ["r0", "r3", "r4", "r5", "r6", "r7"]


def test_d22_filter_takes_what_the_reads_select(raw, index):
    raw.load(30)
    filter = {"$or": [{"n": {"$lt": 5}}, {"n": {"$in": [11, 12]}}], "even": {"$ne": True}}
    fetched = set(raw.post("/vectors/fetch_by_metadata", {"filter": filter, "namespace": "n1"}).json()["vectors"])
    queried = {match.id for match in index.query(vector=[1.0, 1.0, 1.0], top_k=100, namespace="n1", filter=filter).matches}
    assert fetched == queried == {"r1", "r3", "r11"}
    index.delete(filter=filter, namespace="n1")
    assert set(raw.ids("n1")) == {f"r{n}" for n in range(30)} - fetched


def test_d23_filter_stays_in_its_namespace(raw):
    for namespace in ["", "n1", "n2"]:
        raw.load(10, namespace)
    done(raw.delete(filter=EVEN, namespace="n1"))
    assert raw.counts() == {"__default__": 10, "n1": 5, "n2": 10}


def test_d24_delete_all_stays_in_its_namespace(raw, index):
    for namespace in ["", "n1", "n2"]:
        raw.load(10, namespace)
    index.delete(delete_all=True, namespace="n1")
    assert raw.counts() == {"__default__": 10, "n2": 10}
    index.delete(delete_all=True)
    assert raw.counts() == {"__default__": 0, "n2": 10}


def test_d25_delete_all_takes_the_namespace_too(raw_of_others):
    raw_of_others[0].load()
    done(raw_of_others[0].delete(deleteAll=True, namespace="n1"))
    for raw in raw_of_others:
        assert "n1" not in raw.counts()
        assert "n1" not in [one["name"] for one in raw.get("/namespaces").json()["namespaces"]]
        missing_namespace(raw.get("/namespaces/n1"))
        missing_namespace(raw.delete(deleteAll=True, namespace="n1"))
        missing_namespace(raw.delete(filter=EVEN, namespace="n1"))
        missing_namespace(raw.delete(ids=["r1"], namespace="n1"))


def test_d26_delete_all_never_takes_the_default_namespace(raw):
    raw.load(3, "")
    done(raw.delete(deleteAll=True))
    assert raw.counts() == {"__default__": 0}
    assert raw.get("/namespaces/__default__").json() == {"name": "__default__", "record_count": 0}
    done(raw.delete(deleteAll=True, namespace="__default__"))


def test_d27_delete_all_keeps_the_namespace_if_set_so(keeping):
    keeping.load()
    done(keeping.delete(deleteAll=True, namespace="n1"))
    assert keeping.counts()["n1"] == 0
    assert keeping.get("/namespaces/n1").json() == {"name": "n1", "record_count": 0}
    assert keeping.ids("n1") == []
    done(keeping.delete(deleteAll=True, namespace="n1"))
    done(keeping.drop("/namespaces/n1"))
    missing_namespace(keeping.delete(deleteAll=True, namespace="n1"))


def test_d28_last_record_leaves_the_namespace(raw):
    raw.load(2)
    done(raw.delete(ids=["r0"], namespace="n1"))
    done(raw.delete(filter={"n": 1}, namespace="n1"))
    assert raw.counts()["n1"] == 0
    assert raw.get("/namespaces/n1").json() == {"name": "n1", "record_count": 0}
    done(raw.delete(ids=["r0"], namespace="n1"))


def test_d29_gone_from_every_read_at_once(raw_of_others):
    raw_of_others[0].load(20)
    for selector, gone in [({"ids": ["r1"]}, "r1"), ({"filter": {"n": 2}}, "r2")]:
        done(raw_of_others[0].delete(namespace="n1", **selector))
        for raw in raw_of_others:
            n = int(gone[1:])
            body = {"vector": [float(n), 1.0, 0.5], "topK": 20, "namespace": "n1"}
            assert gone not in [match["id"] for match in raw.post("/query", body).json()["matches"]]
            assert raw.post("/query", {"id": gone, "topK": 5, "namespace": "n1"}).json()["matches"] == []
            assert raw.get("/vectors/fetch", params={"ids": gone, "namespace": "n1"}).json()["vectors"] == {}
            assert gone not in raw.ids("n1")
            filtered = raw.post("/vectors/fetch_by_metadata", {"filter": {"n": n}, "namespace": "n1"}).json()
            assert filtered["vectors"] == {}
            assert raw.counts()["n1"] == 20 - n
            assert raw.get("/namespaces/n1").json()["record_count"] == 20 - n


def test_d30_matches_are_not_fewer_for_what_is_gone(raw, index):
    raw.load(300)
    index.delete(filter={"n": {"$lt": 250}}, namespace="n1")
    found = index.query(vector=[0.0, 1.0, 0.5], top_k=50, namespace="n1").matches
    assert len(found) == 50 and {int(match.id[1:]) for match in found} == set(range(250, 300))


def test_d31_an_update_brings_nothing_back(raw):
    raw.load()
    done(raw.delete(ids=["r1"], namespace="n1"))
    assert raw.post("/vectors/update", {"id": "r1", "setMetadata": {"n": 1}, "namespace": "n1"}).json() == {}
    assert "r1" not in raw.ids("n1")
    done(raw.delete(deleteAll=True, namespace="n1"))
    assert raw.post("/vectors/update", {"id": "r2", "values": [1.0, 2.0, 3.0], "namespace": "n1"}).json() == {}
    missing_namespace(raw.get("/namespaces/n1"))


def test_d32_an_upsert_begins_from_nothing(raw):
    raw.load()
    done(raw.delete(ids=["r1"], namespace="n1"))
    raw.post("/vectors/upsert", {"vectors": [{"id": "r1", "values": [1.0, 0.0, 0.0]}], "namespace": "n1"})
    found = raw.get("/vectors/fetch", params={"ids": "r1", "namespace": "n1"}).json()["vectors"]
    assert found == {"r1": {"id": "r1", "values": [1.0, 0.0, 0.0]}}


def test_d33_delete_all_false_is_as_good_as_none(raw):
    raw.load()
    done(raw.delete(ids=["r1"], deleteAll=False, filter=None, namespace="n1"))
    done(raw.delete(filter={"n": 2}, deleteAll=False, ids=[], namespace="n1"))
    assert raw.counts()["n1"] == 8


def test_d34_an_unknown_field_is_refused(raw):
    raw.load(4, "")
    refused(raw.delete(ids=["r1"], name_space="n1"), "name_space")
    refused(raw.delete(filter=EVEN, limit=1), "limit")
    refused(raw.delete(delete_all=True, ids=["r1"]), "delete_all")
    assert len(raw.ids()) == 4


def test_d35_negation_takes_records_without_the_key(raw):
    vectors = [
        {"id": "active", "values": [1.0, 0.0, 0.0], "metadata": {"status": "active"}},
        {"id": "other", "values": [1.0, 0.0, 0.0], "metadata": {"status": "off"}},
        {"id": "without", "values": [1.0, 0.0, 0.0]},
    ]
    raw.post("/vectors/upsert", {"vectors": vectors, "namespace": "a"})
    raw.post("/vectors/upsert", {"vectors": vectors, "namespace": "b"})
    done(raw.delete(filter={"status": {"$ne": "active"}, "$and": [{"status": {"$exists": True}}]}, namespace="a"))
    assert raw.ids("a") == ["active", "without"]
    done(raw.delete(filter={"status": {"$ne": "active"}}, namespace="b"))
    assert raw.ids("b") == ["active"]


def test_d36_later_reads_are_at_or_past_a_deletes_number(raw):
    raw.load()
    for selector in [{"ids": ["r1"]}, {"filter": EVEN}, {"deleteAll": True}]:
        written = int(raw.delete(namespace="n1", **selector).headers["x-pinecone-request-lsn"])
        reads = [
            raw.get("/vectors/fetch", params={"ids": "r1", "namespace": "n1"}),
            raw.post("/query", {"vector": [1.0, 1.0, 1.0], "topK": 1, "namespace": "n1"}),
            raw.get("/vectors/list", params={"namespace": "n1"}),
            raw.post("/describe_index_stats"),
            raw.post("/vectors/fetch_by_metadata", {"filter": EVEN, "namespace": "n1"}),
        ]
        assert all(int(read.headers["x-pinecone-max-indexed-lsn"]) >= written for read in reads)
