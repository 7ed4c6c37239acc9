"""One node of three stopped, one replica a shard: a delete tells the truth, and a repeat completes it (section 7.6, line 8)."""

import chromadb
import chromadb.errors
import httpx
import pytest
from chroma_calls import DATABASE, filled, path

# Long enough for a shard's answer on a busy machine, short enough to wait for one that is missing.
DEADLINE_MS = "3000"
STOPPED = 1


@pytest.fixture
def client(one_replica_cluster):
    address = httpx.URL(one_replica_cluster.url)
    return chromadb.HttpClient(host=address.host, port=address.port)


@pytest.fixture
def plain(one_replica_cluster):
    with httpx.Client(base_url=one_replica_cluster.url, timeout=60) as http:
        yield http


@pytest.fixture
def stopped(one_replica_cluster):
    """Stops a node that holds shards, whoever leads the catalog; it runs again at the end, if not before."""
    running = []

    def stop():
        one_replica_cluster.pause(STOPPED)
        running.append(STOPPED)

    def resume():
        while running:
            one_replica_cluster.resume(running.pop())

    yield stop, resume
    resume()


def send(http, collection, body):
    return http.post(path(collection, "delete"), json=body, headers={"lacuna-deadline-ms": DEADLINE_MS})


def truth(answer):
    """What a partial answer must carry; its body."""
    body = answer.json()
    assert (answer.status_code, body["error"]) == (503, "InternalError"), answer.text
    operation = answer.headers["lacuna-operation"]
    assert operation in body["message"] and body["op_id"] == operation
    assert answer.headers["lacuna-status"] in ["partial", "pending"]
    assert f"deleted {body['deleted']}" in body["message"]
    assert body["shards_pending"] or body["shards_failed"]
    for shard in body["shards_pending"] + body["shards_failed"]:
        assert str(shard) in body["message"]
    assert body["deleted"] == sum(shard["deleted"] or 0 for shard in body["shards"])
    assert "retry" in body["message"]
    return body


def until_complete(http, collection, body):
    """Repeats a delete until it is complete; what it took."""
    for _ in range(20):
        answer = send(http, collection, body)
        if answer.status_code == 200:
            return answer.json()["deleted"]
    raise AssertionError(answer.text)


def test_d43_a_partial_delete_is_no_success(client, plain, fresh, stopped):
    stop, resume = stopped
    collection = filled(client, fresh, count=120)
    stop()
    body = truth(send(plain, collection, {"where": {"even": True}}))
    assert 0 < body["deleted"] < 60
    collection._client._session.headers["Lacuna-Deadline-Ms"] = DEADLINE_MS
    with pytest.raises(chromadb.errors.InternalError, match="pending"):
        collection.delete(where={"even": True})
    resume()
    until_complete(plain, collection, {"where": {"even": True}})
    assert collection.get(where={"even": True}, include=[])["ids"] == []
    assert collection.count() == 60, "and nothing else went"
    assert until_complete(plain, collection, {"where": {"even": True}}) == 0


def test_d44_ids_left_are_named(client, plain, fresh, stopped):
    stop, resume = stopped
    collection = filled(client, fresh, count=120)
    wanted = [f"r{n}" for n in range(60)]
    stop()
    body = truth(send(plain, collection, {"ids": wanted}))
    left = body["unprocessed_ids"]
    assert 0 < len(left) < 60 and set(left) < set(wanted)
    assert body["deleted"] == 60 - len(left)
    resume()
    first = until_complete(plain, collection, {"ids": wanted})
    assert first <= len(left)
    assert collection.get(include=[])["ids"] == [f"r{n}" for n in range(60, 120)]


def test_d45_a_partial_drop_is_no_success(client, plain, fresh, stopped):
    stop, resume = stopped
    collection = filled(client, fresh, count=60)
    route = f"{DATABASE}/collections/{collection.name}"
    stop()
    answer = plain.delete(route, headers={"lacuna-deadline-ms": DEADLINE_MS})
    body = truth(answer)
    assert "gone from all reads" in body["message"]
    assert plain.get(route).status_code == 404
    assert collection.name not in [other.name for other in client.list_collections()]
    resume()
    for _ in range(20):
        again = plain.delete(route, headers={"lacuna-deadline-ms": DEADLINE_MS})
        if again.status_code != 503:
            break
    # Joined it to its end; or it had ended by itself, and there is no such collection any more.
    assert again.status_code in [200, 404], again.text
    made = client.create_collection(collection.name, embedding_function=None)
    assert made.count() == 0
