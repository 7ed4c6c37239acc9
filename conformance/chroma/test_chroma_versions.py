"""Clients before 1.0 do what they did against their own server, and Cognee's adapter (pinned to 0.6) what it does (section 11)."""

import pathlib

import pytest
from older_clients import python, run

HERE = pathlib.Path(__file__).parent


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", ["0.6.3", "0.5.23"])
def test_an_older_client_works(lacuna, key, fresh, version):
    seen = run(python(f"chromadb=={version}"), HERE / "chroma_older_program.py", lacuna.url, fresh("old"), key)
    assert seen == {
        "version": version,
        "metadata": {"hnsw:space": "cosine", "of": "tests"},
        "space": "cosine",
        "same": True,
        "count": 4,
        "get": ["c", "d"],
        "peek": ["a", "b"],
        "query": ["a", "c", "b", "d"],
        "distances": [0.0, 0.4, 1.0, 2.0],
        "merged": [{"m": 9, "n": 1}, {"n": 22}],
        "deletes": [None, None, None, None],
        "left": ["d"],
        "modified": {"changed": True},
        "listed": True,
        "gone": "NotFoundError",
        "cognee": ['["a"]', True, 1],
    }
