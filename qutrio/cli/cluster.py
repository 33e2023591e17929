"""`qutrio cluster`: the shared document, the engine, and which node is master."""

import sys
from typing import Annotated, Any

import typer

from qutrio.cli import cluster_engine, cluster_hooks
from qutrio.cli.command_groups import command_group
from qutrio.cli.completing import node_names
from qutrio.cli.options import AsJson
from qutrio.cli.printing import age, clean, print_answer, print_json, print_table, utc_time
from qutrio.cli.requests import ask, given
from qutrio.cli.staleness import removed_code
from qutrio.errors import ControlError

Row = dict[str, Any]

app = command_group("What all nodes share, and which of them is master.", "cluster show")
app.add_typer(cluster_engine.app, name="engine")
app.command("hooks", epilog="Example: qutrio cluster hooks")(cluster_hooks.hooks)


@app.command(epilog="Example: qutrio cluster show")
def show(as_json: AsJson = False) -> int:
    """Print the committed document as JSON, with or without `--json`; secrets are masked.

    Ends with 4 when the node was removed from the cluster.
    """
    del as_json  # accepted as in all other commands; this one always prints JSON
    answer = ask("document")
    print_json(answer["document"])
    if held := answer.get("level_held_back_by"):
        names = clean(", ".join(held))
        print(f"qutrio: the level is held back by {names}; see 'qutrio status'", file=sys.stderr)
    return removed_code(answer)


@app.command("yield", epilog="Example: qutrio cluster yield --to b")
def yield_role(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="NODE", help="The next master.", autocompletion=node_names),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="TIME", help="How long to wait, up to 2m [15s]."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move the role to another node by hand, and wait until that node is master."""
    answer = ask("cluster.yield", **given(to=to, wait=wait))
    if as_json:
        print_answer(answer)
        return
    before, now = answer["before"], answer["master"]
    print(clean(f"{now['name']} is master now, in term {answer['term']}; before: {before['name']}"))


@app.command(epilog="Example: qutrio cluster history --limit 5")
def history(
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="How many masters, up to 10000 [20]."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which node was master when, in which term, and why it ended, newest first."""
    answer = ask("cluster.history", **given(limit=limit))
    if as_json:
        print_answer(answer)
        return
    if not answer["reigns"]:
        print(f"no master is recorded on this node ({clean(answer['name'])})")
    headings = ("MASTER", "TERM", "SINCE", "UNTIL", "LASTED", "ENDED BECAUSE")
    try:
        rows = [_period_row(period, answer["now_unix"]) for period in answer["reigns"]]
    except (OverflowError, ValueError):  # from datetime, for a damaged line
        problem = f"the journal of {clean(answer['name'])} holds a time that is not a date"
        raise ControlError(f"{problem}; look with --json, or remove the journal") from None
    print_table(headings, rows)
    if unwritten := answer["unwritten"]:
        name, term = clean(unwritten["master"]["name"]), unwritten["term"]
        print(f"{name} is master now, in term {term}; the journal does not have this yet")


def _period_row(period: Row, now_unix: float) -> tuple[object, ...]:
    acting, since, until = period["state"] == "acting", period["since_unix"], period["until_unix"]
    end = now_unix if acting else until
    why = {"acting": "", "unseen": "not seen: this node was away"}
    words = [why.get(period["state"], period["reason"])]
    if period["untold"]:
        words.append(f"{period['untold']} masters before it were not recorded")
    return (
        period["master"]["name"],
        period["term"],
        "-" if since is None else utc_time(since),
        "still master" if acting else "-" if until is None else utc_time(until),
        "-" if since is None or end is None else age(end - since),
        "; ".join(filter(None, words)),
    )
