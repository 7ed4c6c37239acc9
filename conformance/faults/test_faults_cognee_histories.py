"""Random adds, replaces, shares, revokes and forgets of several users in two accounts, amid crashes and retries: what is left, what
each user sees of it, and every count on the way, are a naive model's."""

import os
import pathlib
import random
import secrets
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cognee"))

from cognee_support import Memory, edge, node, until  # noqa: E402
from deployment import DEPLOYMENTS  # noqa: E402
from naive_memory import PERMISSIONS, NaiveMemory, location  # noqa: E402
from storm import Storm  # noqa: E402

LONG = os.environ.get("LACUNA_TEST_LONG") == "1"
STEPS = 400 if LONG else 40
# One step in so many has a crash.
CRASH_EVERY = 6
NODES = [f"n{at}" for at in range(7)]
EDGES = [f"e{at}" for at in range(3)]
VECTORS = [f"v{at}" for at in range(3)]
FILES = [f"file {at} " * 40 for at in range(3)]


class User:
    """One user, through any router."""

    def __init__(self, urls: list[str], key: str, id: str):
        self.id = id
        self.views = {url: Memory(url, key) for url in urls}

    def asks(self, method: str, path: str, key: str | None = None, **given):
        headers = {"Idempotency-Key": key} if key else {}
        return lambda url: self.views[url].http.request(method, path, headers=headers, **given)


