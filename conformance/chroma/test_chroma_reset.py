"""`client.reset()`: served in development mode, for the caller's account alone."""

import chromadb
import httpx
import pytest

from deployment import Embedded


@pytest.fixture(scope="module")
def developed(tmp_path_factory):
    """A server in development mode, by its flag."""
    with Embedded(tmp_path_factory.mktemp("developed"), arguments=["--development-mode"]) as running:
        yield running


def test_the_clients_own_reset(developed, key, fresh):
    address = httpx.URL(developed.url)
    client = chromadb.HttpClient(host=address.host, port=address.port, headers={"X-Chroma-Token": key})
    made = client.create_collection(fresh(), embedding_function=None)
    made.add(ids=["a"], embeddings=[[1, 2]])
    assert client.reset() is True
    assert client.list_collections() == []
    with pytest.raises(chromadb.errors.NotFoundError):
        made.count()
    again = client.create_collection(made.name, embedding_function=None)
    again.add(ids=["b"], embeddings=[[1, 2, 3]])
    assert again.get()["ids"] == ["b"]
    assert client.reset() is True
