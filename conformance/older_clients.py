"""Older versions of a client, each in a venv of its own, made when it is first needed."""

import fcntl
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def python(package: str, *beside: str) -> pathlib.Path:
    """The Python of a venv that has this package (`name==version`), what must stand beside it, and nothing else."""
    folder = ROOT / "target" / "conformance" / package.replace("==", "-")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = folder / "lacuna-installed", " ".join([package, *beside, sys.version])
        if not (stamp.is_file() and stamp.read_text() == wanted):
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            subprocess.run([*pip, package, *beside], check=True)
            stamp.write_text(wanted)
    return folder / "bin" / "python"


def run(interpreter: pathlib.Path, program: pathlib.Path, *arguments: str) -> dict:
    """The JSON that a program printed in its last line."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CHROMA_", "PYTHON"))}
    done = subprocess.run([str(interpreter), str(program), *arguments], capture_output=True, text=True, timeout=100, env=clean)
    assert done.returncode == 0, f"{interpreter}: {done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.strip().splitlines()[-1])
