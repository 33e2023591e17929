"""Rules of the house that no linter knows: size, names, docstrings, waiting in tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
TEST_NAME_WORDS_MIN = 3
VAGUE_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "manager", "misc"})
ENVIRONMENT_READERS = ("cli", "daemon", "storage/places.py", "storage/merge_worker.py")
MUTABLE_CALLS = frozenset({"list", "dict", "set", "defaultdict", "deque", "bytearray"})
MUTATORS = frozenset(
    {"append", "add", "update", "pop", "popitem", "clear", "extend", "setdefault", "remove",
     "insert", "discard", "appendleft", "popleft"}
)  # fmt: skip
MUTABLE_DISPLAYS = (
    ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp,
)  # fmt: skip

SOURCES = sorted((ROOT / "qutrio").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_file = pytest.mark.parametrize("path", SOURCES + TESTS + BENCHMARKS, ids=shown)
every_source = pytest.mark.parametrize("path", SOURCES, ids=shown)
every_test = pytest.mark.parametrize(
    "path", [path for path in TESTS if path.name.startswith("test_")], ids=shown
)


@every_file
def test_files_and_functions_are_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= FILE_LINES_MAX
    long = [
        f"{node.name}: {length} lines"
        for node in functions(ast.parse(source))
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []


@every_file
def test_nothing_is_left_to_do(path: Path) -> None:
    unfinished = ("TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK")
    source = path.read_text(encoding="utf-8")
    assert [word for word in unfinished if word in source] == []


@every_source
def test_every_module_opens_with_one_sentence(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path)) or ""
    first = docstring.split("\n\n")[0]
    assert first.endswith((".", ":")), "a module opens with a sentence a stranger understands"


@every_source
def test_public_functions_and_classes_say_what_they_do(path: Path) -> None:
    silent = [n.name for n in _public(tree_of(path)) if not ast.get_docstring(n)]
    assert silent == []


def _public(scope: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    """Yield what a reader from outside may use: not what is private or inside a function."""
    for node in scope.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


@every_file
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    relative = path.relative_to(ROOT)
    assert not {relative.stem, *relative.parent.parts} & VAGUE_NAMES


@every_source
def test_no_module_changes_a_table_of_its_own(path: Path) -> None:
    tree = tree_of(path)
    tables = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_mutable(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id != "__all__"
    }
    changed = {name for node in ast.walk(tree) for name in _changed_names(node)}
    assert tables & changed == set()


def _is_mutable(value: ast.expr | None) -> bool:
    called = isinstance(value, ast.Call) and ast.unparse(value.func) in MUTABLE_CALLS
    return isinstance(value, MUTABLE_DISPLAYS) or called


def _changed_names(node: ast.AST) -> Iterator[str]:
    """Yield the names whose content this node changes, or which it declares global."""
    if isinstance(node, ast.Global):
        yield from node.names
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        yield ast.unparse(node.value)
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Attribute) and called.attr in MUTATORS:
        yield ast.unparse(called.value)


@every_source
def test_only_the_front_door_reads_the_environment(path: Path) -> None:
    relative = str(path.relative_to(ROOT / "qutrio"))
    reads = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert not reads or relative.startswith(ENVIRONMENT_READERS), f"lines {reads}"


@every_source
def test_a_file_catches_every_exception_at_most_once(path: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or "Exception" in ast.unparse(node.type).split("."))
    ]
    assert len(broad) <= 1, f"lines {broad}"


@every_test
def test_no_test_waits_in_real_time(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    virtual = "autojump_clock" in source or "MockClock" in source
    sleeps = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and _sleeps(node, virtual=virtual)
    ]
    assert sleeps == []


def _sleeps(call: ast.Call, *, virtual: bool) -> bool:
    name = ast.unparse(call.func)
    if name == "time.sleep":
        return True
    at_once = bool(call.args) and ast.unparse(call.args[0]) in {"0", "0.0"}
    return name in {"trio.sleep", "sleep"} and not at_once and not virtual


@every_test
def test_the_name_of_a_test_tells_a_behaviour(path: Path) -> None:
    terse = [
        node.name
        for node in functions(tree_of(path))
        if node.name.startswith("test_")
        and len(node.name.removeprefix("test_").split("_")) < TEST_NAME_WORDS_MIN
        and not ast.get_docstring(node)
    ]
    assert terse == []
