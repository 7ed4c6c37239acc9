"""Sections 2, 3 and 9: statuses, codes, routes that are not offered, and how the SDK takes them."""

import pytest
from moorcheh_sdk import MoorchehClient
from moorcheh_sdk.exceptions import APIError, NamespaceNotFound

from moorcheh_support import PREFIX, documents


def failed(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["error_code"], body["status"]) == (status, code, "failure"), answer.text
    assert set(body) == {"status", "message", "error_code"}
    assert answer.headers["content-type"] == "application/json"


def send_text(raw, path, text, content_type="application/json"):
    return raw.http.post(PREFIX + path, content=text, headers=raw.headers | {"content-type": content_type})


@pytest.mark.parametrize("text", ["{", "", "{\"ids\": [1,]}", "\u0000", "{\"ids\": ['a']}"])
def test_what_is_no_json(raw, text_namespace, text):
    failed(send_text(raw, f"/namespaces/{text_namespace}/documents/delete", text), 400, "INVALID_JSON")


def test_a_body_of_another_form(raw, text_namespace):
    for text in ["[]", "null", "7", "\"x\""]:
        failed(send_text(raw, f"/namespaces/{text_namespace}/documents/delete", text), 400, "INVALID_FIELD")


def test_content_types(raw, text_namespace):
    path = f"/namespaces/{text_namespace}/documents/delete"
    for good in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]:
        assert send_text(raw, path, '{"ids": ["a"]}', good).status_code == 200
    failed(send_text(raw, path, '{"ids": ["a"]}', "text/plain"), 415, "UNSUPPORTED")


def test_a_body_over_the_limit(raw, text_namespace):
    failed(send_text(raw, f"/namespaces/{text_namespace}/documents/delete", " " * (32 << 20) + "{}"), 413, "PAYLOAD_TOO_LARGE")


def test_the_order_of_checks(raw, fresh, vector_namespace):
    never = fresh("never")
    failed(send_text(raw, f"/namespaces/{never}/documents/delete", "{"), 400, "INVALID_JSON")
    failed(raw.delete(never, []), 400, "INVALID_FIELD")
    failed(raw.delete(never, list(range(1_001))), 400, "TOO_MANY_IDS")
    failed(raw.delete(never, ["a"]), 404, "NAMESPACE_NOT_FOUND")
    failed(raw.delete(vector_namespace, ["a"]), 400, "WRONG_NAMESPACE_TYPE")
    failed(raw.post(f"/namespaces/{never}/documents", {"documents": [{"id": "a"}]}), 400, "INVALID_FIELD")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/namespaces/x/documents/erase", "/namespaces/x/y/z/w", "/SEARCH"])
def test_unknown_routes(raw, path):
    for method in ["GET", "POST"]:
        answer = raw.send(method, path)
        assert answer.status_code == 404
        assert "no such route" in answer.json()["message"]


@pytest.mark.parametrize(("path", "methods"), [
    ("/namespaces", {"GET", "HEAD", "POST"}), ("/namespaces/x", {"DELETE"}), ("/namespaces/x/documents", {"POST"}), ("/namespaces/x/vectors", {"POST"}),
    ("/namespaces/x/documents/get", {"POST"}), ("/namespaces/x/documents/fetch-text-data", {"GET", "HEAD"}), ("/namespaces/x/documents/delete", {"POST"}),
    ("/namespaces/x/vectors/delete", {"POST"}), ("/search", {"POST"}), ("/answer", {"POST"}), ("/namespaces/x/upload-url", {"POST"}),
    ("/namespaces/x/list-files", {"GET", "HEAD"}), ("/namespaces/x/delete-file", {"DELETE"}),
])
def test_a_wrong_method_is_told_the_right_ones(raw, path, methods):
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
        for slash in ["", "/"]:
            answer = raw.send(method, path + slash, {} if method in {"POST", "PUT"} else None)
            failed(answer, 405, "UNSUPPORTED")
            assert {one.strip() for one in answer.headers["allow"].split(",")} == methods


def test_slashes_at_the_end_redirect_nobody(raw, text_namespace):
    raw.upload(text_namespace, documents(2))
    for method, path, body, status in [
        ("GET", "/namespaces/", None, 200), ("POST", "/search/", {"namespaces": [text_namespace], "query": "x"}, 200),
        ("POST", f"/namespaces/{text_namespace}/documents/get/", {"ids": ["d0"]}, 200), ("GET", f"/namespaces/{text_namespace}/documents/fetch-text-data/", None, 200),
        ("POST", f"/namespaces/{text_namespace}/documents/delete/", {"ids": ["d0"]}, 200), ("DELETE", f"/namespaces/{text_namespace}/", None, 200),
    ]:
        assert raw.send(method, path, body).status_code == status, path


