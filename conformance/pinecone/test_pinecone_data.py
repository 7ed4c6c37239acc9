"""Records: upserted, fetched, listed, queried, updated, counted; and namespaces."""

import json
from random import Random

import pytest
from pinecone import ServerlessSpec
from pinecone_raw import missing_namespace, refused


def vectors(*ids: str, values=(1.0, 0.0, 0.0), **more) -> list[dict]:
    return [{"id": one, "values": list(values), **more} for one in ids]


def test_what_was_upserted_is_fetched(index):
    metadata = {"s": "x", "n": 1.5, "i": 7, "b": False, "l": ["a", "b"], "empty": [], "none": ""}
    assert index.upsert(vectors=[{"id": "a b/c%#", "values": [0.1, -2.5, 3.0], "metadata": metadata}], namespace="n").upserted_count == 1
    found = index.fetch(ids=["a b/c%#", "no"], namespace="n")
    assert list(found.vectors) == ["a b/c%#"] and found.namespace == "n"
    assert found.vectors["a b/c%#"].metadata == metadata
    assert found.vectors["a b/c%#"].values == pytest.approx([0.1, -2.5, 3.0])


def test_an_upsert_replaces_the_whole_record(raw):
    raw.post("/vectors/upsert", {"vectors": vectors("a", metadata={"x": 1, "y": 2})})
    raw.post("/vectors/upsert", {"vectors": vectors("a", metadata={"z": 3})})
    assert raw.get("/vectors/fetch?ids=a").json()["vectors"]["a"]["metadata"] == {"z": 3}


def test_of_a_repeated_id_the_last_one_counts(raw):
    answer = raw.post("/vectors/upsert", {"vectors": [*vectors("a", metadata={"n": 1}), *vectors("a", metadata={"n": 2})]})
    assert answer.json() == {"upsertedCount": 2}
    assert raw.get("/vectors/fetch?ids=a").json()["vectors"]["a"]["metadata"] == {"n": 2}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"vectors": []}, "vectors"),
        ({"vectors": vectors(*[str(n) for n in range(1001)])}, "1000"),
        ({}, "vectors"),
        ({"vectors": [{"id": "a"}]}, "values"),
        ({"vectors": [{"id": "a", "values": []}]}, "values"),
        ({"vectors": vectors("a", values=[1.0, 2.0])}, "Vector dimension 2 does not match the dimension of the index 3"),
        ({"vectors": vectors("")}, "id"),
        ({"vectors": vectors("ä")}, "ASCII"),
        ({"vectors": vectors("x" * 513)}, "512"),
        ({"vectors": vectors("a", values=[1e39, 0.0, 0.0])}, "range"),
        ({"vectors": vectors("a", values=["x", 0.0, 0.0])}, "values"),
        ({"vectors": vectors("a", metadata={"k": {"x": 1}})}, "Metadata value must be a string, number, boolean or list of strings, got"),
        ({"vectors": vectors("a", metadata={"k": [1]})}, "for field 'k'"),
        ({"vectors": vectors("a", metadata={"$k": 1})}, "Metadata field '$k' cannot start with '$'"),
        ({"vectors": vectors("a", metadata={"k": "x" * 41_000})}, "which exceeds the limit of 40960 bytes per vector"),
        ({"vectors": vectors("a", metadata=[1])}, "metadata"),
        ({"vectors": vectors("a"), "namespace": "ä"}, "namespace"),
        ({"vectors": vectors("a"), "namespace": "x" * 513}, "namespace"),
        ({"vectors": vectors("a"), "namespace": 7}, "namespace"),
    ],
)
def test_a_bad_upsert_is_refused_whole(raw, body, words):
    if body.get("vectors"):
        body = body | {"vectors": [*vectors("good"), *body["vectors"]]}
    refused(raw.post("/vectors/upsert", {"namespace": "n"} | body), words)
    assert raw.counts() == {"__default__": 0}, "not even the namespace was made"


