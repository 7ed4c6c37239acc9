"""Collections, tenants and databases (sections 2 to 4)."""

import time
import uuid

import chromadb
import chromadb.errors
import pytest
from chroma_calls import DATABASE, filled, make, path, post, refused
from test_chroma_delete_whole import admin, client_in


def test_system_routes(http):
    beat = http.get("/api/v2/heartbeat").json()
    assert abs(beat["nanosecond heartbeat"] - time.time_ns()) < 60e9
    assert http.get("/api/v2/version").json() == "1.0.0"
    assert http.get("/api/v2/pre-flight-checks").json() == {"max_batch_size": 5461, "supports_base64_encoding": True}
    identity = http.get("/api/v2/auth/identity").json()
    assert set(identity) <= {"user_id", "tenant", "databases", "attributes"}
    assert (identity["tenant"], identity["databases"]) == ("default_tenant", ["default_database"])
    assert http.get("/api/v2/healthcheck").json() == {"is_executor_ready": True, "is_log_client_ready": True}
    refused(http.post("/api/v2/reset"), 403, "ChromaError")


def test_the_clients_own_system_calls(chroma_client):
    assert abs(chroma_client.heartbeat() - time.time_ns()) < 60e9
    assert chroma_client.get_version() == "1.0.0"
    assert chroma_client.get_max_batch_size() == 5461
    assert chroma_client.get_user_identity().tenant == "default_tenant"
    with pytest.raises(chromadb.errors.ChromaError):
        chroma_client.reset()


def test_unknown_routes_have_no_body(http):
    for route in ["/api/v2/nothing", "/api/v2", "/api/v2/tenants/default_tenant/", f"{DATABASE}/collections/", "/api/v2/heartbeat/"]:
        answer = http.get(route)
        assert (answer.status_code, answer.content) == (404, b""), route
    for method, route in [("POST", "/api/v2/heartbeat"), ("PUT", f"{DATABASE}/collections"), ("GET", f"{DATABASE}/collections/{uuid.uuid4()}/delete")]:
        answer = http.request(method, route)
        assert (answer.status_code, answer.content) == (405, b""), route


def test_the_old_api_is_gone(http):
    for route in ["heartbeat", "version", "reset", "pre-flight-checks", "collections", "collections/x/query", "tenants", "tenants/t", "databases/d", "count_collections"]:
        for method in ["GET", "POST"]:
            answer = http.request(method, f"/api/v1/{route}")
            assert (answer.status_code, answer.json()["error"]) == (410, "Unimplemented"), route


def test_tenants_and_databases(lacuna, key, http, fresh):
    databases, tenant, base = admin(lacuna, key), fresh("tenant"), fresh("base")
    databases.create_tenant(tenant)
    assert databases.get_tenant(tenant)["name"] == tenant
    assert http.get(f"/api/v2/tenants/{tenant}").json() == {"name": tenant, "resource_name": None}
    with pytest.raises(chromadb.errors.UniqueConstraintError):
        databases.create_tenant(tenant)
    databases.create_database(base, tenant=tenant)
    with pytest.raises(chromadb.errors.UniqueConstraintError):
        databases.create_database(base, tenant=tenant)
    shown = databases.get_database(base, tenant=tenant)
    assert (shown["name"], shown["tenant"]) == (base, tenant)
    assert uuid.UUID(str(shown["id"])).int != 0
    databases.create_database(f"{base}-2", tenant=tenant)
    assert [each["name"] for each in databases.list_databases(tenant=tenant)] == [base, f"{base}-2"]
    assert [each["name"] for each in databases.list_databases(tenant=tenant, limit=1, offset=1)] == [f"{base}-2"]
    databases.delete_database(base, tenant=tenant)
    databases.create_database(base, tenant=tenant)
    assert databases.get_database(base, tenant=tenant)["id"] != shown["id"]
    refused(http.get(f"/api/v2/tenants/{tenant}-x"), 404, "NotFoundError")
    message = refused(http.get(f"/api/v2/tenants/{tenant}/databases/other"), 404, "NotFoundError")
    assert message == "Database [other] not found. Are you sure it exists?"
    refused(http.post(f"/api/v2/tenants/{tenant}-x/databases", json={"name": base}), 404, "NotFoundError")
    for name in ["ab", "", "a b", "-ab", "a..b", "127.0.0.1"]:
        refused(http.post(f"/api/v2/tenants/{tenant}/databases", json={"name": name}), 400, "InvalidArgumentError")
    refused(http.post("/api/v2/tenants", json={"name": "ab"}), 400, "InvalidArgumentError")
    refused(http.get(f"/api/v2/tenants/{tenant}/databases/ab"), 400, "InvalidArgumentError")


def test_the_default_database_is_always_there(lacuna, key):
    databases = admin(lacuna, key)
    assert uuid.UUID(str(databases.get_database("default_database")["id"])).int == 0
    assert "default_database" in [each["name"] for each in databases.list_databases()]


def test_lists_of_what_is_not_there_are_empty(http):
    nowhere = "/api/v2/tenants/nobody/databases/nowhere"
    assert http.get(f"{nowhere}/collections").json() == []
    assert http.get(f"{nowhere}/collections_count").json() == 0
    refused(http.post(f"{nowhere}/collections", json={"name": "abc"}), 400, "InvalidArgumentError")


