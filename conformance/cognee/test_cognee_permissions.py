"""Principals and grants: each right by itself, through tenants and roles, and taken away again on every router."""

import uuid

from cognee_support import Memory, edge, node, until


def as_user(running, root: Memory, email: str) -> list[Memory]:
    """A user as seen by each router, with `.id`."""
    made = root.call("POST", "/api/v1/users", 201, json={"email": email}).json()
    assert made.keys() == {"id", "email", "api_key", "tenant_id"} and made["tenant_id"] is None
    views = [Memory(url, made["api_key"]) for url in running.urls]
    for view in views:
        view.id = made["id"]
    return views


def test_m28_a_revoked_right_fails_on_every_router(keyed_anywhere, fresh):
    root = Memory(keyed_anywhere.url, keyed_anywhere.root)
    owners, others = [as_user(keyed_anywhere, root, f"{fresh('u')}@example.org") for _ in range(2)]
    owner, first, last = owners[0], others[0], others[-1]
    tenant = owner.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": fresh("t")}).json()["tenant_id"]
    member = {"params": {"tenant_id": tenant}}
    role = owner.call("POST", "/api/v1/permissions/roles", params={"role_name": fresh("r")}).json()["role_id"]
    dataset = owner.dataset(fresh("d"))
    owner.add(dataset, [node("n")])

    def join():
        owner.call("POST", f"/api/v1/permissions/users/{first.id}/tenants", **member)
        first.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})

    def everywhere(status: int):
        # At once, not after some lease: rights are asked for with each request.
        for view in others:
            view.call("GET", f"/api/v1/datasets/{dataset}/data", status)
            view.search([1.0], expect=status, datasetIds=[dataset])
            view.forget(status, datasetId=dataset, dryRun=True)

    join()
    everywhere(403)
    users_role = f"/api/v1/permissions/users/{first.id}/roles"
    for principal, end in (
        (first.id, lambda: None),
        (tenant, lambda: owner.call("DELETE", f"/api/v1/permissions/tenants/{tenant}/users/{first.id}")),
        (role, lambda: owner.call("DELETE", users_role, params={"role_id": role})),
        (role, lambda: owner.call("DELETE", f"/api/v1/permissions/roles/{role}")),
    ):
        join()
        if principal == role:
            owner.call("POST", users_role, params={"role_id": role})
        for permission in ("read", "delete"):
            owner.grant(principal, permission, dataset)
        everywhere(200)
        end()
        if principal in (first.id, tenant):
            for permission in ("read", "delete"):
                owner.revoke(principal, permission, dataset)
        everywhere(403)
    owners[-1].grant(first.id, "read", dataset)
    assert len(last.items(dataset)) == 1
    owners[-1].revoke(first.id, "read", dataset)
    first.call("GET", f"/api/v1/datasets/{dataset}/data", 403)


def test_m29_each_right_does_its_own(user, fresh):
    owner = user()
    dataset = owner.dataset(fresh("d"))
    item = owner.add(dataset, [node("n")], raw={"content": "x"})["id"]
    at = f"/api/v1/datasets/{dataset}"
    someone = user()
    needs = {
        "read": [("GET", f"{at}/data", {}), ("GET", f"{at}/data/{item}/raw", {}), ("GET", f"{at}/data/{item}/records", {})]
        + [("GET", f"{at}/records/default/n", {}), ("GET", f"{at}/graph", {}), ("POST", "/api/v1/search", {"json": {"vector": [1.0], "datasetIds": [dataset]}})],
        "write": [("POST", f"{at}/data", {"json": {"id": item, "name": "a", "records": [node("n")], "raw": {"content": "x"}}})],
        "share": [
            (method, f"/api/v1/permissions/datasets/{someone.id}", {"params": {"permission_name": "read"}, "json": [dataset]}) for method in ("POST", "DELETE")
        ],
        "delete": [
            ("POST", "/api/v1/forget", {"json": {"datasetId": dataset, "dryRun": True}}),
            ("POST", "/api/v1/forget", {"json": {"datasetId": dataset, "dataId": item, "memoryOnly": True}}),
            ("POST", "/api/v1/forget", {"json": {"datasetId": dataset, "memoryOnly": True}}),
            ("DELETE", f"{at}/data/{item}", {}),
            ("DELETE", "/api/v1/delete", {"params": {"dataset_id": dataset, "data_id": item}}),
            ("DELETE", f"{at}/data", {}),
            ("DELETE", at, {}),
        ],
    }
    for right in needs:
        holder = user()
        owner.grant(holder.id, right, dataset)
        # What the right allows comes last: it may end the dataset.
        for other in [*[one for one in needs if one != right], right]:
            for method, path, given in needs[other]:
                code = holder.http.request(method, path, **given).status_code
                assert code in ((200, 201) if other == right else (403,)), f"with {right}: {method} {path} {given}: {code}"
    assert dataset not in [one["id"] for one in owner.call("GET", "/api/v1/datasets").json()]


