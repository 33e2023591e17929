"""`qutrio cluster engine`: how the nodes choose a leader."""

from typing import Annotated, Any

import typer

from qutrio.cli import completing as tab
from qutrio.cli.command_groups import command_group
from qutrio.cli.options import AsJson
from qutrio.cli.printing import clean, plain_value, print_answer, print_fields, print_table
from qutrio.cli.requests import ask, committed
from qutrio.cli.staleness import removed_code
from qutrio.cli.status import unknown_engine
from qutrio.errors import InvalidValueError

Row = dict[str, Any]

app = command_group("How the nodes choose a leader: show, set.", "cluster engine show")


@app.command(epilog="Example: qutrio cluster engine show")
def show(as_json: AsJson = False) -> int:
    """Show the engine, its timers, this node's role, and which members do not know it.

    Ends with 4 when the node was removed from the cluster.
    """
    answer = ask("engine.show")
    if as_json:
        print_answer(answer)
    else:
        _show(answer)
    return removed_code(answer)


def _show(answer: Row) -> None:
    master = answer["master"]
    name = "none is heard" if master is None else master["name"]
    print_fields(
        [
            ("engine", answer["engine"]),
            ("role", f"{answer['role']} ({answer['name']}, this node)"),
            ("master", name),
            ("term", answer["term"]),
            ("can run", ", ".join(answer["known_engines"])),
        ]
    )
    if not answer["knows_engine"]:
        print(f"! {clean(unknown_engine(answer['engine']))}")
    for warning in _warnings(answer):
        print(f"! {clean(warning)}")
    if answer["timers"]:
        print()
    rows = ((t["name"], plain_value(t["value"]), t["meaning"]) for t in answer["timers"])
    print_table(("TIMER", "VALUE", "MEANING"), rows)


@app.command("set", epilog="Example: qutrio cluster engine set raft --timer election_timeout=2s")
def set_engine(
    engine: Annotated[
        str,
        typer.Argument(
            help="One that 'engine show' lists under 'can run'.", autocompletion=tab.engines
        ),
    ],
    timer: Annotated[
        list[str] | None,
        typer.Option(
            "--timer",
            metavar="NAME=VALUE",
            help="A timer of the engine, named as in `engine show`; repeatable.",
        ),
    ] = None,
    acting: Annotated[
        str | None,
        typer.Option(
            "--acting",
            metavar="majority|partition",
            help="Where the leader of gossip may page.",
            autocompletion=tab.words("majority", "partition"),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Choose the engine for all nodes, and set its timers in the same change."""
    timers: dict[str, str] = {}
    words = [*(timer or []), *([] if acting is None else [f"acting={acting}"])]
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise InvalidValueError("--timer", f"{word[:80]!r} is not NAME=VALUE")
        if name in timers:
            raise InvalidValueError("--timer", f"{name[:80]!r} is given twice")
        timers[name] = value
    answer = ask("engine.set", engine=engine, timers=timers)
    committed(f"engine {answer['settings']['engine']}", answer, as_json=as_json)


def _warnings(answer: Row) -> list[str]:
    others = [m for m in answer["members"] if m["id"] != answer["node_id"]]
    old = [m["name"] for m in others if m["knows_engine"] is False]
    silent = [m["name"] for m in others if m["knows_engine"] is None]
    warnings = []
    if old:
        warnings.append(f"does not know the engine, neither leads nor grants: {', '.join(old)}")
    if silent:
        warnings.append(f"has not said yet whether it knows the engine: {', '.join(silent)}")
    return warnings
