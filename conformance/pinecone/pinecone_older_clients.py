"""Older versions of the client, each in a venv of its own, made when it is first needed."""

import fcntl
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).parent
# What pip is asked for: up to 5.0 the package had another name.
PACKAGES = {
    "9.0.1": "pinecone==9.0.1",
    "8.1.2": "pinecone==8.1.2",
    "7.3.0": "pinecone==7.3.0",
    "6.0.2": "pinecone==6.0.2",
    "5.0.1": "pinecone==5.0.1",
    "3.2.2": "pinecone-client==3.2.2",
}


def python(version: str) -> pathlib.Path:
    """The Python of a venv that has this version and nothing else."""
    folder = ROOT / "target" / "conformance" / f"pinecone-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"pinecone-{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = folder / "lacuna-installed", f"{PACKAGES[version]} {sys.version}"
        if not (stamp.is_file() and stamp.read_text() == wanted):
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            subprocess.run([*pip, PACKAGES[version]], check=True)
            stamp.write_text(wanted)
    return folder / "bin" / "python"


def run(version: str, program: str, *arguments: str) -> dict:
    """What a program printed, run by that version."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PINECONE_", "PYTHON"))}
    done = subprocess.run([str(python(version)), str(HERE / program), *arguments], capture_output=True, text=True, timeout=100, env=clean)
    assert done.returncode == 0, f"{version}: {done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.strip().splitlines()[-1])
