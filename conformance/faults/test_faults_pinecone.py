"""Pinecone's client, with one node of three stopped and one replica a shard: never a false success, and repeating completes."""

import pytest
from pinecone import ApiError, NotFoundError, Pinecone, ServiceError

from stopped_node import RECORDS, answers, completed, operation_in, stopped

# The client repeats a call four times by itself.
DEADLINE = {"lacuna-deadline-ms": "1000"}
FILTER = {"part": {"$eq": 1}}


@pytest.fixture
def index(one_replica_cluster, key, fresh):
    client = Pinecone(api_key=key, host=f"{one_replica_cluster.url}/pinecone", additional_headers=DEADLINE)
    name = fresh("faults")
    client.create_index(name=name, dimension=2, metric="euclidean", spec={"serverless": {"cloud": "aws", "region": "us-east-1"}})
    index = client.Index(name)
    records = [{"id": f"r{at}", "values": [float(at), 1.0], "metadata": {"part": at % 3}} for at in range(RECORDS)]
    for namespace in ["", "whole"]:
        index.upsert(vectors=records, namespace=namespace)
    return index


def found(index, ids, namespace=""):
    return set(index.fetch(ids=list(ids), namespace=namespace).vectors)


def test_a_filter_delete_raises_completes_by_itself_and_spares_what_came_after(one_replica_cluster, index):
    written, refused = set(), set()
    with stopped(one_replica_cluster):
        with pytest.raises(ServiceError) as told:
            index.delete(filter=FILTER)
        assert told.value.status_code == 503
        for at in range(4):
            try:
                index.upsert(vectors=[{"id": f"new{at}", "values": [float(at), 2.0], "metadata": {"part": 1}}])
                written.add(f"new{at}")
            except ApiError:
                refused.add(f"new{at}")
        assert written, "no shard that was reached took a record"
    # The client repeated the request by itself: this is its last operation, and those before have a lower bound.
    completed(one_replica_cluster, operation_in(str(told.value)))
    new = answers(lambda: found(index, written | refused))
    assert written <= new, "a record written after the answer, on a shard that had fixed its bound, stays (PW6)"
    assert found(index, {f"r{at}" for at in range(RECORDS)}) == {f"r{at}" for at in range(RECORDS) if at % 3 != 1}
    index.delete(filter=FILTER)
    assert index.describe_index_stats().namespaces["__default__"].vector_count == RECORDS - RECORDS // 3


def test_a_delete_of_ids_raises_and_repeating_completes_it(one_replica_cluster, index):
    ids = [f"r{at}" for at in range(30)]
    with stopped(one_replica_cluster):
        with pytest.raises(ServiceError) as told:
            index.delete(ids=ids)
        assert "not yet" in str(told.value)
        with pytest.raises(ServiceError):
            index.fetch(ids=ids)
    answers(lambda: index.delete(ids=ids))
    assert found(index, ids) == set()
    assert found(index, {f"r{at}" for at in range(RECORDS)}) == {f"r{at}" for at in range(30, RECORDS)}


def test_a_delete_of_everything_raises_and_nothing_of_it_is_seen_again(one_replica_cluster, index):
    everything = [f"r{at}" for at in range(RECORDS)]
    with stopped(one_replica_cluster):
        with pytest.raises(ServiceError) as told:
            index.delete(delete_all=True, namespace="whole")
        message = str(told.value)
    assert completed(one_replica_cluster, operation_in(message))["deleted"] == RECORDS
    with pytest.raises(NotFoundError):
        answers_or_missing(index)
    assert found(index, everything, "whole") == set()
    assert index.describe_index_stats().namespaces["__default__"].vector_count == RECORDS
    index.upsert(vectors=[{"id": "r1", "values": [9.0, 9.0]}], namespace="whole")
    assert found(index, everything, "whole") == {"r1"}


def answers_or_missing(index):
    """Repeats the deleteAll; the namespace went with its records, so in the end it isn't found."""

    def repeat():
        try:
            index.delete(delete_all=True, namespace="whole")
        except NotFoundError as error:
            return error
        return None

    error = answers(repeat)
    if error is not None:
        raise error
