"""Writing records (section 5)."""

import base64
import struct

import chromadb.errors
import pytest
from chroma_calls import ids, make, path, post, refused

EVERYTHING = ["metadatas", "documents", "uris", "embeddings"]


def written(http, collection, verb, status, **body):
    answer = post(http, collection, verb, body)
    assert (answer.status_code, answer.json()) == (status, {}), answer.text
    assert answer.headers["lacuna-status"] == "complete" and answer.headers["lacuna-operation"]


def held(http, collection):
    """id → (vector, document, metadata, uri)."""
    found = post(http, collection, "get", {"include": EVERYTHING}).json()
    rows = zip(found["embeddings"], found["documents"], found["metadatas"], found["uris"], strict=True)
    return dict(zip(found["ids"], rows, strict=True))


def encoded(vector):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def test_add_upsert_and_update(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    written(http, collection, "add", 201, ids=["a", "b"], embeddings=[[1, 2], [3, 4.5]], documents=["A", None], metadatas=[{"x": 1}, None], uris=[None, "b://"])
    assert held(http, collection) == {"a": ([1, 2], "A", {"x": 1}, None), "b": ([3, 4.5], None, {}, "b://")}
    written(http, collection, "add", 201, ids=["a", "c"], embeddings=[[9, 9], [5, 6]], documents=["other", "C"])
    assert held(http, collection)["a"] == ([1, 2], "A", {"x": 1}, None), "an id that exists is left as it is"
    written(http, collection, "upsert", 200, ids=["a", "d"], embeddings=[[7, 8], [0, 0]], metadatas=[{"y": 2}, {"z": 3}])
    assert held(http, collection)["a"] == ([7, 8], "A", {"x": 1, "y": 2}, None), "what isn't sent stays, metadata merge"
    written(http, collection, "update", 200, ids=["a", "b", "zz"], embeddings=[None, [1, 1], [2, 2]], documents=[None, "B", "Z"], metadatas=[{"x": None, "y": 9}, None, {"q": 1}])
    now = held(http, collection)
    assert now["a"] == ([7, 8], "A", {"y": 9}, None)
    assert now["b"] == ([1, 1], "B", {}, "b://")
    assert list(now) == ["a", "b", "c", "d"], "an unknown id is ignored, and everyone keeps their place"


def test_the_clients_own_calls(chroma_client, fresh):
    collection = make(chroma_client, fresh)
    collection.add(ids="one", embeddings=[1, 2], metadatas={"k": "v"}, documents="text")
    collection.upsert(ids=["one", "two"], embeddings=[[3, 4], [5, 6]], metadatas=[{"n": 1}, {"n": 2}])
    collection.update(ids="two", metadatas={"n": 3})
    found = collection.get(include=["embeddings", "metadatas", "documents"])
    assert found["metadatas"] == [{"k": "v", "n": 1}, {"n": 3}]
    assert found["embeddings"].tolist() == [[3, 4], [5, 6]]
    with pytest.raises(chromadb.errors.InvalidArgumentError):
        collection.add(ids=["three"], embeddings=[[1, 2, 3]])
    with pytest.raises(chromadb.errors.DuplicateIDError):
        collection.add(ids=["x", "x"], embeddings=[[1, 2], [1, 2]])


def test_base64_and_numbers_are_the_same(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    vectors = [[0.1, -2.5, 1e-30], [3.4e38, 0.0, -1.0]]
    written(http, collection, "add", 201, ids=["a", "b"], embeddings=[encoded(vector) for vector in vectors])
    written(http, collection, "add", 201, ids=["c", "d"], embeddings=vectors)
    now = {name: row[0] for name, row in held(http, collection).items()}
    single = [list(struct.unpack("<3f", struct.pack("<3f", *vector))) for vector in vectors]
    sent = [[struct.unpack("<f", struct.pack("<f", one))[0] for one in vector] for vector in now.values()]
    assert sent == single * 2


def test_broken_vectors(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    written(http, collection, "add", 201, ids=["a"], embeddings=[[1, 2]])
    rules = [[["x"]], ["!!"], ["AAA="], [encoded([1])[:-4]], [encoded([float("nan"), 1])], [encoded([float("inf"), 1])], [encoded([1, 2, 3])], [[1]], [[1, 2, 3]], [[]], [""]]
    for embeddings in rules:
        status = 422 if embeddings == [["x"]] else 400
        for verb in ["add", "upsert", "update"]:
            refused(post(http, collection, verb, {"ids": ["b"], "embeddings": embeddings}), status, "ChromaError" if status == 422 else "InvalidArgumentError")
    refused(post(http, collection, "add", {"ids": ["b", "c"], "embeddings": [[1, 2], encoded([1, 2])]}), 422, "ChromaError")
    refused(post(http, collection, "add", {"ids": ["b", "c"], "embeddings": [[1, 2], [1, 2, 3]]}), 400, "InvalidArgumentError")
    for embeddings in [None, [None], "x", [7], {}]:
        for verb in ["add", "upsert"]:
            refused(post(http, collection, verb, {"ids": ["b"], "embeddings": embeddings}), 422, "ChromaError")
    huge = http.post(path(collection, "add"), content=b'{"ids":["b"],"embeddings":[[1e400,1]]}', headers={"content-type": "application/json"})
    assert huge.status_code in [400, 422]
    assert ids(collection) == ["a"]


def test_two_lengths_in_one_request_do_not_fix_the_dimension(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    refused(post(http, collection, "add", {"ids": ["a", "b"], "embeddings": [[1, 2], [1, 2, 3]]}), 400, "InvalidArgumentError")
    written(http, collection, "add", 201, ids=["a"], embeddings=[[1, 2, 3]])


def test_columns_and_ids(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    for body in [
        {"ids": ["a"], "embeddings": []},
        {"ids": ["a"], "embeddings": [[1], [2]]},
        {"ids": ["a"], "embeddings": [[1]], "documents": []},
        {"ids": ["a"], "embeddings": [[1]], "metadatas": [None, None]},
        {"ids": ["a", "b"], "embeddings": [[1], [2]], "uris": ["u"]},
        {"ids": [""], "embeddings": [[1]]},
        {"ids": ["x" * 5000], "embeddings": [[1]]},
    ]:
        refused(post(http, collection, "add", body), 400, "InvalidArgumentError")
    for body in [{"embeddings": [[1]]}, {"ids": None, "embeddings": []}, {"ids": [1], "embeddings": [[1]]}, {"ids": ["a"], "embeddings": [[1]], "documents": [7]}]:
        refused(post(http, collection, "add", body), 422, "ChromaError")
    assert post(http, collection, "add", {"ids": [], "embeddings": []}).status_code == 201
    assert post(http, collection, "upsert", {"ids": [], "embeddings": []}).status_code == 200
    assert post(http, collection, "update", {"ids": []}).status_code == 200
    assert collection.count() == 0
    odd = ["new\nline", "nul\0", "a/b", "x" * 1000, "é", "e\u0301", "😀", " ", "'; --"]
    written(http, collection, "add", 201, ids=odd, embeddings=[[n] for n in range(len(odd))])
    assert ids(collection) == odd, "any other id is fine, and none is normalised"
    assert collection.delete(ids=odd)["deleted"] == len(odd)


def test_a_repeated_id(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    written(http, collection, "add", 201, ids=["a", "a"], embeddings=[[1], [2]], documents=["first", "second"])
    assert held(http, collection) == {"a": ([1], "first", None, None)}
    written(http, collection, "upsert", 200, ids=["a", "a"], embeddings=[[3], [4]], documents=["third", None], metadatas=[{"x": 1}, {"x": None, "y": 2}])
    assert held(http, collection) == {"a": ([4], "third", {"y": 2}, None)}


def test_metadata_values(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    kept = {"s": "é", "i": 2**63 - 1, "n": -(2**63), "f": 1.0, "b": False, "ints": [1, 2], "texts": ["", "x"], "flags": [True, False], "e": ""}
    written(http, collection, "add", 201, ids=["a", "b", "c"], embeddings=[[1]] * 3, metadatas=[kept, {}, {"l": [], "mixed": [1, 2.5], "big": 2**63}])
    now = held(http, collection)
    assert now["a"][2] == kept and isinstance(now["a"][2]["f"], float) and isinstance(now["a"][2]["i"], int)
    assert now["b"][2] is None, "an empty object reads back as null"
    assert now["c"][2] == {"mixed": [1.0, 2.5], "big": 9223372036854775808.0} and isinstance(now["c"][2]["mixed"][0], float)
    for wrong in [{"a": None}, {"a": {"b": 1}}, {"a": [1, "x"]}, {"a": [None]}, {"a": [[1]]}, {"a": [True, 1]}, [], "x", 7]:
        refused(post(http, collection, "add", {"ids": ["d"], "embeddings": [[1]], "metadatas": [wrong]}), 422, "ChromaError")
    sparse = {"a": {"#type": "sparse_vector", "indices": [1], "values": [0.5]}}
    refused(post(http, collection, "add", {"ids": ["d"], "embeddings": [[1]], "metadatas": [sparse]}), 501, "ChromaError")
    refused(post(http, collection, "add", {"ids": ["d"], "embeddings": [[1]], "metadatas": [{"chroma:uri": "x"}]}), 400, "InvalidArgumentError")
    refused(post(http, collection, "update", {"ids": ["a"], "metadatas": [{"chroma:uri": None}]}), 400, "InvalidArgumentError")
    written(http, collection, "update", 200, ids=["a"], metadatas=[{key: None for key in kept}])
    assert held(http, collection)["a"][2] is None


def test_the_batch_size_is_enforced(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    most = chroma_client.get_max_batch_size()
    names = [f"r{n}" for n in range(most + 1)]
    refused(post(http, collection, "add", {"ids": names, "embeddings": [[1.0]] * len(names)}), 413, "BatchSizeExceededError")
    collection.add(ids=names[:most], embeddings=[[1.0]] * most)
    assert collection.count() == most
    assert collection.delete(ids=[*names, *(f"x{n}" for n in range(600))])["deleted"] == most, "a delete has no such limit"


def test_a_large_body_is_refused(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    body = b'{"ids":["a"],"embeddings":[[1]],"documents":["' + b"x" * (41 << 20) + b'"]}'
    refused(http.post(path(collection, "add"), content=body, headers={"content-type": "application/json"}), 413, "ChromaError")
    refused(post(http, collection, "add", {"ids": ["a"], "embeddings": [[1]], "documents": ["x" * (5 << 20)]}), 413, "ChromaError")
    assert collection.count() == 0


def test_an_unknown_field_is_ignored(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    written(http, collection, "add", 201, ids=["a"], embeddings=[[1]], something={"deep": [1]})


def test_a_named_write_runs_once(chroma_client, fresh, http):
    """`Idempotency-Key` works here as on every surface."""
    collection = make(chroma_client, fresh)
    headers = {"idempotency-key": fresh("key")}
    body = {"ids": ["a"], "embeddings": [[1]]}
    assert http.post(path(collection, "add"), json=body, headers=headers).status_code == 201
    collection.delete(ids=["a"])
    assert http.post(path(collection, "add"), json=body, headers=headers).status_code == 201
    assert collection.count() == 0, "the repeat is the first call's outcome, not a second one"
    other = http.post(path(collection, "add"), json={"ids": ["b"], "embeddings": [[1]]}, headers=headers)
    refused(other, 409, "ChromaError")
