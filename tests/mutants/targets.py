"""Finds where the package defines a name, so that faults need not name files."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

PACKAGE = Path(__file__).parents[2] / "qutrio"


@frozen
class Place:
    """A definition: its file, a path below the package, and its lines from 0, `stop` excluded."""

    file: str
    start: int
    stop: int


def places(name: str, source: str, file: str) -> list[Place]:
    """Return the definitions of a dotted name in the source of a file.

    It is the name of a function, class, method or constant, and may begin with its module.
    """
    if name.rpartition(".")[2] not in source:
        return []
    modules = Path(file).with_suffix("").parts
    return [
        Place(file, start, stop)
        for qualified, start, stop in _definitions(source)
        if any(name == ".".join([*modules[first:], qualified]) for first in range(len(modules) + 1))
    ]


@cache
def everywhere(name: str) -> tuple[Place, ...]:
    """Return the definitions of a dotted name in the package."""
    return tuple(
        place for file, source in _sources().items() for place in places(name, source, file)
    )


@cache
def _sources() -> dict[str, str]:
    files = sorted(PACKAGE.rglob("*.py"))
    return {str(f.relative_to(PACKAGE)): f.read_text(encoding="utf-8") for f in files}


@cache
def _definitions(source: str) -> tuple[tuple[str, int, int], ...]:
    return tuple(_walk(ast.parse(source), ""))


def _walk(scope: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, int, int]]:
    """Yield the dotted name, the first and the last line of each definition."""
    for node in scope.body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                yield prefix + node.name, start - 1, node.end_lineno or start
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name, node.lineno - 1, node.end_lineno or node.lineno
            case _:
                continue
        if isinstance(node, ast.ClassDef):
            yield from _walk(node, f"{prefix}{node.name}.")
