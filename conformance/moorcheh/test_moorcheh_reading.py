"""Section 8: items by id, and page by page."""

import pytest
from moorcheh_sdk.exceptions import InvalidInputError

from moorcheh_support import documents, vectors


def test_items_come_in_the_order_asked_for_each_once(raw, text_namespace):
    raw.upload(text_namespace, documents(5))
    answer = raw.post(f"/namespaces/{text_namespace}/documents/get", {"ids": ["d3", "gone", "d0", "d3", "d1"]})
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"status", "message", "requested_ids", "found_items", "items", "documents", "not_found_ids"}
    assert [item["id"] for item in body["items"]] == ["d3", "d0", "d1"]
    assert body["documents"] == body["items"]
    assert (body["status"], body["found_items"], body["not_found_ids"]) == ("partial", 3, ["gone"])
    assert isinstance(body["requested_ids"], int)
    assert body["items"][0] == {"id": "d3", "text": "document number 3", "metadata": {"n": 3}}
    assert raw.post(f"/namespaces/{text_namespace}/documents/get", {"ids": ["d1"]}).json()["status"] == "success"


def test_none_found_is_200_with_lists(raw, moorcheh_client, text_namespace):
    body = raw.post(f"/namespaces/{text_namespace}/documents/get", {"ids": ["gone"]}).json()
    assert (body["items"], body["documents"], body["found_items"], body["not_found_ids"]) == ([], [], 0, ["gone"])
    assert moorcheh_client.documents.get(text_namespace, ["gone", 7])["documents"] == []


@pytest.mark.parametrize(("ids", "code"), [([], "INVALID_FIELD"), (None, "INVALID_FIELD"), ("a", "INVALID_FIELD"), ([None], "INVALID_FIELD"), (list(range(101)), "TOO_MANY_IDS")])
def test_from_one_to_a_hundred_ids(raw, text_namespace, ids, code):
    answer = raw.post(f"/namespaces/{text_namespace}/documents/get", {"ids": ids})
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)


def test_a_vector_namespace_is_read_without_its_vectors(raw, vector_namespace):
    raw.post(f"/namespaces/{vector_namespace}/vectors", {"vectors": vectors(2)})
    assert raw.texts(vector_namespace, ["v1"])["v1"] == {"id": "v1", "metadata": {"n": 1}}


async def test_the_async_client_reads(async_client, raw, text_namespace):
    raw.upload(text_namespace, documents(3))
    assert len((await async_client.documents.get(text_namespace, ["d0", "d1"]))["documents"]) == 2
    assert len((await async_client.documents.fetch_text_data(text_namespace))["items"]) == 3


def test_pages_hold_everything_by_id(raw, moorcheh_client, text_namespace):
    raw.upload(text_namespace, documents(95))
    seen, token = [], None
    while True:
        page = moorcheh_client.documents.fetch_text_data(text_namespace, limit=20, next_token=token)
        seen += [item["id"] for item in page["items"]]
        assert page["statistics"]["total_items"] == len(page["items"])
        assert page["pagination"]["limit"] == 20
        token = page["pagination"]["next_token"]
        if not page["pagination"]["has_more"]:
            break
    assert token is None
    assert seen == sorted(f"d{n}" for n in range(95))


def test_a_page_has_the_contracts_fields(raw, text_namespace):
    raw.upload(text_namespace, documents(2))
    page = raw.get(f"/namespaces/{text_namespace}/documents/fetch-text-data").json()
    assert set(page) == {"status", "message", "namespace", "statistics", "items", "pagination", "execution_time"}
    assert page["namespace"] == text_namespace
    assert set(page["statistics"]) == {"total_items", "total_text_chunks", "total_summary_chunks", "created_at_min", "created_at_max", "source_counts"}
    assert page["statistics"]["source_counts"] == {}
    assert set(page["items"][0]) == {"id", "text", "metadata", "created_at", "is_summary"}
    assert page["items"][0]["is_summary"] is False
    assert page["statistics"]["created_at_min"] <= page["items"][1]["created_at"] <= page["statistics"]["created_at_max"]
    assert page["pagination"] == {"limit": 100, "has_more": False, "next_token": None}


def test_an_empty_namespace_has_an_empty_page(raw, text_namespace):
    page = raw.get(f"/namespaces/{text_namespace}/documents/fetch-text-data/").json()
    assert (page["items"], page["statistics"]["total_items"]) == ([], 0)


def test_a_deleted_item_appears_on_no_later_page(raw, text_namespace):
    raw.upload(text_namespace, documents(10))
    first = raw.get(f"/namespaces/{text_namespace}/documents/fetch-text-data", limit=3).json()
    assert [item["id"] for item in first["items"]] == ["d0", "d1", "d2"]
    # The one that the token names, too.
    raw.delete(text_namespace, ["d2", "d4"])
    rest = raw.get(f"/namespaces/{text_namespace}/documents/fetch-text-data", next_token=first["pagination"]["next_token"]).json()
    assert [item["id"] for item in rest["items"]] == ["d3", "d5", "d6", "d7", "d8", "d9"]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"limit": -1}, {"next_token": "nonsense!"}, {"next_token": "AAAA"}])
def test_a_bad_page_is_refused(raw, text_namespace, params):
    answer = raw.get(f"/namespaces/{text_namespace}/documents/fetch-text-data", **params)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD")


def test_pages_are_of_text_only(raw, moorcheh_client, vector_namespace):
    answer = raw.get(f"/namespaces/{vector_namespace}/documents/fetch-text-data")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "WRONG_NAMESPACE_TYPE")
    with pytest.raises(InvalidInputError):
        moorcheh_client.documents.fetch_text_data(vector_namespace)
