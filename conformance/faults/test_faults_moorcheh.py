"""Moorcheh's client, with one node of three stopped and one replica a shard: 207 with the ids left, which may be sent again."""

import httpx
import pytest
from moorcheh_sdk import MoorchehClient
from moorcheh_sdk.exceptions import MoorchehError, NamespaceNotFound

from stopped_node import DEADLINE, RECORDS, answers, stopped


@pytest.fixture
def client(one_replica_cluster, key):
    with MoorchehClient(api_key=key, base_url=f"{one_replica_cluster.url}/moorcheh/v1", max_retries=0) as client:
        client._client.headers.update(DEADLINE)
        yield client


@pytest.fixture
def namespace(client, fresh):
    name = fresh("faults")
    client.namespaces.create(name, type="vector", vector_dimension=2)
    client.vectors.upload(name, [{"id": f"r{at}", "vector": [float(at), 1.0], "part": at % 3} for at in range(RECORDS)])
    return name


def count(client, namespace):
    return {one["namespace_name"]: one["item_count"] for one in client.namespaces.list()["namespaces"]}[namespace]


def test_a_delete_of_ids_names_what_is_left_and_sending_that_again_completes_it(one_replica_cluster, client, namespace):
    ids = [f"r{at}" for at in range(30)]
    with stopped(one_replica_cluster):
        told = client.vectors.delete(namespace, ids)
        left = told["unprocessed_ids"]
        assert told["status"] == "partial" and left
        assert told["actual_deletions"] == 30 - len(left)
        written = []
        for at in range(9):
            try:
                client.vectors.upload(namespace, [{"id": f"new{at}", "vector": [1.0, 1.0]}])
                written.append(f"new{at}")
            except MoorchehError:
                pass
        assert written, "no shard that was reached took a record"
    again = answers(lambda: all_of(client.vectors.delete(namespace, left)))
    assert again["actual_deletions"] <= len(left)
    there = client.similarity_search.query([namespace], [1.0, 1.0], top_k=100)["results"]
    there = {hit["id"] for hit in there}
    assert there & {f"r{at}" for at in range(RECORDS)} == {f"r{at}" for at in range(30, RECORDS)}
    assert set(written) <= there
    assert client.vectors.delete(namespace, ids)["actual_deletions"] == 0


def all_of(answer):
    assert "unprocessed_ids" not in answer, answer
    return answer


def test_a_deleted_namespace_is_gone_at_once_and_its_name_starts_empty(one_replica_cluster, client, namespace):
    with stopped(one_replica_cluster):
        client.namespaces.delete(namespace)
        with pytest.raises(NamespaceNotFound):
            client.vectors.delete(namespace, ["r0"])
        client.namespaces.create(namespace, type="vector", vector_dimension=2)
    assert answers(lambda: count(client, namespace)) == 0
    assert client.similarity_search.query([namespace], [1.0, 1.0], top_k=10)["results"] == []


def test_the_answer_is_207_on_the_wire(one_replica_cluster, namespace, key):
    url = f"{one_replica_cluster.url}/moorcheh/v1/namespaces/{namespace}/vectors/delete"
    with stopped(one_replica_cluster):
        told = httpx.post(url, json={"ids": [f"r{at}" for at in range(RECORDS)]}, headers={"x-api-key": key, **DEADLINE}, timeout=30)
    assert told.status_code == 207 and told.headers["lacuna-operation"], told.text
