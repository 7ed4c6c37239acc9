"""Indexes: made in both forms, listed, described, configured."""

import pytest
from pinecone import ConflictError, NotFoundError, ServerlessSpec

SERVERLESS = {"serverless": {"cloud": "gcp", "region": "europe-west4"}}


@pytest.fixture
def control(api_client, lacuna):
    """The control plane by plain HTTP."""

    def ask(method: str, path: str, body=None, version: str | None = None):
        headers = {"x-pinecone-api-version": version} if version else {}
        return api_client.request(method, f"{lacuna.url}/pinecone{path}", json=body, headers=headers)

    return ask


def older(name: str, **more) -> dict:
    return {"name": name, "dimension": 3, "metric": "cosine", "spec": SERVERLESS} | more


def newer(name: str, **more) -> dict:
    field = {"type": "dense_vector", "dimension": 3, "metric": "cosine"}
    deployment = {"deployment_type": "managed", "cloud": "gcp", "region": "europe-west4"}
    return {"name": name, "schema": {"fields": {"_values": field}}, "deployment": deployment} | more


def test_both_forms_make_an_index_that_both_read(control, lacuna, fresh):
    for body in [older(fresh("i")), newer(fresh("i"))]:
        for version in ["2026-07", "2025-04", None]:
            made = control("POST", "/indexes", body, version)
            assert made.status_code == 201, made.text
            model = made.json()
            assert model["status"] == {"ready": True, "state": "Ready"} and model["dimension"] == 3
            assert model["metric"] == "cosine" and model["vector_type"] == "dense"
            assert model["host"] == f"{lacuna.url}/pc.v1/{body['name']}"
            assert model["spec"]["serverless"] | {"read_capacity": None} == SERVERLESS["serverless"] | {"read_capacity": None}
            assert model["deletion_protection"] == "disabled" and "tags" not in model
            assert ("schema" in model) == ("deployment" in model) == (version == "2026-07")
            if version == "2026-07":
                assert model["schema"]["fields"] == {"_values": {"type": "dense_vector", "dimension": 3, "metric": "cosine"}}
                assert model["deployment"] == {"deployment_type": "managed", "cloud": "gcp", "region": "europe-west4"}
            assert control("GET", f"/indexes/{body['name']}", version=version).json() == model
            assert model in control("GET", "/indexes", version=version).json()["indexes"]
            assert control("DELETE", f"/indexes/{body['name']}").status_code == 202


def test_the_client_makes_lists_describes_and_deletes(pinecone_client, fresh):
    name = fresh("i")
    made = pinecone_client.create_index(name=name, dimension=5, metric="euclidean", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    assert made.name == name and pinecone_client.has_index(name)
    described = pinecone_client.describe_index(name)
    assert described.host.endswith(f"/pc.v1/{name}")
    with pytest.raises(ConflictError):
        pinecone_client.create_index(name=name, dimension=5, spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    pinecone_client.delete_index(name)
    with pytest.raises(NotFoundError):
        pinecone_client.describe_index(name)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "UPPER"},
        {"name": "-a"},
        {"name": "a-"},
        {"name": "a_b"},
        {"name": "a" * 46},
        {"dimension": 0},
        {"dimension": -1},
        {"dimension": 20_001},
        {"dimension": None},
        {"spec": {}},
        {"spec": SERVERLESS | {"byoc": {"environment": "e"}}},
        {"tags": {"bad name": "x"}},
        {"tags": {"k": "x" * 121}},
        {"tags": {f"t{n}": "x" for n in range(21)}},
        {"schema": {"fields": {}}},
    ],
)
def test_wrong_values_are_400(control, fresh, change):
    answer = control("POST", "/indexes", older(fresh("i")) | change)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "INVALID_ARGUMENT", answer.text
    assert answer.json()["status"] == 400


@pytest.mark.parametrize("change", [{"metric": "manhattan"}, {"vector_type": "half"}, {"deletion_protection": "on"}, {"dimension": "3"}, {"name": 7}])
def test_what_cannot_be_decoded_is_422(control, fresh, change):
    answer = control("POST", "/indexes", older(fresh("i")) | change)
    assert answer.status_code == 422 and answer.json()["error"]["code"] == "UNPROCESSABLE_ENTITY", answer.text


