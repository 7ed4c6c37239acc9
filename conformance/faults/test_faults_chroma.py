"""Chroma's client, with one node of three stopped and one replica a shard: it raises, says what is done and what isn't, and repeating completes."""

import chromadb
import httpx
import pytest
from chromadb.errors import ChromaError, InternalError, NotFoundError

from stopped_node import DEADLINE, RECORDS, answers, completed, operation_in, stopped

PART = {"part": 1}


@pytest.fixture
def client(one_replica_cluster, key):
    address = httpx.URL(one_replica_cluster.url)
    return chromadb.HttpClient(host=address.host, port=address.port, headers={"X-Chroma-Token": key, **DEADLINE})


@pytest.fixture
def collection(client, fresh):
    made = client.create_collection(fresh("faults"), embedding_function=None)
    made.add(ids=[f"r{at}" for at in range(RECORDS)], embeddings=[[at, 1] for at in range(RECORDS)], metadatas=[{"part": at % 3} for at in range(RECORDS)])
    return made


def test_a_where_delete_raises_completes_by_itself_and_spares_what_came_after(one_replica_cluster, collection):
    written, refused = set(), set()
    with stopped(one_replica_cluster):
        with pytest.raises(InternalError) as told:
            collection.delete(where=PART)
        message = str(told.value)
        assert "pending" in message and "deleted" in message, message
        for at in range(9):
            try:
                collection.upsert(ids=[f"new{at}"], embeddings=[[at, 2]], metadatas=[PART])
                written.add(f"new{at}")
            except ChromaError:
                refused.add(f"new{at}")
        assert written, "no shard that was reached took a record"
    assert completed(one_replica_cluster, operation_in(message))["deleted"] == RECORDS // 3
    # The shards that were reached had fixed their bound before these were written (PW6): they stay.
    found = set(answers(lambda: collection.get(where=PART))["ids"])
    assert written <= found <= written | refused
    assert collection.delete(where=PART) == {"deleted": len(found)}
    assert collection.count() == RECORDS - RECORDS // 3


def test_a_delete_of_ids_raises_and_repeating_completes_it(one_replica_cluster, collection):
    ids = [f"r{at}" for at in range(30)]
    with stopped(one_replica_cluster):
        with pytest.raises(InternalError) as told:
            collection.delete(ids=ids)
        assert operation_in(str(told.value))
        with pytest.raises(ChromaError):
            collection.get(ids=ids)
    repeated = answers(lambda: collection.delete(ids=ids))
    assert 0 <= repeated["deleted"] < 30, "the shards that were reached had deleted theirs"
    assert collection.get(ids=ids)["ids"] == []
    assert sorted(collection.get()["ids"]) == sorted(f"r{at}" for at in range(30, RECORDS))
    assert collection.delete(ids=ids) == {"deleted": 0}


def test_a_dropped_collection_is_gone_at_once_and_its_name_starts_empty(one_replica_cluster, client, collection):
    with stopped(one_replica_cluster):
        with pytest.raises(InternalError) as told:
            client.delete_collection(collection.name)
        message = str(told.value)
        with pytest.raises(NotFoundError):
            client.get_collection(collection.name, embedding_function=None)
        anew = client.create_collection(collection.name, embedding_function=None)
    assert completed(one_replica_cluster, operation_in(message))["deleted"] == RECORDS
    assert answers(anew.count) == 0
    with pytest.raises(NotFoundError):
        collection.count()
