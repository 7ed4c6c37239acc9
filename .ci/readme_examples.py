"""Runs the README's fenced examples against a fresh server and compares the answers.

An example is a ```sh block; a ```json block right behind it is the answer its last command must give. Op ids, times and ports differ
from run to run: a string "…" in the expected answer stands for any value, and an object's `"…": "…"` for any further keys.
Blocks marked ```sh no-run are shown, not run (installing, starting the server itself).
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(r"^```(sh|json)([^\n]*)\n(.*?)^```", re.M | re.S)
ANY = "…"


def matches(expected, seen, path="answer") -> list[str]:
    """Differences between an expected answer and the seen one, each with its path."""
    if expected == ANY:
        return []
    if isinstance(expected, dict) and isinstance(seen, dict):
        problems = [f"{path}.{key} is missing" for key in expected if key != ANY and key not in seen]
        if ANY not in expected:
            problems += [f"{path}.{key} is not in the README" for key in seen if key not in expected]
        for key in expected.keys() & seen.keys():
            problems += matches(expected[key], seen[key], f"{path}.{key}")
        return problems
    if isinstance(expected, list) and isinstance(seen, list):
        if ANY in expected:
            expected, seen = [one for one in expected if one != ANY], seen[: len(expected) - 1]
        if len(expected) != len(seen):
            return [f"{path} has {len(seen)} items, the README shows {len(expected)}"]
        return [problem for at, (one, other) in enumerate(zip(expected, seen)) for problem in matches(one, other, f"{path}[{at}]")]
    same = type(expected) is type(seen) and expected == seen
    return [] if same else [f"{path} is {seen!r}, the README shows {expected!r}"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_ready(port: int, process: subprocess.Popen) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("the server didn't get ready in 30 s")


def run_examples(binary: pathlib.Path) -> int:
    blocks = BLOCK.findall(README.read_text())
    failures, run = [], 0
    with tempfile.TemporaryDirectory(prefix="lacuna-readme-") as folder:
        port = free_port()
        environment = {**os.environ, "PATH": f"{binary.parent}:{os.environ['PATH']}", "LACUNA_URL": f"http://127.0.0.1:{port}"}
        command = [str(binary), "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", f"{folder}/data"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_ready(port, server)
            for at, (kind, mark, text) in enumerate(blocks):
                if kind != "sh" or "no-run" in mark:
                    continue
                text = text.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
                run += 1
                if done.returncode != 0:
                    failures.append(f"{text}\nended with {done.returncode}: {done.stderr}{done.stdout}")
                elif at + 1 < len(blocks) and blocks[at + 1][0] == "json":
                    last = done.stdout.strip().splitlines()[-1:] or [""]
                    try:
                        seen = json.loads(done.stdout if done.stdout.lstrip().startswith("{\n") else last[0])
                    except ValueError:
                        failures.append(f"{text}\nanswered no JSON: {done.stdout!r}")
                        continue
                    problems = matches(json.loads(blocks[at + 1][2]), seen)
                    if problems:
                        failures.append(f"{text}\n" + "\n".join(problems) + f"\nseen: {json.dumps(seen, ensure_ascii=False)}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    for failure in failures:
        print(f"README example failed:\n{failure}\n")
    print(f"README: {run - len(failures)} passed, {len(failures)} failed")
    if run < 5:
        print("fewer than five examples were found: the README or this script is broken")
        return 1
    return 1 if failures else 0


def self_test() -> None:
    """The comparison must be able to fail."""
    assert matches({"a": 1, "b": ANY}, {"a": 1, "b": 7}) == []
    assert matches({"a": 1}, {"a": 2}) and matches({"a": 1}, {"a": 1, "b": 2}) and matches({"a": 1}, {})
    assert matches({"a": 1, ANY: ANY}, {"a": 1, "b": 2}) == [] and matches([1, ANY], [1, 2, 3]) == []
    assert matches([1], [1, 2]) and matches({"a": 1}, {"a": True}) and matches({"a": None}, {"a": 0})


if __name__ == "__main__":
    self_test()
    sys.exit(run_examples(pathlib.Path(sys.argv[1]).resolve()))
