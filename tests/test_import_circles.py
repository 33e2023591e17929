"""No file of the package is in an import cycle, imports for type checking included."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def imports_of(package: Path) -> dict[str, set[str]]:
    """Return which modules of a package each of its modules imports, wherever it does so."""
    files = {module_name(path, package.parent): path for path in sorted(package.rglob("*.py"))}
    found: dict[str, set[str]] = defaultdict(set)
    for name, path in files.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [name if name in files else node.module for name in inner]
            else:
                continue
            found[name].update(set(targets) & files.keys() - {name})
    return found


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of a file."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def circles(imports: dict[str, set[str]]) -> set[str]:
    """Return the modules that are in a circle, or between two of them."""
    left = {name: set(targets) for name, targets in imports.items()}
    while True:
        ends = {name for name in left if not left[name] & left.keys()}
        heads = left.keys() - set().union(*left.values()) if left else set()
        if not ends | heads:
            return set(left)
        left = {name: targets for name, targets in left.items() if name not in ends | heads}


def test_no_file_is_in_a_circle_of_imports() -> None:
    assert circles(imports_of(ROOT / "qutrio")) == set()


def test_a_circle_is_found_and_what_only_leads_to_it_is_not_part_of_it(tmp_path: Path) -> None:
    package = tmp_path / "p"
    package.mkdir()
    (package / "a.py").write_text("from p import b\n")
    (package / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.c import x\n"
    )
    (package / "c.py").write_text("def x() -> None:\n    import p.b\n")
    (package / "d.py").write_text("import p.c\n")
    assert circles(imports_of(package)) == {"p.b", "p.c"}
