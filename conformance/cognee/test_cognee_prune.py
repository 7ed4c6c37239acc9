"""Development mode: prune by layer, and Chroma's reset, over one process and over a cluster with two routers."""

import secrets

import pytest

from cognee_support import Memory, edge, node, until
from deployment import Cluster, Embedded
from other_surfaces import Others

LAYERS = ("graph", "vector", "metadata", "cache")


class Developed:
    """A server with keys in development mode; each test works in an account of its own."""

    def __init__(self, kind: str, folder):
        self.key = secrets.token_hex(24)
        environment = {"LACUNA_ROOT_KEY": self.key, "LACUNA_DEVELOPMENT_MODE": "1"}
        made = {"embedded": Embedded, "cluster": Cluster}[kind]
        self.running = made(folder, environment=environment)

    def root(self, account: str, router: int = 0) -> Memory:
        urls = self.running.urls
        return Memory(urls[router % len(urls)], self.key, account)


@pytest.fixture(scope="module", params=["embedded", "cluster"])
def developed(request, tmp_path_factory):
    server = Developed(request.param, tmp_path_factory.mktemp(f"developed-{request.param}"))
    try:
        server.running.start()
        yield server
        server.running.must_run()
    finally:
        server.running.stop()


@pytest.fixture
def account(developed, fresh):
    name = fresh("account")
    developed.root("default").call("POST", "/v1/accounts", 201, json={"name": name})
    return name


@pytest.fixture
def root(developed, account):
    return developed.root(account)


def system(memory: Memory, *layers: str) -> dict:
    body = {layer: layer in layers for layer in LAYERS}
    return memory.call("POST", "/api/v1/prune/system", json=body).json()


def chunk(name: str, **fields) -> dict:
    return {"id": name, "text": name, "vector": [1.0, 2.0], **fields}


def filled(root: Memory, name: str = "d") -> tuple[str, dict]:
    """A dataset with an item: three nodes (one of them without a vector), two edges, two chunks, a raw file."""
    dataset = root.dataset(name)
    records = [node("a", vector=[1, 0]), node("b", vector=[0, 1]), node("c"), edge("ab", "a", "b"), edge("bc", "b", "c")]
    item = root.add(dataset, [*records, chunk("x"), chunk("y")], raw={"content": "kept"})
    assert item["recordCount"] == 7
    return dataset, item


def one(root: Memory, dataset: str) -> dict:
    [item] = root.items(dataset)
    return item


def zero(stats: dict, *fields: str) -> bool:
    return all(stats[field] == 0 for field in fields)


def test_m41_prune_of_raw_files(developed, root, account):
    assert root.call("GET", "/health").json()["dev_mode"] is True
    dataset, item = filled(root)
    again = root.add(dataset, [], raw={"content": "kept"})
    root.add(dataset, [], raw={"content": "other"})
    outside = root.add(dataset, [], raw={"uri": "file:///etc/passwd"})
    pruned = root.call("POST", "/api/v1/prune/data").json()
    assert pruned == {"status": "success", "raw_files_deleted": 2}
    assert root.call("POST", "/api/v1/prune/data", json={}).json()["raw_files_deleted"] == 0
    stats = root.stats()
    assert zero(stats, "raw_files", "raw_bytes") and (stats["items"], stats["records"]) == (4, 7)
    kinds = {one["id"]: (one["rawKind"], one["rawDataLocation"]) for one in developed.root(account, 1).items(dataset)}
    assert kinds[item["id"]] == kinds[again["id"]] == ("none", "")
    assert kinds[outside["id"]] == ("external", "file:///etc/passwd")
    root.call("GET", f"/api/v1/datasets/{dataset}/data/{item['id']}/raw", 404)
    assert root.forget_item(dataset, item["id"])["raw_files"] == {"deleted": 0, "retained_shared": 0, "external": 0}


def test_m42_prune_of_the_graph(developed, root, account):
    dataset, item = filled(root)
    second = root.add(dataset, [edge("xa", "x", "a"), node("a", text="anew")])
    pruned = system(root, "graph")
    assert pruned == {"status": "success", "pruned": ["graph"]}
    other = developed.root(account, 1)
    assert other.graph(dataset) == {"nodes": [], "edges": []}
    counts = {one["id"]: (one["recordCount"], one["memory"]) for one in other.items(dataset)}
    assert counts == {item["id"]: (2, "present"), second["id"]: (0, "present")}
    assert set(other.records(dataset, item["id"])) == {"x", "y"}
    assert other.record(dataset, "x")["references"] == 1
    other.record(dataset, "a", expect=404)
    stats = root.stats()
    assert (stats["records"], stats["references"], stats["vectors"], stats["raw_files"]) == (2, 2, 2, 1)
    assert [hit["id"] for hit in root.search([1.0, 2.0], topK=9)] == ["x", "y"]
    # The graph can be built anew, and what is left is forgotten with true counts.
    root.add(dataset, [node("a"), edge("ax", "a", "x")])
    assert {one["id"] for one in root.graph(dataset)["nodes"]} >= {"a"}
    gone = root.forget_item(dataset, item["id"])
    assert (gone["released"], gone["deleted"], gone["references_removed"]) == (1, 1, 2)
    assert root.record(dataset, "x")["text"] in ("", None)