def test_a_null_in_metadata_is_left_out(raw):
    raw.post("/vectors/upsert", {"vectors": vectors("a", metadata={"x": None, "y": 1})})
    assert raw.get("/vectors/fetch?ids=a").json()["vectors"]["a"]["metadata"] == {"y": 1}


def test_a_body_over_2_mb_is_413(raw):
    answer = raw.post("/vectors/upsert", {"vectors": vectors("a"), "padding": "x" * (2 << 20)})
    assert answer.status_code == 413 and answer.json()["code"] == 11


def test_a_component_counts_four_bytes_however_many_digits_it_is_written_with(pinecone_client, fresh):
    name, dimension = fresh("wide"), 1_536
    pinecone_client.create_index(name=name, dimension=dimension, spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    index = pinecone_client.Index(name)
    random = Random(1)
    hundred = [(f"r{at}", [random.uniform(-1, 1) for _ in range(dimension)], {"at": at}) for at in range(100)]
    assert len(json.dumps([values for _, values, _ in hundred])) > 2 << 20
    assert index.upsert(vectors=hundred).upserted_count == 100
    assert index.describe_index_stats().total_vector_count == 100
    with pytest.raises(Exception, match="larger than 2097152 bytes"):
        index.upsert(vectors=[(f"s{at}", values, metadata) for at, (_, values, metadata) in enumerate(hundred * 5)])
    assert index.describe_index_stats().total_vector_count == 100
    pinecone_client.delete_index(name)


def test_namespaces_are_echoed_as_they_were_spelt(raw):
    raw.load(2, "")
    for spelt, echoed in [({}, ""), ({"namespace": ""}, ""), ({"namespace": "__default__"}, "__default__")]:
        assert raw.get("/vectors/fetch", params={"ids": "r1"} | spelt).json()["namespace"] == echoed
        assert raw.get("/vectors/list", params=spelt).json()["namespace"] == echoed
        found = raw.post("/query", {"id": "r1", "topK": 1} | spelt).json()
        assert found["namespace"] == echoed and found["matches"][0]["id"] == "r1"


def test_reads_of_a_missing_namespace_are_empty(raw, index):
    assert index.query(vector=[1.0, 1.0, 1.0], top_k=3, namespace="never").matches == []
    assert dict(index.fetch(ids=["a"], namespace="never").vectors) == {}
    assert raw.ids("never") == []
    assert raw.post("/vectors/fetch_by_metadata", {"filter": {"a": 1}, "namespace": "never"}).json()["vectors"] == {}
    assert "never" not in raw.counts()


def test_fetch_takes_1_to_1000_ids(raw):
    raw.load(3)
    many = "&".join(f"ids=r{n}" for n in range(1000))
    assert len(raw.get(f"/vectors/fetch?namespace=n1&{many}").json()["vectors"]) == 3
    refused(raw.get(f"/vectors/fetch?namespace=n1&{many}&ids=x"))
    refused(raw.get("/vectors/fetch?namespace=n1"))


def test_list_goes_through_ids_in_byte_order(raw, index):
    raw.load(25)
    raw.load(3, "n1", "Z")
    ids = [one.id for page in index.list(namespace="n1", limit=7) for one in page.vectors]
    assert ids == sorted([f"r{n}" for n in range(25)] + [f"Z{n}" for n in range(3)])
    last = raw.get("/vectors/list?namespace=n1&prefix=Z&limit=3").json()
    assert [one["id"] for one in last["vectors"]] == ["Z0", "Z1", "Z2"] and "pagination" not in last
    for bad in ["limit=0", "limit=101", "limit=x", "paginationToken=nonsense!", "prefix=" + "x" * 513]:
        refused(raw.get(f"/vectors/list?{bad}"))


@pytest.mark.parametrize(
    ("metric", "scores"),
    [("cosine", {"x": 1.0, "z": 0.0, "o": 0.0, "m": -1.0}), ("dotproduct", {"x": 2.0, "z": 0.0, "o": 0.0, "m": -4.0}), ("euclidean", {"x": 1.0, "z": 4.0, "o": 5.0, "m": 16.0})],
)
def test_scores_are_pinecones(pinecone_client, fresh, metric, scores):
    from pinecone import ServerlessSpec

    name = fresh("s")
    pinecone_client.create_index(name=name, dimension=2, metric=metric, spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    index = pinecone_client.Index(name)
    index.upsert(vectors=[("x", [1.0, 0.0]), ("z", [0.0, 0.0]), ("o", [0.0, 1.0]), ("m", [-2.0, 0.0])])
    found = [(match.id, match.score) for match in index.query(vector=[2.0, 0.0], top_k=10).matches]
    assert dict(found) == pytest.approx(scores)
    best_first = sorted(scores, key=lambda id: ((scores[id] if metric == "euclidean" else -scores[id]), id))
    assert [id for id, _ in found] == best_first, "ties by id"
    pinecone_client.delete_index(name)


def test_query_sends_what_was_asked_for(raw):
    raw.load(3)
    raw.post("/vectors/upsert", {"vectors": vectors("bare"), "namespace": "n1"})
    body = {"vector": [1.0, 1.0, 0.5], "topK": 10, "namespace": "n1"}
    for match in raw.post("/query", body).json()["matches"]:
        assert set(match) == {"id", "score", "values"} and match["values"] == []
    full = raw.post("/query", body | {"includeValues": True, "includeMetadata": True}).json()
    assert full["usage"] == {"readUnits": 1}
    by_id = {match["id"]: match for match in full["matches"]}
    assert by_id["r1"]["values"] == [1.0, 1.0, 0.5] and by_id["r1"]["metadata"] == {"n": 1, "even": False}
    assert "metadata" not in by_id["bare"]


def test_query_by_id(raw):
    raw.load(5)
    found = raw.post("/query", {"id": "r3", "topK": 1, "namespace": "n1"}).json()["matches"]
    assert found[0]["id"] == "r3"
    assert raw.post("/query", {"id": "no", "topK": 1, "namespace": "n1"}).json()["matches"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"vector": [1.0, 1.0, 1.0], "id": "a", "topK": 1}, "Cannot provide both 'ID' and 'vector' at the same time"),
        ({"topK": 1}, "vector"),
        ({"vector": [1.0, 1.0], "topK": 1}, "vector dimension 2 does not match"),
        ({"vector": [1.0, 1.0, 1.0]}, "topK"),
        ({"vector": [1.0, 1.0, 1.0], "topK": 0}, "topK"),
        ({"vector": [1.0, 1.0, 1.0], "topK": 10_001}, "topK"),
        ({"vector": [1.0, 1.0, 1.0], "topK": "1"}, "topK"),
        ({"vector": [1.0, 1.0, 1.0], "topK": 1, "filter": []}, "filter"),
        ({"topK": 1, "queries": [{"values": [1.0, 1.0, 1.0]}]}, "queries"),
    ],
)
def test_bad_queries_are_refused(raw, body, words):
    refused(raw.post("/query", body), words)


