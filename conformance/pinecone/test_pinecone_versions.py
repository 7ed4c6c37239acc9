"""Older versions of the client do what they do against the vendor: indexes, records, and each of their delete calls."""

import pytest
from pinecone_older_clients import PACKAGES, run

# Names of the exceptions that each version raises for 404 and for 400.
NOT_FOUND = {"9.0.1": "NotFoundError"}
REFUSED = {"9.0.1": ("ApiError", "PineconeValueError")}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", list(PACKAGES))
def test_an_older_client_works(lacuna, key, fresh, version):
    name = fresh("v")
    seen = run(version, "pinecone_older_program.py", lacuna.url, name, key)
    assert seen["version"] == version
    refusals = {at: seen.pop(at) for at in ["all_and_ids", "ids_and_filter", "empty_filter", "nothing"]}
    assert seen.pop("missing") == NOT_FOUND.get(version, "NotFoundException")
    for at, name_of in refusals.items():
        assert name_of in REFUSED.get(version, ("PineconeApiException",)), (at, name_of)
    assert seen.pop("namespace_gone", -1) == -1
    assert seen == {
        "version": version,
        "listed": True,
        "host": f"{lacuna.url}/pc.v1/{name}",
        "upserted": 10,
        "queried": ["r 8", "r 6", "r 4"],
        "values": [],
        "fetched": ["r 1"],
        "updated": "y",
        "after_ids": 9,
        "after_filter": 4,
        "after_false": 3,
        "after_all": -1,
        "default": 9,
        "still": 9,
        "gone": True,
    }
