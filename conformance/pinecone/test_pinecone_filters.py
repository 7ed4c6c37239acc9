"""Filters: query, fetch_by_metadata and delete select what a naive reading of the dialect selects."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pinecone import ServerlessSpec
from pinecone_naive_filter import matches
from pinecone_raw import Raw, refused

SEED = 20_261_122
FIELDS = ["a", "b", "tags", "n"]
STRINGS = some.sampled_from(["x", "y", "X", "", "1", "true"])
NUMBERS = some.sampled_from([0, 1, -1, 1.0, 1.5, 2, 1e10, -0.0])
SCALARS = some.one_of(STRINGS, NUMBERS, some.booleans())
VALUES = some.one_of(SCALARS, some.lists(STRINGS, max_size=3))
CONDITIONS = some.one_of(
    some.fixed_dictionaries({"$eq": SCALARS}),
    some.fixed_dictionaries({"$ne": SCALARS}),
    some.fixed_dictionaries({"$in": some.lists(SCALARS, min_size=1, max_size=3)}),
    some.fixed_dictionaries({"$nin": some.lists(SCALARS, min_size=1, max_size=3)}),
    some.fixed_dictionaries({"$exists": some.booleans()}),
    some.dictionaries(some.sampled_from(["$gt", "$gte", "$lt", "$lte"]), NUMBERS, min_size=1, max_size=2),
    SCALARS,
)
CLAUSES = some.dictionaries(some.sampled_from(FIELDS), CONDITIONS, min_size=1, max_size=2)
FILTERS = some.recursive(
    CLAUSES,
    lambda inner: some.one_of(
        some.fixed_dictionaries({"$and": some.lists(inner, min_size=1, max_size=3)}),
        some.fixed_dictionaries({"$or": some.lists(inner, min_size=1, max_size=3)}),
        some.builds(lambda one, other: one | {"$or": [other]}, CLAUSES, inner),
    ),
    max_leaves=6,
)
RECORDS = [
    {},
    *[{"a": value} for value in ["x", "X", "", "1", 1, 1.0, 1.5, 0, -1, True, False, [], ["x"], ["x", "y"], [""]]],
    *[{"a": one, "b": other} for one, other in itertools.product(["x", 1, True], ["y", 2, False])],
    *[{"tags": tags, "n": n} for tags, n in [(["x"], 0), (["y", "1"], 1), ([], 2), (["true"], 1.5), ("x", -1), (["x", "y"], 1e10)]],
]


@pytest.fixture(scope="module")
def filled(lacuna, key):
    """An index whose namespace `all` holds every record of the list, under its position."""
    import uuid

    import httpx
    from pinecone import Pinecone

    client = Pinecone(api_key=key, host=f"{lacuna.url}/pinecone")
    name = f"f-{uuid.uuid4().hex[:8]}"
    client.create_index(name=name, dimension=2, metric="euclidean", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    with httpx.Client(timeout=60, headers={"api-key": key}) as http:
        raw = Raw(http, lacuna.url, name)
        fill(raw, "all")
        yield raw
    client.delete_index(name)


def fill(raw, namespace: str) -> None:
    vectors = [{"id": str(at), "values": [float(at), 0.0], "metadata": metadata} for at, metadata in enumerate(RECORDS)]
    assert raw.post("/vectors/upsert", {"vectors": vectors, "namespace": namespace}).status_code == 200


def expected(filter: dict) -> set[str]:
    return {str(at) for at, metadata in enumerate(RECORDS) if matches(filter, metadata)}


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(filter=FILTERS)
def test_queries_select_as_a_naive_reading_does(filled, filter):
    queried = filled.post("/query", {"vector": [0.0, 0.0], "topK": 1000, "namespace": "all", "filter": filter})
    assert queried.status_code == 200, queried.text
    assert {match["id"] for match in queried.json()["matches"]} == expected(filter)
    fetched = filled.post("/vectors/fetch_by_metadata", {"namespace": "all", "filter": filter, "limit": 1000})
    assert set(fetched.json()["vectors"]) == expected(filter)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(filter=FILTERS)
def test_deletes_take_what_queries_select(filled, filter):
    fill(filled, "copy")
    assert filled.delete(namespace="copy", filter=filter).status_code == 200
    left = {str(at) for at in range(len(RECORDS))} - expected(filter)
    assert set(filled.ids("copy")) == left


def test_no_filter_and_an_empty_one_are_the_same_in_a_query(filled):
    for more in [{}, {"filter": {}}, {"filter": None}]:
        found = filled.post("/query", {"vector": [0.0, 0.0], "topK": 1000, "namespace": "all", **more}).json()["matches"]
        assert len(found) == len(RECORDS)


def test_an_empty_list_of_values_takes_nothing_or_everything_in_a_query(filled):
    def found(filter):
        return len(filled.post("/query", {"vector": [0.0, 0.0], "topK": 1000, "namespace": "all", "filter": filter}).json()["matches"])

    assert found({"a": {"$in": []}}) == 0
    assert found({"a": {"$nin": []}}) == len(RECORDS)


@pytest.mark.parametrize(
    "filter",
    [
        {"a": {"$near": 1}},
        {"a": {"$and": []}},
        {"$gt": 1},
        {"$and": []},
        {"$or": [{}]},
        {"$and": {"a": 1}},
        {"a": {}},
        {"a": None},
        {"a": {"$gt": "1"}},
        {"a": {"$gt": True}},
        {"a": {"$in": "x"}},
        {"a": {"$in": [None]}},
        {"a": {"$in": [["x"]]}},
        {"a": {"$exists": "yes"}},
        {"a": ["x"]},
        {"$not": {"a": 1}},
        {"a": {"$match_all": "x"}},
    ],
)
def test_what_is_no_filter_is_refused_by_every_call(filled, filter):
    refused(filled.post("/query", {"vector": [0.0, 0.0], "topK": 1, "namespace": "all", "filter": filter}))
    refused(filled.post("/vectors/fetch_by_metadata", {"namespace": "all", "filter": filter}))
    refused(filled.delete(namespace="all", filter=filter))
    refused(filled.post("/vectors/update", {"namespace": "all", "filter": filter, "setMetadata": {"a": "x"}}))


def test_the_clients_own_builder_makes_filters_that_are_taken(filled):
    from pinecone import Field

    built = (Field("a") == "x") & Field("b").exists() & Field("n").not_in([3])
    found = filled.post("/query", {"vector": [0.0, 0.0], "topK": 1000, "namespace": "all", "filter": built.to_dict()}).json()["matches"]
    assert {match["id"] for match in found} == expected({"a": "x", "b": {"$exists": True}})
