"""The deployments themselves: what is written through one router is read through each other, and names are fresh."""

import httpx


def test_every_router_reads_what_one_has_written_and_deleted(lacuna, http, fresh):
    name = fresh("deployment")
    made = http.post("/v1/collections", json={"name": name, "dimension": 2, "metric": "l2"})
    assert made.status_code == 201, made.text
    records = [{"id": f"r{at}", "vector": [at, 1], "metadata": {"even": at % 2 == 0}} for at in range(20)]
    assert http.post(f"/v1/collections/{name}/records/upsert", json={"records": records}).status_code == 200
    deleted = http.post(f"/v1/collections/{name}/records/delete", json={"filter": {"even": True}})
    assert (deleted.status_code, deleted.json()["deleted"]) == (200, 10)
    for url in lacuna.urls:
        counted = httpx.post(f"{url}/v1/collections/{name}/records/count", json={}, headers=http.headers, timeout=30)
        assert (counted.status_code, counted.json()["count"]) == (200, 10)


def test_names_are_never_the_same(fresh):
    assert len({fresh("a") for _ in range(100)}) == 100
