"""`qutrio cluster`: what all nodes share, and who of them acts."""

import sys
from typing import Annotated, Any

import typer

from qutrio.cli import cluster_engine, cluster_hooks
from qutrio.cli.command_groups import command_group
from qutrio.cli.completing import node_names
from qutrio.cli.options import AsJson
from qutrio.cli.printing import age, clean, moment, print_answer, print_json, print_table
from qutrio.cli.requests import ask, given
from qutrio.cli.staleness import removed_code
from qutrio.errors import ControlError

Row = dict[str, Any]

app = command_group("What all nodes share, and who of them acts.", "cluster show")
app.add_typer(cluster_engine.app, name="engine")
app.command("hooks", epilog="Example: qutrio cluster hooks")(cluster_hooks.hooks)


@app.command(epilog="Example: qutrio cluster show")
def show(as_json: AsJson = False) -> int:
    """Print the committed document as JSON, with or without `--json`; secrets are masked.

    Ends with 4 when the node was removed from the cluster.
    """
    del as_json  # it is how scripts ask every other command for what this one always prints
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
        typer.Option("--to", metavar="NODE", help="Who is to act next.", autocompletion=node_names),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="TIME", help="How long to wait for it, up to 2m [15s]."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move the role to another node by hand, and wait until that one acts."""
    answer = ask("cluster.yield", **given(to=to, wait=wait))
    if as_json:
        print_answer(answer)
        return
    before, now = answer["before"], answer["master"]
    print(clean(f"{now['name']} acts now, in term {answer['term']}; before it {before['name']}"))


@app.command(epilog="Example: qutrio cluster history --limit 5")
def history(
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="How many reigns, up to 10000 [20]."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who acted when, in which term, and why it ended, as this node saw it; newest first."""
    answer = ask("cluster.history", **given(limit=limit))
    if as_json:
        print_answer(answer)
        return
    if not answer["reigns"]:
        print(f"no reign is recorded on this node ({clean(answer['name'])})")
    headings = ("MASTER", "TERM", "SINCE", "UNTIL", "LASTED", "ENDED BECAUSE")
    try:
        rows = [_reign_row(reign, answer["now_unix"]) for reign in answer["reigns"]]
    except (OverflowError, ValueError):  # of the calendar, for a line that somebody damaged
        problem = f"the journal of {clean(answer['name'])} holds a moment that is no date"
        raise ControlError(f"{problem}; look with --json, or remove the journal") from None
    print_table(headings, rows)
    if unwritten := answer["unwritten"]:
        name, term = clean(unwritten["master"]["name"]), unwritten["term"]
        print(f"{name} acts now, in term {term}; that and perhaps more was not written down")


def _reign_row(reign: Row, now_unix: float) -> tuple[object, ...]:
    acting, since, until = reign["state"] == "acting", reign["since_unix"], reign["until_unix"]
    end = now_unix if acting else until
    why = {"acting": "", "unseen": "not seen: this node was away"}
    words = [why.get(reign["state"], reign["reason"])]
    if reign["untold"]:
        words.append(f"{reign['untold']} reigns before it were not written")
    return (
        reign["master"]["name"],
        reign["term"],
        "-" if since is None else moment(since),
        "acts now" if acting else "-" if until is None else moment(until),
        "-" if since is None or end is None else age(end - since),
        "; ".join(filter(None, words)),
    )
