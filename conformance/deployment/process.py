"""One child process of Lacuna, its log, and free ports to listen on."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Below the range from which the system takes ports for outgoing connections: a restarted node finds its port free.
PORTS = range(20_000, 32_000)


def binary() -> pathlib.Path:
    """The server to test: LACUNA_BIN, or the debug build."""
    path = pathlib.Path(os.environ.get("LACUNA_BIN", ROOT / "target" / "debug" / "lacuna")).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: build it (cargo build -p lacuna), or name another by LACUNA_BIN")
    return path


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free, all different: held together while they are picked."""
    held, ports = [], []
    try:
        for port in random.SystemRandom().sample(PORTS, 2_000):
            listener = socket.socket()
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                listener.close()
                continue
            held.append(listener)
            ports.append(port)
            if len(ports) == count:
                return ports
    finally:
        for listener in held:
            listener.close()
    raise OSError(f"no {count} free ports in {PORTS}")


class Process:
    """A child. It dies with this process, so that an interrupted run leaves nothing behind."""

    def __init__(self, name: str, arguments: list[str], folder: pathlib.Path, environment: dict[str, str] | None = None):
        self.name = name
        self.arguments = arguments
        self.log = folder / f"{name}.log"
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("LACUNA_")} | (environment or {})
        self.child: subprocess.Popen | None = None

    def start(self) -> None:
        command = [str(binary()), *self.arguments, "--die-with", str(os.getpid())]
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)

    def must_run(self) -> None:
        if self.child is None or self.child.poll() is not None:
            raise RuntimeError(f"{self.name} doesn't run; the end of its log:\n{self.last_lines()}")

    def signal(self, number: signal.Signals) -> None:
        self.must_run()
        self.child.send_signal(number)

    def stop(self) -> None:
        """In order, or by force after 15 s."""
        if self.child is None:
            return
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child = None

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def last_lines(self, count: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:]) if self.log.exists() else ""


def wait_ready(url: str, processes: list[Process], seconds: float = 60) -> None:
    """Until the router says that every group has a leader and has recovered."""
    until = time.monotonic() + seconds
    seen = "no answer"
    while time.monotonic() < until:
        for process in processes:
            process.must_run()
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError as error:
            seen = str(error)
        time.sleep(0.05)
    raise TimeoutError(f"{url} isn't ready after {seconds} s: {seen}\n{processes[0].last_lines()}")
