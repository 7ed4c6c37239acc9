"""Section 8: search, by text and by vector, with every filter."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moorcheh_sdk.exceptions import APIError, InvalidInputError

from moorcheh_naive_search import cosine, equals, keeps
from moorcheh_support import documents

LABELS = [(0.894, "Close Match"), (0.632, "Very High Relevance"), (0.447, "High Relevance"), (0.316, "Good Relevance"), (0.224, "Low Relevance"), (0.1, "Very Low Relevance"), (0.0, "Irrelevant")]


def search(raw, namespaces, query, **more):
    answer = raw.post("/search", {"namespaces": namespaces, "query": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def ids(hits):
    return [hit["id"] for hit in hits]


TEXTS = {
    "refund": "Our refund policy: money back within 30 days.",
    "shipping": "Shipping takes five working days.",
    "tower": "The Eiffel tower is 330 metres tall.",
    "tower2": "the EIFFEL tower is 330 metres tall",
    "han": "退款政策：十天内退款。",
    "dots": "... !!! ...",
    "code": "fn main() { println!(\"x\"); }",
}


def test_a_stored_text_is_found_first(raw, moorcheh_client, text_namespace):
    raw.upload(text_namespace, [{"id": key, "text": text, "metadata": {"key": key}} for key, text in TEXTS.items()])
    for key, text in TEXTS.items():
        hits = search(raw, [text_namespace], text, top_k=100)
        assert hits[0]["id"] == key and hits[0]["score"] >= 0.99
        assert len(hits) == len(TEXTS), "top_k of at least the number of items returns every one"
        assert hits[0] | {"score": 0, "label": ""} == {"id": key, "score": 0, "label": "", "text": text, "metadata": {"key": key}, "namespace_name": text_namespace}
    answer = moorcheh_client.similarity_search.query([text_namespace], "how do I get my money back, a refund?", top_k=1)
    assert ids(answer["results"]) == ["refund"]
    assert set(answer) == {"results", "execution_time", "timings"}
    assert isinstance(answer["timings"]["total"], float)


async def test_the_async_client_searches(async_client, raw, text_namespace):
    raw.upload(text_namespace, documents(3))
    answer = await async_client.similarity_search.query([text_namespace], "document number 2", top_k=2)
    assert ids(answer["results"])[0] == "d2" and len(answer["results"]) == 2


def test_scores_are_cosines_and_labels_go_with_them(raw, fresh):
    namespace = raw.make(fresh("scores"), 3)
    chance = random.Random(7)
    stored = {f"v{n}": [chance.uniform(-1, 1) for _ in range(3)] for n in range(200)}
    raw.post(f"/namespaces/{namespace}/vectors", {"vectors": [{"id": key, "vector": vector} for key, vector in stored.items()]})
    query = [0.3, -0.2, 0.9]
    hits = search(raw, [namespace], query, top_k=100)
    assert len(hits) == 100
    for hit in hits:
        assert abs(hit["score"] - max(0.0, cosine(query, stored[hit["id"]]))) < 2e-6
        assert hit["score"] == round(hit["score"], 6)
        assert hit["label"] == next(label for least, label in LABELS if hit["score"] >= least)
        assert hit["text"] == "" and hit["metadata"] == {}
    best = sorted(stored, key=lambda key: -cosine(query, stored[key]))[:20]
    assert ids(hits)[:20] == best
    assert [(-hit["score"], hit["id"]) for hit in hits] == sorted((-hit["score"], hit["id"]) for hit in hits)


def test_several_namespaces_are_merged_by_score_then_namespace_then_id(raw, fresh):
    names = sorted([raw.make(fresh("b"), 2), raw.make(fresh("a"), 2)])
    for name in names:
        vectors = [{"id": "2", "vector": [1, 0]}, {"id": "1", "vector": [2, 0]}, {"id": "0", "vector": [0, 1]}]
        raw.post(f"/namespaces/{name}/vectors", {"vectors": vectors})
    hits = search(raw, [names[1], names[0], names[1]], [1, 0])
    assert [(hit["namespace_name"], hit["id"]) for hit in hits] == [(names[0], "1"), (names[0], "2"), (names[1], "1"), (names[1], "2"), (names[0], "0"), (names[1], "0")]
    assert len(search(raw, names, [1, 0], top_k=3)) == 3


def test_top_k_is_clamped_and_defaults_to_ten(raw, text_namespace):
    for begin in [0, 100]:
        raw.upload(text_namespace, documents(100, begin))
    assert len(search(raw, [text_namespace], "document")) == 10
    assert len(search(raw, [text_namespace], "document", top_k=100)) == 100
    assert len(search(raw, [text_namespace], "document", top_k=10_000)) == 100
    assert len(search(raw, [text_namespace], "document", topK=3)) == 3
    for bad in [0, -1, "x", 1.5]:
        answer = raw.post("/search", {"namespaces": [text_namespace], "query": "x", "top_k": bad})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD"), bad


def test_every_item_is_reached_after_many_deletes(raw, text_namespace):
    for begin in range(0, 400, 100):
        raw.upload(text_namespace, documents(100, begin))
    for begin in range(0, 350, 50):
        raw.delete(text_namespace, [f"d{n}" for n in range(begin, begin + 50)])
        hits = search(raw, [text_namespace], "document number 399", top_k=100)
        assert len(hits) == min(100, 350 - begin)
        assert all(int(hit["id"][1:]) >= begin + 50 for hit in hits)
    assert sorted(ids(hits)) == sorted(f"d{n}" for n in range(350, 400))


def test_kiosk_mode_keeps_what_reaches_the_threshold(raw, moorcheh_client, fresh):
    namespace = raw.make(fresh("kiosk"), 2)
    vectors = [{"id": "near", "vector": [1, 0]}, {"id": "half", "vector": [1, 1.7320508]}, {"id": "far", "vector": [0, 1]}]
    raw.post(f"/namespaces/{namespace}/vectors", {"vectors": vectors})
    assert ids(search(raw, [namespace], [1, 0], threshold=0.9)) == ["near", "half", "far"], "ignored without kiosk_mode"
    for threshold, found in [(0, 3), (0.25, 2), (0.6, 1), (1, 1)]:
        assert len(search(raw, [namespace], [1, 0], kiosk_mode=True, threshold=threshold)) == found
    assert len(moorcheh_client.similarity_search.query([namespace], [1.0, 0.0], kiosk_mode=True)["results"]) == 2, "the SDK sends 0.25"
    for threshold in [None, -0.1, 1.1, "x"]:
        answer = raw.post("/search", {"namespaces": [namespace], "query": [1, 0], "kiosk_mode": True, "threshold": threshold})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD")
    answer = raw.post("/search", {"namespaces": [namespace], "query": [1, 0], "kioskMode": True})
    assert answer.status_code == 400


def test_types_and_dimensions_must_fit(raw, moorcheh_client, text_namespace, vector_namespace):
    for namespaces, query, code in [
        ([text_namespace], [1, 0], "WRONG_NAMESPACE_TYPE"),
        ([vector_namespace], "x", "WRONG_NAMESPACE_TYPE"),
        ([text_namespace, vector_namespace], "x", "WRONG_NAMESPACE_TYPE"),
        ([vector_namespace], [1, 0, 0], "DIMENSION_MISMATCH"),
        ([vector_namespace], [], "INVALID_FIELD"),
        ([vector_namespace], [1, 1e39], "INVALID_FIELD"),
        ([vector_namespace], [1, "x"], "INVALID_FIELD"),
        ([text_namespace], "", "INVALID_FIELD"),
        ([text_namespace], " \n", "INVALID_FIELD"),
        ([text_namespace], None, "INVALID_FIELD"),
        ([text_namespace], {"a": 1}, "INVALID_FIELD"),
        ([], "x", "INVALID_FIELD"),
        (text_namespace, "x", "INVALID_FIELD"),
        ([7], "x", "INVALID_FIELD"),
    ]:
        answer = raw.post("/search", {"namespaces": namespaces, "query": query})
        assert (answer.status_code, answer.json()["error_code"]) == (400, code), (namespaces, query)
    with pytest.raises(InvalidInputError):
        moorcheh_client.similarity_search.query([vector_namespace], [1.0, 0.0, 0.0])


def test_a_missing_namespace_is_404_whatever_else_is_there(raw, moorcheh_client, text_namespace, fresh):
    for namespaces in [[fresh("never")], [text_namespace, fresh("never")], ["a b"]]:
        answer = raw.post("/search", {"namespaces": namespaces, "query": "x"})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "NAMESPACE_NOT_FOUND")
    with pytest.raises(APIError, match="NAMESPACE_NOT_FOUND"):
        moorcheh_client.similarity_search.query([fresh("never")], "x")


def test_filters_at_the_end_of_a_query(raw, text_namespace):
    raw.upload(text_namespace, [
        {"id": "a", "text": "Refund policy of 2024", "metadata": {"lang": "en", "year": 2024, "live": True}},
        {"id": "b", "text": "refund policy of 2025", "metadata": {"lang": "en", "year": 2025, "live": False}},
        {"id": "c", "text": "Politique de remboursement", "metadata": {"lang": "fr", "year": "2024", "tags": ["x"]}},
    ])
    for query, found in [
        ("refund #lang:en", {"a", "b"}), ("refund #year:2024", {"a", "c"}), ("x #live:true", {"a"}), ("x #refund", {"a", "b"}), ("x #REFUND #year:2025", {"b"}),
        ("x #refund #lang:fr", set()), ("x #none:1", set()), ("x #lang:e", set()), ("x #fund", set()), ("x #tags:x", set()),
    ]:
        assert set(ids(search(raw, [text_namespace], query))) == found, query
    first = search(raw, [text_namespace], "Refund policy of 2024 #lang:en")[0]
    assert first["id"] == "a" and first["score"] >= 0.99, "filters are not embedded"
    assert len(search(raw, [text_namespace], "what is #1 in the world")) == 3, "only at the end"
    alone = search(raw, [text_namespace], "#lang:en")
    assert [(hit["id"], hit["score"], hit["label"]) for hit in alone] == [("a", 0.0, "Irrelevant"), ("b", 0.0, "Irrelevant")]
    assert ids(search(raw, [text_namespace], "#lang:en", top_k=1)) == ["a"]


def test_filters_count_before_top_k(raw, text_namespace):
    raw.upload(text_namespace, [{"id": f"n{n}", "text": "the same words", "even": n % 2 == 0} for n in range(60)])
    assert len(search(raw, [text_namespace], "the same words #even:true", top_k=30)) == 30


def test_the_bodys_metadata_filters_both_kinds(raw, text_namespace, fresh):
    namespace = raw.make(fresh("meta"), 2)
    raw.post(f"/namespaces/{namespace}/vectors", {"vectors": [{"id": n, "vector": [1, n], "n": n, "s": str(n % 3)} for n in range(9)]})
    assert set(ids(search(raw, [namespace], [1, 0], metadata={"s": "1"}))) == {"1", "4", "7"}
    assert ids(search(raw, [namespace], [1, 0], metadata={"s": "1", "n": 4})) == ["4"]
    assert search(raw, [namespace], [1, 0], metadata={"s": 1}) == []
    raw.upload(text_namespace, [{"id": "a", "text": "t", "k": 1}, {"id": "b", "text": "t", "k": 2}])
    assert ids(search(raw, [text_namespace], "t #k:1", metadata={"k": 1})) == ["a"]
    assert ids(search(raw, [text_namespace], "t #k:1", metadata={"k": 2})) == []
    assert len(search(raw, [text_namespace], "t", metadata={})) == 2
    assert len(search(raw, [text_namespace], "t", metadata=None)) == 2
    for bad in [{"k": None}, {"k": [1]}, {"k": {}}, [1], "x"]:
        answer = raw.post("/search", {"namespaces": [text_namespace], "query": "t", "metadata": bad})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD"), bad


VALUES = st.one_of(st.integers(-2, 2), st.booleans(), st.sampled_from(["1", "x", "true", "X", ""]))
ITEMS = st.lists(st.fixed_dictionaries({"metadata": st.dictionaries(st.sampled_from(["k", "l"]), VALUES), "text": st.lists(st.sampled_from(["Red", "green", "BLUE", "redder"]), min_size=1, max_size=4).map(" ".join)}), min_size=1, max_size=12)
TOKENS = st.lists(st.one_of(st.sampled_from(["red", "GREEN", "blue", "re"]), st.builds("{}:{}".format, st.sampled_from(["k", "l", "m"]), st.sampled_from(["1", "-2", "x", "true", "false", "", "True"]))), max_size=3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=ITEMS, tokens=TOKENS, wanted=st.dictionaries(st.sampled_from(["k", "l"]), VALUES, max_size=2))
def test_filters_are_those_of_a_naive_reading(raw, fresh, items, tokens, wanted):
    namespace = raw.make(fresh("naive"))
    items = [{"id": str(n), **item} for n, item in enumerate(items)]
    raw.upload(namespace, items)
    query = " ".join(["colour", *(f"#{token}" for token in tokens)])
    found = search(raw, [namespace], query, top_k=100, metadata=wanted)
    expected = {item["id"] for item in items if keeps(tokens, item) and equals(wanted, item["metadata"])}
    assert set(ids(found)) == expected
    assert raw.send("DELETE", f"/namespaces/{namespace}").status_code == 200
