"""A naive model of one account's memory collections: every item by itself with all that it said, nothing shared and nothing counted
ahead. What is asked of it is worked out from the items each time."""

import dataclasses
import hashlib

PERMISSIONS = ("read", "write", "delete", "share")
KINDS = {"n": "node", "e": "edge", "v": "vector"}


@dataclasses.dataclass
class Item:
    # Its place in the order of adds.
    at: int
    # What it says of each record (collection, id); None: it only holds it, as an edge's end.
    held: dict[tuple[str, str], dict | None]
    file: str | None
    uri: str | None = None
    cleared: bool = False


@dataclasses.dataclass
class Dataset:
    name: str
    owner: str
    tenant: str | None
    grants: dict[str, set[str]]
    items: dict[str, Item] = dataclasses.field(default_factory=dict)

    @property
    def space(self) -> str:
        return self.tenant or self.owner


class NaiveMemory:
    def __init__(self):
        # A user's current tenant.
        self.users: dict[str, str | None] = {}
        self.datasets: dict[str, Dataset] = {}
        self.clock = 0

    # --- rights ---

    def may(self, user: str, dataset: str, permission: str) -> bool:
        there, tenant = self.datasets[dataset], self.users[user]
        reach = [user, tenant] if tenant else [user]
        return there.tenant == tenant and any(permission in there.grants.get(one, ()) for one in reach)

    def with_right(self, user: str, permission: str) -> list[str]:
        return [dataset for dataset in self.datasets if self.may(user, dataset, permission)]

    def share(self, principal: str, permission: str, datasets: list[str], give: bool):
        for dataset in datasets:
            grants = self.datasets[dataset].grants.setdefault(principal, set())
            grants.add(permission) if give else grants.discard(permission)

    # --- changes ---

    def make(self, dataset: str, name: str, owner: str):
        self.datasets[dataset] = Dataset(name, owner, self.users[owner], {owner: set(PERMISSIONS)})

    def add(self, dataset: str, item: str, records: list[dict], file: str | None, uri: str | None = None):
        self.clock += 1
        held: dict[tuple[str, str], dict | None] = {(record["collection"], record["id"]): record for record in records}
        for record in records:
            for end in (record.get("source"), record.get("target")):
                if end is not None:
                    held.setdefault((record["collection"], end), None)
        self.datasets[dataset].items[item] = Item(self.clock, held, file, uri)

    def forget(self, going: list[tuple[str, str]], datasets: list[str] = ()):
        for dataset, item in going:
            del self.datasets[dataset].items[item]
        for dataset in datasets:
            del self.datasets[dataset]

    def clear(self, going: list[tuple[str, str]]):
        for dataset, item in going:
            self.datasets[dataset].items[item].cleared = True

    # --- questions ---

    def places(self, space: str | None = None, but=()) -> list[tuple[str, str, Item]]:
        """Every item with its place, in the order of adds."""
        every = [(dataset, id, item) for dataset, there in self.datasets.items() if space in (None, there.space) for id, item in there.items.items()]
        return sorted((place for place in every if place[:2] not in but), key=lambda place: place[2].at)

    def held(self, space: str | None = None, but=()) -> dict[tuple, list]:
        """(space, collection, id) → the contributions to that record, oldest first, each as (dataset, item, record)."""
        held: dict[tuple, list] = {}
        for dataset, id, item in self.places(space, but):
            for key, record in {} if item.cleared else item.held.items():
                held.setdefault((self.datasets[dataset].space, *key), []).append((dataset, id, record))
        return held

    def files(self, but=()) -> dict[tuple[str, str], set[str]]:
        """(space, file) → its items."""
        files: dict[tuple[str, str], set[str]] = {}
        for dataset, id, item in self.places(but=but):
            if item.file is not None:
                files.setdefault((self.datasets[dataset].space, item.file), set()).add(id)
        return files

    def counts(self, going: list[tuple[str, str]], memory_only: bool = False) -> dict:
        """What the answer to a forget of these items says."""
        gone = set(going)
        left = self.held(but=gone)
        lost = {key: pairs for key, owners in self.held().items() if (pairs := sum((dataset, id) in gone for dataset, id, _ in owners))}
        items = [] if memory_only else [self.datasets[dataset].items[id] for dataset, id in going]
        files_left = self.files(but=gone)
        files = {(self.datasets[dataset].space, self.datasets[dataset].items[id].file) for dataset, id in going if not memory_only}
        files = {file for file in files if file[1] is not None}
        fates = {kind: {"released": 0, "deleted": 0} for kind in KINDS.values()}
        for key in lost:
            fates[KINDS[key[2][0]]]["released" if key in left else "deleted"] += 1
        return {
            "released": sum(fate["released"] for fate in fates.values()),
            "deleted": sum(fate["deleted"] for fate in fates.values()),
            "references_removed": sum(lost.values()),
            "items_forgotten": len(items),
            "by_kind": fates,
            "raw_files": {
                "deleted": sum(file not in files_left for file in files),
                "retained_shared": sum(file in files_left for file in files),
                "external": sum(item.uri is not None for item in items),
            },
        }

    def shown(self, user: str, dataset: str) -> dict[tuple[str, str], dict]:
        """The records of a dataset as a user sees them."""
        readable = set(self.with_right(user, "read"))
        shown = {}
        for (_, *key), owners in self.held(self.datasets[dataset].space).items():
            if any(place == dataset for place, _, _ in owners):
                seen = [(place, id, record) for place, id, record in owners if place in readable]
                said = [record for _, _, record in seen if record is not None]
                shown[tuple(key)] = {
                    "text": said[-1].get("text", "") if said else "",
                    "vector": said[-1].get("vector") if said else None,
                    "nodeSets": sorted({one for record in said for one in record.get("nodeSets", [])}),
                    "references": len(owners),
                    "referencedBy": sorted((place, id) for place, id, _ in seen),
                }
        return shown

    def stats(self, user: str) -> dict:
        """What is held of a user's current space."""
        space = self.users[user] or user
        places, held = self.places(space), self.held(space)
        files = {item.file for _, _, item in places if item.file is not None}
        return {
            "datasets": sum(dataset.space == space for dataset in self.datasets.values()),
            "items": len(places),
            "records": len(held),
            "vectors": sum(record is not None and "vector" in record for owners in held.values() for _, _, record in owners),
            "references": sum(map(len, held.values())),
            "raw_files": len(files),
            "raw_bytes": sum(len(file.encode()) for file in files),
            "pending_receipts": 0,
        }


def location(item: Item) -> str:
    """Where an item says that its raw file is."""
    if item.file is not None:
        return f"lacuna://raw/{hashlib.sha256(item.file.encode()).hexdigest()}"
    return item.uri or ""