def test_an_update_changes_what_it_names(raw, index):
    raw.load(3)
    index.update(id="r1", set_metadata={"n": 9, "new": "x"}, namespace="n1")
    index.update(id="r2", values=[9.0, 9.0, 9.0], namespace="n1")
    found = raw.get("/vectors/fetch?ids=r1&ids=r2&namespace=n1").json()["vectors"]
    assert found["r1"] == {"id": "r1", "values": [1.0, 1.0, 0.5], "metadata": {"n": 9, "even": False, "new": "x"}}
    assert found["r2"] == {"id": "r2", "values": [9.0, 9.0, 9.0], "metadata": {"n": 2, "even": True}}


def test_bad_updates_are_refused(raw):
    raw.load(3)
    for body, words in [
        ({"setMetadata": {"x": 1}}, "id or a filter"),
        ({"id": "r1", "filter": {"n": 1}, "setMetadata": {"x": 1}}, "not both"),
        ({"id": "r1", "values": [1.0]}, "Vector dimension 1 does not match the dimension of the index 3"),
        ({"id": "r1", "setMetadata": {"x": {}}}, "Metadata value must be"),
        ({"filter": {}, "setMetadata": {"x": 1}}, "Update with empty metadata filter is not allowed"),
        ({"filter": {"n": 1}, "values": [1.0, 1.0, 1.0], "setMetadata": {"x": 1}}, "values"),
        ({"filter": {"n": 1}}, "setMetadata"),
    ]:
        refused(raw.post("/vectors/update", body | {"namespace": "n1"}), words)
    assert raw.get("/vectors/fetch?ids=r1&namespace=n1").json()["vectors"]["r1"]["metadata"] == {"n": 1, "even": False}


