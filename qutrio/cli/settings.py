"""`qutrio settings`: the cluster's timers and its election engine."""

from typing import Annotated

import typer

from qutrio.cli.command_groups import command_group
from qutrio.cli.completing import setting_pairs
from qutrio.cli.options import AsJson
from qutrio.cli.printing import plain_value, print_fields, print_json
from qutrio.cli.requests import ask, committed
from qutrio.cli.staleness import standing_code, warn_if_stale
from qutrio.errors import InvalidValueError

app = command_group("The cluster's timers and its election engine: show, set.", "settings show")


@app.command(epilog="Example: qutrio settings show")
def show(as_json: AsJson = False) -> int:
    """Show the settings that all nodes share.

    Ends with 4 when the node holds no quorum or knows no master.
    """
    answer = ask("settings.show")
    settings = answer["settings"]
    if as_json:
        print_json(settings)
    else:
        print_fields((name, _in_words(name, value)) for name, value in settings.items())
    warn_if_stale(answer)
    return standing_code(answer)


def _in_words(name: str, value: object) -> str:
    """Return a setting's value, in words where the value alone is not clear."""
    if name == "resolvers":
        assert isinstance(value, list), "a list of name servers"
        return ", ".join(value) or "each node's own"
    if (name, value) == ("unseen_after", "0s"):
        return "five intervals of the check, at least 2m and at most 1h"
    return plain_value(value)


@app.command("set", epilog="Example: qutrio settings set heartbeat=2s dead_after=8s")
def set_settings(
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...", help="What to change.", autocompletion=setting_pairs
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Change settings for all nodes in one change; the others stay as they are."""
    changes: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidValueError("settings", f"{pair[:80]!r} is not NAME=VALUE")
        if name in changes:
            raise InvalidValueError("settings", f"{name[:80]!r} is given twice")
        changes[name] = value
    committed("settings changed", ask("settings.set", set=changes), as_json=as_json)
