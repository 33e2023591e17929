"""`qutrio status`: what this node knows of the cluster.  This command must be fast."""

import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from qutrio.cli.check_lines import counted_states, print_brief
from qutrio.cli.colour import Painted, Style, paint
from qutrio.cli.command_groups import verb
from qutrio.cli.exits import ExitCode, exit_code
from qutrio.cli.printing import age, clean, print_fields, print_json, print_table
from qutrio.cli.requests import ask
from qutrio.cli.staleness import mark, stale_note, standing_code
from qutrio.errors import ControlError

WATCH_EVERY_S = 2.0
KIB = 1024
SKEW_S_MIN = 10.0
"""A difference of this much between two wall clocks causes a warning."""

CLOCK_SET_TOLD_S = 86_400.0
"""How long `status` reports that the clock was set."""
CLEAR_SCREEN = "\x1b[H\x1b[2J\x1b[3J"

Row = dict[str, Any]

app = verb()


@app.command(epilog="Example: qutrio status --watch")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until Ctrl-C.")] = False,
) -> int:
    """Show the master, the quorum, the nodes and the checks as this node knows them.

    Ends with 4 when the node holds no quorum or knows no master.
    """
    if watch:
        return repeat(lambda: _once(as_json, line=True), time.sleep, as_json)
    return _once(as_json, line=False)


def repeat(once: Callable[[], int], pause: Callable[[float], None], as_json: bool) -> int:
    """Run `once` repeatedly; errors are shown and do not end it.

    Returns the last exit code when Ctrl-C interrupts it.
    """
    code = int(ExitCode.OK)
    try:
        while True:
            if not as_json and sys.stdout.isatty():
                print(CLEAR_SCREEN, end="")
            try:
                code = once()
            except ControlError as error:
                code = exit_code(error)
                print(f"qutrio: {error}", file=sys.stderr)
            sys.stdout.flush()
            pause(WATCH_EVERY_S)
    except KeyboardInterrupt:
        return code


def _once(as_json: bool, *, line: bool) -> int:
    answer = ask("status")
    if as_json:
        answer.pop("ok")
        print_json(answer, line=line)
    else:
        show(answer)
    return standing_code(answer)


def show(answer: Row) -> None:
    """Print a status for people: problems first."""
    print(f"checks    {counted_states(answer['checks'])}{mark(answer)}")
    print_fields(
        [
            ("master", _master(answer)),
            ("quorum", _quorum(answer)),
            ("node", f"{answer['name']} ({answer['node_id']}), qutrio {answer['version']}"),
            ("document", f"revision {answer['revision']}, digest {answer['digest'][:12]}"),
            ("engine", _engine(answer)),
            *_level(answer),
        ]
    )
    for warning in _warnings(answer):
        print(paint(f"! {clean(warning)}", Style.ODD))
    print()
    print_table(("NODE", "ID", "ADDRESS", "STATE", "HEARD"), map(_node_row, answer["members"]))
    if answer["checks"]:
        print()
        print_brief(answer["checks"], answer["now_unix"], mark(answer))


def _master(answer: Row) -> str:
    if answer["master"] is None:
        return "none"
    here = " (this node)" if answer["acting"] else ""
    return f"{answer['master']['name']}{here}, term {answer['term']}"


def _engine(answer: Row) -> str:
    role = answer.get("role")  # a daemon not yet restarted after an upgrade does not send it
    return answer["engine"] if role is None else f"{answer['engine']}, this node is {role}"


def _level(answer: Row) -> list[tuple[str, str]]:
    """Return the feature level; a daemon not yet restarted after an upgrade does not send it."""
    if "level" not in answer:
        return []
    levels = {member["name"]: member["level"] for member in answer["members"]}
    said = [
        f"{name} ({'not heard' if levels[name] is None else f'runs {levels[name]}'})"
        for name in answer["level_held_back_by"]
    ]
    held = f" of {answer['program_level']}, held back by {', '.join(said)}" if said else ""
    return [("level", f"{answer['level']}{held}")]