def test_m43_prune_of_vectors(developed, root, account):
    dataset, item = filled(root)
    held = root.add(dataset, [chunk("end"), node("n", vector=[3, 4]), edge("to-end", "n", "end")])
    assert system(root, "vector")["pruned"] == ["vector"]
    other = developed.root(account, 1)
    left = other.records(dataset, item["id"])
    assert set(left) == {"a", "b", "c", "ab", "bc"} and not any(record.get("vector") for record in left.values())
    assert left["a"]["text"] == "a" and left["ab"]["source"]
    counts = {one["id"]: one["recordCount"] for one in other.items(dataset)}
    assert counts == {item["id"]: 5, held["id"]: 3}
    # An edge doesn't dangle: its end stays, and nothing is said of it.
    assert set(other.records(dataset, held["id"])) == {"n", "end", "to-end"}
    assert not other.record(dataset, "end").get("vector") and not other.record(dataset, "end")["text"]
    stats = root.stats()
    assert (stats["vectors"], stats["records"], stats["references"]) == (0, 8, 8)
    assert root.search([1.0, 2.0], topK=9) == []
    gone = root.forget_item(dataset, item["id"])
    assert (gone["deleted"], gone["by_kind"]["vector"]["deleted"]) == (5, 0)
    assert root.forget(dataset_id=dataset)["deleted"] == 3
    assert zero(root.stats(), "records", "references", "vectors", "raw_files")


def test_m44_prune_of_the_defaults(developed, root, account, fresh):
    others = Others(developed.running.url, secret(root), fresh("other")).write()
    dataset, item = filled(root)
    before = one(root, dataset)["rawDataLocation"]
    assert root.call("POST", "/api/v1/prune/system").json() == {"status": "success", "pruned": ["graph", "vector", "cache"]}
    for router in (0, 1):
        stats = developed.root(account, router).stats()
        assert zero(stats, "records", "references", "vectors", "pending_receipts") and (stats["items"], stats["raw_files"]) == (1, 1)
    shown = one(developed.root(account, 1), dataset)
    assert (shown["recordCount"], shown["memory"], shown["rawDataLocation"]) == (0, "cleared", before)
    assert root.call("GET", f"/api/v1/datasets/{dataset}/data/{item['id']}/raw").text == "kept"
    assert root.search([1.0, 2.0]) == [] and root.graph(dataset) == {"nodes": [], "edges": []}
    # The next vector fixes the dimension anew, through either router.
    for router in (1, 0):
        developed.root(account, router).add(dataset, [node(f"n{router}", vector=[1, 2, 3])])
    gone = root.forget_item(dataset, item["id"])
    assert (gone["deleted"], gone["released"], gone["raw_files"]["deleted"]) == (0, 0, 1)
    assert others.are_there() and others.in_chroma() == ["a", "b"]


def secret(root: Memory) -> str:
    """A key of the account, with all rights."""
    made = root.call("POST", "/v1/keys", 201, json={"name": "all", "rights": ["read", "write", "delete", "admin"]}).json()
    return made["secret"]


def test_m45_prune_of_all_layers(developed, root, account, fresh):
    key = secret(root)
    others = Others(developed.running.url, key, fresh("other")).write()
    dataset, item = filled(root)
    made = root.call("POST", "/api/v1/users", 201, json={"email": "ada@example.org"}).json()
    user = Memory(developed.running.url, made["api_key"])
    theirs = user.dataset("theirs")
    user.add(theirs, [node("u")], raw={"content": "u"})
    root.forget_item(dataset, root.add(dataset, [])["id"])
    root.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": "acme"})
    root.dataset("of acme")
    assert system(root, *LAYERS) == {"status": "success", "pruned": list(LAYERS)}
    for router in (0, 1):
        asked = developed.root(account, router)
        held = asked.stats()
        assert zero(held, *[field for field in held if field not in ("space", "index_tombstones")]), held
        assert asked.call("GET", "/api/v1/datasets").json() == []
        asked.call("GET", f"/api/v1/datasets/{dataset}/data", 404)
        Memory(asked.http.base_url, made["api_key"]).call("GET", "/api/v1/datasets", 401)
    assert root.call("DELETE", f"/api/v1/datasets/{dataset}", 404)
    root.forget_item(dataset, item["id"], expect=404)
    # Names and ids are free again, and the other APIs' data and keys are as they were.
    root.call("POST", "/api/v1/users", 201, json={"email": "ada@example.org"})
    root.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": "acme"})
    anew = root.dataset("d")
    assert root.add(anew, [node("a", vector=[1, 2, 3])], id=item["id"])["recordCount"] == 1
    assert others.are_there() and others.in_chroma() == ["a", "b"]


def test_m46_prune_of_metadata_alone_leaves_nothing_that_nobody_could_forget(developed, root, account):
    filled(root)
    assert system(root, "metadata")["pruned"] == ["metadata"]
    assert zero(developed.root(account, 1).stats(), "datasets", "items", "records", "references", "vectors", "raw_files", "raw_bytes")


