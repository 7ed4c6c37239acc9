"""Namespaces to work in, plain HTTP, and the async client."""

import httpx
import pytest
import pytest_asyncio

from moorcheh_support import PREFIX, Raw


@pytest.fixture
def raw(http, key):
    return Raw(http, key)


@pytest.fixture
def text_namespace(raw, fresh):
    return raw.make(fresh("docs"))


@pytest.fixture
def vector_namespace(raw, fresh):
    """Of two dimensions."""
    return raw.make(fresh("vecs"), 2)


@pytest_asyncio.fixture
async def async_client(lacuna, key):
    from moorcheh_sdk import AsyncMoorchehClient

    async with AsyncMoorchehClient(api_key=key, base_url=lacuna.url + PREFIX) as client:
        yield client


@pytest.fixture
def faulty(one_replica_cluster, key):
    """A cluster whose nodes may be paused, with plain HTTP whose requests take at most 2 s."""
    with httpx.Client(base_url=one_replica_cluster.url, timeout=60) as client:
        raw = Raw(client, key, deadline_ms=2_000)
        raw.cluster = one_replica_cluster
        yield raw
