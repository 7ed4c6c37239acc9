"""Each line of a contract's delete section has a test, and no test cites a line that isn't there.

`contracts/<surface>.toml` lists the lines; the line `d07_unknown_ids` is shown by the function `test_d07_unknown_ids` in
`<surface>/`. A test whose name begins as an id does (`test_d07_`) cites one."""

import ast
import pathlib
import re
import tomllib

import pytest

HERE = pathlib.Path(__file__).parent
ID = re.compile(r"[a-z]\d+_[a-z0-9_]+")
CITES = re.compile(r"test_([a-z]\d+_[a-z0-9_]+)")
SURFACES = ["chroma", "pinecone", "moorcheh", "cognee"]


def functions_in(text: str) -> list[str]:
    """Names of the test functions in a module, those in classes included."""
    nodes = ast.walk(ast.parse(text))
    return [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")]


def differences(contract: dict, modules: dict[str, str]) -> list[str]:
    """What doesn't fit between a contract's lines and the tests in its modules (file name → text)."""
    problems, lines = [], contract["line"]
    ids = [line["id"] for line in lines]
    problems += [f"{one} stands there twice" for one in sorted({one for one in ids if ids.count(one) > 1})]
    for line in lines:
        if not ID.fullmatch(line["id"]):
            problems.append(f"{line['id']} isn't an id such as d07_unknown_ids")
        if len(line.get("what", "").strip()) < 10:
            problems.append(f"{line['id']} doesn't say what it promises")
    tests = [(name, module) for module, text in modules.items() for name in functions_in(text)]
    problems += [f"{one} has no test test_{one}" for one in ids if not any(name == f"test_{one}" for name, _ in tests)]
    for name, module in tests:
        cited = CITES.fullmatch(name)
        if cited and cited[1] not in ids:
            problems.append(f"{name} in {module} cites no line of the contract")
        if [other for other, _ in tests].count(name) > 1 and cited:
            problems.append(f"{name} is there more than once")
    return problems


@pytest.mark.parametrize("surface", SURFACES)
def test_every_line_of_the_contract_has_its_test(surface):
    path, folder = HERE / "contracts" / f"{surface}.toml", HERE / surface
    assert path.is_file() == folder.is_dir(), "a surface with tests has a contract, and the reverse"
    if path.is_file():
        contract = tomllib.loads(path.read_text())
        assert contract["surface"] == surface
        modules = {module.name: module.read_text() for module in sorted(folder.glob("test_*.py"))}
        problems = differences(contract, modules)
        assert not problems, "\n".join(problems)


def test_no_contract_is_left_out():
    assert {path.stem for path in (HERE / "contracts").glob("*.toml")} <= set(SURFACES)


def test_no_folder_is_a_package_with_a_clients_name():
    assert not [path for path in HERE.glob("*/__init__.py") if path.parent.name != "deployment"]


def test_the_comparison_can_fail():
    line = {"id": "d01_ids_only", "what": "ids that are given go, and no others"}
    fits = {"test_x.py": "def test_d01_ids_only(): pass\nclass A:\n    async def test_free_name(self): pass"}
    assert differences({"line": [line]}, fits) == []
    assert differences({"line": [line]}, {"test_x.py": "def test_free(): pass"}) == ["d01_ids_only has no test test_d01_ids_only"]
    assert differences({"line": []}, fits) == ["test_d01_ids_only in test_x.py cites no line of the contract"]
    assert differences({"line": [line, line]}, fits) == ["d01_ids_only stands there twice"]
    assert differences({"line": [line]}, {**fits, "test_y.py": fits["test_x.py"]})
    assert differences({"line": [{"id": "D1", "what": "ids that are given go"}]}, {})
