"""An index of one's own, by the client and by plain HTTP; and servers with other settings."""

import httpx
import pytest
from deployment import Embedded
from pinecone import ServerlessSpec
from pinecone_raw import Raw


@pytest.fixture
def api_client(key):
    with httpx.Client(timeout=60, headers={"api-key": key}) as client:
        yield client


@pytest.fixture
def index_name(pinecone_client, fresh):
    """An index of three dimensions, by its name."""
    name = fresh("i")
    spec = ServerlessSpec(cloud="aws", region="us-east-1")
    pinecone_client.create_index(name=name, dimension=3, metric="cosine", spec=spec)
    yield name
    if name in [one.name for one in pinecone_client.list_indexes()]:
        pinecone_client.delete_index(name)


@pytest.fixture
def index(pinecone_client, index_name):
    """The client's index."""
    return pinecone_client.Index(index_name)


@pytest.fixture
def raw(lacuna, api_client, index_name):
    """The same index by plain HTTP."""
    return Raw(api_client, lacuna.url, index_name)


@pytest.fixture
def raw_of_others(lacuna, api_client, index_name):
    """The same index through every router."""
    return [Raw(api_client, url, index_name) for url in lacuna.urls]


@pytest.fixture
def keeping(tmp_path, api_client):
    """An index of a server whose deleteAll keeps the namespace."""
    server = Embedded(tmp_path, environment={"LACUNA_PINECONE_DELETE_ALL_NAMESPACE": "keep"})
    try:
        server.start()
        body = {"name": "kept", "dimension": 3, "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}
        assert api_client.post(f"{server.url}/pinecone/indexes", json=body).status_code == 201
        yield Raw(api_client, server.url, "kept")
    finally:
        server.stop()