class History:
    """Users, their model, and the storm that they work in."""

    def __init__(self, running, rng: random.Random, root: str):
        self.running, self.rng, self.root = running, rng, root
        self.storm = Storm(running, rng)
        self.accounts = [self.account(f"account-{at}", users) for at, users in enumerate((3, 1))]

    def account(self, name: str, users: int) -> tuple[NaiveMemory, list[User]]:
        Memory(self.running.url, self.root).call("POST", "/v1/accounts", 201, json={"name": name})
        root, naive, made = Memory(self.running.url, self.root, account=name), NaiveMemory(), []
        for at in range(users):
            told = root.call("POST", "/api/v1/users", 201, json={"email": f"{at}@{name}"}).json()
            made.append(User(self.running.urls, told["api_key"], told["id"]))
            naive.users[told["id"]] = None
        if users > 1:
            # The first two share a tenant, the third has a space of its own.
            first, second = made[0].views[self.running.url], made[1].views[self.running.url]
            tenant = first.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": "t"}).json()["tenant_id"]
            first.call("POST", f"/api/v1/permissions/users/{made[1].id}/tenants", params={"tenant_id": tenant})
            second.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})
            naive.users[made[0].id] = naive.users[made[1].id] = tenant
        for at, user in enumerate([*made, made[0]]):
            self.make(naive, user, f"d{at}")
        return naive, made

    # --- steps ---

    def ask(self, user: User, method: str, path: str, crash: bool, **given):
        return self.storm.call(user.asks(method, f"/api/v1/{path}", **given), crash)

    def make(self, naive: NaiveMemory, user: User, name: str):
        told = self.ask(user, "POST", "datasets", False, json={"name": name})
        assert told.status_code == 200, told.text
        naive.make(told.json()["id"], name, user.id)

    def step(self, crash: bool):
        naive, users = self.rng.choices(self.accounts, [3, 1])[0]
        user = self.rng.choice(users)
        steps = {self.add: 9, self.replace: 4, self.share: 4, self.forget_item: 5, self.clear: 3, self.forget_dataset: 2, self.everything: 1, self.stranger: 1}
        self.rng.choices(list(steps), list(steps.values()))[0](naive, users, user, crash)

    def pick(self, naive: NaiveMemory, user: User, permission: str) -> str:
        """Mostly a dataset on which the user has the permission."""
        may = naive.with_right(user.id, permission)
        return self.rng.choice(may if may and self.rng.random() < 0.85 else list(naive.datasets))

    def records(self, naive: NaiveMemory, dataset: str) -> list[dict]:
        rng, text = self.rng, f"said {naive.clock}"
        picked = rng.sample(NODES, rng.randint(1, 4))

        def vector():
            return {"vector": [rng.random() + 0.1, rng.random() + 0.1]} if rng.random() < 0.7 else {}

        records = [node(name, collection="default", text=f"{text} {name}", nodeSets=rng.sample("xyz", rng.randint(0, 2)), **vector()) for name in picked]
        there = {name for _, collection, name in naive.held(naive.datasets[dataset].space) if collection == "default" and name in NODES}
        ends = sorted(there | set(picked))
        for name in rng.sample(EDGES, rng.randint(0, 2)):
            records.append(edge(name, rng.choice(ends), rng.choice(ends), collection="default", text=f"{text} {name}", **vector()))
        for name in rng.sample(VECTORS, rng.randint(0, 2)):
            records.append({"id": name, "collection": "chunks", "text": f"{text} {name}", "vector": [rng.random(), 1.0]})
        return records

    def add(self, naive, users, user, crash, item: str | None = None, dataset: str | None = None):
        dataset = dataset or self.pick(naive, user, "write")
        item = item or str(uuid.UUID(int=self.rng.getrandbits(128)))
        records = self.records(naive, dataset)
        file, uri = self.rng.choice([(None, None), (None, "file:///etc/passwd"), *[(file, None) for file in FILES]])
        raw = {"content": file} if file is not None else {"uri": uri} if uri else None
        body = {"id": item, "name": "a.txt", "records": records, "raw": raw}
        told = self.ask(user, "POST", f"datasets/{dataset}/data", crash, json=body)
        if naive.may(user.id, dataset, "write"):
            assert told.status_code == 201, told.text
            naive.add(dataset, item, records, file, uri)
        else:
            assert told.status_code == 403, told.text

    def replace(self, naive, users, user, crash):
        dataset = self.pick(naive, user, "write")
        known = list(naive.datasets[dataset].items)
        self.add(naive, users, user, crash, self.rng.choice(known) if known else None, dataset)

    def share(self, naive, users, user, crash):
        datasets = list({self.pick(naive, user, "share") for _ in range(self.rng.randint(1, 2))})
        principal = self.rng.choice([*[one.id for one in users], *[tenant for tenant in naive.users.values() if tenant]])
        permission, give = self.rng.choice(PERMISSIONS), self.rng.random() < 0.6
        path = f"permissions/datasets/{principal}"
        told = self.ask(user, "POST" if give else "DELETE", path, crash, params={"permission_name": permission}, json=datasets)
        if all(naive.may(user.id, dataset, "share") for dataset in datasets):
            assert told.status_code == 200, told.text
            naive.share(principal, permission, datasets, give)
        else:
            assert told.status_code == 403, told.text

    def forget_item(self, naive, users, user, crash):
        dataset = self.pick(naive, user, "delete")
        known = list(naive.datasets[dataset].items)
        if not naive.may(user.id, dataset, "delete") or not known:
            told = self.ask(user, "DELETE", f"datasets/{dataset}/data/{uuid.uuid4()}", crash)
            assert told.status_code == (404 if naive.may(user.id, dataset, "delete") else 403), told.text
            return
        going = [(dataset, self.rng.choice(known))]
        expected = naive.counts(going)
        # Without a key a repeat finds the tombstone, which names the receipt of the first.
        key = self.rng.choice([None, str(uuid.uuid4())])
        self.forgotten(user, self.ask(user, "DELETE", f"datasets/{dataset}/data/{going[0][1]}", crash, key=key), expected)
        naive.forget(going)

    def clear(self, naive, users, user, crash):
        dataset = self.pick(naive, user, "delete")
        if not naive.may(user.id, dataset, "delete"):
            assert self.ask(user, "POST", "forget", crash, json={"datasetId": dataset, "memoryOnly": True}).status_code == 403
            return
        known, body = list(naive.datasets[dataset].items), {"datasetId": dataset, "memoryOnly": True}
        if known and self.rng.random() < 0.7:
            known = [self.rng.choice(known)]
            body["dataId"] = known[0]
        going = [(dataset, item) for item in known]
        expected = naive.counts(going, memory_only=True)
        reset = sum(not naive.datasets[dataset].items[item].cleared for item in known)
        told = self.ask(user, "POST", "forget", crash, key=str(uuid.uuid4()), json=body)
        self.forgotten(user, told, expected | {"data_records_reset": reset})
        naive.clear(going)

    def forget_dataset(self, naive, users, user, crash):
        dataset, whole = self.pick(naive, user, "delete"), self.rng.random() < 0.5
        path = f"datasets/{dataset}" if whole else f"datasets/{dataset}/data"
        if not naive.may(user.id, dataset, "delete"):
            assert self.ask(user, "DELETE", path, crash).status_code == 403
            return
        there = naive.datasets[dataset]
        going = [(dataset, item) for item in there.items]
        expected = naive.counts(going)
        # The owner finds the tombstone too; for others, and for a dataset that stays, the key tells a repeat apart.
        key = None if whole and there.owner == user.id and self.rng.random() < 0.5 else str(uuid.uuid4())
        self.forgotten(user, self.ask(user, "DELETE", path, crash, key=key), expected)
        naive.forget(going, [dataset] if whole else [])
        if whole:
            self.make(naive, next(one for one in users if one.id == there.owner), there.name)

    def everything(self, naive, users, user, crash):
        deletable = naive.with_right(user.id, "delete")
        going = [(dataset, item) for dataset in deletable for item in naive.datasets[dataset].items]
        expected = naive.counts(going) | {"datasets_removed": len(deletable)}
        owners = [(naive.datasets[dataset].owner, naive.datasets[dataset].name) for dataset in deletable]
        skipped = set(naive.with_right(user.id, "read")) - set(deletable)
        told = self.ask(user, "POST", "forget", crash, key=str(uuid.uuid4()), json={"everything": True})
        assert set(told.json()["datasets_skipped"]) == skipped
        self.forgotten(user, told, expected)
        naive.forget(going, deletable)
        for owner, name in owners:
            self.make(naive, next(one for one in users if one.id == owner), name)

    def stranger(self, naive, users, user, crash):
        """Of the other account nothing is there."""
        [other] = [one for one, _ in self.accounts if one is not naive]
        dataset = self.rng.choice(list(other.datasets))
        method, path = self.rng.choice([("DELETE", f"datasets/{dataset}"), ("GET", f"datasets/{dataset}/data"), ("POST", f"datasets/{dataset}/data")])
        given = {"json": {"records": []}} if method == "POST" else {}
        assert self.ask(user, method, path, crash, **given).status_code == 404

    def forgotten(self, user: User, told, expected: dict):
        """The answer, if it is whole, and the receipt once it is complete."""
        assert told.status_code in (200, 207), told.text
        answer = told.json()
        if told.status_code == 200 and not answer["already_forgotten"]:
            assert {field: answer[field] for field in expected} == expected
        path = f"/api/v1/receipts/{answer['receipt_id']}"
        until(lambda: self.storm.call(user.asks("GET", path), False).json()["status"] == "complete", 60)
        receipt = self.storm.call(user.asks("GET", path), False).json()
        for field in ("released", "deleted", "items_forgotten", "raw_files"):
            assert receipt[field] == expected[field], f"{field}: {receipt}, expected {expected}"

    # --- what is left ---

    def quiet(self):
        """Until nothing is on its way out any more: what an add left behind whose router died goes by itself."""
        for naive, users in self.accounts:
            for user in users:
                view = user.views[self.rng.choice(self.running.urls)]
                expected = naive.stats(user.id)

                def same(view=view, expected=expected):
                    held = view.stats()
                    return {field: held[field] for field in expected} == expected

                try:
                    until(same, 40)
                except AssertionError:
                    raise AssertionError(f"held: {view.stats()}, expected {expected}") from None

    def compare(self):
        for naive, users in self.accounts:
            for user in users:
                view = user.views[self.rng.choice(self.running.urls)]
                readable = naive.with_right(user.id, "read")
                assert {one["id"] for one in view.call("GET", "/api/v1/datasets").json()} == set(readable)
                for dataset in readable:
                    compare_dataset(view, naive, user.id, dataset)
                for dataset in set(naive.datasets) - set(readable):
                    view.call("GET", f"/api/v1/datasets/{dataset}/graph", 403)


