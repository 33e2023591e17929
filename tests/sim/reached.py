"""Finds error branches of the core that no seed reaches: `python -m tests.sim.reached --help`.

An error branch is a line that refuses a change, answers that it failed or may have, objects to a
claim, or logs something for people.  The lines are found in the source; coverage.py says which
of them ran.
"""

import ast
import sys
from argparse import ArgumentParser
from pathlib import Path

from coverage import Coverage

from qutrio.sim.report import Report
from qutrio.sim.schedule import play, size_of

CORE = Path(__file__).parents[2] / "qutrio" / "core"
CALLS = frozenset({"Refusal", "LogFact", "_changed"})
RULINGS = frozenset({"REFUSED", "UNKNOWN", "AGAIN"})
OUT_OF_REACH = {
    "BATCH_MUTATIONS_MAX": "a hand edit of more than 25,000 changes",
    "cluster_id cannot be changed": "an edit of a file of another cluster",
    "tokens are not edited by hand": "an operator who forges a token",
    "members are not added or removed by hand": "an operator who forges a member",
    "only name and address can be edited": "an operator who forges a key",
    "out of all proportion": "a member that lies about terms",
    "ProtocolBroken": "a member that leads in a term that it did not win",
    "EngineUnknown": "a member older than the cluster's engine",
    "Refusal(str(error))": "more items than a document may hold",
}
"""Branches that no schedule reaches, by words in the line; tests of the core reach them."""


def error_lines(path: Path) -> dict[int, str]:
    """Return the first line and the text of every error branch in a module."""
    source = path.read_text(encoding="utf-8")
    lines, found = source.splitlines(), dict[int, str]()
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        reasons = function.returns is not None and ast.unparse(function.returns) == "str | None"
        for node in ast.walk(function):
            if isinstance(node, ast.stmt) and _is_error(node, reasons=reasons):
                found[node.lineno] = " ".join(
                    line.strip() for line in lines[node.lineno - 1 : node.end_lineno]
                )
    return found


def _is_error(node: ast.stmt, *, reasons: bool) -> bool:
    if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.While | ast.Match | ast.With):
        return False
    if reasons and isinstance(node, ast.Return):
        return isinstance(node.value, ast.Constant | ast.JoinedStr) and bool(
            getattr(node.value, "value", "words")
        )
    for inner in ast.walk(node):
        called = inner.func if isinstance(inner, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in CALLS:
            return True
        if isinstance(inner, ast.Attribute) and inner.attr in RULINGS:
            return True
    return False


def main() -> int:
    """Play seeds, and return 1 if an error branch or a kind of fault was never reached."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=400)
    options = parser.parse_args()
    coverage, report = Coverage(data_file=None, source_pkgs=["qutrio.core"]), Report()
    coverage.start()
    for seed in range(options.first, options.first + options.seeds):
        report.add(play(seed, size_of(seed)))
    coverage.stop()
    missing = [f"fault never struck: {fault.value}" for fault in report.missing()]
    total = 0
    for path in sorted(CORE.rglob("*.py")):
        _, _, _, unrun, _ = coverage.analysis2(str(path))
        branches = error_lines(path)
        total += len(branches)
        missing += [
            f"{path.relative_to(CORE.parent)}:{line}: {text[:120]}"
            for line, text in branches.items()
            if line in unrun and not any(words in text for words in OUT_OF_REACH)
        ]
    sys.stdout.write("\n".join([*missing, f"{total} error branches, {len(missing)} missed\n"]))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
