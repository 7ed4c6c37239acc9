"""Reading records (section 6)."""

import math
import random

import numpy
import pytest
from chroma_calls import filled, make, path, post, refused


def get(http, collection, **body):
    answer = post(http, collection, "get", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def query(http, collection, **body):
    answer = post(http, collection, "query", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_columns_of_a_get(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    collection.add(ids=["a", "b"], embeddings=[[1, 2], [3, 4]], documents=["A", "B"], metadatas=[{"x": 1}, None], uris=["u", "v"])
    whole = get(http, collection)
    assert whole == {"ids": ["a", "b"], "embeddings": None, "documents": ["A", "B"], "uris": None, "metadatas": [{"x": 1}, {}], "include": ["documents", "metadatas"]}, "beside a uri none is {}"
    assert list(whole) == ["ids", "embeddings", "documents", "uris", "metadatas", "include"]
    some = get(http, collection, include=["uris", "embeddings", "distances"])
    assert (some["uris"], some["embeddings"], some["documents"], some["metadatas"]) == (["u", "v"], [[1.0, 2.0], [3.0, 4.0]], None, None)
    assert some["include"] == ["uris", "embeddings", "distances"] and "distances" not in some
    for include in [["all"], ["Documents"], "documents", [7], [None]]:
        refused(post(http, collection, "get", {"include": include}), 422, "ChromaError")


def test_insertion_order_offset_and_limit(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    names = [f"r{n}" for n in range(300)]
    random.Random(7).shuffle(names)
    for at in range(0, 300, 60):
        collection.add(ids=names[at : at + 60], embeddings=[[1.0]] * 60, metadatas=[{"n": int(name[1:])} for name in names[at : at + 60]])
    assert get(http, collection)["ids"] == names
    assert get(http, collection, ids=sorted(names[40:80]))["ids"] == names[40:80], "not the order of ids"
    collection.upsert(ids=names[5:9], embeddings=[[2.0]] * 4)
    assert get(http, collection)["ids"] == names, "an upsert keeps the place"
    collection.delete(ids=names[:3])
    collection.add(ids=names[:3], embeddings=[[3.0]] * 3, metadatas=[{"n": int(name[1:])} for name in names[:3]])
    names = names[3:] + names[:3]
    assert get(http, collection)["ids"] == names, "deleted and added it stands at the end"
    for offset, limit in [(0, 10), (10, 10), (295, 10), (299, 1), (300, 5), (0, 0), (7, None), (1000, None)]:
        expected = names[offset:] if limit is None else names[offset : offset + limit]
        assert get(http, collection, offset=offset, limit=limit)["ids"] == expected
        small = [name for name in names if int(name[1:]) < 100]
        expected = small[offset:] if limit is None else small[offset : offset + limit]
        assert get(http, collection, where={"n": {"$lt": 100}}, offset=offset, limit=limit)["ids"] == expected
        some = [name for name in names if name in names[50:90]]
        expected = some[offset:] if limit is None else some[offset : offset + limit]
        assert get(http, collection, ids=some[::-1], offset=offset, limit=limit)["ids"] == expected
    for body in [{"limit": -1}, {"offset": -1}, {"limit": "3"}, {"limit": 1.5}]:
        refused(post(http, collection, "get", body), 422, "ChromaError")
    assert collection.peek(4)["ids"] == names[:4]


def test_ids_of_a_get(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    assert get(http, collection, ids=["r3", "zz", "r1", "r3"])["ids"] == ["r1", "r3"]
    assert get(http, collection, ids=[])["ids"] == []
    assert len(get(http, collection, ids=None)["ids"]) == 6
    assert get(http, collection, ids=["r0", "r1", "r2"], where={"even": True})["ids"] == ["r0", "r2"]
    assert get(http, collection, ids=["r0", "r1"], where={"even": True}, where_document={"$contains": "text 1"})["ids"] == []
    empty = make(chroma_client, fresh)
    assert get(http, empty)["ids"] == [] and get(http, empty, ids=["a"])["ids"] == []
    assert query(http, empty, query_embeddings=[[1, 2]])["ids"] == [[]]


def test_columns_of_a_query(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    whole = query(http, collection, query_embeddings=[[1.1, 1], [5, 1]], n_results=2)
    assert whole["ids"] == [["r1", "r2"], ["r5", "r4"]]
    assert whole["documents"] == [["text 1 odd", "text 2 even"], ["text 5 odd", "text 4 even"]]
    assert whole["metadatas"][1][0] == {"n": 5, "even": False, "kind": "c"}
    assert (whole["embeddings"], whole["uris"]) == (None, None)
    assert numpy.allclose(whole["distances"], [[0.01, 0.81], [0, 1]], atol=1e-5)
    some = query(http, collection, query_embeddings=[[5, 1]], n_results=1, include=["embeddings", "uris"])
    assert (some["embeddings"], some["uris"], some["distances"]) == ([[[5.0, 1.0]]], [[None]], None)
    assert query(http, collection, query_embeddings=[[5, 1]], n_results=100)["ids"][0][:2] == ["r5", "r4"]
    assert len(query(http, collection, query_embeddings=[[5, 1]])["ids"][0]) == 6


def test_edges_of_a_query(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    assert query(http, collection, query_embeddings=[[1, 1]], n_results=0)["ids"] == [[]]
    assert query(http, collection, query_embeddings=[])["ids"] == []
    assert query(http, collection, query_embeddings=[[1, 1]], where={"n": 77})["ids"] == [[]]
    assert query(http, collection, query_embeddings=[[1, 1]], ids=["r4", "zz"])["ids"] == [["r4"]]
    assert query(http, collection, query_embeddings=[[1, 1]], ids=["r4", "r3", "zz"], where={"even": True})["ids"] == [["r4"]]
    assert query(http, collection, query_embeddings=[[1, 1]], ids=[])["ids"] == [[]]
    many = query(http, collection, query_embeddings=[[n % 6, 1] for n in range(250)], n_results=1, include=[])
    assert many["ids"] == [[f"r{n % 6}"] for n in range(250)]
    for body in [{}, {"query_embeddings": None}, {"query_embeddings": ["AACAPw=="]}, {"query_embeddings": [[1, "x"]]}, {"query_embeddings": [[1, 1]], "n_results": -1}]:
        refused(post(http, collection, "query", body), 422, "ChromaError")
    for wrong in [[[1]], [[1, 2, 3]], [[1, 1], [1]], [[]]]:
        refused(post(http, collection, "query", {"query_embeddings": wrong}), 400, "InvalidArgumentError")


@pytest.mark.parametrize(
    ("space", "expected"),
    [("l2", [0, 5, 20, 4, 1]), ("cosine", [0, 1, 0.4, 2, 1]), ("ip", [0, 1, -2, 2, 1])],
)
def test_distances(chroma_client, fresh, space, expected):
    collection = make(chroma_client, fresh, configuration={"hnsw": {"space": space}})
    collection.add(ids=list("abcde"), embeddings=[[1, 0], [0, 2], [3, 4], [-1, 0], [0, 0]])
    found = collection.query(query_embeddings=[[1, 0]], n_results=5)
    assert found["distances"][0] == sorted(found["distances"][0]), "nearest first"
    by_id = dict(zip(found["ids"][0], found["distances"][0], strict=True))
    assert numpy.allclose([by_id[name] for name in "abcde"], expected, atol=1e-6)


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
def test_nearest_neighbours_agree_with_a_plain_computation(chroma_client, fresh, space):
    generator = numpy.random.default_rng(5)
    vectors = generator.standard_normal((400, 8)).astype(numpy.float32)
    collection = make(chroma_client, fresh, configuration={"hnsw": {"space": space}})
    collection.add(ids=[str(n) for n in range(400)], embeddings=vectors, metadatas=[{"n": n} for n in range(400)])
    asked = generator.standard_normal((5, 8)).astype(numpy.float32)

    def distance(one, other):
        dot = float(one @ other)
        match space:
            case "l2":
                return float(((one - other) ** 2).sum())
            case "cosine":
                return 1 - dot / math.sqrt(float(one @ one) * float(other @ other))
        return 1 - dot

    for where, candidates in [(None, range(400)), ({"n": {"$lt": 50}}, range(50))]:
        found = collection.query(query_embeddings=asked, n_results=10, where=where)
        for vector, names, distances in zip(asked, found["ids"], found["distances"], strict=True):
            expected = sorted((distance(vector, vectors[n]), str(n)) for n in candidates)[:10]
            assert names == [name for _, name in expected]
            assert numpy.allclose(distances, [each for each, _ in expected], atol=1e-4)


def test_count(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for level in ["", "?read_level=index_and_wal", "?read_level=index_only", "?read_level=index_and_bounded_wal"]:
        assert http.get(path(collection, f"count{level}")).json() == 6
    refused(http.get(path(collection, "count?read_level=all")), 400, "InvalidArgumentError")
    assert make(chroma_client, fresh).count() == 0


def test_a_get_of_everything_is_whole(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    for at in range(0, 5000, 1000):
        collection.add(ids=[f"r{n}" for n in range(at, at + 1000)], embeddings=[[1.0, 2.0]] * 1000, documents=["d"] * 1000)
    assert get(http, collection, include=[])["ids"] == [f"r{n}" for n in range(5000)]
    assert get(http, collection, offset=4321, limit=7)["ids"] == [f"r{n}" for n in range(4321, 4328)]
