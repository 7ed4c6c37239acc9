"""Section 4: namespaces made and listed."""

import re

import pytest
from moorcheh_sdk.exceptions import ConflictError, InvalidInputError

from moorcheh_support import documents


def test_a_text_namespace_is_made(raw, moorcheh_client, fresh):
    name = fresh("text")
    made = moorcheh_client.namespaces.create(name, "text")
    assert made == {"status": "success", "message": made["message"], "namespace_name": name, "type": "text", "vector_dimension": None}
    answer = raw.post("/namespaces", {"namespace_name": fresh("text"), "type": "text"})
    assert (answer.status_code, answer.json()["vector_dimension"]) == (201, None)


def test_a_vector_namespace_is_made(moorcheh_client, fresh):
    for dimension in [1, 1_536, 65_535]:
        made = moorcheh_client.namespaces.create(fresh("vector"), "vector", dimension)
        assert (made["type"], made["vector_dimension"]) == ("vector", dimension)


async def test_the_async_client_makes_lists_and_deletes(async_client, fresh):
    name = fresh("async")
    await async_client.namespaces.create(name, "vector", 3)
    assert name in [one["namespace_name"] for one in (await async_client.namespaces.list())["namespaces"]]
    await async_client.namespaces.delete(name)
    assert name not in [one["namespace_name"] for one in (await async_client.namespaces.list())["namespaces"]]


def test_a_taken_name_is_a_conflict_even_with_equal_arguments(moorcheh_client, fresh):
    name = fresh("taken")
    moorcheh_client.namespaces.create(name, "text")
    for arguments in [("text",), ("vector", 2)]:
        with pytest.raises(ConflictError, match="NAMESPACE_EXISTS"):
            moorcheh_client.namespaces.create(name, *arguments)


@pytest.mark.parametrize("body", [
    {"type": "text"},
    {"namespace_name": "", "type": "text"},
    {"namespace_name": "a b", "type": "text"},
    {"namespace_name": "a/b", "type": "text"},
    {"namespace_name": "ä", "type": "text"},
    {"namespace_name": "x" * 129, "type": "text"},
    {"namespace_name": 7, "type": "text"},
    {"namespace_name": "n"},
    {"namespace_name": "n", "type": "table"},
    {"namespace_name": "n", "type": None},
    {"namespace_name": "n", "type": "text", "vector_dimension": 3},
    {"namespace_name": "n", "type": "vector"},
    {"namespace_name": "n", "type": "vector", "vector_dimension": None},
    {"namespace_name": "n", "type": "vector", "vector_dimension": 0},
    {"namespace_name": "n", "type": "vector", "vector_dimension": -1},
    {"namespace_name": "n", "type": "vector", "vector_dimension": 65_536},
    {"namespace_name": "n", "type": "vector", "vector_dimension": 1.5},
    {"namespace_name": "n", "type": "vector", "vector_dimension": "3"},
])
def test_a_bad_namespace_is_refused(raw, body):
    answer = raw.post("/namespaces", body)
    assert (answer.status_code, answer.json()["error_code"], answer.json()["status"]) == (400, "INVALID_FIELD", "failure")
    assert "n" not in raw.namespaces()


def test_names_of_the_whole_alphabet_and_length(raw, fresh):
    run = fresh("z")
    for name in [run + "_AZaz09-", (run + "x" * 128)[:128]]:
        raw.make(name)
        raw.upload(name, documents(1))
        assert raw.count(name) == 1
        assert raw.send("DELETE", f"/namespaces/{name}/").status_code == 200


def test_camel_case_of_raw_clients_is_taken(raw, fresh):
    answer = raw.post("/namespaces", {"namespaceName": fresh("camel"), "type": "vector", "vectorDimension": 3})
    assert (answer.status_code, answer.json()["vector_dimension"]) == (201, 3)


def test_the_list_is_sorted_and_whole(raw, fresh):
    names = sorted([raw.make(fresh(stem)) for stem in ["b", "a", "B", "_", "-"]] + [raw.make(fresh("v"), 5)])
    answer = raw.get("/namespaces/").json()
    listed = [one["namespace_name"] for one in answer["namespaces"]]
    assert listed == sorted(listed)
    assert [one for one in listed if one in names] == names
    assert isinstance(answer["execution_time"], float)
    for one in answer["namespaces"]:
        assert set(one) == {"namespace_name", "type", "item_count", "vector_dimension", "created_at"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", one["created_at"])
        assert isinstance(one["item_count"], int)
        assert (one["vector_dimension"] is None) == (one["type"] == "text")


def test_the_sdk_refuses_what_it_knows(moorcheh_client):
    with pytest.raises(InvalidInputError):
        moorcheh_client.namespaces.create("x", "vector")


def test_other_surfaces_do_not_see_a_namespace(raw, http, text_namespace):
    assert http.get(f"/v1/collections/{text_namespace}").status_code == 404
    listed = {one["name"]: one for one in http.get("/v1/collections").json()["collections"]}
    assert listed[text_namespace]["surface"] == "moorcheh"