def test_m47_prune_is_for_root_and_refuses_what_it_does_not_know(developed, root):
    dataset, item = filled(root)
    made = root.call("POST", "/api/v1/users", 201, json={"email": "eve@example.org"}).json()
    for refused in (Memory(developed.running.url, made["api_key"]), Memory(developed.running.url, secret(root))):
        for path, body in (("data", {}), ("system", {"metadata": True}), ("system", {"grph": True})):
            answer = refused.call("POST", f"/api/v1/prune/{path}", 403, json=body).json()
            assert "[PermissionDeniedError]" in answer["detail"]
    Memory(developed.running.url, "no such key").call("POST", "/api/v1/prune/data", 401)
    for wrong in ({"grph": True}, {"graph": "yes"}, {"graph": 1}, []):
        root.call("POST", "/api/v1/prune/system", 400, json=wrong)
    root.call("POST", "/api/v1/prune/system", 400, content="{", headers={"content-type": "application/json"})
    assert system(root) == {"status": "success", "pruned": []}
    assert system(root, "cache") == {"status": "success", "pruned": ["cache"]}
    assert len(root.records(dataset, item["id"])) == 7


def test_a_prune_repeated_under_its_name_is_one(root):
    dataset, _ = filled(root)
    named = {"idempotency-key": secrets.token_hex(8)}
    for _ in range(2):
        told = root.call("POST", "/api/v1/prune/data", headers=named).json()
        assert told == {"status": "success", "raw_files_deleted": 1}
    root.call("POST", "/api/v1/prune/system", 409, json={"cache": False}, headers=named)
    assert one(root, dataset)["recordCount"] == 7


def test_another_accounts_memory_is_not_pruned(developed, root, fresh):
    other = fresh("account")
    root.call("POST", "/v1/accounts", 201, json={"name": other})
    dataset, item = filled(developed.root(other))
    filled(root)
    system(root, *LAYERS)
    assert len(developed.root(other).records(dataset, item["id"])) == 7


def test_chromas_reset(developed, root, fresh):
    others = Others(developed.running.url, secret(root), fresh("other")).write()
    dataset, item = filled(root)
    others.call("POST", "/api/v2/tenants", {"name": "acme"})
    others.call("POST", "/api/v2/tenants/acme/databases", {"name": "acme_db"})
    others.call("POST", "/api/v2/tenants/acme/databases/acme_db/collections", {"name": "deep"})
    assert others.call("POST", "/api/v2/reset") is True
    assert others.chroma_names() == []
    for gone in ("/api/v2/tenants/acme", "/api/v2/tenants/acme/databases/acme_db"):
        assert others.http.get(gone).status_code == 404
    assert others.call("GET", "/api/v2/tenants/default_tenant/databases/default_database")["name"] == "default_database"
    assert others.call("POST", "/api/v2/reset") is True
    assert others.are_there() and len(root.records(dataset, item["id"])) == 7


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A cluster in development mode with one replica a shard."""
    folder = tmp_path_factory.mktemp("faulty")
    with Cluster(folder, replicas=1, shards=6, environment={"LACUNA_DEVELOPMENT_MODE": "1"}) as running:
        yield running


@pytest.mark.parametrize("layers", [("graph",), ("vector",), ("graph", "vector")])
def test_a_prune_that_a_node_sleeps_through_is_partial_and_ends_by_itself(faulty, fresh, layers):
    root = Memory(faulty.url)
    dataset = root.dataset(fresh("d"))
    names = [fresh("n") for _ in range(30)]
    records = [node(name, vector=[1, 2]) for name in names]
    records += [edge(f"{at}-{name}", names[at - 1], name) for at, name in enumerate(names)]
    item = root.add(dataset, [*records, *[chunk(f"c{name}") for name in names]])
    body = {layer: layer in layers for layer in LAYERS}
    named = {"lacuna-deadline-ms": "2000", "idempotency-key": secrets.token_hex(8)}
    answers = []

    def recorded() -> bool:
        # The meta group may have to find a leader first.
        answers.append(root.http.post("/api/v1/prune/system", json=body, headers=named))
        return answers[-1].status_code < 300

    faulty.pause(2)
    try:
        until(recorded, 60)
        told = answers[-1].json()
        assert answers[-1].status_code == 207 and told["status"] == "partial"
        assert told["pending_shards"] and told["pruned"] == list(layers)
    finally:
        faulty.resume(2)
    left = {("graph",): 30, ("vector",): 60, ("graph", "vector"): 0}[layers]

    def ended() -> bool:
        try:
            shown = next(one for one in root.items(dataset) if one["id"] == item["id"])
            return root.stats()["pending_receipts"] == 0 and shown["recordCount"] == left
        except AssertionError:
            return False

    until(ended, 60)
    graph = root.graph(dataset)
    nodes = {one["id"] for one in graph["nodes"]}
    assert all(end in nodes for one in graph["edges"] for end in (one["source"], one["target"]))
    gone = root.forget(dataset_id=dataset)
    assert (gone["deleted"], gone["references_removed"]) == (left, left)
