"""Memory collections: an open server, and one with keys."""

import secrets

import pytest

from cognee_support import Memory
from deployment import Cluster, Embedded


@pytest.fixture
def memory(lacuna):
    """Root's view of the server under test."""
    return Memory(lacuna.url)


@pytest.fixture(scope="session")
def keyed(tmp_path_factory):
    """A server with keys: `.url`, and the root key."""
    root = secrets.token_hex(24)
    running = Embedded(tmp_path_factory.mktemp("keyed"), environment={"LACUNA_ROOT_KEY": root})
    try:
        running.start()
        running.root = root
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session", params=["embedded", "cluster"])
def keyed_anywhere(request, tmp_path_factory):
    """As `keyed`, also over two routers: `.urls` has them."""
    root = secrets.token_hex(24)
    kind = {"embedded": Embedded, "cluster": Cluster}[request.param]
    running = kind(tmp_path_factory.mktemp(f"keyed-{request.param}"), environment={"LACUNA_ROOT_KEY": root})
    try:
        running.start()
        running.root = root
        yield running
    finally:
        running.stop()


@pytest.fixture
def root(keyed):
    return Memory(keyed.url, keyed.root)


@pytest.fixture
def user(keyed, root, fresh):
    """`user()` makes a user: its view, with `.id`."""

    def make() -> Memory:
        made = root.call("POST", "/api/v1/users", 201, json={"email": f"{fresh('user')}@example.org"}).json()
        one = Memory(keyed.url, made["api_key"])
        one.id = made["id"]
        return one

    return make
