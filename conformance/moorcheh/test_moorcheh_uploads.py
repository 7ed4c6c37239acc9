"""Section 6: documents and vectors stored."""

import math

import pytest
from moorcheh_sdk.exceptions import InvalidInputError

from moorcheh_support import PREFIX, documents, vectors


def test_documents_are_stored_and_named(raw, moorcheh_client, text_namespace):
    answer = raw.post(f"/namespaces/{text_namespace}/documents", {"documents": documents(3)})
    assert answer.status_code == 202
    body = answer.json()
    assert set(body) == {"status", "message", "submitted_ids", "namespace_name", "documents_processed", "processing_status"}
    assert (body["status"], body["submitted_ids"], body["documents_processed"]) == ("success", ["d0", "d1", "d2"], 3)
    assert (body["namespace_name"], body["processing_status"]) == (text_namespace, "completed")
    assert answer.headers["lacuna-status"] == "complete"
    assert moorcheh_client.documents.upload(text_namespace, documents(1))["submitted_ids"] == ["d0"]


def test_the_sdk_cuts_a_list_into_requests_of_a_hundred(raw, moorcheh_client, text_namespace):
    answer = moorcheh_client.documents.upload(text_namespace, documents(250))
    assert answer["submitted_ids"] == [f"d{n}" for n in range(250)]
    assert raw.count(text_namespace) == 250
    answer = raw.post(f"/namespaces/{text_namespace}/documents", {"documents": documents(101, 1_000)})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "TOO_MANY_IDS")
    assert raw.count(text_namespace) == 250


async def test_the_async_client_uploads(async_client, raw, text_namespace, vector_namespace):
    answer = await async_client.documents.upload(text_namespace, documents(150))
    assert len(answer["submitted_ids"]) == 150
    answer = await async_client.vectors.upload(vector_namespace, vectors(250))
    assert (len(answer["vector_ids_processed"]), raw.count(vector_namespace)) == (250, 250)


def test_metadata_of_both_styles(raw, text_namespace):
    raw.upload(text_namespace, [{"id": "a", "text": "t", "metadata": {"k": 1, "both": "inner"}, "flat": [1], "both": "outer", "vector": "v"}])
    assert raw.texts(text_namespace, ["a"])["a"]["metadata"] == {"k": 1, "both": "inner", "flat": [1], "vector": "v"}
    raw.upload(text_namespace, [{"id": "b", "text": "t", "metadata": None}])
    assert raw.texts(text_namespace, ["b"])["b"]["metadata"] == {}


def test_metadata_of_any_json_comes_back_unchanged(raw, moorcheh_client, text_namespace, vector_namespace):
    metadata = {
        "int": 7, "big": 2**63, "bigger": 10**40, "float": 1.0, "small": 1e-300, "yes": True, "none": None, "text": "ä\u0000\n",
        "list": [1, "x", None, [2, {}]], "nested": {"a": {"b": [1.5, {"c": None}]}}, "empty": {}, "none at all": [], "": "key",
        "\u0000json": {"mine": 1}, "ints": [1, 2], "mixed": [1, 2.0],
    }
    raw.upload(text_namespace, [{"id": "a", "text": "t", "metadata": metadata}])
    found = raw.texts(text_namespace, ["a"])["a"]["metadata"]
    assert found == metadata
    for key in ["int", "big", "bigger", "float"]:
        assert type(found[key]) is type(metadata[key]), key
    assert [type(one) for one in found["mixed"]] == [int, float]
    moorcheh_client.vectors.upload(vector_namespace, [{"id": "a", "vector": [1.0, 0.0], "metadata": {"deep": {"er": [None]}}}])
    [hit] = moorcheh_client.similarity_search.query([vector_namespace], [1.0, 0.0])["results"]
    assert hit["metadata"] == {"deep": {"er": [None]}}


