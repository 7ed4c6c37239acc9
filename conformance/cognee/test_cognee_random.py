"""Random adds, replaces, shares and forgets over several accounts against a naive model: the same records, values and files remain."""

import base64
import os
import random
import secrets
import uuid

from cognee_support import Memory, edge, node, until

STEPS = 60 * int(os.environ.get("LACUNA_TEST_ROUNDS", "1"))
NAMES = [f"n{at}" for at in range(8)]
FILES = [f"file {at} " * 50 for at in range(3)]


class Naive:
    """One account, one space: every item by itself, in the order of its adds."""

    def __init__(self):
        self.datasets: dict[str, dict[str, dict]] = {}
        self.clock = 0

    def add(self, dataset: str, item: str, records: list[dict], file: str | None):
        self.clock += 1
        held = {}
        for record in records:
            held[record["id"]] = record
        for record in records:
            for end in (record.get("source"), record.get("target")):
                if end is not None:
                    held.setdefault(end, None)
        self.datasets[dataset][item] = {"at": self.clock, "held": held, "file": file, "cleared": False}

    def items(self, but=()):
        return [(dataset, item, facts) for dataset, items in self.datasets.items() for item, facts in items.items() if (dataset, item) not in but]

    def owners(self, name: str, but=()):
        found = [(facts["at"], facts["held"][name]) for _, _, facts in self.items(but) if not facts["cleared"] and name in facts["held"]]
        return sorted(found, key=lambda pair: pair[0])

    def exists(self, name: str) -> bool:
        return bool(self.owners(name))

    def names(self, but=()) -> set[str]:
        return {name for _, _, facts in self.items(but) if not facts["cleared"] for name in facts["held"]}

    def expected_counts(self, going: list[tuple[str, str]]):
        """released, deleted, references_removed of forgetting these items."""
        lost, pairs = set(), 0
        for dataset, item in going:
            facts = self.datasets[dataset][item]
            if not facts["cleared"]:
                lost |= set(facts["held"])
                pairs += len(facts["held"])
        left = self.names(but=set(going))
        return len(lost & left), len(lost - left), pairs

    def value(self, name: str):
        said = [record for _, record in self.owners(name) if record is not None]
        return said[-1] if said else None


def compare(memory: Memory, naive: Naive):
    # An edge that two datasets share may show the ends that the other one's item gave it: they are in the space.
    graphs = {dataset: memory.graph(dataset) for dataset in naive.datasets}
    nodes = {one["id"] for graph in graphs.values() for one in graph["nodes"]}
    for dataset, items in naive.datasets.items():
        assert {one["id"] for one in memory.items(dataset)} == set(items)
        here = {name for facts in items.values() if not facts["cleared"] for name in facts["held"]}
        for name in NAMES:
            if name not in here:
                memory.record(dataset, name, expect=404)
                continue
            found, value = memory.record(dataset, name), naive.value(name)
            assert found["references"] == len(naive.owners(name)), name
            assert found["text"] == (value["text"] if value else ""), name
            sets = {one for _, record in naive.owners(name) if record for one in record.get("nodeSets", [])}
            assert set(found["nodeSets"]) == sets, name
        edges = graphs[dataset]["edges"]
        assert all(one["source"] in nodes and one["target"] in nodes for one in edges), "no edge dangles"
        for item, facts in items.items():
            if facts["file"] is not None:
                assert memory.call("GET", f"/api/v1/datasets/{dataset}/data/{item}/raw").text == facts["file"]


def step(rng: random.Random, memory: Memory, naive: Naive, tag: str):
    dataset = rng.choice(list(naive.datasets))
    known = list(naive.datasets[dataset])
    match rng.choices(["add", "replace", "forget", "clear", "empty"], [8, 3, 5, 2, 1])[0]:
        case "add" | "replace" as what:
            item = rng.choice(known) if what == "replace" and known else str(uuid.UUID(int=rng.getrandbits(128)))
            picked = rng.sample(NAMES, rng.randint(1, 4))
            records = [node(name, text=f"{tag} {naive.clock}", nodeSets=[rng.choice("xyz")]) for name in picked]
            ends = [name for name in NAMES if name in picked or naive.exists(name)]
            if rng.random() < 0.5:
                records.append(edge(f"e{rng.randint(0, 3)}", rng.choice(ends), rng.choice(ends), text=""))
            file = rng.choice([None, *FILES])
            raw = {"contentBase64": base64.b64encode(file.encode()).decode()} if file is not None else None
            memory.add(dataset, records, id=item, raw=raw)
            naive.add(dataset, item, records, file)
        case "forget" if known:
            item = rng.choice(known)
            expected = naive.expected_counts([(dataset, item)])
            result = memory.forget_item(dataset, item)
            assert (result["released"], result["deleted"], result["references_removed"]) == expected
            again = memory.forget_item(dataset, item)
            assert again["already_forgotten"] and again["receipt_id"] == result["receipt_id"]
            del naive.datasets[dataset][item]
        case "clear" if known:
            item = rng.choice(known)
            expected = naive.expected_counts([(dataset, item)])
            result = memory.forget(datasetId=dataset, dataId=item, memoryOnly=True)
            assert (result["released"], result["deleted"], result["references_removed"]) == expected
            naive.datasets[dataset][item]["cleared"] = True
        case "empty":
            going = [(dataset, item) for item in known]
            expected = naive.expected_counts(going)
            result = memory.call("DELETE", f"/api/v1/datasets/{dataset}/data").json()
            assert (result["released"], result["deleted"], result["references_removed"]) == expected
            naive.datasets[dataset].clear()


def test_random_histories_leave_what_a_naive_model_says(keyed_anywhere):
    url, root = keyed_anywhere.url, keyed_anywhere.root
    seed = int(os.environ.get("LACUNA_TEST_SEED", secrets.randbits(32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    accounts = []
    for at in range(2):
        # The same names in both: neither ever sees the other's records.
        account = f"random-{seed}-{at}"
        Memory(url, root).call("POST", "/v1/accounts", 201, json={"name": account})
        memory, naive = Memory(url, root, account=account), Naive()
        for name in ("one", "two"):
            naive.datasets[memory.dataset(name)] = {}
        accounts.append((memory, naive, f"account {at}"))
    for at in range(STEPS):
        memory, naive, tag = rng.choice(accounts)
        step(rng, memory, naive, tag)
        if at % 5 == 0:
            until(lambda: memory.stats()["pending_receipts"] == 0)
            compare(memory, naive)
    for memory, naive, _ in accounts:
        until(lambda: memory.stats()["pending_receipts"] == 0)
        compare(memory, naive)
        held = memory.stats()
        assert held["records"] == len(naive.names())
        assert held["references"] == sum(len(facts["held"]) for _, _, facts in naive.items() if not facts["cleared"])
        assert held["raw_files"] == len({facts["file"] for _, _, facts in naive.items() if facts["file"] is not None})
        memory.forget(everything=True)
        until(lambda: memory.stats()["pending_receipts"] == 0)
        held = memory.stats()
        assert (held["records"], held["references"], held["raw_files"], held["items"]) == (0, 0, 0, 0)
