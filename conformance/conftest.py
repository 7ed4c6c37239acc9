"""What every module gets: a running Lacuna (embedded, then a cluster), each vendor's real client, and names nobody else has."""

import itertools
import os
import pathlib
import uuid

import httpx
import pytest

from deployment import Cluster, Embedded, Given

HERE = pathlib.Path(__file__).parent
# What an open server takes as well as any other: clients that demand a key get this one.
OPEN_KEY = "open"


def pytest_addoption(parser):
    parser.addoption("--deployment", choices=["embedded", "cluster"], help="only this deployment (both, if not given)")


def pytest_generate_tests(metafunc):
    if "lacuna" not in metafunc.fixturenames:
        return
    if os.environ.get("LACUNA_URL"):
        names = ["given"]
    else:
        only = metafunc.config.getoption("deployment")
        names = [only] if only else ["embedded", "cluster"]
    metafunc.parametrize("lacuna", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def lacuna(request, tmp_path_factory):
    """The server under test: `.url`, `.urls` (one a router), `.name`."""
    if request.param == "given":
        yield Given(os.environ["LACUNA_URL"])
        return
    folder = tmp_path_factory.mktemp(request.param)
    running = {"embedded": Embedded, "cluster": Cluster}[request.param](folder)
    try:
        yield running.start()
        running.must_run()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def key():
    """The key that clients send: `LACUNA_KEY`, or any for an open server."""
    return os.environ.get("LACUNA_KEY", OPEN_KEY)


@pytest.fixture
def fresh():
    """`fresh("books")` is a name that no other test has, legal on every surface: `books-3f2a1b9c-1`."""
    run, counter = uuid.uuid4().hex[:8], itertools.count(1)
    return lambda stem="t": f"{stem}-{run}-{next(counter)}"


@pytest.fixture
def http(lacuna, key):
    """Plain HTTP to the server, for what a client refuses to send."""
    with httpx.Client(base_url=lacuna.url, timeout=60, headers={"authorization": f"Bearer {key}", "api-key": key, "x-api-key": key}) as client:
        yield client


@pytest.fixture
def chroma_client(lacuna, key):
    """`chromadb.HttpClient`."""
    import chromadb

    address = httpx.URL(lacuna.url)
    return chromadb.HttpClient(host=address.host, port=address.port, headers={"X-Chroma-Token": key})


@pytest.fixture
def pinecone_client(lacuna, key):
    """`pinecone.Pinecone`, the control plane; `.Index(name)` follows the host that the server hands out."""
    from pinecone import Pinecone

    return Pinecone(api_key=key, host=f"{lacuna.url}/pinecone")


@pytest.fixture
def moorcheh_client(lacuna, key):
    """`moorcheh_sdk.MoorchehClient`."""
    from moorcheh_sdk import MoorchehClient

    with MoorchehClient(api_key=key, base_url=f"{lacuna.url}/moorcheh/v1") as client:
        yield client


@pytest.fixture(scope="session")
def one_replica_cluster(tmp_path_factory):
    """A cluster with one replica a shard, whose nodes may be stopped: for faults. Tests that stop a node continue it."""
    running = Cluster(tmp_path_factory.mktemp("one-replica"), replicas=1, shards=6)
    try:
        yield running.start()
    finally:
        running.stop()


# --- nothing is left out in silence; the end says how many tests each surface had ---

INAPPLICABLE = {}


def pytest_configure(config):
    import tomllib

    INAPPLICABLE.update(tomllib.loads((HERE / "inapplicable.toml").read_text()))
    config.lacuna_tally = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and item.originalname not in INAPPLICABLE:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and inapplicable.toml doesn't say why: {report.longrepr}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    if report.when == "call" or report.outcome != "passed":
        folder = item.path.parent.relative_to(HERE).as_posix()
        surface = item.path.stem if folder == "." else folder
        params = getattr(item, "callspec", None)
        deployment = next((params.params[name] for name in ("lacuna", "guarded") if name in params.params), "own") if params else "own"
        tally = item.config.lacuna_tally.setdefault((surface, str(deployment)), {})
        tally[item.nodeid] = report.outcome
    return report


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("tests per surface")
    for (surface, deployment), outcomes in sorted(config.lacuna_tally.items()):
        counts = [sum(outcome == kind for outcome in outcomes.values()) for kind in ("passed", "failed", "skipped")]
        terminalreporter.line("{:<24} {:<10} {:>5} passed {:>4} failed {:>4} not applicable".format(surface, deployment, *counts))