def modern(http):
    """The same plain HTTP, called as a client of today: bare httpx is taken for one before 1.0."""
    http.headers["user-agent"] = "Chroma Python Client v1.5.9 (https://github.com/chroma-core/chroma)"
    return http


def test_a_collection_as_it_is_shown(http, fresh):
    http = modern(http)
    name = fresh("books")
    made = http.post(f"{DATABASE}/collections", json={"name": name}).json()
    chromadb.Schema.deserialize_from_json(made["schema"])
    assert made == {
        "id": made["id"],
        "name": name,
        "configuration_json": {
            "hnsw": {"space": "l2", "ef_construction": 100, "ef_search": 100, "max_neighbors": 16, "resize_factor": 1.2, "sync_threshold": 1000},
            "spann": None,
            "embedding_function": None,
        },
        "schema": made["schema"],
        "metadata": None,
        "dimension": None,
        "tenant": "default_tenant",
        "database": "default_database",
        "log_position": 0,
        "version": 0,
    }
    uuid.UUID(made["id"])
    assert http.get(f"{DATABASE}/collections/{name}").json() == made
    assert http.get(f"{DATABASE}/collections/by-id/{made['id']}").json() == made
    refused(http.get(f"{DATABASE}/collections/{made['id']}"), 404, "NotFoundError")
    refused(http.get(f"{DATABASE}/collections/by-id/{uuid.uuid4()}"), 404, "NotFoundError")
    refused(http.get(f"{DATABASE}/collections/by-id/{name}"), 400, "InvalidArgumentError")
    post(http, made["id"], "add", {"ids": ["a"], "embeddings": [[1, 2, 3]]})
    assert http.get(f"{DATABASE}/collections/{name}").json()["dimension"] == 3


def test_create_and_get_or_create(chroma_client, fresh, http):
    name = fresh("books")
    first = chroma_client.create_collection(name, metadata={"a": 1, "b": "x", "c": 1.5, "d": True}, embedding_function=None)
    with pytest.raises(chromadb.errors.UniqueConstraintError, match="already exists"):
        chroma_client.create_collection(name, embedding_function=None)
    again = chroma_client.get_or_create_collection(name, metadata={"other": 1}, configuration={"hnsw": {"space": "ip"}}, embedding_function=None)
    assert (again.id, again.metadata) == (first.id, {"a": 1, "b": "x", "c": 1.5, "d": True})
    assert again.configuration["hnsw"]["space"] == "l2", "the stored one counts"
    new = chroma_client.get_or_create_collection(fresh("books"), metadata={"other": 1}, embedding_function=None)
    assert (new.metadata, new.count()) == ({"other": 1}, 0)
    assert http.post(f"{DATABASE}/collections", json={"name": name}).status_code == 409


def test_the_embedding_function_is_echoed_verbatim(chroma_client, fresh, http):
    http = modern(http)
    name = fresh("books")
    chroma_client.create_collection(name)
    kept = http.get(f"{DATABASE}/collections/{name}").json()["configuration_json"]["embedding_function"]
    assert kept == {"name": "default", "type": "known", "config": {}}
    chroma_client.get_collection(name)
    chroma_client.get_or_create_collection(name)
    own = {"name": "mine", "type": "known", "config": {"deep": [1, {"x": None}], "f": 1.0}}
    made = http.post(f"{DATABASE}/collections", json={"name": fresh("books"), "configuration": {"embedding_function": own}}).json()
    assert made["configuration_json"]["embedding_function"] == own


def test_the_distance_is_chosen_by_configuration_then_metadata(chroma_client, fresh, http):
    def space(**options):
        return make(chroma_client, fresh, **options).configuration["hnsw"]["space"]

    assert space() == "l2"
    assert space(metadata={"hnsw:space": "cosine"}) == "cosine"
    assert space(configuration={"hnsw": {"space": "ip"}}, metadata={"hnsw:space": "cosine"}) == "ip"
    assert space(configuration={"spann": {"space": "cosine"}}) == "cosine"

    def made(**body):
        return http.post(f"{DATABASE}/collections", json={"name": fresh(), **body})

    for space in ["L2", "euclidean", "", 7, None]:
        expected = 200 if space is None else 422
        assert made(configuration={"hnsw": {"space": space}}).status_code == expected, space
    refused(made(metadata={"hnsw:space": "L2"}), 422, "ChromaError")
    refused(made(configuration={"hnsw": {"neighbours": 3}}), 422, "ChromaError")
    refused(made(configuration={"index": {}}), 422, "ChromaError")
    refused(made(configuration={"hnsw": {}, "spann": {}}), 400, "InvalidArgumentError")
    modern(http)
    kept = made(configuration={"hnsw": {"ef_search": 7, "max_neighbors": 5}}).json()["configuration_json"]["hnsw"]
    assert (kept["ef_search"], kept["max_neighbors"], kept["ef_construction"]) == (7, 5, 100)


