"""What the contract leaves open and programs rely on all the same: each line was seen at the real server (chromadb 1.5.9), beside which
random programs of the client's calls were run."""

import chromadb
import numpy
import pytest
from chroma_calls import DATABASE, filled, make, path, post, refused

AGENT = {"user-agent": "Chroma Python Client v1.5.9"}


class Lengths(chromadb.EmbeddingFunction):
    """A text's length and how often it has an a."""

    def __init__(self):
        pass

    def __call__(self, input):
        return [numpy.array([len(text), text.count("a")], dtype=numpy.float32) for text in input]

    @staticmethod
    def name():
        return "lengths-of-tests"

    def get_config(self):
        return {}

    @staticmethod
    def build_from_config(config):
        return Lengths()


def vector_index(name, http):
    """(configuration, what the schema says of the embeddings)."""
    found = http.get(f"{DATABASE}/collections/{name}", headers=AGENT).json()
    return found["configuration_json"], found["schema"]["keys"]["#embedding"]["float_list"]["vector_index"]["config"]


def test_a_schema_counts_beside_the_clients_default_configuration(chroma_client, fresh, http):
    chromadb.utils.embedding_functions.register_embedding_function(Lengths)
    schema, name = chromadb.Schema(), fresh("books")
    schema.create_index(config=chromadb.VectorIndexConfig(space="cosine", embedding_function=Lengths()))
    collection = chroma_client.create_collection(name, schema=schema)
    configuration, index = vector_index(name, http)
    own = {"type": "known", "name": "lengths-of-tests", "config": {}}
    assert (configuration["hnsw"]["space"], configuration["embedding_function"]) == ("cosine", own)
    assert (index["space"], index["embedding_function"]) == ("cosine", own)
    collection.add(ids=["a", "b"], documents=["aaaa", "bbbb"])
    for known in [collection, chroma_client.get_collection(name)]:
        found = known.query(query_texts=["aa"])
        assert found["ids"] == [["a", "b"]]
        assert found["distances"][0] == pytest.approx([0, 1 - 0.5**0.5], abs=1e-6)


def test_a_schema_and_a_configuration_of_ones_own_are_refused(http, fresh):
    index = {"float_list": {"vector_index": {"enabled": True, "config": {"space": "cosine"}}}}
    schema = {"defaults": {}, "keys": {"#embedding": index}}

    def made(**body):
        return http.post(f"{DATABASE}/collections", json={"name": fresh(), **body})

    refused(made(schema=schema, configuration={"hnsw": {"space": "ip"}}), 400, "InvalidArgumentError")
    sparse = {"sparse_vector": {"sparse_vector_index": {"enabled": True, "config": {}}}}
    refused(made(schema={"defaults": {}, "keys": {"s": sparse}}), 400, "InvalidArgumentError")
    for bad in ["x", 7, [], {"defaults": 1, "keys": {}}]:
        refused(made(schema=bad), 422, "ChromaError")


def test_no_embedding_function_is_none_in_the_schema_too(chroma_client, fresh, http):
    collection = make(chroma_client, fresh)
    configuration, index = vector_index(collection.name, http)
    assert configuration["embedding_function"] is None
    assert "embedding_function" not in index


def test_index_parameters_in_the_metadata_are_taken(chroma_client, fresh, http):
    old = {"hnsw:space": "cosine", "hnsw:M": 32, "hnsw:construction_ef": 200, "hnsw:search_ef": 50, "hnsw:sync_threshold": 100, "hnsw:resize_factor": 1.5}
    collection = make(chroma_client, fresh, metadata={**old, "mine": 1})
    assert collection.metadata == {**old, "mine": 1}
    configuration, _ = vector_index(collection.name, http)
    expected = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 50, "sync_threshold": 100, "resize_factor": 1.5}
    assert {name: configuration["hnsw"][name] for name in expected} == expected
    for bad in [{"hnsw:M": "x"}, {"hnsw:search_ef": -1}, {"hnsw:neighbours": 3}]:
        refused(http.post(f"{DATABASE}/collections", json={"name": fresh(), "metadata": bad}), 400, "InvalidArgumentError")


@pytest.mark.parametrize("name", ["", "#x", "$x", "#document"])
def test_a_key_that_no_filter_could_name_is_refused(chroma_client, fresh, http, name):
    collection = filled(chroma_client, fresh, 2)
    for verb in ["add", "update", "upsert"]:
        body = {"ids": ["r0"], "embeddings": [[1, 2]], "metadatas": [{name: 1}]}
        refused(post(http, collection, verb, body), 400, "InvalidArgumentError")
    refused(http.post(f"{DATABASE}/collections", json={"name": fresh(), "metadata": {name: 1}}), 400, "InvalidArgumentError")
    refused(http.put(f"{DATABASE}/collections/{collection.id}", json={"new_metadata": {name: 1}}), 400, "InvalidArgumentError")
    assert collection.get()["metadatas"][0] == {"n": 0, "even": True, "kind": "a"}


def test_none_in_a_collections_new_metadata_is_a_key_less(chroma_client, fresh):
    collection = make(chroma_client, fresh, metadata={"a": 1})
    collection.modify(metadata={"b": 2, "c": None})
    assert chroma_client.get_collection(collection.name).metadata == {"b": 2}
    collection.modify(metadata={"b": None})
    assert chroma_client.get_collection(collection.name).metadata is None


def test_an_empty_list_in_a_change_removes_the_key(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh, 1)
    for verb in ["update", "upsert"]:
        collection.update(ids=["r0"], metadatas=[{"tags": ["x"]}])
        body = {"ids": ["r0"], "embeddings": [[0, 1]], "metadatas": [{"tags": []}]}
        assert post(http, collection, verb, body).status_code == 200
        assert collection.get()["metadatas"] == [{"n": 0, "even": True, "kind": "a"}]


def test_an_id_that_no_record_can_have_is_one_more_unknown_id_to_a_read(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh, 2)
    for strange in ["", "x" * 5000]:
        assert post(http, collection, "get", {"ids": [strange]}).json()["ids"] == []
        assert post(http, collection, "get", {"ids": [strange, "r1"]}).json()["ids"] == ["r1"]
        assert post(http, collection, "get", {"ids": [strange, "r1"], "where": {"n": 1}}).json()["ids"] == ["r1"]
        assert post(http, collection, "query", {"ids": [strange, "r1"], "query_embeddings": [[0, 1]]}).json()["ids"] == [["r1"]]
        assert post(http, collection, "query", {"ids": [strange], "query_embeddings": [[0, 1]]}).json()["ids"] == [[]]


def test_more_hits_than_there_are_records_are_all(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh, 3)
    for number in [10_000, 10_001, 100_000, 2**32 - 1]:
        assert collection.query(query_embeddings=[[0, 1]], n_results=number)["ids"] == [["r0", "r1", "r2"]]
    assert http.get(path(collection, "count")).json() == 3