def test_an_update_by_filter_changes_what_matches(raw, index):
    raw.load(10)
    raw.load(10, "n2")
    tried = index.update(filter={"even": True}, set_metadata={"seen": "x"}, namespace="n1", dry_run=True)
    assert tried.matched_records == 5
    assert raw.post("/vectors/fetch_by_metadata", {"filter": {"seen": "x"}, "namespace": "n1"}).json()["vectors"] == {}
    assert index.update(filter={"even": True}, set_metadata={"seen": "x"}, namespace="n1").matched_records == 5
    found = raw.post("/vectors/fetch_by_metadata", {"filter": {"seen": "x"}, "namespace": "n1"}).json()["vectors"]
    assert set(found) == {f"r{n}" for n in range(0, 10, 2)}
    assert found["r2"] == {"id": "r2", "values": [2.0, 1.0, 0.5], "metadata": {"n": 2, "even": True, "seen": "x"}}
    assert raw.post("/vectors/fetch_by_metadata", {"filter": {"seen": "x"}, "namespace": "n2"}).json()["vectors"] == {}
    assert index.update(filter={"even": True}, set_metadata={"a": "x"}, namespace="never").matched_records == 0
    assert "never" not in raw.counts()


def test_fetch_by_metadata_goes_page_by_page(raw, index):
    raw.load(25)
    seen, token = [], None
    while True:
        page = index.fetch_by_metadata(filter={"even": True}, namespace="n1", limit=5, pagination_token=token)
        seen += list(page.vectors)
        if not page.pagination or not page.pagination.next:
            break
        token = page.pagination.next
    assert sorted(seen) == sorted(f"r{n}" for n in range(0, 25, 2))
    refused(raw.post("/vectors/fetch_by_metadata", {"filter": {}}), "Empty filter provided for fetch by metadata request")
    refused(raw.post("/vectors/fetch_by_metadata", {}), "Empty filter provided for fetch by metadata request")
    for limit in [0, 10_001, "5"]:
        refused(raw.post("/vectors/fetch_by_metadata", {"filter": {"even": True}, "limit": limit}))


def test_statistics(raw, index):
    raw.load(3, "")
    raw.load(4)
    stats = index.describe_index_stats()
    assert stats.dimension == 3 and stats.total_vector_count == 7 and stats.index_fullness == 0
    assert {name: one.vector_count for name, one in stats.namespaces.items()} == {"__default__": 3, "n1": 4}
    assert raw.get("/describe_index_stats").json() == raw.post("/describe_index_stats").json()
    assert raw.client.post(f"{raw.base}/describe_index_stats").json() == raw.post("/describe_index_stats").json()
    assert raw.post("/describe_index_stats").json()["metric"] == "cosine"
    refused(raw.post("/describe_index_stats", {"filter": {"n": 1}}), "serverless")