def test_a_schema_is_taken(chroma_client, fresh):
    schema = chromadb.Schema()
    schema.create_index(config=chromadb.VectorIndexConfig(space="cosine"))
    collection = chroma_client.create_collection(fresh("books"), schema=schema, embedding_function=None)
    collection.add(ids=["a"], embeddings=[[1, 0]])
    assert collection.query(query_embeddings=[[0, 1]])["distances"] == [[1.0]]


@pytest.mark.parametrize("name", ["", "ab", "x" * 513, "a b", "a/b", "ä" * 5, "-ab", "ab-", ".ab", "a..b", "127.0.0.1", "a\nb"], ids=repr)
def test_bad_names_are_refused(http, name):
    refused(http.post(f"{DATABASE}/collections", json={"name": name}), 400, "InvalidArgumentError")


def test_good_names_are_taken(http, fresh):
    for name in ["x" * (512 - len(fresh())), "1.2.3.4.5", "A_b-c.d"]:
        full = f"{name}{fresh()}"
        assert http.post(f"{DATABASE}/collections", json={"name": full}).json()["name"] == full
        assert http.delete(f"{DATABASE}/collections/{full}").json() == {}


def test_bad_bodies_of_create(http, fresh):
    def made(**body):
        return http.post(f"{DATABASE}/collections", json=body)

    for body in [{}, {"name": 7}, {"name": None}, {"name": fresh(), "metadata": "x"}, {"name": fresh(), "get_or_create": "yes"}]:
        refused(made(**body), 422, "ChromaError")
    refused(made(name=fresh(), metadata={}), 400, "InvalidArgumentError")
    refused(made(name=fresh(), metadata={"a": None}), 422, "ChromaError")
    refused(made(name=fresh(), metadata={"a": [1]}), 400, "InvalidArgumentError")
    refused(made(name=fresh(), metadata={"a": {"b": 1}}), 422, "ChromaError")


def test_lists_and_counts(lacuna, key, fresh):
    databases, base = admin(lacuna, key), fresh("base")
    databases.create_database(base)
    client = client_in(lacuna, key, base)
    names = sorted(fresh("books") for _ in range(5))
    for name in names:
        client.create_collection(name, metadata={"of": name}, embedding_function=None)
    shown = client.list_collections()
    assert sorted(each.name for each in shown) == names
    assert all(each.metadata == {"of": each.name} for each in shown)
    assert client.count_collections() == 5
    paged = [each.name for at in range(0, 6, 2) for each in client.list_collections(limit=2, offset=at)]
    assert sorted(paged) == names, "stable for paging"
    assert client.list_collections(limit=0) == []
    client.delete_collection(names[0])
    assert client.count_collections() == 4
    databases.delete_database(base)


def test_modify(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh, metadata={"a": 1, "b": 2})
    old, new = collection.name, fresh("renamed")
    collection.modify(name=new, metadata={"c": 3})
    shown = chroma_client.get_collection(new, embedding_function=None)
    assert (shown.id, shown.metadata, shown.count()) == (collection.id, {"c": 3}, 6)
    with pytest.raises(chromadb.errors.NotFoundError):
        chroma_client.get_collection(old)
    collection.modify(configuration={"hnsw": {"ef_search": 55}})
    shown = chroma_client.get_collection(new, embedding_function=None)
    assert (shown.configuration["hnsw"]["ef_search"], shown.metadata) == (55, {"c": 3}), "what isn't named stays"
    assert collection.query(query_embeddings=[[2, 1]], n_results=1)["ids"] == [["r2"]]
    other = make(chroma_client, fresh)

    def changed(**body):
        return http.put(f"{DATABASE}/collections/{collection.id}", json=body)

    refused(changed(new_name=other.name), 409, "UniqueConstraintError")
    refused(changed(new_name="a"), 400, "InvalidArgumentError")
    refused(changed(new_metadata={}), 400, "InvalidArgumentError")
    refused(changed(new_configuration={"hnsw": {"space": "ip"}}), 422, "ChromaError")
    refused(changed(new_name=7), 422, "ChromaError")
    assert changed(new_name=None, new_metadata=None, new_configuration=None).json() == {}
    assert changed(new_name=new).json() == {}, "its own name isn't taken"
    refused(http.put(f"{DATABASE}/collections/{uuid.uuid4()}", json={"new_name": fresh()}), 404, "NotFoundError")
    assert chroma_client.get_collection(new, embedding_function=None).metadata == {"c": 3}


def test_what_only_the_cloud_has(chroma_client, fresh, http):
    collection = filled(chroma_client, fresh)
    for method, verb in [("POST", "search"), ("POST", "fork"), ("GET", "fork_count"), ("POST", "functions/attach"), ("GET", "functions/f"), ("POST", "attached_functions/f/detach")]:
        refused(http.request(method, path(collection, verb), json={}), 501, "ChromaError")
    with pytest.raises(chromadb.errors.ChromaError, match="not supported"):
        collection.fork("other")
    status = http.get(path(collection, "indexing_status")).json()
    assert status == {"num_indexed_ops": 6, "num_unindexed_ops": 0, "total_ops": 6, "op_indexing_progress": 1.0}