def compare_dataset(view: Memory, naive: NaiveMemory, user: str, dataset: str):
    items, shown = naive.datasets[dataset].items, naive.shown(user, dataset)
    listed = {one["id"]: one for one in view.items(dataset)}
    assert set(listed) == set(items)
    seen: dict[tuple[str, str], dict] = {}
    for id, item in items.items():
        held = {} if item.cleared else item.held
        one = listed[id]
        assert (one["recordCount"], one["memory"]) == (len(held), "cleared" if item.cleared else "present")
        assert one["rawDataLocation"] == location(item)
        records = view.call("GET", f"/api/v1/datasets/{dataset}/data/{id}/records").json()
        assert {(record["collection"], record["id"]) for record in records} == set(held)
        seen |= {(record["collection"], record["id"]): record for record in records}
        raw = view.call("GET", f"/api/v1/datasets/{dataset}/data/{id}/raw", 404 if item.file is None else 200)
        assert item.file is None or raw.text == item.file
    assert set(seen) == set(shown)
    for key, expected in shown.items():
        record = seen[key]
        found = {field: record[field] for field in ("text", "references")}
        found |= {"nodeSets": sorted(record["nodeSets"]), "referencedBy": sorted((who["dataset_id"], who["data_id"]) for who in record["referencedBy"])}
        assert found == {field: expected[field] for field in found}, key
        assert record.get("vector") == (pytest.approx(expected["vector"]) if expected["vector"] else None), key
    for collection, names in (("default", NODES + EDGES), ("chunks", VECTORS)):
        for name in names:
            if (collection, name) not in shown:
                view.record(dataset, name, collection, expect=404)
        hits = view.search([1.0, 0.5], collection=collection, datasetIds=[dataset], topK=100)
        with_vector = {name for (place, name), expected in shown.items() if place == collection and expected["vector"]}
        assert {hit["id"] for hit in hits} == with_vector, "search finds what is there, and nothing that is gone"
        assert all(hit["text"] == shown[collection, hit["id"]]["text"] for hit in hits)
    graph = view.graph(dataset)
    assert {one["id"] for one in graph["nodes"]} == {name for _, name in shown if name in NODES}
    assert len(graph["edges"]) == sum(name in EDGES for _, name in shown)