def test_namespaces_are_made_listed_and_described(raw, index):
    raw.load(2, "b")
    assert index.create_namespace(name="a").name == "a"
    again = raw.post("/namespaces", {"name": "a", "schema": {"fields": {"f": {"filterable": True}}}})
    assert again.status_code == 409 and again.json()["code"] == 6
    assert raw.post("/namespaces", {"name": "b"}).status_code == 409
    assert raw.post("/namespaces", {"name": "__default__"}).status_code == 409
    refused(raw.post("/namespaces", {"name": ""}))
    refused(raw.post("/namespaces", {"name": "ä"}))
    listed = raw.get("/namespaces").json()
    assert listed["namespaces"] == [
        {"name": "__default__", "record_count": 0},
        {"name": "a", "record_count": 0},
        {"name": "b", "record_count": 2},
    ]
    assert listed["total_count"] == 3 and "pagination" not in listed
    assert raw.get("/namespaces?prefix=b").json()["namespaces"] == [{"name": "b", "record_count": 2}]
    assert index.describe_namespace(namespace="b").record_count == 2
    missing_namespace(raw.get("/namespaces/never"))
    pages = [one.name for page in index.list_namespaces(limit=2) for one in page.namespaces]
    assert pages == ["__default__", "a", "b"]


def test_records_are_searched_by_vector_or_id(raw, index):
    raw.load(5)
    found = raw.post("/records/namespaces/n1/search", {"query": {"top_k": 2, "id": "r3", "filter": {"even": False}}, "fields": ["n"]}).json()
    assert [hit["_id"] for hit in found["result"]["hits"]] == ["r3", "r1"]
    assert found["result"]["hits"][0]["fields"] == {"n": 3} and found["usage"] == {"read_units": 1}
    hits = index.search(namespace="n1", top_k=1, vector=[4.0, 1.0, 0.5]).result.hits
    assert hits[0].id == "r4"
    refused(raw.post("/records/namespaces/n1/search", {"query": {"top_k": 2, "inputs": {"text": "x"}}}))
    refused(raw.client.post(f"{raw.base}/records/namespaces/n1/upsert", content='{"_id":"a","text":"x"}\n', headers={"content-type": "application/x-ndjson"}))


def test_a_write_is_read_at_its_own_number(raw_of_others):
    for n in range(5):
        answer = raw_of_others[0].post("/vectors/upsert", {"vectors": vectors(f"a{n}")})
        written = int(answer.headers["x-pinecone-request-lsn"])
        read = raw_of_others[0].get(f"/vectors/fetch?ids=a{n}")
        assert int(read.headers["x-pinecone-max-indexed-lsn"]) >= written and read.headers["x-pinecone-request-id"]
        for raw in raw_of_others:
            assert int(raw.post("/describe_index_stats").headers["x-pinecone-max-indexed-lsn"]) >= written


def sparse(*pairs) -> dict:
    return {"indices": [index for index, _ in pairs], "values": [value for _, value in pairs]}


@pytest.fixture
def sparse_index(pinecone_client, api_client, lacuna, fresh):
    """An index of sparse vectors alone."""
    from pinecone_raw import Raw

    name = fresh("sparse")
    pinecone_client.create_index(name=name, metric="dotproduct", vector_type="sparse", spec={"serverless": {"cloud": "aws", "region": "us-east-1"}})
    yield Raw(api_client, lacuna.url, name)
    pinecone_client.delete_index(name)


def test_a_sparse_index_is_described_as_one(sparse_index):
    model = sparse_index.client.get(f"{sparse_index.control}/indexes/{sparse_index.index}", headers={"x-pinecone-api-version": "2026-07"}).json()
    assert model["vector_type"] == "sparse" and model["metric"] == "dotproduct" and "dimension" not in model
    assert model["schema"] == {"fields": {"_sparse_values": {"type": "sparse_vector"}}}
    stats = sparse_index.post("/describe_index_stats").json()
    assert stats["vectorType"] == "sparse" and "dimension" not in stats