def test_m30_grants_are_all_or_nothing(user, root, fresh):
    owner, other, holder = user(), user(), user()
    mine, theirs = owner.dataset(fresh("mine")), other.dataset(fresh("theirs"))
    owner.grant(holder.id, "read", mine, theirs, expect=403)
    owner.grant(holder.id, "read", mine, str(uuid.uuid4()), expect=404)
    holder.call("GET", f"/api/v1/datasets/{mine}/data", 403)
    assert owner.grant(holder.id, "read", mine) == {"message": "Permission assigned to principal"}
    owner.grant(holder.id, "read", mine)
    path = f"/api/v1/permissions/principals/{holder.id}/datasets"
    assert [one["id"] for one in holder.call("GET", path, params={"permission_name": "read"}).json()] == [mine]
    assert holder.call("GET", path, params={"permission_name": "write"}).json() == []
    assert [one["id"] for one in root.call("GET", path, params={"permission_name": "read"}).json()] == [mine]
    other.call("GET", path, 403, params={"permission_name": "read"})
    holder.call("GET", f"/api/v1/permissions/principals/{uuid.uuid4()}/datasets", 404, params={"permission_name": "read"})
    owner.revoke(holder.id, "read", mine, theirs, expect=403)
    assert len(holder.items(mine)) == 0
    assert owner.revoke(holder.id, "read", mine) == {"message": "Permission revoked from principal"}
    assert owner.revoke(holder.id, "read", mine) == {"message": "Permission revoked from principal"}
    owner.revoke(owner.id, "delete", mine)
    owner.forget(403, datasetId=mine)
    owner.grant(owner.id, "delete", mine)
    owner.grant(holder.id, "all", mine, expect=403)
    assert owner.forget(datasetId=mine)["status"] == "success"


def test_m31_tenants(user, fresh):
    owner, member, name = user(), user(), fresh("t")
    before = owner.dataset(fresh("own"))
    made = owner.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": name}).json()
    tenant = made["tenant_id"]
    assert made.keys() == {"message", "tenant_id"}
    member.call("POST", "/api/v1/permissions/tenants", 409, params={"tenant_name": name})
    owner.call("GET", f"/api/v1/datasets/{before}/data", 403)
    dataset = owner.dataset(fresh("d"))
    assert owner.stats()["space"] == tenant
    owner.grant(member.id, "read", dataset)
    member.call("POST", "/api/v1/permissions/tenants/select", 403, json={"tenant_id": tenant})
    member.call("POST", f"/api/v1/permissions/users/{member.id}/tenants", 403, params={"tenant_id": tenant})
    owner.call("POST", f"/api/v1/permissions/users/{uuid.uuid4()}/tenants", 404, params={"tenant_id": tenant})
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/tenants", 404, params={"tenant_id": str(uuid.uuid4())})
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/tenants", params={"tenant_id": tenant})
    member.call("GET", f"/api/v1/datasets/{dataset}/data", 403)
    member.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})
    assert member.items(dataset) == []
    member.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": None})
    member.call("GET", f"/api/v1/datasets/{dataset}/data", 403)
    member.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})
    path = f"/api/v1/permissions/tenants/{tenant}/users"
    owner.call("DELETE", f"{path}/{owner.id}", 400)
    member.call("DELETE", f"{path}/{owner.id}", 403)
    owner.call("DELETE", f"{path}/{uuid.uuid4()}", 404)
    owner.call("DELETE", f"{path}/{member.id}")
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/tenants", params={"tenant_id": tenant})
    member.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})
    # The grants went with the membership.
    member.call("GET", f"/api/v1/datasets/{dataset}/data", 403)
    owner.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": None})
    assert owner.items(before) == []