def test_answers_are_not_offered(raw, moorcheh_client, text_namespace, fresh):
    failed(raw.post("/answer", {"namespace": text_namespace, "query": "x", "aiModel": "m"}), 422, "UNSUPPORTED")
    failed(raw.post("/answer", {"namespace": "", "query": "x"}), 422, "UNSUPPORTED")
    failed(raw.post("/answer", {"namespace": fresh("never"), "query": "x"}), 404, "NAMESPACE_NOT_FOUND")
    with pytest.raises(APIError, match="use /search") as error:
        moorcheh_client.answer.generate(namespace=text_namespace, query="x")
    assert error.value.status_code == 422


def test_files_are_not_offered(raw, moorcheh_client, text_namespace, fresh):
    failed(raw.post(f"/namespaces/{text_namespace}/upload-url", {"file_name": "a.pdf"}), 422, "UNSUPPORTED")
    failed(raw.post(f"/namespaces/{text_namespace}/upload-url", {"fileName": "a.pdf"}), 422, "UNSUPPORTED")
    failed(raw.post(f"/namespaces/{fresh('never')}/upload-url", {"file_name": "a.pdf"}), 404, "NAMESPACE_NOT_FOUND")
    assert moorcheh_client.documents.list_files(text_namespace) == {"success": True, "namespace": text_namespace, "file_count": 0, "files": []}
    deleted = moorcheh_client.documents.delete_files(text_namespace, ["a.pdf", "b"])
    assert [(one["file_name"], one["status"], one["message"]) for one in deleted["results"]] == [("a.pdf", "error", "File not found"), ("b", "error", "File not found")]
    for call in [moorcheh_client.documents.list_files, lambda name: moorcheh_client.documents.delete_files(name, ["a"])]:
        with pytest.raises(NamespaceNotFound):
            call(fresh("never"))


def test_any_key_or_none_opens_an_open_server(lacuna, raw):
    import os

    if os.environ.get("LACUNA_KEY"):
        assert raw.http.get(f"{PREFIX}/namespaces").status_code == 401
        assert raw.http.get(f"{PREFIX}/namespaces", headers={"x-api-key": "nobody's"}).status_code == 403
        return
    for headers in [{}, {"x-api-key": "whatever"}, {"X-API-KEY": ""}]:
        assert raw.http.get(f"{PREFIX}/namespaces", headers=headers).status_code == 200
    with MoorchehClient(api_key="another", base_url=f"{lacuna.url}{PREFIX}/") as client:
        assert "namespaces" in client.namespaces.list()


def test_a_refused_request_leaves_the_connection_usable(raw, text_namespace):
    """A refusal is made before the body is read; the client's next request goes over the same connection."""
    for _ in range(5):
        for path in ["/nothing", f"/namespaces/{text_namespace}", f"/namespaces/{text_namespace}/documents"]:
            answer = raw.send("PUT", path, {"ids": ["x" * 500_000]})
            assert answer.status_code in {404, 405}
        assert raw.get("/namespaces").status_code == 200


def test_one_of_a_thing_is_not_said_as_many(raw, text_namespace, vector_namespace):
    stored = raw.post(f"/namespaces/{text_namespace}/documents", {"documents": documents(2)[:1]}).json()
    assert stored["message"] == f"Stored 1 document in namespace '{text_namespace}'."
    page = raw.get(f"/namespaces/{text_namespace}/documents/fetch-text-data").json()
    assert page["message"] == f"Read 1 item of namespace '{text_namespace}'."
    vectors = [{"id": "good", "vector": [1, 2]}, {"id": "bad", "vector": [1]}]
    partly = raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": vectors}).json()
    assert partly["message"] == f"Stored 1 vector in namespace '{vector_namespace}'; 1 was not stored."
    gone = raw.delete(vector_namespace, ["other"], "vectors").json()
    assert gone["message"] == f"Deleted 0 of 1 requested item from namespace '{vector_namespace}'; 1 remains."
    place = raw.delete(text_namespace, [True]).json()["message"]
    assert place == "ids[0]: a bool (true); an id is a non-empty string or a number; nothing was changed"