def test_keys_are_stored_as_they_were_sent(raw, text_namespace):
    """The SDK rewrites keys; the server doesn't."""
    metadata = {"userId": 1, "UserID": 2, "user_id": 3, "a b": 4}
    raw.upload(text_namespace, [{"id": "a", "text": "t", "metadata": metadata}])
    assert raw.texts(text_namespace, ["a"])["a"]["metadata"] == metadata


def test_the_same_id_overwrites(raw, text_namespace):
    raw.upload(text_namespace, [{"id": "a", "text": "one", "x": 1}])
    raw.upload(text_namespace, [{"id": "a", "text": "two", "y": 2}])
    assert raw.texts(text_namespace, ["a"])["a"] == {"id": "a", "text": "two", "metadata": {"y": 2}}
    answer = raw.upload(text_namespace, [{"id": "b", "text": "first"}, {"id": "c", "text": "c"}, {"id": "b", "text": "last"}])
    assert answer["submitted_ids"] == ["b", "c"]
    assert raw.texts(text_namespace, ["b"])["b"]["text"] == "last"
    assert raw.count(text_namespace) == 3


@pytest.mark.parametrize(("bad", "words"), [
    ({"text": "t"}, "id: missing"),
    ({"id": "x"}, "text: missing"),
    ({"id": "x", "text": None}, "text: missing"),
    ({"id": "x", "text": ""}, "text: blank"),
    ({"id": "x", "text": " \n\t\u3000"}, "text: blank"),
    ({"id": "x", "text": 7}, "text: a number"),
    ({"id": "x", "text": "x" * 50_001}, "50001 characters"),
    ({"id": "", "text": "t"}, "id: an empty string"),
    ({"id": True, "text": "t"}, "id: a bool"),
    ({"id": None, "text": "t"}, "id: null"),
    ({"id": "x", "text": "t", "metadata": [1]}, "metadata: a list"),
    ({"id": "x", "text": "t", "metadata": {"k": "v" * 66_000}}, "metadata: 660"),
    ("x", "a string, expected an object"),
    (None, "null, expected an object"),
])
def test_one_bad_document_refuses_all_and_is_named(raw, text_namespace, bad, words):
    answer = raw.post(f"/namespaces/{text_namespace}/documents", {"documents": [{"id": "a", "text": "t"}, bad]})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD")
    assert "documents[1]" in answer.json()["message"] and words in answer.json()["message"]
    assert raw.count(text_namespace) == 0


def test_the_largest_document_is_taken(raw, text_namespace):
    raw.upload(text_namespace, [{"id": "a", "text": "ü" * 50_000, "metadata": {"k": "v" * 65_000}}])
    found = raw.texts(text_namespace, ["a"])["a"]
    assert (len(found["text"]), len(found["metadata"]["k"])) == (50_000, 65_000)


@pytest.mark.parametrize("body", [{"documents": []}, {"documents": {}}, {"documents": None}, {}])
def test_no_documents(raw, text_namespace, body):
    answer = raw.post(f"/namespaces/{text_namespace}/documents", body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD")


def test_vectors_are_stored_and_named(raw, vector_namespace):
    answer = raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": vectors(3)})
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"status", "message", "vector_ids_processed", "vectors_processed", "errors", "namespace_name", "processing_status"}
    assert (body["status"], body["vector_ids_processed"], body["vectors_processed"], body["errors"]) == ("success", ["v0", "v1", "v2"], 3, [])


def test_a_thousand_vectors_in_one_request(raw, moorcheh_client, vector_namespace):
    assert moorcheh_client.vectors.upload(vector_namespace, vectors(1_000))["vectors_processed"] == 1_000
    answer = raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": vectors(1_001)})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "TOO_MANY_IDS")
    assert raw.count(vector_namespace) == 1_000


