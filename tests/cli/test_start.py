"""`qutrio status` and `qutrio explain` start in a blink because of what they do not import."""

import json
import os
import sys
from pathlib import Path

import pytest
import trio

from tests.control.scripted_node import new_scripted_node, served

NOUNS = {
    "status": {"qutrio.cli.check_lines", "qutrio.cli.staleness", "qutrio.cli.status"},
    "explain": {
        "qutrio.cli.vote_text",
        "qutrio.cli.completing",
        "qutrio.cli.explain",
        "qutrio.cli.options",
        "qutrio.cli.staleness",
        "qutrio.cli.incident_text",
    },
}
QUTRIO = {
    "qutrio",
    "qutrio.cli",
    "qutrio.cli.app",
    "qutrio.cli.requests",
    "qutrio.cli.colour",
    "qutrio.cli.exits",
    "qutrio.cli.command_groups",
    "qutrio.cli.output",
    "qutrio.cli.printing",
    "qutrio.control",
    "qutrio.control.client",
    "qutrio.control.protocol",
    "qutrio.errors",
    "qutrio.storage",
    "qutrio.storage.directories",
}
OTHERS = {"annotated_doc", "attr", "attrs", "shellingham", "typer"}
SLOW_STANDARD = {"asyncio", "ssl", "logging", "http", "email", "concurrent", "multiprocessing"}

SCRIPT = """
import json, sys
from qutrio.cli.app import main
code = main([sys.argv[1]])
outside = sorted(
    name.split(".")[0] for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
)
print(json.dumps({"code": code, "outside": outside, "all": sorted(sys.modules)}))
"""


@pytest.mark.parametrize("noun", NOUNS)
async def test_what_must_be_fast_imports_only_what_it_needs(folder: Path, noun: str) -> None:
    """No trio, ssl, rich, cattrs, orjson: a new import here is a decision, not an accident."""
    socket = folder / "q.sock"
    environ = {**os.environ, "QUTRIO_SOCKET": str(socket)}
    command = [sys.executable, "-c", SCRIPT, noun]
    async with served(socket, new_scripted_node()):
        ended = await trio.run_process(command, env=environ, capture_stdout=True)
    seen = json.loads(ended.stdout.splitlines()[-1])
    assert seen["code"] == 0
    ours = {name for name in seen["all"] if name.split(".")[0] == "qutrio"}
    assert ours == QUTRIO | NOUNS[noun]
    assert set(seen["outside"]) - {"_distutils_hack"} <= OTHERS
    assert SLOW_STANDARD & set(seen["all"]) == set()
    assert "rich" not in seen["all"]
