"""Calls amid crashes: a process is killed between two calls or in the middle of one, and started again on the same data; a call whose
outcome isn't known is repeated until it is."""

import collections
import random
import statistics
import threading
import time

import httpx

from deployment import Cluster, Embedded
from deployment.process import Process, wait_ready

# Answers that leave open what happened, or say that nothing did: all are repeated.
UNKNOWN = (503, 504)


class Storm:
    """Crashes of a deployment's processes. `crashes` and `repeats` count what there was."""

    def __init__(self, running: Embedded | Cluster, rng: random.Random):
        self.running, self.rng = running, rng
        self.processes = [running.process] if isinstance(running, Embedded) else [*running.nodes, *running.routers]
        self.crashes = self.repeats = 0
        # Seconds that the last calls took: a crash is to come in the middle of one.
        self.took = collections.deque([0.01], maxlen=20)

    def victim(self, url: str) -> Process:
        """In a cluster a node, or the router that is asked."""
        if isinstance(self.running, Embedded):
            return self.running.process
        return self.rng.choice([*self.running.nodes, self.running.routers[self.running.urls.index(url)]])

    def restart(self, process: Process):
        process.start()
        for url in self.running.urls:
            wait_ready(url, self.processes)

    def crash(self):
        """Between two calls."""
        victim = self.victim(self.rng.choice(self.running.urls))
        self.crashes += 1
        victim.kill()
        self.restart(victim)

    def call(self, ask, crash: bool) -> httpx.Response:
        """`ask(url)` until its outcome is known; with `crash` a process dies in the middle of it."""
        url = self.rng.choice(self.running.urls)
        told = self.amid_a_crash(ask, url) if crash else self.timed(ask, url)
        told, repeats = known(told, lambda: once(ask, self.rng.choice(self.running.urls)))
        self.repeats += repeats
        return told

    def timed(self, ask, url: str) -> httpx.Response | None:
        began = time.monotonic()
        told = once(ask, url)
        self.took.append(time.monotonic() - began)
        return told

    def amid_a_crash(self, ask, url: str) -> httpx.Response | None:
        told = []
        victim, moment = self.victim(url), self.rng.uniform(0, 1.5) * statistics.median(self.took)
        asking = threading.Thread(target=lambda: told.append(once(ask, url)))
        asking.start()
        time.sleep(moment)
        self.crashes += 1
        victim.kill()
        # A dead embedded server or router answers nobody; with a dead node the call goes on, and may end by itself.
        self.restart(victim)
        asking.join()
        return told[0]


def once(ask, url: str) -> httpx.Response | None:
    try:
        return ask(url)
    except httpx.TransportError:
        return None


def known(told: httpx.Response | None, again) -> tuple[httpx.Response, int]:
    """What was told, or what `again()` says as soon as the outcome is known; and the repeats that took."""
    end, repeats = time.monotonic() + 60, 0
    while told is None or told.status_code in UNKNOWN:
        assert time.monotonic() < end, f"no outcome: {told and told.text}"
        time.sleep(0.1)
        repeats += 1
        told = again()
    return told, repeats
