"""schemathesis against every surface's part of /openapi.json: no 500, and no answer that the document doesn't declare."""

import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

import pytest

HERE = pathlib.Path(__file__).parent
SEED = 20_261_122
CHECKS = "answers_well,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
LONG = os.environ.get("LACUNA_TEST_LONG") == "1"
# A run of the same length makes the same requests wherever it is; only the long one is bounded by time, all of it by ten minutes.
BUDGET = ["--max-time", "55", "--max-examples", "400"] if LONG else ["--max-examples", "12"]

# A cluster differs behind the surfaces: its nodes see what gets through them, so what the document's edges make isn't asked there again.
PHASES = {"embedded": "examples,coverage,fuzzing,stateful", "given": "examples,coverage,fuzzing,stateful", "cluster": "fuzzing,stateful"}


def prepare_native(http, name: str) -> dict[str, str]:
    made = http.post("/v1/collections", json={"name": name, "dimension": 3, "metric": "cosine"})
    assert made.status_code == 201, made.text
    records = [{"id": f"r{at}", "vector": [at, 1, 0], "document": f"text {at}", "metadata": {"a": at}} for at in range(8)]
    written = http.post(f"/v1/collections/{name}/records/upsert", json={"records": records})
    assert written.status_code == 200, written.text
    return {"c": name, "ns": "__default__", "op_id": written.json()["op_id"]}


def prepare_chroma(http, name: str) -> dict[str, str]:
    database = {"tenant": "default_tenant", "database": "default_database"}
    made = http.post("/api/v2/tenants/default_tenant/databases/default_database/collections", json={"name": name})
    assert made.status_code == 200, made.text
    known = {**database, "collection": made.json()["id"]}
    body = {"ids": ["a", "b"], "embeddings": [[1, 2, 3], [4, 5, 6]], "metadatas": [{"a": 1}, None], "documents": ["one", None]}
    path = "/api/v2/tenants/default_tenant/databases/default_database/collections/" + known["collection"]
    written = http.post(f"{path}/add", json=body)
    assert written.status_code == 201, written.text
    return known


def prepare_pinecone(http, name: str) -> dict[str, str]:
    spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
    made = http.post("/pinecone/indexes", json={"name": name, "dimension": 3, "metric": "cosine", "spec": spec})
    assert made.status_code == 201, made.text
    vectors = [{"id": "a", "values": [1, 2, 3], "metadata": {"a": 1}}, {"id": "b", "values": [4, 5, 6]}]
    written = http.post(f"/pc.v1/{name}/vectors/upsert", json={"vectors": vectors, "namespace": "known"})
    assert written.status_code == 200, written.text
    return {"index": name, "name": name, "namespace": "known"}


def prepare_moorcheh(http, name: str) -> dict[str, str]:
    made = http.post("/moorcheh/v1/namespaces", json={"namespace_name": name, "type": "vector", "vector_dimension": 3})
    assert made.status_code == 201, made.text
    written = http.post(f"/moorcheh/v1/namespaces/{name}/vectors", json={"vectors": [{"id": "a", "vector": [1, 2, 3]}]})
    assert written.status_code == 201, written.text
    return {"namespace": name, "namespace_name": name, "ns": name}


def prepare_cognee(http, name: str) -> dict[str, str]:
    made = http.post("/api/v1/datasets", json={"name": name})
    assert made.status_code in (200, 201), made.text
    dataset, item = made.json()["id"], str(uuid.uuid4())
    node = {"id": "n1", "kind": "node", "type": "Thing", "text": "one"}
    written = http.post(f"/api/v1/datasets/{dataset}/data", json={"id": item, "name": "notes.txt", "records": [node]})
    assert written.status_code == 201, written.text
    return {"d": dataset, "i": item, "collection": "default", "record_id": "n1"}


# Surface → the paths that are its own, and what makes something to ask for.
SURFACES = {
    "native": (r"^/(v1/|healthz|readyz|metrics)", prepare_native),
    "chroma": (r"^/api/v2/", prepare_chroma),
    "pinecone": (r"^/(pinecone|pc\.v1)/", prepare_pinecone),
    "moorcheh": (r"^/moorcheh/v1/", prepare_moorcheh),
    "cognee": (r"^/(api/v1/|health$)", prepare_cognee),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("surface", SURFACES)
def test_no_answer_is_undeclared_and_none_says_that_the_server_failed(lacuna, http, key, fresh, surface, tmp_path):
    paths, prepare = SURFACES[surface]
    document = http.get("/openapi.json").json()
    assert [path for path in document["paths"] if re.search(paths, path)], f"/openapi.json has no path of {surface}"
    known = prepare(http, fresh("openapi"))
    command = [str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{lacuna.url}/openapi.json", "--include-path-regex", paths]
    command += ["--checks", CHECKS, "--seed", str(SEED), *BUDGET, "--phases", PHASES[lacuna.name]]
    command += ["--suppress-health-check", "all", "--continue-on-failure"]
    command += ["--header", f"authorization: Bearer {key}", "--header", f"api-key: {key}", "--header", f"x-api-key: {key}"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE), "LACUNA_KNOWN_NAMES": json.dumps(known)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=800)
    print(done.stdout[-6_000:], done.stderr[-2_000:])
    assert done.returncode == 0, f"schemathesis ended with {done.returncode}; to repeat it, see its output above (seed {SEED})"
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated and int(generated[1]) >= 100, "schemathesis made fewer than 100 requests"


def test_every_path_belongs_to_a_surface(http):
    document = http.get("/openapi.json").json()
    regexes = [paths for paths, _ in SURFACES.values()]
    assert [path for path in document["paths"] if not any(re.search(paths, path) for paths in regexes)] == []
