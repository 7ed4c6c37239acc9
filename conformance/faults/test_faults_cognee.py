"""Forgetting while a node dies, and an add whose router dies: what is shared stays, what isn't goes, nothing is half there."""

import pathlib
import signal
import sys
import threading
import time

import httpx
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cognee"))

from cognee_support import Memory, node, until  # noqa: E402
from deployment import Cluster  # noqa: E402
from deployment.process import wait_ready  # noqa: E402
from stopped_node import DEADLINE, RECORDS, stopped  # noqa: E402

SHARED = 10_000
AN_ITEM = 500


@pytest.fixture
def cluster(tmp_path):
    running = Cluster(tmp_path, nodes=3, replicas=3, shards=4, routers=2)
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_node_killed_while_a_dataset_is_forgotten(cluster):
    memory = Memory(cluster.url)
    one, two = memory.dataset("one"), memory.dataset("two")
    for first in range(0, SHARED, AN_ITEM):
        shared = [node(f"shared-{at}") for at in range(first, first + AN_ITEM)]
        memory.add(one, [*shared, *[node(f"own-{at}") for at in range(first, first + AN_ITEM)]])
        memory.add(two, shared)
    told = []
    asking = threading.Thread(target=lambda: told.append(memory.http.request("DELETE", f"/api/v1/datasets/{one}")))
    asking.start()
    time.sleep(0.02)
    cluster.nodes[0].signal(signal.SIGKILL)
    asking.join()
    [answer] = told
    assert answer.status_code in (200, 207, 503, 504), answer.text
    other = Memory(cluster.urls[1])

    def completed():
        try:
            return other.http.request("DELETE", f"/api/v1/datasets/{one}").json().get("receipt_id")
        except httpx.HTTPError:
            return None

    until(completed, 60)
    receipt = f"/api/v1/receipts/{completed()}"
    until(lambda: other.http.get(receipt).json().get("status") == "complete", 60)
    counts = other.http.get(receipt).json()
    assert (counts["released"], counts["deleted"], counts["items_forgotten"]) == (SHARED, SHARED, SHARED // AN_ITEM)
    held = other.stats()
    assert (held["records"], held["references"]) == (SHARED, SHARED)
    assert len(other.graph(two)["nodes"]) == SHARED


def dies_amid_an_add(cluster, survivor: Memory, dataset: str, at: int) -> bool:
    """Kills the first router while it adds an item; was it in the middle?"""
    # One collection is written after the other, the raw file last: something of it is there for a while before it is open.
    records = [node(f"n-{at}", collection=f"c-{part}", text="x" * 100) for part in range(40) for at in range(100)]
    body = {"records": [*records, node("kept", text="anew")], "raw": {"content": f"{at}" * (8 << 20)}}

    def add():
        try:
            with httpx.Client(base_url=cluster.url, timeout=30, headers={"Lacuna-Deadline-Ms": "4000"}) as client:
                client.post(f"/api/v1/datasets/{dataset}/data", json=body)
        except httpx.HTTPError:
            pass

    adding = threading.Thread(target=add)
    adding.start()
    until(lambda: survivor.stats()["records"] > 1, 20)
    cluster.routers[0].kill()
    adding.join()
    # Either it is opened, by its router's last word, or the meta leader gives it up once its time is over.
    until(lambda: len(survivor.items(dataset)) == 2 or survivor.stats()["references"] == 1, 60)
    return len(survivor.items(dataset)) == 1


def test_a_router_killed_in_the_middle_of_an_add_leaves_nothing_of_it(cluster):
    survivor = Memory(cluster.urls[1])
    dataset = survivor.dataset("one")
    kept = survivor.add(dataset, [node("kept")])
    for at in range(8):
        if dies_amid_an_add(cluster, survivor, dataset, at):
            break
        # The item was open already: whole, then. Once more.
        [added] = [one for one in survivor.items(dataset) if one["id"] != kept["id"]]
        assert (added["recordCount"], survivor.stats()["records"]) == (4_001, 4_001)
        survivor.forget_item(dataset, added["id"])
        cluster.routers[0].start()
        wait_ready(cluster.url, cluster.routers)
    else:
        raise AssertionError("no router died in the middle of an add")
    held = survivor.stats()
    assert (held["records"], held["raw_files"], held["items"]) == (1, 0, 1)
    assert survivor.record(dataset, "kept")["text"] == "kept"
    assert [one["id"] for one in survivor.items(dataset)] == [kept["id"]]


def test_a_dataset_forgotten_while_a_node_is_away(one_replica_cluster, fresh):
    memory, other = (Memory(url) for url in one_replica_cluster.urls)
    before = memory.stats()
    going, staying = memory.dataset(fresh("going")), memory.dataset(fresh("staying"))
    shared = [node(fresh("shared")) for _ in range(RECORDS)]
    item = memory.add(going, [*shared, *[node(fresh("own")) for _ in range(RECORDS)]], raw={"content": fresh("file")})
    kept = memory.add(staying, shared)
    with stopped(one_replica_cluster):
        # Long enough for the meta group to find another leader, should it need one.
        answer = memory.call("DELETE", f"/api/v1/datasets/{going}", 207, headers={"Lacuna-Deadline-Ms": "5000"})
        told = answer.json()
        assert (told["status"], told["items_forgotten"], answer.headers["lacuna-status"]) == ("partial", 1, "partial")
        assert told["pending_shards"] and None not in told.values()
        assert 0 < told["released"] < RECORDS and 0 < told["deleted"] < RECORDS, "what the others confirmed"
        # Gone from every list at once, on every router; its receipt says what is to come.
        for view in (memory, other):
            view.call("GET", f"/api/v1/datasets/{going}/data", 404)
            view.call("GET", f"/api/v1/datasets/{going}/data/{item['id']}/raw", 404)
            receipt = view.call("GET", f"/api/v1/receipts/{told['receipt_id']}").json()
            assert (receipt["status"], receipt["pending_shards"]) == ("pending", told["pending_shards"])
            assert "completed_at" not in receipt
        again = memory.call("DELETE", f"/api/v1/datasets/{going}").json()
        assert (again["already_forgotten"], again["receipt_id"]) == (True, told["receipt_id"])
        # An add that a shard can't take is no add.
        late = {"records": [node(fresh("late")) for _ in range(RECORDS)]}
        memory.call("POST", f"/api/v1/datasets/{staying}/data", 503, json=late, headers=DEADLINE)
        assert [one["id"] for one in other.items(staying)] == [kept["id"]]
    until(lambda: other.call("GET", f"/api/v1/receipts/{told['receipt_id']}").json()["status"] == "complete", 40)
    receipt = other.call("GET", f"/api/v1/receipts/{told['receipt_id']}").json()
    assert (receipt["released"], receipt["deleted"], receipt["pending_shards"]) == (RECORDS, RECORDS, [])
    assert receipt["raw_files"] == {"deleted": 1, "retained_shared": 0, "external": 0}
    until(lambda: other.stats()["references"] == before["references"] + RECORDS, 40)
    held = other.stats()
    assert (held["records"], held["raw_files"]) == (before["records"] + RECORDS, before["raw_files"])
    assert {one["references"] for one in other.records(staying, kept["id"]).values()} == {1}
