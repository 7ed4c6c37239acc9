"""Nodes and routers as processes of their own."""

import pathlib
import signal
import time

from deployment.lifetime import Lifetime
from deployment.process import Process, free_ports, wait_ready


class Cluster(Lifetime):
    """`nodes` nodes and `routers` routers. `urls` has the routers' addresses; nodes are numbered from 0."""

    name = "cluster"

    def __init__(self, folder: pathlib.Path, nodes: int = 3, replicas: int = 3, shards: int = 4, routers: int = 2, environment: dict[str, str] | None = None):
        self.folder = folder
        ports = free_ports(nodes + routers)
        peers = ",".join(f"{at + 1}=127.0.0.1:{port}" for at, port in enumerate(ports[:nodes]))
        self.nodes = []
        for at, port in enumerate(ports[:nodes]):
            command = ["node", "--id", str(at + 1), "--listen", f"127.0.0.1:{port}", "--data-dir", str(folder / f"node-{at + 1}")]
            command += ["--peers", peers, "--shards", str(shards), "--replicas", str(replicas)]
            self.nodes.append(Process(f"node-{at + 1}", command, folder, environment))
        self.routers, self.urls = [], []
        for at, port in enumerate(ports[nodes:]):
            command = ["router", "--listen", f"127.0.0.1:{port}", "--nodes", peers]
            self.routers.append(Process(f"router-{at + 1}", command, folder, environment))
            self.urls.append(f"http://127.0.0.1:{port}")
        self.url = self.urls[0]

    def start(self) -> "Cluster":
        for process in [*self.nodes, *self.routers]:
            process.start()
        for url in self.urls:
            wait_ready(url, [*self.nodes, *self.routers])
        return self

    def stop(self) -> None:
        for process in [*self.routers, *self.nodes]:
            process.stop()

    def must_run(self) -> None:
        for process in [*self.nodes, *self.routers]:
            process.must_run()

    def pause(self, node: int) -> None:
        """SIGSTOP: the node holds its connections and says nothing. Waits until all of its threads have stopped: on a
        busy machine that takes a while, in which it would still answer."""
        self.nodes[node].signal(signal.SIGSTOP)
        threads = pathlib.Path(f"/proc/{self.nodes[node].child.pid}/task")
        until = time.monotonic() + 10
        while any(stat.read_text().rpartition(")")[2].split()[0] != "T" for stat in threads.glob("*/stat")):
            if time.monotonic() > until:
                raise TimeoutError(f"node {node} hasn't stopped")
            time.sleep(0.01)

    def resume(self, node: int) -> None:
        self.nodes[node].signal(signal.SIGCONT)
