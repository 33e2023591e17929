"""`qutrio explain`: why people were paged, as this node saw it."""

from typing import Annotated, Any

import typer

from qutrio.cli.command_groups import verb
from qutrio.cli.completing import check_names
from qutrio.cli.incident_text import doubt_text, report_lines
from qutrio.cli.options import AsJson
from qutrio.cli.printing import age, clean, print_answer, print_fields, print_table, utc_time
from qutrio.cli.requests import ask
from qutrio.cli.staleness import removed_code
from qutrio.errors import ControlError

Row = dict[str, Any]

app = verb()

STATES = {
    "open": "DOWN",
    "recovered": "recovered",
    "forgotten": "check removed or disabled",
    "unheard": "over, this node was away",
}

UNSEEN_STATES = {"open": "UNKNOWN", "recovered": "judged again"}

FATES = {
    "waiting": "is waiting",
    "channel gone": "dropped with its channel",
    "forgotten": "dropped with its check",
    "unheard": "outcome not seen",
    "in digest": "is in a digest that waits",
}


@app.command(epilog="Example: qutrio explain web")
def explain(
    incident: Annotated[
        str | None,
        typer.Argument(
            help="An id, the beginning of one, or a check's name for its latest incident.",
            autocompletion=check_names,
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show why a page was sent: votes, rounds, thresholds, deliveries; or list the incidents.

    A node reports what it saw itself, and names what it did not see.  Ends with 4 when the node
    was removed from the cluster.
    """
    answer = ask("incident.list") if incident is None else ask("incident.explain", name=incident)
    if as_json:
        print_answer(answer)
        return removed_code(answer)
    try:
        if incident is None:
            _show_list(answer)
        else:
            _show_report(answer)
        return removed_code(answer)
    except (OverflowError, ValueError):  # from datetime, for a damaged line
        problem = f"the journal of {clean(answer['name'])} holds a time that is not a date"
        raise ControlError(f"{problem}; look with --json, or remove the journal") from None


def _show_list(answer: Row) -> None:
    if not answer["incidents"]:
        print(f"no incident is recorded on this node ({clean(answer['name'])})")
    headings = ("INCIDENT", "CHECK", "SINCE", "LASTED", "STATE", "PAGES")
    print_table(headings, (_row(i, answer["now_unix"]) for i in answer["incidents"]))
    if answer["doubts"]:
        print()
        print("Bad rounds that the next round did not confirm:")
    for entry in answer["doubts"]:
        line = f"{utc_time(entry['first']['at_unix'])}  {entry['check_name']}: {doubt_text(entry)}"
        print(f"  {clean(line)}")


def _row(incident: Row, now_unix: float) -> tuple[object, ...]:
    return (
        incident["id"],
        incident["check"]["name"],
        utc_time(incident["since_unix"]),
        _lasted(incident),
        _state(incident),
        _delivered(incident["pages"]),
    )


def _state(incident: Row) -> str:
    state = str(incident["state"])
    if not incident["check"]["id"] and state in UNSEEN_STATES:
        return UNSEEN_STATES[state]  # one incident for several checks
    return STATES.get(state, state)


def _lasted(incident: Row) -> str:
    lasted_s = incident["lasted_s"]
    return "-" if lasted_s is None else age(round(lasted_s))


def _delivered(pages: list[Row]) -> str:
    done = sum(page["fate"] == "delivered" for page in pages)
    return f"{done} of {len(pages)} delivered" if pages else "none"


def _show_report(answer: Row) -> None:
    incident = answer["incident"]
    state = _state(incident)
    lasted = _lasted(incident)
    until = incident["until_unix"]
    fields: list[tuple[str, object]] = [
        ("incident", incident["id"]),
        ("check", ": ".join(filter(None, (incident["check"]["name"], incident["target"])))),
        ("since", utc_time(incident["since_unix"])),
        ("until", "-" if until is None else utc_time(until)),
        ("state", state if lasted == "-" else f"{state} after {lasted}"),
        ("pages", _pages(incident["pages"])),
        ("source", f"the journal of {answer['name']}"),
    ]
    if incident["state"] == "open":
        fields[4] = ("state", f"{state} for {lasted}")
    print_fields(fields)
    print()
    for line in report_lines(answer):
        print(line)


def _pages(pages: list[Row]) -> str:
    if not pages:
        return "none"
    words = []
    for page in pages:
        by = f" by {page['by']['name']}" if page["by"] and page["fate"] == "delivered" else ""
        fate = FATES.get(page["fate"], page["fate"])
        if page["digest"] and page["fate"] == "delivered":
            fate = f"delivered in {page['digest']}"
        words.append(f"{page['kind'].upper()} to {page['channel']['name']} {fate}{by}")
    return "; ".join(words)
