"""Runs the tests of this folder that are written in JavaScript, one file a surface, against the server under test."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.test.mjs"))


def counted(output: str, what: str) -> int:
    found = re.search(rf"^# {what} (\d+)$", output, re.M)
    return int(found[1]) if found else -1


@pytest.mark.parametrize("file", FILES)
def test_javascript(lacuna, key, file):
    assert shutil.which("node"), "node is not there; the JavaScript clients need Node.js 20 or later"
    assert (HERE / "node_modules").is_dir(), "npm packages are not installed: python3 .ci/conformance.py --install"
    command = ["node", "--test", "--test-reporter=tap", "--test-timeout=60000", str(HERE / file)]
    environment = {**os.environ, "LACUNA_URL": lacuna.url, "LACUNA_KEY": key}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    print(done.stdout, done.stderr)
    shown = len(re.findall(r"^test\(", (HERE / file).read_text(), re.M))
    assert done.returncode == 0 and counted(done.stdout, "fail") == 0
    assert counted(done.stdout, "pass") == shown > 5, "every test of the file ran"
    assert counted(done.stdout, "skipped") == 0


def test_each_of_both_clients_has_its_file():
    assert FILES == ["chroma_delete.test.mjs", "pinecone_delete.test.mjs"]
