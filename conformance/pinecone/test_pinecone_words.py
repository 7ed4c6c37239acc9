"""What a refusal says: in the words of this API and of JSON, and what to do instead."""

import pytest


@pytest.fixture
def sparse_raw(raw, fresh):
    """An index of sparse vectors, by plain HTTP."""
    name = fresh("sp")
    body = {"name": name, "vector_type": "sparse", "metric": "dotproduct", "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}
    assert raw.client.post(f"{raw.control}/indexes", json=body).status_code == 201
    yield type(raw)(raw.client, raw.control.removesuffix("/pinecone"), name)
    # Clients of version 5 can't list an index without a dimension.
    assert raw.client.delete(f"{raw.control}/indexes/{name}").status_code == 202


def said(answer, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    return body["error"]["message"] if "error" in body else body["message"]


def test_a_collection_is_called_an_index(raw, sparse_raw, fresh):
    missing, control = fresh("no"), f"{raw.control}/indexes"
    assert said(raw.client.get(f"{control}/{missing}"), 404) == f'there is no index named "{missing}"; nothing was changed'
    elsewhere = type(raw)(raw.client, raw.control.removesuffix("/pinecone"), missing)
    assert said(elsewhere.delete(ids=["a"]), 404) == f'there is no index named "{missing}"; nothing was changed'
    again = {"name": raw.index, "dimension": 3, "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}
    assert said(raw.client.post(control, json=again), 409).startswith(f'there is an index named "{raw.index}" already')
    both = {"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [1], "values": [1]}}
    for words in [
        said(raw.post("/vectors/upsert", {"vectors": [both]})),
        said(raw.post("/query", {"topK": 1, "sparseVector": {"indices": [1], "values": [1]}})),
        said(sparse_raw.post("/query", {"topK": 1, "vector": [1, 2, 3]})),
        said(sparse_raw.post("/vectors/upsert", {"vectors": [{"id": "a", "values": [1, 2, 3]}]})),
    ]:
        assert "this index" in words and "collection" not in words and "records[" not in words, words


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/vectors/delete", {"ids": "a"}, 'ids: invalid type: string "a", expected a list; nothing was changed'),
        ("/vectors/delete", {"ids": {"a": 1}}, "ids: invalid type: an object, expected a list; nothing was changed"),
        ("/vectors/delete", {"ids": [7]}, "ids[0]: invalid type: integer `7`, expected a string; nothing was changed"),
        ("/query", {"topK": "3", "vector": [1, 2, 3]}, 'topK: invalid type: string "3", expected a whole number, 0 or more; nothing was changed'),
        ("/query", {"vector": [1, 2, 3]}, "missing field `topK`; nothing was changed"),
        ("/vectors/upsert", {"vectors": [["a", [1, 2, 3]]]}, "vectors[0]: invalid type: a list, expected an object; nothing was changed"),
        (
            "/vectors/upsert",
            {"vectors": [{"id": "a", "values": [1, 2, 3], "sparseValues": [[1], [1]]}]},
            "vectors[0].sparseValues: invalid type: a list, expected an object; nothing was changed",
        ),
        (
            "/vectors/upsert",
            {"vectors": [{"id": "a", "values": [1, 2, 3], "metadata": {"n": [1]}}]},
            "vectors[0].metadata.n: Metadata value must be a string, number, boolean or list of strings, got '[1]' for field 'n'; nothing was changed",
        ),
        (
            "/query",
            {"topK": 1, "sparseVector": {"indices": [4, 4], "values": [1, 2]}},
            "sparseVector: index 4 is there twice; expected each once; nothing was changed",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_the_words_of_json(raw, path, body, words):
    raw.load(1)
    assert said(raw.post(path, body)) == words
    assert raw.counts()["n1"] == 1 and raw.counts()["__default__"] == 0


def test_nan_is_named(raw):
    """Clients up to 8 send the word, which is no JSON; newer ones send null."""
    text = '{"vectors": [{"id": "a", "values": [NaN, 1, 2]}]}'
    answer = raw.client.post(f"{raw.base}/vectors/upsert", content=text, headers={"content-type": "application/json"})
    assert "NaN" in said(answer)
    assert "NaN" in said(raw.post("/vectors/upsert", {"vectors": [{"id": "a", "values": [None, 1, 2]}]}))
    empty = raw.client.post(f"{raw.base}/vectors/delete", content="", headers={"content-type": "application/json"})
    assert said(empty) == "the body is empty; expected JSON; nothing was changed"


def test_what_is_said_of_pods_can_be_changed(raw, fresh):
    name, control = fresh("pod"), f"{raw.control}/indexes"
    pod = {"environment": "us-east1-gcp", "pod_type": "p1.x1", "pods": 1, "replicas": 1, "shards": 1}
    assert raw.client.post(control, json={"name": name, "dimension": 3, "spec": {"pod": pod}}).status_code == 201
    older = raw.client.patch(f"{control}/{name}", json={"spec": {"pod": {"replicas": 4, "pod_type": "p1.x2"}}})
    assert older.status_code == 202 and older.json()["spec"]["pod"] == pod | {"replicas": 4, "pod_type": "p1.x2"}
    newer = raw.client.patch(f"{control}/{name}", json={"deployment": {"replicas": 2}})
    assert newer.status_code == 202
    assert raw.client.get(f"{control}/{name}").json()["spec"]["pod"] == pod | {"replicas": 2, "pod_type": "p1.x2"}
    assert raw.client.patch(f"{control}/{name}", json={"deletion_protection": "enabled"}).json()["spec"]["pod"]["replicas"] == 2
    assert raw.client.patch(f"{control}/{name}", json={"deletion_protection": "disabled"}).status_code == 202


def test_replicas_of_an_index_that_is_not_on_pods_are_refused(raw):
    path = f"{raw.control}/indexes/{raw.index}"
    before = raw.client.get(path).json()
    for body in [{"spec": {"pod": {"replicas": 2}}}, {"deployment": {"pod_type": "p1.x2"}, "tags": {"a": "b"}}]:
        assert "isn't on pods" in said(raw.client.patch(path, json=body))
    assert raw.client.get(path).json() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/collections/c"),
        ("DELETE", "/collections/c"),
        ("GET", "/backup-schedules/s"),
        ("POST", "/indexes/i/backup-schedules"),
        ("GET", "/assistant/assistants"),
        ("POST", "/embed"),
    ],
)
def test_what_lacuna_lacks_is_501_in_so_many_words(raw, method, path):
    answer = raw.client.request(method, f"{raw.control}{path}")
    assert said(answer, 501) == f"{method} {path} has no counterpart in Lacuna; nothing was changed"
    assert answer.json()["error"]["code"] == "UNIMPLEMENTED"