def _quorum(answer: Row) -> str:
    quorum = answer["quorum"]
    if answer["removed"]:
        return "none: this node has no vote any more"
    enough = quorum["have"] >= quorum["need"]  # they are heard, but have not answered yet
    held = "holds" if quorum["holds"] else "not yet" if enough else "LOST"
    return f"{held}: {quorum['have']} heard, {quorum['need']} needed"


def _warnings(answer: Row) -> list[str]:
    note = stale_note(answer)
    warnings = [note] if note else []
    if not answer.get("knows_engine", True):
        warnings.append(unknown_engine(answer["engine"]))
    if answer.get("disk"):
        warnings.append(f"this node cannot lead, its disk refuses writes: {answer['disk']}")
    if answer.get("leads_minority"):
        warnings.append("leads a minority: may page, writes nothing")
    if answer["outbox"]:
        one = answer["outbox"] == 1
        waits = "1 alert waits" if one else f"{answer['outbox']} alerts wait"
        warnings.append(f"{waits} for delivery: see 'qutrio alert list'")
    if refused := answer.get("refused_recipients"):
        who = "1 recipient is" if refused == 1 else f"{refused} recipients are"
        warnings.append(f"{who} refused by the mail server: see 'qutrio alert list'")
    warnings += [
        f"{member['name']} runs level {member['level']}, the cluster needs {answer['level']}:"
        " it is refused until it is upgraded"
        for member in answer["members"]
        if (member.get("level") or answer.get("level", 0)) < answer.get("level", 0)
    ]
    warnings += _clock_set(answer)
    if answer.get("edit"):
        warnings.append(_edit(answer["edit"]))
    warnings += [_skewed(member) for member in answer["members"] if _is_skewed(member)]
    return warnings


def _edit(edit: Row) -> str:
    """Return the state of a hand edit of cluster.yaml in words."""
    what = f"a hand edit of cluster.yaml ({max(1, round(edit['bytes'] / KIB))} KiB)"
    lasts = age(edit["for_s"])
    match edit["stage"]:
        case "changing":
            return f"cluster.yaml has been changing for {lasts}; it is read once it stops changing"
        case "reading":
            return f"{what} has been read for {lasts}; a large one takes a minute or more"
        case "proposed":
            return f"{what} has been waiting for {lasts} for the cluster to commit it"
        case "blocked":
            why = f"cluster.yaml cannot be read or replaced: {edit['reason']}"
            return f"{why}; edits of it have no effect until that is mended"
        case _:
            why = f"refused {lasts} ago: {edit['reason']}"
            return f"{what} was {why}; it is kept in {edit['kept']}; remove that to end this line"


def unknown_engine(engine: str) -> str:
    """Return the warning of a node that is too old for the engine of its cluster."""
    return f"this node does not know the engine {engine!r}; it neither leads nor grants; upgrade it"


def _clock_set(answer: Row) -> list[str]:
    """Return a warning if this node's clock was set within the last day."""
    was_set = answer.get("clock_set")
    if was_set is None or was_set["ago_s"] > CLOCK_SET_TOLD_S:
        return []
    way = "forward" if was_set["by_s"] > 0 else "back"
    how = f"{way} by {age(abs(was_set['by_s']))}, {age(was_set['ago_s'])} ago"
    return [f"this node's wall clock was set {how}; durations are not affected"]


def _is_skewed(member: Row) -> bool:
    return bool(member["live"]) and abs(member["skew_s"] or 0.0) >= SKEW_S_MIN


def _skewed(member: Row) -> str:
    """Return which clocks differ; this node cannot know which of the two is wrong."""
    way = "ahead of" if member["skew_s"] > 0 else "behind"
    off = age(abs(member["skew_s"]))
    return f"the clock of {member['name']} is {off} {way} this node's; times in alerts may be wrong"


def _node_row(member: Row) -> tuple[object, ...]:
    words = ["live" if member["live"] else "silent", *([] if member["voter"] else ["learner"])]
    state = Painted(", ".join(words), None if member["live"] else Style.BAD)
    heard = age(member["last_heard_s"])
    return (member["name"], member["id"], member["address"], state, heard)
