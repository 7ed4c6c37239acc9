"""`lacuna serve`: node and router in one process."""

import pathlib

from deployment.lifetime import Lifetime
from deployment.process import Process, free_ports, wait_ready


class Embedded(Lifetime):
    """One process with everything. `urls` has one address."""

    name = "embedded"

    def __init__(self, folder: pathlib.Path, arguments: list[str] | None = None, environment: dict[str, str] | None = None):
        self.folder = folder
        [port] = free_ports(1)
        self.urls = [f"http://127.0.0.1:{port}"]
        self.url = self.urls[0]
        command = ["serve", "--listen", f"127.0.0.1:{port}", "--data-dir", str(folder / "data"), *(arguments or [])]
        self.process = Process("serve", command, folder, environment)

    def start(self) -> "Embedded":
        self.process.start()
        wait_ready(self.url, [self.process])
        return self

    def stop(self) -> None:
        self.process.stop()

    def must_run(self) -> None:
        self.process.must_run()
