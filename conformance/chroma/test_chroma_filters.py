"""Filters (section 8): random ones against a naive evaluator, in get, query and delete alike; and the edges by name."""

import random

import pytest
from chroma_calls import delete, ids, make, post, refused
from chroma_naive_filter import document_holds, holds, random_record, random_where, random_where_document

RECORDS, FILTERS = 120, 150


@pytest.fixture
def random_collection(chroma_client, fresh):
    """A collection of random records, and what it holds: id → (metadata, document)."""

    def build(seed, count=RECORDS):
        generator, held = random.Random(seed), {}
        for n in range(count):
            held[f"r{n}"] = random_record(generator)
        collection = make(chroma_client, fresh)
        metadatas = [metadata for metadata, _ in held.values()]
        collection.add(ids=list(held), embeddings=[[1.0, float(n)] for n in range(count)], metadatas=metadatas, documents=[text for _, text in held.values()])
        return collection, held, generator

    return build


def random_filters(generator):
    """A body's filters, and the judge of one record under them."""
    where = random_where(generator) if generator.random() < 0.8 else None
    where_document = random_where_document(generator) if where is None or generator.random() < 0.3 else None
    filters = {name: value for name, value in [("where", where), ("where_document", where_document)] if value is not None}

    def judge(metadata, document):
        on_metadata = where is None or holds(metadata, document, where)
        return on_metadata and (where_document is None or document_holds(document, where_document))

    return filters, judge


@pytest.mark.parametrize("seed", [1, 2])
def test_get_and_query_agree_with_a_naive_reading(random_collection, http, seed):
    collection, held, generator = random_collection(seed)
    matched = 0
    for _ in range(FILTERS):
        filters, judge = random_filters(generator)
        expected = [name for name, record in held.items() if judge(*record)]
        matched += len(expected)
        answer = post(http, collection, "get", {**filters, "include": []})
        assert (answer.status_code, answer.json().get("ids")) == (200, expected), filters
        if generator.random() < 0.3:
            among = generator.sample(list(held), 20) + ["unknown"]
            found = post(http, collection, "get", {**filters, "ids": among, "include": []}).json()["ids"]
            assert found == [name for name in expected if name in among], filters
            nearest = post(http, collection, "query", {**filters, "ids": among, "query_embeddings": [[1, 0]], "n_results": RECORDS, "include": []})
            assert nearest.json()["ids"] == [[name for name in expected if name in among]], filters
        if generator.random() < 0.3:
            nearest = post(http, collection, "query", {**filters, "query_embeddings": [[1, 0]], "n_results": RECORDS, "include": []})
            assert nearest.json()["ids"] == [expected], filters
    assert 0 < matched < FILTERS * RECORDS


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_delete_takes_what_a_naive_reading_takes(random_collection, http, seed):
    collection, held, generator = random_collection(seed)
    for _ in range(40):
        filters, judge = random_filters(generator)
        among = generator.sample(sorted(held), min(10, len(held))) if generator.random() < 0.6 else None
        body = filters if among is None else {**filters, "ids": among}
        goes = [name for name, record in held.items() if judge(*record) and (among is None or name in among)]
        if among is None and len(goes) > 15:
            body, limit = {**body, "limit": 5}, 5
        else:
            limit = None
        assert delete(http, collection, body) == (limit or len(goes)), body
        left = ids(collection)
        if limit:
            assert len(set(held) - set(left)) == limit and set(held) - set(left) <= set(goes), body
        else:
            assert left == [name for name in held if name not in goes], body
        held = {name: held[name] for name in left}
    assert collection.count() == len(held)


def matching(http, collection, **filters):
    return post(http, collection, "get", {**filters, "include": []}).json()["ids"]