def test_a_body_that_is_no_json_is_422(api_client, lacuna):
    answer = api_client.post(f"{lacuna.url}/pinecone/indexes", content="{", headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_fields_of_other_kinds_are_400(control, fresh):
    body = newer(fresh("i"))
    body["schema"]["fields"]["title"] = {"type": "string", "full_text_search": {}}
    assert control("POST", "/indexes", body).status_code == 400


def test_pods_and_own_clouds_are_kept_and_shown(control, fresh):
    pod = {"environment": "us-east1-gcp", "pod_type": "p1.x1", "pods": 2, "replicas": 1, "shards": 2}
    name = fresh("i")
    assert control("POST", "/indexes", older(name) | {"spec": {"pod": pod}}).json()["spec"] == {"pod": pod}
    deployment = control("GET", f"/indexes/{name}", version="2026-07").json()["deployment"]
    assert deployment == pod | {"deployment_type": "pod"}
    other = control("POST", "/indexes", older(fresh("i")) | {"spec": {"byoc": {"environment": "mine"}}})
    assert other.json()["spec"]["byoc"]["environment"] == "mine"


def test_a_taken_name_is_409(control, fresh):
    name = fresh("i")
    assert control("POST", "/indexes", older(name)).status_code == 201
    answer = control("POST", "/indexes", newer(name))
    assert answer.status_code == 409 and answer.json()["error"]["code"] == "ALREADY_EXISTS"


def test_unknown_indexes_are_404(control):
    for method, body in [("GET", None), ("DELETE", None), ("PATCH", {"tags": {"a": "b"}}), ("PATCH", {"tags": 7})]:
        answer = control(method, "/indexes/no-such-index", body)
        assert answer.status_code == 404, answer.text
        assert answer.json()["error"]["code"] == "NOT_FOUND" and answer.json()["status"] == 404


def test_tags_are_merged_and_an_empty_one_is_removed(control, pinecone_client, fresh):
    name = fresh("i")
    assert control("POST", "/indexes", older(name, tags={"a": "1", "b": "2"})).json()["tags"] == {"a": "1", "b": "2"}
    path = f"/indexes/{name}"
    changed = control("PATCH", path, {"tags": {"a": "", "c": "3"}})
    assert changed.status_code == 202 and changed.json()["tags"] == {"b": "2", "c": "3"}
    assert control("PATCH", path, {"tags": {}}).json()["tags"] == {"b": "2", "c": "3"}
    pinecone_client.configure_index(name, tags={"d": "4"})
    assert control("GET", path).json()["tags"] == {"b": "2", "c": "3", "d": "4"}
    assert "tags" not in control("PATCH", path, {"tags": {"b": "", "c": "", "d": ""}}).json()
    assert control("PATCH", path, {"deletion_protection": "maybe"}).status_code == 422
    assert control("PATCH", path, {"tags": {"bad name": "x"}}).status_code == 400


def test_protection_can_be_given_at_the_making(control, fresh):
    name = fresh("i")
    assert control("POST", "/indexes", older(name, deletion_protection="enabled")).json()["deletion_protection"] == "enabled"
    answer = control("DELETE", f"/indexes/{name}")
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "FORBIDDEN"
    assert "Deletion protection is enabled for this index" in answer.json()["error"]["message"]
    again = control("PATCH", f"/indexes/{name}", {"deletion_protection": "disabled", "tags": {}})
    assert again.status_code == 202 and again.json()["deletion_protection"] == "disabled"
    assert control("DELETE", f"/indexes/{name}").status_code == 202


def test_what_has_no_counterpart_says_so(control, raw):
    assert control("GET", "/backups").json() == {"data": []}
    assert control("GET", "/restore-jobs").json() == {"data": []}
    assert control("GET", "/collections").json() == {"collections": []}
    for method, path in [("POST", "/embed"), ("POST", "/rerank"), ("GET", "/models"), ("POST", "/indexes/create-for-model")]:
        answer = control(method, path, {} if method == "POST" else None)
        assert answer.status_code == 501 and answer.json()["error"]["code"] == "UNIMPLEMENTED", (method, path, answer.text)
    for answer in [raw.get("/bulk/imports"), raw.post("/bulk/imports"), raw.post("/namespaces/n/documents/search")]:
        assert answer.status_code == 501 and answer.json()["status"] == 501


def test_the_host_follows_the_address_that_was_used(api_client, lacuna, index_name):
    path = f"{lacuna.url}/pinecone/indexes/{index_name}"
    there = api_client.get(path, headers={"host": "lacuna:8080"}).json()
    assert there["host"] == f"http://lacuna:8080/pc.v1/{index_name}"
    behind = api_client.get(path, headers={"host": "db.example", "x-forwarded-proto": "https"}).json()
    assert behind["host"] == f"https://db.example/pc.v1/{index_name}"