@pytest.fixture(params=["embedded", "cluster"])
def running(request, tmp_path):
    environment = {"LACUNA_ROOT_KEY": "root-of-the-histories-0123456789abcdef"}
    with DEPLOYMENTS[request.param](tmp_path, environment=environment) as made:
        made.root = environment["LACUNA_ROOT_KEY"]
        yield made


@pytest.mark.timeout(3600 if LONG else 180)
def test_histories_amid_crashes_leave_what_a_naive_model_says(running):
    seed = int(os.environ.get("LACUNA_TEST_SEED", secrets.randbits(32)))
    print(f"LACUNA_TEST_SEED={seed} repeats this run")
    history = History(running, random.Random(seed), running.root)
    for at in range(STEPS):
        crash = at % CRASH_EVERY == CRASH_EVERY - 1
        in_the_middle = crash and history.rng.random() < 0.7
        if crash and not in_the_middle:
            history.storm.crash()
        history.step(in_the_middle)
        if crash:
            history.quiet()
            if at // CRASH_EVERY % 3 == 0:
                history.compare()
    history.quiet()
    history.compare()
    print(f"{history.storm.crashes} crashes, {history.storm.repeats} repeats")
    assert history.storm.crashes > 0
    for naive, users in history.accounts:
        for user in users:
            for dataset in naive.with_right(user.id, "delete"):
                naive.forget([(dataset, item) for item in naive.datasets[dataset].items], [dataset])
            assert user.views[running.url].forget(everything=True)["status"] == "success"
    history.quiet()
