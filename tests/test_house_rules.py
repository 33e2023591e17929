"""Rules that no linter checks: sizes, names, docstrings, and no waiting in tests."""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
TEST_NAME_WORDS_MIN = 3
VAGUE_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "manager", "misc"})
ENVIRONMENT_READERS = ("cli", "daemon", "storage/directories.py", "storage/merge_worker.py")
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


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(source_of(path), filename=str(path))


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


EVERYTHING = SOURCES + TESTS + BENCHMARKS
REAL_TESTS = [path for path in TESTS if path.name.startswith("test_")]


def breaches(paths: Iterable[Path], rule: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """Return the breaches of a rule, by file.

    One test looks at all files: a test for each file and rule would be more than all others.
    """
    found = {str(path.relative_to(ROOT)): rule(path) for path in paths}
    return {name: wrong for name, wrong in found.items() if wrong}


def test_files_and_functions_are_short() -> None:
    def long(path: Path) -> list[str]:
        lines = source_of(path).count("\n")
        whole = [f"{lines} lines"] if lines > FILE_LINES_MAX else []
        return whole + [
            f"{node.name}: {length} lines"
            for node in functions(tree_of(path))
            if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
        ]

    assert breaches(EVERYTHING, long) == {}


def test_there_are_no_unfinished_parts() -> None:
    unfinished = ("TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK")
    assert breaches(EVERYTHING, lambda p: [w for w in unfinished if w in source_of(p)]) == {}


def test_every_module_opens_with_one_sentence() -> None:
    """A module opens with a sentence that a stranger understands."""

    def opening(path: Path) -> list[str]:
        first = (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0]
        return [] if first.endswith((".", ":")) else [first or "nothing"]

    assert breaches(SOURCES, opening) == {}


def test_public_functions_and_classes_have_docstrings() -> None:
    def silent(path: Path) -> list[str]:
        return [n.name for n in _public(tree_of(path)) if not ast.get_docstring(n)]

    assert breaches(SOURCES, silent) == {}


def _public(scope: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    """Yield public functions and classes: neither private nor inside a function."""
    for node in scope.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def test_no_module_has_a_vague_name() -> None:
    def vague(path: Path) -> list[str]:
        relative = path.relative_to(ROOT)
        return sorted({relative.stem, *relative.parent.parts} & VAGUE_NAMES)

    assert breaches(EVERYTHING, vague) == {}


def test_no_module_changes_a_table_of_its_own() -> None:
    assert breaches(SOURCES, _changed_tables) == {}


def _changed_tables(path: Path) -> list[str]:
    tree = tree_of(path)
    tables = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_mutable(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id != "__all__"
    }
    changed = {name for node in ast.walk(tree) for name in _changed_names(node)}
    return sorted(tables & changed)


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


def test_only_the_front_door_reads_the_environment() -> None:
    def reads(path: Path) -> list[str]:
        if str(path.relative_to(ROOT / "qutrio")).startswith(ENVIRONMENT_READERS):
            return []
        return [
            f"line {node.lineno}"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
        ]

    assert breaches(SOURCES, reads) == {}


def test_a_file_catches_every_exception_at_most_once() -> None:
    def broad(path: Path) -> list[str]:
        lines = [
            f"line {node.lineno}"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.ExceptHandler)
            and (node.type is None or "Exception" in ast.unparse(node.type).split("."))
        ]
        return lines if len(lines) > 1 else []

    assert breaches(SOURCES, broad) == {}


def test_no_test_waits_in_real_time() -> None:
    def sleeps(path: Path) -> list[str]:
        source = source_of(path)
        virtual = "autojump_clock" in source or "MockClock" in source
        return [
            f"line {node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Call) and _sleeps(node, virtual=virtual)
        ]

    assert breaches(REAL_TESTS, sleeps) == {}


def _sleeps(call: ast.Call, *, virtual: bool) -> bool:
    name = ast.unparse(call.func)
    if name == "time.sleep":
        return True
    at_once = bool(call.args) and ast.unparse(call.args[0]) in {"0", "0.0"}
    return name in {"trio.sleep", "sleep"} and not at_once and not virtual


def test_the_name_of_a_test_describes_a_behaviour() -> None:
    def terse(path: Path) -> list[str]:
        return [
            node.name
            for node in functions(tree_of(path))
            if node.name.startswith("test_")
            and len(node.name.removeprefix("test_").split("_")) < TEST_NAME_WORDS_MIN
            and not ast.get_docstring(node)
        ]

    assert breaches(REAL_TESTS, terse) == {}


def test_only_one_place_decides_what_is_skipped() -> None:
    def skips(path: Path) -> list[str]:
        return [
            f"line {node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "importorskip"}
        ]

    assert breaches([path for path in TESTS if path.name != "needs.py"], skips) == {}