@pytest.fixture
def kinds(chroma_client, fresh):
    """One record of each kind of value under `v`, one without the key, one without a document."""
    values = {
        "int": 1,
        "float": 1.0,
        "half": 1.5,
        "text": "1",
        "true": True,
        "word": "true",
        "ints": [1, 2],
        "floats": [1.0, 1.5],
        "texts": ["1", "x"],
        "flags": [True],
        "none": None,
    }
    collection = make(chroma_client, fresh)
    metadatas = [None if value is None else {"v": value} for value in values.values()]
    documents = [f"text of {name}" if name != "none" else None for name in values]
    collection.add(ids=list(values), embeddings=[[1.0]] * len(values), metadatas=metadatas, documents=documents)
    return collection


def test_kinds_never_equal_each_other(kinds, http):
    everything = ids(kinds)
    for value, equals in [(1, ["int", "float"]), (1.0, ["int", "float"]), (1.5, ["half"]), ("1", ["text"]), (True, ["true"]), ("true", ["word"])]:
        assert matching(http, kinds, where={"v": value}) == equals
        assert matching(http, kinds, where={"v": {"$eq": value}}) == equals
        assert matching(http, kinds, where={"v": {"$in": [value]}}) == equals
        rest = [name for name in everything if name not in equals]
        assert matching(http, kinds, where={"v": {"$ne": value}}) == rest, "the exact complement, without the key too"
        assert matching(http, kinds, where={"v": {"$nin": [value]}}) == rest
    assert matching(http, kinds, where={"v": {"$gte": 1}}) == ["int", "float", "half"]
    assert matching(http, kinds, where={"v": {"$lt": 1.5}}) == ["int", "float"]


def test_in_lists_integers_and_floats_are_apart(kinds, http):
    everything = ids(kinds)
    for value, holders in [(1, ["ints"]), (1.0, ["floats"]), (1.5, ["floats"]), ("1", ["texts"]), (True, ["flags"]), ("zz", [])]:
        # JSON of 1.0 stays 1.0 in Python.
        assert matching(http, kinds, where={"v": {"$contains": value}}) == holders
        assert matching(http, kinds, where={"v": {"$not_contains": value}}) == [name for name in everything if name not in holders]


def test_records_without_a_document(kinds, http):
    with_text = [name for name in ids(kinds) if name != "none"]
    assert matching(http, kinds, where_document={"$regex": ".*"}) == with_text
    assert matching(http, kinds, where_document={"$contains": "t"}) == with_text
    assert matching(http, kinds, where_document={"$not_contains": "text"}) == ["none"]
    assert matching(http, kinds, where_document={"$not_regex": ".*"}) == ["none"]
    assert matching(http, kinds, where={"#document": {"$contains": "of int"}}) == ["int", "ints"]
    assert matching(http, kinds, where_document={"$contains": "TEXT"}) == [], "case counts"
    assert matching(http, kinds, where_document={"$regex": "(?i)TEXT OF INTS"}) == ["ints"]


def test_one_part_is_enough_and_an_empty_name_matches_nothing(kinds, http):
    assert matching(http, kinds, where={"$and": [{"v": 1}]}) == ["int", "float"]
    assert matching(http, kinds, where={"$or": [{"v": 1}]}) == ["int", "float"]
    assert matching(http, kinds, where={"": 1}) == []
    assert matching(http, kinds, where={"v": {"$in": [1.0, 2]}}) == ["int", "float"], "a float first takes integers"


def test_reads_refuse_the_same_filters_as_deletes(kinds, http):
    for body in [{"where": {}}, {"where_document": {}}, {"where": {"$and": []}}, {"where": {"v": {"$gt": "x"}}}, {"where": {"v": {"$in": [1, "a"]}}}, {"where": {"chroma:uri": "x"}}]:
        refused(post(http, kinds, "get", body), 400, "InvalidArgumentError")
        refused(post(http, kinds, "query", {**body, "query_embeddings": [[1]]}), 400, "InvalidArgumentError")
        refused(post(http, kinds, "delete", body), 400, "InvalidArgumentError")


def test_a_deep_filter_is_refused(kinds, http):
    where = {"v": 1}
    for _ in range(40):
        where = {"$and": [where]}
    refused(post(http, kinds, "get", {"where": where}), 400, "InvalidArgumentError")
