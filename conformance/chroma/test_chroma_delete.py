"""Deletes of records, line by line of the contract (sections 7.1 to 7.4)."""

import concurrent.futures
import threading
import uuid

import chromadb.errors
import pytest
from chroma_calls import delete, filled, ids, make, path, post, refused

EVEN, ODD = {"even": True}, {"even": False}


def untouched(collection, count=6):
    assert collection.count() == count
    assert ids(collection) == [f"r{n}" for n in range(count)]


# --- request and reply ---


def test_d01_reply(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    assert collection.delete(ids=["r0", "r1"]) == {"deleted": 2}
    assert collection.delete(where=EVEN) == {"deleted": 2}
    answer = post(http, collection, "delete", {"ids": ["r3"]})
    assert (answer.status_code, answer.json()) == (200, {"deleted": 1})


def test_d02_operation_headers(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for body in [{"ids": ["r0"]}, {"where": EVEN}, {"ids": ["r1"], "where": ODD}]:
        answer = post(http, collection, "delete", body)
        assert answer.headers["lacuna-status"] == "complete"
        assert answer.headers["lacuna-operation"]


# --- what each request means ---


def test_d03_ids_only(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    assert collection.delete(ids=["r4", "r1"])["deleted"] == 2
    assert ids(collection) == ["r0", "r2", "r3", "r5"]


def test_d04_unknown_ids(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    assert collection.delete(ids=["zzz"])["deleted"] == 0
    assert collection.delete(ids=["r0", "zzz"])["deleted"] == 1
    assert delete(http, collection, {"ids": ["r1", "r1", "zzz", "zzz"]}) == 1
    assert ids(collection) == ["r2", "r3", "r4", "r5"]


def test_d05_ids_and_where(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    assert collection.delete(ids=["r0", "r1", "r2", "zzz"], where=EVEN)["deleted"] == 2
    assert ids(collection) == ["r1", "r3", "r4", "r5"]


def test_d06_ids_and_where_document(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    assert collection.delete(ids=["r0", "r1", "r3"], where_document={"$contains": "odd"})["deleted"] == 2
    assert ids(collection) == ["r0", "r2", "r4", "r5"]


def test_d07_ids_and_both_filters(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    both = {"where": EVEN, "where_document": {"$contains": "text 2"}}
    assert collection.delete(ids=["r0", "r1", "r2"], **both)["deleted"] == 1
    assert collection.delete(where=ODD, where_document={"$contains": "text 5"})["deleted"] == 1
    assert ids(collection) == ["r0", "r1", "r3", "r4"]


def test_d08_no_ids_and_a_filter(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for filters in [{"where": EVEN}, {"where_document": {"$contains": "text"}}, {"where": EVEN, "limit": 3}]:
        assert delete(http, collection, {"ids": [], **filters}) == 0
    untouched(collection)


def test_d09_no_ids_and_no_filter(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    refused(post(http, collection, "delete", {"ids": []}), 400, "InvalidArgumentError")
    untouched(collection)


def test_d10_nothing_given(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for body in [{}, {"ids": None, "where": None, "where_document": None}, {"something": 1}]:
        refused(post(http, collection, "delete", body), 400, "InvalidArgumentError")
    untouched(collection)


def test_d11_limit(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh, count=40)
    assert collection.delete(where=EVEN, limit=7) == {"deleted": 7}
    assert collection.count() == 33
    assert len(collection.get(where=ODD)["ids"]) == 20, "only matches go"
    some = [f"r{n}" for n in range(1, 20, 2)]
    assert delete(http, collection, {"ids": some, "where": ODD, "limit": 4}) == 4
    left = set(collection.get(where=ODD)["ids"])
    assert len(left & set(some)) == 6 and len(left) == 16, "and only those of the ids"
    assert collection.delete(where_document={"$contains": "odd"}, limit=1)["deleted"] == 1


def test_d12_limit_zero(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    assert delete(http, collection, {"where": EVEN, "limit": 0}) == 0
    untouched(collection)


def test_d13_limit_above_the_matches(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    assert collection.delete(where=EVEN, limit=3)["deleted"] == 3
    assert collection.delete(where={"n": 1}, limit=1000)["deleted"] == 1
    assert delete(http, collection, {"where": ODD, "limit": None}) == 2
    assert ids(collection) == []


def test_d14_limit_without_a_filter(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for body in [{"limit": 2}, {"ids": ["r0"], "limit": 2}, {"ids": [], "limit": 2}, {"ids": ["r0"], "limit": 0}]:
        refused(post(http, collection, "delete", body), 400, "InvalidArgumentError")
    untouched(collection)


def test_d15_limit_of_another_kind(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for limit in [-1, "2", 1.5, True, [1], {}]:
        refused(post(http, collection, "delete", {"where": EVEN, "limit": limit}), 422, "ChromaError")
    untouched(collection)


def test_d16_empty_filter(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for empty in [{"where": {}}, {"where_document": {}}, {"where": EVEN, "where_document": {}}]:
        refused(post(http, collection, "delete", empty), 400, "InvalidArgumentError")
        refused(post(http, collection, "delete", {"ids": ["r0"], **empty}), 400, "InvalidArgumentError")
    untouched(collection)


MALFORMED = [
    {"where": {"n": {"$gt": "x"}}},
    {"where": {"n": {"$gt": True}}},
    {"where": {"n": None}},
    {"where": {"n": {"$eq": None}}},
    {"where": {"n": [1, 2]}},
    {"where": {"n": 1, "even": True}},
    {"where": {"n": {"$gt": 1, "$lt": 3}}},
    {"where": {"n": {"$exists": True}}},
    {"where": {"n": {"$regex": "1"}}},
    {"where": {"$not": {"n": 1}}},
    {"where": {"n": {"$in": []}}},
    {"where": {"n": {"$in": [1, "a"]}}},
    {"where": {"n": {"$in": [1, True]}}},
    {"where": {"n": {"$in": [1, 2.5]}}},
    {"where": {"n": {"$in": 1}}},
    {"where": {"#document": "text"}},
    {"where": {"#document": {"$eq": "text"}}},
    {"where": {"$and": {"n": 1}}},
    {"where": {"$or": [{"n": 1}, {}]}},
    {"where": "n = 1"},
    {"where": []},
    {"where_document": {"$regex": "("}},
    {"where_document": {"$contains": 1}},
    {"where_document": {"$contains": ["a"]}},
    {"where_document": {"$contains": "a", "$regex": "a"}},
    {"where_document": {"$like": "a"}},
    {"where_document": {"$and": []}},
    {"where_document": "text"},
]


@pytest.mark.parametrize("body", MALFORMED, ids=str)
def test_d17_malformed_filter(chroma_client, fresh, http, body):
    collection = filled(chroma_client, fresh)
    message = refused(post(http, collection, "delete", body), 400, "InvalidArgumentError")
    assert "nothing was changed" in message
    refused(post(http, collection, "delete", {"ids": ["r0"], **body}), 400, "InvalidArgumentError")
    untouched(collection)


def test_d18_ids_of_another_kind(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for body in [{"ids": "r0"}, {"ids": ["r0", 1]}, {"ids": [None]}, {"ids": {"r0": 1}}, ["r0"], [["r0"]], "r0", 7]:
        refused(post(http, collection, "delete", body), 422, "ChromaError")
    untouched(collection)


def test_d19_no_json(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for content in [b"", b"{", b'{"ids": ["r0"]', b'{"ids": ["r0"]} more', b"ids=r0", b"\xff"]:
        answer = http.post(path(collection, "delete"), content=content, headers={"content-type": "application/json"})
        refused(answer, 400, "InvalidArgumentError")
    untouched(collection)


def test_d20_unknown_collection(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    gone = collection.id
    chroma_client.delete_collection(collection.name)
    for unknown in [uuid.uuid4(), gone]:
        for body in [{"ids": ["r0"]}, {"where": EVEN}, {"ids": ["r0"], "where": EVEN}, {"where": EVEN, "limit": 0}]:
            message = refused(post(http, unknown, "delete", body), 404, "NotFoundError")
            assert message.startswith(f"Collection [{unknown}] does not exist")


def test_d21_no_uuid(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for name in [collection.name, "7", "not-a-uuid"]:
        refused(post(http, name, "delete", {"ids": ["r0"]}), 400, "InvalidArgumentError")
    untouched(collection)


def test_d22_empty_collection(chroma_client, fresh, http):
    never = make(chroma_client, fresh)
    emptied = filled(chroma_client, fresh)
    emptied.delete(where_document={"$contains": "text"})
    for collection in [never, emptied]:
        assert collection.delete(ids=["a", "b"])["deleted"] == 0
        assert collection.delete(where=EVEN)["deleted"] == 0
        assert collection.delete(where=EVEN, limit=3)["deleted"] == 0
        assert delete(http, collection, {"ids": ["a"], "where_document": {"$contains": "x"}}) == 0


def test_d23_empty_and(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    refused(post(http, collection, "delete", {"where": {"$and": []}}), 400, "InvalidArgumentError")
    refused(post(http, collection, "delete", {"ids": ["r0"], "where": {"$and": []}}), 400, "InvalidArgumentError")
    untouched(collection)


def test_d24_empty_or(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    refused(post(http, collection, "delete", {"where": {"$or": []}}), 400, "InvalidArgumentError")
    untouched(collection)


def test_d25_empty_pattern(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for operator in ["$contains", "$not_contains", "$regex", "$not_regex"]:
        body = {"where_document": {operator: ""}}
        refused(post(http, collection, "delete", body), 400, "InvalidArgumentError")
        refused(post(http, collection, "delete", {"where": {"#document": {operator: ""}}}), 400, "InvalidArgumentError")
    untouched(collection)


def test_d26_what_the_client_refuses(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    refusals = [
        (ValueError, {}),
        (ValueError, {"ids": []}),
        (ValueError, {"ids": ["r0"], "limit": 1}),
        (ValueError, {"where": EVEN, "limit": -1}),
        (ValueError, {"where": {}}),
        (ValueError, {"where": {"n": {"$in": []}}}),
        (ValueError, {"where": {"n": {"$in": [1, "a"]}}}),
        (ValueError, {"where_document": {"$contains": ""}}),
        (ValueError, {"where_document": {}}),
        (TypeError, {"where": EVEN, "limit": "2"}),
    ]
    for error, arguments in refusals:
        with pytest.raises(error):
            collection.delete(**arguments)
        assert 400 <= post(http, collection, "delete", arguments).status_code < 500, arguments
    with pytest.raises(chromadb.errors.DuplicateIDError):
        collection.delete(ids=["r0", "r0"])
    untouched(collection)
    assert collection.delete(ids="r0")["deleted"] == 1, "a plain id is wrapped by the client"


# --- after a delete ---


def test_d27_gone_at_once(chroma_client, fresh, lacuna):
    collection = filled(chroma_client, fresh, count=60)
    for n in range(0, 60, 2):
        if n % 4 == 0:
            collection.delete(ids=[f"r{n}"])
        else:
            collection.delete(where={"n": n})
        assert collection.get(ids=[f"r{n}"])["ids"] == []
        assert collection.get(where={"n": n})["ids"] == []
        assert collection.get(where_document={"$contains": f"text {n} "})["ids"] == []
        nearest = collection.query(query_embeddings=[[float(n), 1.0]], n_results=3, include=[])["ids"][0]
        assert len(nearest) == 3 and f"r{n}" not in nearest
        assert collection.count() == 60 - n // 2 - 1


def test_d28_added_again_it_starts_from_nothing(chroma_client, fresh):
    collection = make(chroma_client, fresh)
    for again in [collection.add, collection.upsert]:
        collection.upsert(ids=["a"], embeddings=[[1, 2]], metadatas=[{"old": [1, 2]}], documents=["old"], uris=["old://"])
        collection.delete(ids=["a"])
        again(ids=["a"], embeddings=[[3, 4]])
        found = collection.get(ids=["a"], include=["metadatas", "documents", "uris", "embeddings"])
        assert (found["metadatas"], found["documents"], found["uris"]) == ([None], [None], [None])
        assert found["embeddings"].tolist() == [[3.0, 4.0]]
        assert collection.delete(where={"old": {"$contains": 1}})["deleted"] == 0
        assert collection.delete(ids=["a"])["deleted"] == 1


def test_d29_an_update_of_it_is_ignored(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    collection.delete(ids=["r0"])
    changes = {"ids": ["r0", "r1"], "metadatas": [{"back": 1}, {"new": 1}], "documents": ["back", "new"]}
    assert post(http, collection, "update", changes).status_code == 200
    assert collection.get(ids=["r0"])["ids"] == []
    assert collection.count() == 5
    assert collection.get(ids=["r1"])["documents"] == ["new"]


def test_d30_twice_is_harmless(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    assert collection.delete(ids=["r0", "r1"])["deleted"] == 2
    assert collection.delete(ids=["r0", "r1"])["deleted"] == 0
    assert collection.delete(where=EVEN)["deleted"] == 2
    assert collection.delete(where=EVEN)["deleted"] == 0
    assert ids(collection) == ["r3", "r5"]


def test_d31_the_dimension_stays(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    collection.delete(where={"n": {"$gte": 0}})
    assert collection.count() == 0
    with pytest.raises(chromadb.errors.InvalidArgumentError):
        collection.add(ids=["x"], embeddings=[[1, 2, 3]])
    assert chroma_client.get_collection(collection.name, embedding_function=None).count() == 0
    collection.add(ids=["x"], embeddings=[[1, 2]])


def test_d32_four_at_once(chroma_client, fresh):
    collection = filled(chroma_client, fresh, count=400)

    def run(which):
        mine = [f"r{n}" for n in range(which * 100, which * 100 + 100)]
        by_ids = sum(collection.delete(ids=mine[at : at + 10])["deleted"] for at in range(0, 50, 10))
        between = {"$and": [{"n": {"$gte": which * 100}}, {"n": {"$lt": which * 100 + 100}}]}
        return by_ids + collection.delete(where=between)["deleted"]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [100] * 4
    assert collection.count() == 0
    collection.add(ids=["r0"], embeddings=[[0, 1]])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        counts = [pool.submit(collection.delete, ids=["r0"]) for _ in range(4)]
    assert sorted(count.result()["deleted"] for count in counts) == [0, 0, 0, 1], "one of them took it"


# --- where Chroma's own server breaks trust ---


def test_d37_no_residue_in_any_read(chroma_client, fresh, http):
    secret = f"secret-{uuid.uuid4().hex}"
    collection = make(chroma_client, fresh)
    collection.add(ids=["a", "b"], embeddings=[[1, 2], [1, 2]], documents=[secret, "stays"], metadatas=[{"k": secret}, {"k": "x"}], uris=[secret, "y"])
    collection.delete(ids=["a"])
    seen = [
        collection.get(include=["metadatas", "documents", "uris", "embeddings"]),
        collection.query(query_embeddings=[[1, 2]], n_results=9, include=["metadatas", "documents", "uris", "embeddings"]),
        collection.get(where={"k": secret}),
        collection.get(where_document={"$contains": secret}),
        http.post(f"/v1/collections/{collection_number(collection)}/records/get", json={"include": ["document", "metadata", "vector"]}).text,
    ]
    assert "stays" in str(seen[0]) and "stays" in seen[-1]
    assert secret not in str(seen)


def collection_number(collection) -> int:
    """The native API's id of a collection: what its UUID encodes."""
    plain = collection.id.hex
    return int(plain[14:16] + plain[18:], 16)


def test_d39_numbers_by_exact_value(chroma_client, fresh):
    def left(where):
        collection = make(chroma_client, fresh)
        values = [1, 2, 1.5, 2.0, 2**53 + 1]
        collection.add(ids=["i1", "i2", "f1.5", "f2", "big"], embeddings=[[1.0]] * 5, metadatas=[{"v": value} for value in values])
        count = collection.delete(where=where)["deleted"]
        rest = set(ids(collection))
        assert len(rest) == 5 - count
        return rest

    assert left({"v": 1.5}) == {"i1", "i2", "f2", "big"}
    assert left({"v": {"$gte": 2.5}}) == {"i1", "i2", "f1.5", "f2"}
    assert left({"v": {"$lt": 2.5}}) == {"big"}
    assert left({"v": {"$ne": 2.9}}) == set()
    assert left({"v": {"$in": [2.9]}}) == {"i1", "i2", "f1.5", "f2", "big"}
    assert left({"v": 2}) == {"i1", "f1.5", "big"}
    assert left({"v": float(2**53)}) == {"i1", "i2", "f1.5", "f2", "big"}
    assert left({"v": 2**53 + 1}) == {"i1", "i2", "f1.5", "f2"}


def test_d40_the_number_is_of_what_went(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    assert collection.delete(ids=["r1", "zzz"])["deleted"] == 1


def test_d41_query_for_a_deleted_id(chroma_client, fresh):
    collection = filled(chroma_client, fresh)
    collection.delete(ids=["r1"])
    assert collection.query(query_embeddings=[[1, 1]], ids=["r1"])["ids"] == [[]]
    assert collection.query(query_embeddings=[[1, 1]], ids=["r1", "r2"])["ids"] == [["r2"]]


def test_d42_a_filter_is_judged_where_it_deletes(chroma_client, fresh):
    """Writers take records out of the filter's reach; what a writer was told to be safe must never go."""
    collection = filled(chroma_client, fresh, count=200)
    safe, stop = [], threading.Event()

    def save():
        for n in range(0, 200, 2):
            if stop.is_set():
                return
            collection.update(ids=[f"r{n}"], metadatas=[{"even": False}])
            safe.append(f"r{n}")

    def sweep():
        return sum(collection.delete(where=EVEN)["deleted"] for _ in range(10))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        saving = pool.submit(save)
        gone = pool.submit(sweep).result()
        stop.set()
        saving.result()
    # An update may have found its record deleted already: then it was ignored. One that found it kept it.
    left = ids(collection)
    assert len(left) == 200 - gone
    assert collection.get(where=EVEN)["ids"] == [name for name in left if name not in safe and int(name[1:]) % 2 == 0]
    kept = collection.get(ids=safe)
    assert all(not metadata["even"] for metadata in kept["metadatas"]), "who was changed first stays"
