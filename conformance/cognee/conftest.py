"""Memory collections: an open server, and one with keys."""

import contextlib
import pathlib
import secrets

import pytest

from cognee_support import Memory
from deployment import DEPLOYMENTS


@pytest.fixture
def memory(lacuna):
    """Root's view of the server under test."""
    return Memory(lacuna.url)


@contextlib.contextmanager
def with_keys(kind: str, folder: pathlib.Path):
    root = secrets.token_hex(24)
    with DEPLOYMENTS[kind](folder, environment={"LACUNA_ROOT_KEY": root}) as running:
        running.root = root
        yield running


@pytest.fixture(scope="session")
def keyed(tmp_path_factory):
    """A server with keys: `.url`, and the root key."""
    with with_keys("embedded", tmp_path_factory.mktemp("keyed")) as running:
        yield running


@pytest.fixture(scope="session", params=["embedded", "cluster"])
def keyed_anywhere(request, tmp_path_factory):
    """As `keyed`, also over two routers: `.urls` has them."""
    with with_keys(request.param, tmp_path_factory.mktemp(f"keyed-{request.param}")) as running:
        yield running


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
