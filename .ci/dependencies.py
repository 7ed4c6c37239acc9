"""Licences and sources of every dependency, and duplicate versions against a list with reasons."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).parent
ALLOWED = {
    "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unicode-3.0", "0BSD",
    "CC0-1.0", "Unlicense", "MIT-0", "BSL-1.0", "Apache-2.0 WITH LLVM-exception", "CDLA-Permissive-2.0",
}


def acceptable(expression: str) -> bool:
    """True if some way of reading an SPDX expression uses only allowed licences (AND binds tighter than OR)."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def choice() -> bool:
        verdict = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            verdict |= conjunction()
        return verdict

    def conjunction() -> bool:
        verdict = licence()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            verdict &= licence()
        return verdict

    def licence() -> bool:
        if not tokens:
            return False
        name = tokens.pop(0)
        if name == "(":
            verdict = choice()
            return bool(tokens) and tokens.pop(0) == ")" and verdict
        if tokens and tokens[0] == "WITH":
            name = f"{name} WITH {tokens[1]}"
            del tokens[:2]
        return name in ALLOWED

    return choice() and not tokens


def main() -> int:
    metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1"]))
    config = tomllib.loads((HERE / "dependencies.toml").read_text())
    problems = []
    for package in metadata["packages"]:
        name = f'{package["name"]} {package["version"]}'
        licence = package["license"] or config["licences"].get(package["name"], "")
        if not acceptable(licence):
            problems.append(f"licence of {name}: {licence or 'none named'}")
        source = package["source"]
        if source is not None and not source.startswith("registry+https://github.com/rust-lang/crates.io-index"):
            problems.append(f"source of {name}: {source}")
    versions: dict[str, set[str]] = {}
    for entry in re.findall(r'name = "(.+?)"\nversion = "(.+?)"', pathlib.Path("Cargo.lock").read_text()):
        versions.setdefault(entry[0], set()).add(entry[1])
    duplicates = {name: sorted(found) for name, found in versions.items() if len(found) > 1}
    for name, found in sorted(duplicates.items()):
        if name not in config["duplicates"]:
            problems.append(f"duplicate versions of {name}: {', '.join(found)} (give a reason in .ci/dependencies.toml)")
    for name in sorted(set(config["duplicates"]) - set(duplicates)):
        problems.append(f"{name} is no duplicate any more: take it out of .ci/dependencies.toml")
    for problem in problems:
        print(problem)
    print(f'{len(metadata["packages"])} packages, {len(duplicates)} in several versions, {len(problems)} problems')
    return 1 if problems else 0


if __name__ == "__main__":
    for good in ("MIT", "MIT OR GPL-3.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "MIT/Apache-2.0"):
        assert acceptable(good), good
    for bad in ("GPL-3.0", "MIT AND GPL-3.0", "", "LGPL-2.1 OR GPL-2.0"):
        assert not acceptable(bad), bad
    sys.exit(main())