def test_sparse_vectors_are_found_by_their_dot_product(sparse_index, pinecone_client):
    index = pinecone_client.Index(sparse_index.index)
    vectors = [
        {"id": "a", "sparse_values": sparse((7, 1.0), (2, 2.0)), "metadata": {"k": "x"}},
        {"id": "b", "sparse_values": sparse((7, 3.0))},
        {"id": "c", "sparse_values": sparse((9, 5.0))},
    ]
    assert index.upsert(vectors=vectors).upserted_count == 3
    found = index.query(sparse_vector=sparse((7, 1.0), (2, 0.5)), top_k=10, include_values=True, include_metadata=True).matches
    assert [(match.id, match.score) for match in found] == [("b", 3.0), ("a", 2.0)]
    assert (list(found[1].sparse_values.indices), list(found[1].sparse_values.values)) == ([2, 7], [2.0, 1.0])
    assert [match.id for match in index.query(id="c", top_k=10).matches] == ["c"]
    index.update(id="a", sparse_values=sparse((9, 1.0)))
    fetched = index.fetch(ids=["a"]).vectors["a"]
    assert list(fetched.sparse_values.indices) == [9] and fetched.metadata == {"k": "x"}
    index.delete(filter={"k": "x"})
    assert [match.id for match in index.query(sparse_vector=sparse((9, 1.0)), top_k=10).matches] == ["c"]
    index.delete(ids=["c"])
    assert index.query(sparse_vector=sparse((9, 1.0)), top_k=10).matches == []


def test_dense_and_sparse_scores_are_added(pinecone_client, fresh):
    from pinecone import ServerlessSpec

    name = fresh("hybrid")
    pinecone_client.create_index(name=name, dimension=2, metric="dotproduct", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    index = pinecone_client.Index(name)
    index.upsert(
        vectors=[
            {"id": "both", "values": [1.0, 0.0], "sparse_values": sparse((5, 2.0))},
            {"id": "dense", "values": [2.0, 0.0]},
            {"id": "other", "values": [0.0, 1.0], "sparse_values": sparse((6, 9.0))},
        ]
    )
    found = index.query(vector=[1.0, 0.0], sparse_vector=sparse((5, 1.0)), top_k=10).matches
    assert [(match.id, match.score) for match in found] == [("both", 3.0), ("dense", 2.0), ("other", 0.0)]
    assert [match.id for match in index.query(id="both", top_k=1).matches] == ["both"]
    pinecone_client.delete_index(name)


def test_bad_sparse_vectors_are_refused(raw, sparse_index, api_client):
    for body, words in [
        ({"indices": [1, 2], "values": [1.0]}, "1 values"),
        ({"indices": [1, 1], "values": [1.0, 2.0]}, "twice"),
        ({"indices": [-1], "values": [1.0]}, "indices"),
        ({"indices": list(range(2049)), "values": [1.0] * 2049}, "2048"),
    ]:
        refused(sparse_index.post("/vectors/upsert", {"vectors": [{"id": "a", "sparseValues": body}]}), words)
        refused(sparse_index.post("/query", {"sparseVector": body, "topK": 1}), words)
    refused(sparse_index.post("/vectors/upsert", {"vectors": vectors("a")}))
    refused(sparse_index.post("/query", {"vector": [1.0, 0.0, 0.0], "topK": 1}))
    assert sparse_index.counts() == {"__default__": 0}
    one = {"indices": [1], "values": [1.0]}
    refused(raw.post("/vectors/upsert", {"vectors": [vectors("a")[0] | {"sparseValues": one}]}))
    refused(raw.post("/query", {"vector": [1.0, 0.0, 0.0], "sparseVector": one, "topK": 1}))
    spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
    for wrong in [{"metric": "cosine"}, {"dimension": 3}]:
        body = {"name": "s", "vector_type": "sparse", "spec": spec} | wrong
        assert api_client.post(f"{raw.control}/indexes", json=body).status_code == 400
