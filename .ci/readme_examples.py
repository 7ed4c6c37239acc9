"""Runs the README's fenced examples against a fresh server and compares the answers.

An example is a ```sh block; a ```json block right behind it is the answer its last command must give. Op ids, times and ports differ
from run to run: a string "…" in the expected answer stands for any value, and an object's `"…": "…"` for any further keys.
A ```python block is run with the clients of the conformance tests, and a ```text block right behind it is what it must print.
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

import conformance

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(r"^```(sh|json|python|text)([^\n]*)\n(.*?)^```", re.M | re.S)
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


def shell(text: str, answer: tuple[str, str, str], folder: str, environment: dict[str, str]) -> str | None:
    """What is wrong with a shell example, or nothing."""
    command = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return f"ended with {done.returncode}: {done.stderr}{done.stdout}"
    if answer[0] != "json":
        return None
    last = done.stdout.strip().splitlines()[-1:] or [""]
    try:
        seen = json.loads(done.stdout if done.stdout.lstrip().startswith("{\n") else last[0])
    except ValueError:
        return f"answered no JSON: {done.stdout!r}"
    problems = matches(json.loads(answer[2]), seen)
    return "\n".join([*problems, f"seen: {json.dumps(seen, ensure_ascii=False)}"]) if problems else None


def python(text: str, answer: tuple[str, str, str], folder: str, environment: dict[str, str]) -> str | None:
    """What is wrong with a Python example, or nothing. It must say what it prints."""
    command = [str(conformance.VENV / "bin" / "python"), "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return f"ended with {done.returncode}: {done.stderr}{done.stdout}"
    if answer[0] != "text":
        return "the README doesn't show what it prints"
    return None if done.stdout.strip() == answer[2].strip() else f"printed {done.stdout!r}"


def run_examples(binary: pathlib.Path) -> int:
    blocks = BLOCK.findall(README.read_text())
    failures, run = [], {"sh": 0, "python": 0}
    with tempfile.TemporaryDirectory(prefix="lacuna-readme-") as folder:
        # The sample is read by its name in the repository; whatever an example writes stays outside of it.
        os.symlink(README.parent / "docs", f"{folder}/docs")
        port = free_port()
        environment = {**os.environ, "PATH": f"{binary.parent}:{os.environ['PATH']}", "LACUNA_URL": f"http://127.0.0.1:{port}"}
        command = [str(binary), "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", f"{folder}/data"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_ready(port, server)
            for at, (kind, mark, text) in enumerate(blocks):
                if kind not in ("sh", "python") or "no-run" in mark:
                    continue
                text = text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("port=8000", f"port={port}")
                run[kind] += 1
                answer = blocks[at + 1] if at + 1 < len(blocks) else ("", "", "")
                problem = shell(text, answer, folder, environment) if kind == "sh" else python(text, answer, folder, environment)
                if problem:
                    failures.append(f"{text}\n{problem}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    for failure in failures:
        print(f"README example failed:\n{failure}\n")
    print(f"README: {sum(run.values()) - len(failures)} passed, {len(failures)} failed ({run['python']} in Python)")
    if run["sh"] < 5 or run["python"] < 3:
        print("fewer examples were found than there should be: the README or this script is broken")
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
    conformance.install_python()
    sys.exit(run_examples(pathlib.Path(sys.argv[1]).resolve()))
