"""Several writers at once, each with items of its own over the same records, while processes are killed: what is left is what
the last answers said, each reference counted, and no edge dangles."""

import os
import pathlib
import random
import secrets
import sys
import threading
import time
import uuid

import httpx
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cognee"))

from cognee_support import Memory, edge, node, until  # noqa: E402
from deployment import DEPLOYMENTS  # noqa: E402
from naive_memory import NaiveMemory  # noqa: E402
from storm import Storm, known, once  # noqa: E402

LONG = os.environ.get("LACUNA_TEST_LONG") == "1"
WRITERS = 4
CRASHES = 30 if LONG else 3
NODES = [f"n{at}" for at in range(6)]


class Writer(threading.Thread):
    """Adds, replaces and forgets its own items, and repeats what isn't known, until it is told to end. `items` is what they are."""

    def __init__(self, urls: list[str], dataset: str, seed: int, ended: threading.Event):
        super().__init__()
        self.views = {url: Memory(url) for url in urls}
        self.rng, self.dataset, self.ended = random.Random(seed), dataset, ended
        self.ids = [str(uuid.UUID(int=self.rng.getrandbits(128))) for _ in range(3)]
        self.items: dict[str, list[dict]] = {}
        self.done = self.refused = 0
        self.failure: BaseException | None = None

    def run(self):
        try:
            while not self.ended.is_set():
                self.step(self.rng.choice(self.ids))
                self.done += 1
        except BaseException as failure:
            self.failure = failure

    def ask(self, method: str, path: str, **given) -> tuple[httpx.Response, bool]:
        """The answer, and whether it is that of a repeat."""

        def asked() -> httpx.Response | None:
            return once(lambda url: self.views[url].http.request(method, path, **given), self.rng.choice(list(self.views)))

        told, repeats = known(asked(), asked)
        return told, repeats > 0

    def step(self, item: str):
        if self.rng.random() < 0.35:
            return self.forget(item)
        picked = self.rng.sample(NODES, self.rng.randint(0, 2))
        records = [node(name, text=str(self.done), vector=[1.0, self.rng.random()]) for name in picked]
        # Its ends may go while it is added: then it is refused.
        records.append(edge(f"e{self.rng.randint(0, 3)}", *self.rng.choices(NODES, k=2)))
        told, repeated = self.ask("POST", f"/api/v1/datasets/{self.dataset}/data", json={"id": item, "records": records, "raw": {"content": f"file {self.done % 2}"}})
        if told.status_code == 201:
            self.items[item] = records
            return None
        assert told.status_code == 422, told.text
        self.refused += 1
        # The first attempt may have been opened before the end went: nobody knows which of the two it is.
        return self.forget(item) if repeated else None

    def forget(self, item: str):
        told, _ = self.ask("DELETE", f"/api/v1/datasets/{self.dataset}/data/{item}")
        assert told.status_code in (200, 207, 404), told.text
        assert told.status_code != 404 or item not in self.items, told.text
        self.items.pop(item, None)


@pytest.fixture(params=["embedded", "cluster"])
def running(request, tmp_path):
    with DEPLOYMENTS[request.param](tmp_path) as made:
        yield made


@pytest.mark.timeout(1800 if LONG else 180)
def test_writers_at_once_amid_crashes_leave_what_they_were_told(running):
    seed = int(os.environ.get("LACUNA_TEST_SEED", secrets.randbits(32)))
    print(f"LACUNA_TEST_SEED={seed} repeats this run's choices")
    view, ended = Memory(running.url), threading.Event()
    root, naive = view.stats()["space"], NaiveMemory()
    naive.users[root] = None
    writers = []
    for at in range(WRITERS):
        dataset = view.dataset(f"d{at % 2}")
        if dataset not in naive.datasets:
            naive.make(dataset, f"d{at % 2}", root)
        writers.append(Writer(running.urls, dataset, seed + at, ended))
    storm = Storm(running, random.Random(seed))
    for writer in writers:
        writer.start()
    try:
        for _ in range(CRASHES):
            time.sleep(storm.rng.uniform(0.3, 0.8))
            storm.crash()
        time.sleep(0.5)
    finally:
        ended.set()
        for writer in writers:
            writer.join()
    for writer in writers:
        assert writer.failure is None, repr(writer.failure)
        for item, records in writer.items.items():
            naive.add(writer.dataset, item, [{"collection": "default", **record} for record in records], "file 0")
    print(f"{sum(writer.done for writer in writers)} steps, {sum(writer.refused for writer in writers)} refused")
    expected = {field: count for field, count in naive.stats(root).items() if not field.startswith("raw") and field != "vectors"}
    until(lambda: expected.items() <= view.stats().items(), 40)
    for dataset in naive.datasets:
        shown, items = naive.shown(root, dataset), naive.datasets[dataset].items
        assert {one["id"]: one["recordCount"] for one in view.items(dataset)} == {id: len(item.held) for id, item in items.items()}
        for id, item in items.items():
            found = view.records(dataset, id)
            assert set(found) == {name for _, name in item.held}
            for name, record in found.items():
                told = (record["references"], sorted((who["dataset_id"], who["data_id"]) for who in record["referencedBy"]))
                assert told == (shown["default", name]["references"], shown["default", name]["referencedBy"]), name
    assert view.forget(everything=True)["status"] == "success"
    until(lambda: all(view.stats()[field] == 0 for field in ("records", "references", "vectors", "raw_files", "raw_bytes")), 20)