def test_m32_roles(user, fresh):
    owner, member, outsider, name = user(), user(), user(), fresh("r")
    owner.call("POST", "/api/v1/permissions/roles", 403, params={"role_name": name})
    tenant = owner.call("POST", "/api/v1/permissions/tenants", params={"tenant_name": fresh("t")}).json()["tenant_id"]
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/tenants", params={"tenant_id": tenant})
    member.call("POST", "/api/v1/permissions/tenants/select", json={"tenant_id": tenant})
    made = owner.call("POST", "/api/v1/permissions/roles", params={"role_name": name}).json()
    assert made.keys() == {"message", "role_id", "tenant_id"} and made["tenant_id"] == tenant
    role = made["role_id"]
    member.call("POST", "/api/v1/permissions/roles", 403, params={"role_name": fresh("r")})
    given = {"params": {"role_id": role}}
    owner.call("POST", f"/api/v1/permissions/users/{outsider.id}/roles", 404, **given)
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/roles", 404, params={"role_id": str(uuid.uuid4())})
    member.call("POST", f"/api/v1/permissions/users/{member.id}/roles", 403, **given)
    owner.call("POST", f"/api/v1/permissions/users/{member.id}/roles", **given)
    dataset = owner.dataset(fresh("d"))
    owner.grant(role, "delete", dataset)
    owner.grant(tenant, "read", dataset)
    owner.add(dataset, [node("n")])
    assert len(member.items(dataset)) == 1, "by the tenant"
    assert member.forget(datasetId=dataset, memoryOnly=True)["deleted"] == 1, "by the role"
    member.call("DELETE", f"/api/v1/permissions/roles/{role}", 403)
    assert "message" in owner.call("DELETE", f"/api/v1/permissions/roles/{role}").json()
    owner.call("DELETE", f"/api/v1/permissions/roles/{role}", 404)
    member.forget(403, datasetId=dataset)


def test_m33_users_and_root(user, root, keyed, fresh):
    email = f"{fresh('u')}@example.org"
    root.call("POST", "/api/v1/users", 201, json={"email": email})
    root.call("POST", "/api/v1/users", 409, json={"email": email})
    owner = user()
    dataset = owner.dataset(fresh("d"))
    item = owner.add(dataset, [node("n")])
    assert len(root.items(dataset)) == 1, "root passes every check"
    assert dataset in root.forget(everything=True)["datasets_skipped"]
    assert len(owner.items(dataset)) == 1, "and everything takes only what was granted to it"
    done = root.forget_item(dataset, item["id"])
    assert done["deleted"] == 1
    assert owner.call("GET", f"/api/v1/receipts/{done['receipt_id']}").json()["requested_by"] != owner.id, "the owner learns who it was"


def test_m34_tombstones_answer_owner_and_root(user, root, fresh):
    owner, other = user(), user()
    dataset = owner.dataset(fresh("d"))
    owner.add(dataset, [node("n")])
    owner.grant(other.id, "delete", dataset)
    gone = other.forget(datasetId=dataset)
    other.forget(404, datasetId=dataset)
    other.call("DELETE", f"/api/v1/datasets/{dataset}", 404)
    for asker in (owner, root):
        again = asker.forget(datasetId=dataset)
        assert (again["already_forgotten"], again["receipt_id"], again["deleted"]) == (True, gone["receipt_id"], 0)


def test_m35_spaces_share_nothing(user, fresh):
    first, second, collection = user(), user(), fresh("c")
    one, two = first.dataset(fresh("one")), second.dataset(fresh("two"))
    shared, file = node("n", collection=collection, vector=[1.0, 0.0]), fresh("file")
    first.add(one, [shared, node("only", collection=collection)], raw={"content": file})
    second.add(two, [{**shared, "vector": [1.0, 0.0, 0.0]}], raw={"content": file})
    first.add(one, [node("x", collection=collection, vector=[1.0])], expect=400)
    for view, dataset in ((first, one), (second, two)):
        assert view.record(dataset, "n", collection)["references"] == 1
    second.add(two, [edge("e", "n", "only", collection=collection)], expect=422)
    result = first.forget(datasetId=one)
    assert (result["released"], result["deleted"], result["raw_files"]["deleted"]) == (0, 2, 1)
    assert second.record(two, "n", collection)["references"] == 1
    until(lambda: second.stats()["raw_files"] == 1)


def test_m36_everything_counts_a_record_once(user, fresh):
    owner, name = user(), fresh("n")
    for dataset in (owner.dataset(fresh("one")), owner.dataset(fresh("two"))):
        for _ in range(2):
            owner.add(dataset, [node(name)], raw={"content": "the same"})
    told = owner.forget(everything=True, dataset="ignored", dryRun=True)
    done = owner.call("DELETE", "/api/v1/datasets").json()
    for result in (told, done):
        assert (result["released"], result["deleted"], result["references_removed"], result["items_forgotten"]) == (0, 1, 4, 4)
        assert (result["datasets_removed"], result["raw_files"]) == (2, {"deleted": 1, "retained_shared": 0, "external": 0})
    assert owner.call("DELETE", "/api/v1/datasets").json()["datasets_removed"] == 0