def test_bad_vectors_among_good_ones_are_named(raw, moorcheh_client, vector_namespace):
    sent = [
        {"id": "good", "vector": [1, 2]}, {"id": "short", "vector": [1]}, {"id": "long", "vector": [1, 2, 3]}, {"id": "huge", "vector": [1, 1e39]},
        {"id": "text", "vector": "x"}, {"id": "none"}, {"id": True, "vector": [1, 2]}, {"id": "meta", "vector": [1, 2], "metadata": 7}, "x",
    ]
    answer = raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": sent})
    body = answer.json()
    assert (answer.status_code, body["status"], body["vector_ids_processed"], body["vectors_processed"]) == (207, "partial", ["good"], 1)
    assert [error["index"] for error in body["errors"]] == list(range(1, 9))
    assert [error["id"] for error in body["errors"]] == ["short", "long", "huge", "text", "none", None, "meta", None]
    assert raw.count(vector_namespace) == 1
    through_sdk = moorcheh_client.vectors.upload(vector_namespace, sent[:2])
    assert (through_sdk["status"], len(through_sdk["errors"])) == ("partial", 1)


def test_only_bad_vectors_are_refused(raw, moorcheh_client, vector_namespace):
    answer = raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": [{"id": "a", "vector": [1]}]})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "DIMENSION_MISMATCH")
    with pytest.raises(InvalidInputError):
        moorcheh_client.vectors.upload(vector_namespace, [{"id": "a", "vector": [1.0]}])
    nan = '{"vectors": [{"id": "a", "vector": [NaN, 1]}]}'
    answer = raw.http.post(f"{PREFIX}/namespaces/{vector_namespace}/vectors", content=nan, headers=raw.headers | {"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_JSON")
    assert raw.count(vector_namespace) == 0


def test_the_last_vector_of_an_id_is_kept_and_listed_once(raw, vector_namespace):
    sent = [{"id": "a", "vector": [1, 0]}, {"id": "b", "vector": [1, 1]}, {"id": "a", "vector": [0, 1], "x": 1}]
    body = raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": sent}).json()
    assert (body["vector_ids_processed"], body["vectors_processed"]) == (["a", "b"], 2)
    found = raw.post("/search", {"namespaces": [vector_namespace], "query": [0, 1], "top_k": 1}).json()["results"]
    assert [(hit["id"], hit["metadata"]) for hit in found] == [("a", {"x": 1})]


def test_a_vector_without_an_id_gets_one(raw, vector_namespace):
    body = raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": [{"vector": [1, 0]}, {"vector": [0, 1]}]}).json()
    assert len(set(body["vector_ids_processed"])) == 2
    assert all(len(one) == 36 for one in body["vector_ids_processed"])
    assert raw.count(vector_namespace) == 2


def test_texts_of_vectors(raw, vector_namespace):
    sent = [{"id": "a", "vector": [1, 0], "text": "words"}, {"id": "b", "vector": [0, 1], "text": None}]
    raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": sent})
    found = raw.texts(vector_namespace, ["a", "b"])
    assert (found["a"]["text"], "text" in found["b"]) == ("words", False)


def test_the_other_types_endpoint_is_named(raw, text_namespace, vector_namespace):
    for namespace, kind, body in [(vector_namespace, "documents", {"documents": documents(1)}), (text_namespace, "vectors", {"vectors": vectors(1)})]:
        answer = raw.post(f"/namespaces/{namespace}/{kind}", body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "WRONG_NAMESPACE_TYPE")
        assert raw.count(namespace) == 0


def test_an_upload_is_seen_at_once_through_any_router(lacuna, key, raw, text_namespace):
    import httpx

    for n in range(10):
        raw.upload(text_namespace, [{"id": n, "text": f"text {n}"}])
        for url in lacuna.urls:
            body = {"namespaces": [text_namespace], "query": f"text {n}", "top_k": 1}
            [hit] = httpx.post(f"{url}{PREFIX}/search", json=body, headers={"x-api-key": key}).json()["results"]
            assert hit["id"] == str(n) and math.isclose(hit["score"], 1.0, abs_tol=0.01)
