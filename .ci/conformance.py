"""Installs what the conformance tests need (once for each state of their lists) and runs them.

  python3 .ci/conformance.py --install            only installs
  python3 .ci/conformance.py BINARY [pytest's arguments]
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUITE = ROOT / "conformance"
MADE = ROOT / "target" / "conformance"
VENV = MADE / "venv"


def digest(*files: pathlib.Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files) + sys.version.encode()).hexdigest()


def run(what: str, *command: str, cwd: pathlib.Path = ROOT) -> None:
    print(f"conformance: {what}", flush=True)
    done = subprocess.run(command, cwd=cwd)
    if done.returncode != 0:
        raise SystemExit(f"conformance: {what} failed ({done.returncode}): {' '.join(command)}")


def installed(stamp: pathlib.Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text() == wanted


def install_python() -> None:
    lists = [SUITE / "requirements.txt", SUITE / "constraints.txt"]
    stamp, wanted = VENV / "lacuna-installed", digest(*lists)
    if installed(stamp, wanted):
        return
    if sys.version_info < (3, 11):
        raise SystemExit(f"conformance: needs Python 3.11 or later, this is {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    MADE.mkdir(parents=True, exist_ok=True)
    run("making a venv", sys.executable, "-m", "venv", str(VENV))
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run("installing Python packages", *pip, "-r", str(lists[0]), "-c", str(lists[1]))
    stamp.write_text(wanted)


def install_javascript() -> None:
    folder = SUITE / "js"
    if not (folder / "package-lock.json").is_file():
        return
    stamp, wanted = folder / "node_modules" / ".lacuna-installed", digest(folder / "package.json", folder / "package-lock.json")
    if installed(stamp, wanted):
        return
    if not shutil.which("npm"):
        raise SystemExit("conformance: npm is not there; the JavaScript clients need Node.js 20 or later")
    run("installing npm packages", "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", cwd=folder)
    stamp.write_text(wanted)


def main(arguments: list[str]) -> int:
    if not arguments:
        raise SystemExit(__doc__)
    install_python()
    install_javascript()
    if arguments == ["--install"]:
        print(f"conformance: ready in {VENV}")
        return 0
    binary, rest = pathlib.Path(arguments[0]).resolve(), arguments[1:]
    environment = {**os.environ, "LACUNA_BIN": str(binary), "ANONYMIZED_TELEMETRY": "False"}
    return subprocess.run([str(VENV / "bin" / "pytest"), *(rest or ["-q"])], cwd=SUITE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
