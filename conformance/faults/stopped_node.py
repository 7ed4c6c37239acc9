"""What the fault tests share: a node that is stopped for a while, and operations that must end by themselves."""

import contextlib
import re
import time

import httpx

# Requests end with what is known after so long.
DEADLINE_MS = 2_000
DEADLINE = {"lacuna-deadline-ms": str(DEADLINE_MS)}
RECORDS = 60
# Which of the three nodes is stopped.
NODE = 2
OPERATION = re.compile(r"[Oo]peration ([\w-]{16,})")


@contextlib.contextmanager
def stopped(cluster):
    cluster.pause(NODE)
    try:
        yield
    finally:
        cluster.resume(NODE)


def operation_in(message: str) -> str:
    """The operation that an error names."""
    found = OPERATION.findall(message)
    assert found, f"the error names no operation: {message}"
    return found[-1]


def completed(cluster, operation: str, seconds: float = 40) -> dict:
    """Waits until a recorded operation is complete; nobody repeats the request meanwhile."""
    until = time.monotonic() + seconds
    while True:
        told = httpx.get(f"{cluster.url}/v1/operations/{operation}", timeout=30)
        if told.status_code == 200 and told.json()["status"] == "complete":
            return told.json()
        assert time.monotonic() < until, f"not complete within {seconds} s: {told.text}"
        time.sleep(0.2)


def answers(call, seconds: float = 40):
    """Repeats a call until it no longer fails because of the node that was away; its answer."""
    until = time.monotonic() + seconds
    while True:
        try:
            return call()
        except Exception as error:
            if time.monotonic() > until:
                raise AssertionError(f"still failing {seconds} s after the node's return") from error
            time.sleep(0.3)
