"""The text of an incident report: what happened when, as one node saw it, and what it missed.

Works on the plain rows of the answer to `incident.explain`, so that it starts fast, and so that
a simulated node's journal reads the same.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, frozen

from qutrio.cli.printing import age, clean, edited_words, lapse
from qutrio.cli.vote_text import arithmetic, cast_lines, evidence_lines

MARGIN = " " * 23
LATE_S = 5.0
"""A node that heard of an incident this much later says so."""

Row = dict[str, Any]


@frozen
class TextLine:
    """One line of the timeline, and the indented lines below it."""

    at_unix: float
    text: str
    below: tuple[str, ...] = ()
    clock_set_s: float = 0.0
    """How far the clock was set after this was written."""


def report_lines(answer: Row) -> Iterator[str]:
    """Yield the lines of the report below its heading."""
    lines = timeline(answer)
    zero = _zero(answer)
    day = ""
    for line in lines:
        at = datetime.fromtimestamp(line.at_unix, UTC)
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            yield f"-- {day}, UTC --"
        clock = f"{at:%H:%M:%S}.{at.microsecond // 100_000}"
        since_zero = line.at_unix + line.clock_set_s - zero
        yield f"{clock}  {lapse(since_zero):>9}  {clean(line.text)}"
        yield from (MARGIN + clean(below) for below in line.below)
    missed = list(missing(answer))
    if missed:
        yield ""
        yield "What this node did not see:"
        yield from (f"  {clean(line)}" for line in missed)


def timeline(answer: Row) -> list[TextLine]:
    """Return what happened, in order."""
    lines: list[TextLine] = []
    for entry in answer["entries"]:
        for described in _DESCRIBERS.get(entry["kind"], _nothing)(entry, answer):
            line = evolve(described, clock_set_s=entry.get("clock_set_s", 0.0))
            place = len(lines)
            while place and lines[place - 1].at_unix > line.at_unix and line.below:
                place -= 1  # a first round is recorded with the second, but came before it
            lines.insert(place, line)
    return lines


def missing(answer: Row) -> Iterator[str]:
    """Yield what this node does not know, and where to find it."""
    incident, entries = answer["incident"], answer["entries"]
    if incident["check"]["id"] and not _own_count(entries):
        yield "how the votes were counted; the journal of the master at that time has it"
    for page in incident["pages"]:
        what = f"{page['kind'].upper()} for {page['channel']['name']}"
        if page["fate"] == "unheard":
            yield f"what became of {what}: this node was away when that was recorded"
        elif page["fate"] == "delivered" and page["by"] is None:
            yield f"who delivered {what}: run the same command on {_recorder(page, entries)}"
        if _attempts(page, entries) >= answer["attempts_told_max"]:
            first = f"the first {answer['attempts_told_max']} and the one that succeeds"
            yield f"every attempt to deliver {what}: only {first} are recorded"
    if incident["state"] == "unheard":
        yield "when the incident ended: this node was away"
    for began in _unended(entries, answer["node_id"]):
        what = f"{_kind(began['notice'])} to {began['channel']['name']}"
        yield f"how its own attempt to deliver {what} ended: it stopped before the end"


def _zero(answer: Row) -> float:
    """Return the time from which all times are counted: that of the first bad round."""
    for entry in answer["entries"]:
        if entry["kind"] == "judged" and entry["now"] == "down" and entry["first"] is not None:
            return float(entry["first"]["at_unix"]) + float(entry.get("clock_set_s", 0.0))
    for entry in answer["entries"]:
        if entry["kind"] == "opened" and entry.get("age_s") is not None:
            began = entry["at_unix"] - entry["age_s"]
            return float(began) + float(entry.get("clock_set_s", 0.0))
    return float(answer["incident"]["since_unix"])


# --- one kind of entry each ------------------------------------------------------------------


def _nothing(entry: Row, answer: Row) -> Iterable[TextLine]:
    del entry, answer
    return ()


def _judged(entry: Row, answer: Row) -> Iterable[TextLine]:
    name, was, now = answer["incident"]["check"]["name"], entry["was"].upper(), entry["now"].upper()
    first, last = entry["first"], entry["last"]
    if first is not None:
        yield TextLine(first["at_unix"], f"first round: {name} may be {now}", _votes(first))
    if entry["basis"] == "ledger":
        rounds = "one round" if first is not None else "no round"
        text = f"{name} is {now} by the master's count; this node had counted {rounds}"
        yield TextLine(entry["at_unix"], text, ("its own votes at that time:", *_votes(last)))
    elif first is None:
        yield TextLine(entry["at_unix"], f"{name} was {was}, is {now}", _votes(last))
    else:
        after = f"{entry['after_s']:.1f}s after the first (at least {entry['confirm_after_s']:g}s)"
        text = f"second round, {after}: {name} was {was}, is {now}"
        yield TextLine(entry["at_unix"], text, _votes(last))


def _votes(ballot: Row) -> tuple[str, ...]:
    return (arithmetic(ballot), *(f"  {line}" for line in cast_lines(ballot)))


def _doubted(entry: Row, answer: Row) -> Iterable[TextLine]:
    del answer
    yield TextLine(entry["first"]["at_unix"], doubt_text(entry), tuple(cast_lines(entry["first"])))


def doubt_text(entry: Row) -> str:
    """Return the sentence about a bad round that the next round did not confirm."""
    more = f"; {entry['untold']} such rounds before it are not recorded" if entry["untold"] else ""
    return (
        f"one bad round, no notice: {arithmetic(entry['first'])};"
        f" then, {entry['after_s']:.1f}s later, {arithmetic(entry['last'])}{more}"
    )


def _opened(entry: Row, answer: Row) -> Iterable[TextLine]:
    incident = entry["incident"]
    late_s = entry.get("age_s")
    if late_s is None:  # a line of an older version
        late_s = entry["at_unix"] - incident["since_unix"]
    late = f"; this node heard of it {age(late_s)} late" if late_s > LATE_S else ""
    text = f"incident {incident['id']} opened by {_master(entry, incident['term'])}: {_held(entry)}"
    edit = incident.get("edited")
    evidence = () if edit is None else (f"edited {edited_words(edit)}; not seen up since",)
    yield TextLine(entry["at_unix"], text + late, evidence)
    noticed = any(e["kind"] == "noticed" for e in answer["entries"])
    if not late and not noticed:
        yield TextLine(entry["at_unix"], "no notice: no enabled alert channel is attached")


def _closed(entry: Row, answer: Row) -> Iterable[TextLine]:
    notified = any(page["kind"] == "closed" for page in answer["incident"]["pages"])
    unnotified = "" if notified else "without a notice "
    gone = entry["cause"] == "forgotten"
    how = f", {unnotified}because its check was removed or disabled" if gone else ""
    text = f"incident closed by {_master(entry, entry['position'][0])}{how}: {_held(entry)}"
    yield TextLine(entry["at_unix"], text)


def _noticed(entry: Row, answer: Row) -> Iterable[TextLine]:
    notice = entry["notice"]
    channels = ", ".join(channel["name"] for channel in entry["channels"])
    text = f"{notice['kind'].upper()} is to be sent to: {channels}"
    if ending := notice.get("ending"):
        by = f" by {ending['by']}" if ending["by"] else ""
        text = f"the check was {ending['how']}{by}; {text}"
    evidence: tuple[str, ...] = ()
    if several := notice.get("unseen"):
        names = ", ".join(check["name"] for check in several["checks"])
        more = several["count"] - len(several["checks"])
        evidence = (several["cause"], names + (f", and {more} more" if more else ""))
    elif digest := notice.get("digest"):
        names = ", ".join(dict.fromkeys(line["check_name"] for line in digest["lines"]))
        counts = (f"{c['count']} {c['kind'].upper()}" for c in digest["counts"])
        evidence = (f"it stands for {', '.join(counts)}", names)
    elif not _own_count(answer["entries"]) and notice["evidence"]:
        seen = (f"  {line}" for line in evidence_lines(notice["evidence"]))
        evidence = ("the votes as the master counted them:", *seen)
    yield TextLine(entry["at_unix"], text, evidence)


def _began(entry: Row, answer: Row) -> Iterable[TextLine]:
    what = f"{_kind(entry['notice'])} to {entry['channel']['name']}"
    by, own = entry["by"]["name"], entry["by"]["id"] == answer["node_id"]
    asked = f"{by} is asked to deliver {what}, in case only the master cannot"
    if own:
        asked = f"{by} tries to deliver {what}, for the master"
    text = asked if entry["errand"] else f"{by} tries to deliver {what}"
    yield TextLine(entry["at_unix"], text)


def _ended(entry: Row, answer: Row) -> Iterable[TextLine]:
    del answer
    how = "delivered" if entry["delivered"] else "NOT delivered"
    detail = f": {entry['detail']}" if entry["detail"] else ""
    text = f"{_kind(entry['notice'])} to {entry['channel']['name']}"
    yield TextLine(entry["at_unix"], f"{text} {how} by {entry['by']['name']}{detail}")


def _crossed(entry: Row, answer: Row) -> Iterable[TextLine]:
    names = {page["channel"]["id"]: page["channel"]["name"] for page in answer["incident"]["pages"]}
    what = f"{_kind(entry['notice'])} to {names.get(entry['channel'], entry['channel'])}"
    causes = {
        "delivered": "is marked delivered: no other node will repeat it",
        "channel gone": "is dropped: the channel was removed or disabled",
        "forgotten": "is dropped: the check was removed or disabled",
        "given up": "is given up: too many notices waited",
        "in digest": f"goes into the notice {entry.get('digest')}, with others that wait",
    }
    yield TextLine(entry["at_unix"], f"{what} {causes.get(entry['cause'], entry['cause'])}")


def _clock_set(entry: Row, answer: Row) -> Iterable[TextLine]:
    del answer
    way = "forward" if entry["by_s"] > 0 else "back"
    text = f"this node's wall clock was set {way} by {age(abs(entry['by_s']))}"
    yield TextLine(entry["at_unix"], f"{text}; durations are not affected")


def _led(entry: Row, answer: Row) -> Iterable[TextLine]:
    master = entry["master"]
    if master is None:
        text = "no master is heard any more: no notice is sent until there is one"
    else:
        own = " (this node)" if master["id"] == answer["node_id"] else ""
        text = f"{master['name']}{own} is master now, in term {entry['term']}"
    yield TextLine(entry["at_unix"], text)


def _started(entry: Row, answer: Row) -> Iterable[TextLine]:
    del answer
    text = "this node started; it did not see what happened while it was down"
    yield TextLine(entry["at_unix"], text)


def _stopped(entry: Row, answer: Row) -> Iterable[TextLine]:
    del answer
    yield TextLine(entry["at_unix"], "this node was asked to stop")


_DESCRIBERS: dict[str, Callable[[Row, Row], Iterable[TextLine]]] = {
    "judged": _judged,
    "doubted": _doubted,
    "opened": _opened,
    "closed": _closed,
    "noticed": _noticed,
    "began": _began,
    "ended": _ended,
    "crossed": _crossed,
    "clock_set": _clock_set,
    "led": _led,
    "started": _started,
    "stopped": _stopped,
}


# --- parts of sentences ----------------------------------------------------------------------


def _kind(notice: str) -> str:
    """Return `DOWN` of the notice `web-1.down`."""
    return notice.rpartition(".")[2].upper()


def _master(entry: Row, term: int) -> str:
    master = entry["master"]
    return ("" if master is None else f"{master['name']}, ") + f"the master of term {term}"


def _held(entry: Row) -> str:
    term, number = entry["position"]
    return f"a majority holds it (write {term}.{number}, document revision {entry['revision']})"


def _own_count(entries: list[Row]) -> bool:
    return any(e["kind"] == "judged" and e["now"] == "down" for e in entries)


def _attempts(page: Row, entries: list[Row]) -> int:
    wanted = (page["notice"], page["channel"]["id"])
    begun = (e for e in entries if e["kind"] == "began")
    return sum((e["notice"], e["channel"]["id"]) == wanted for e in begun)


def _recorder(page: Row, entries: list[Row]) -> str:
    """Return the master that marked a page delivered: its journal has the attempts."""
    for entry in entries:
        same = entry["kind"] == "crossed" and entry["notice"] == page["notice"]
        if same and entry["channel"] == page["channel"]["id"] and entry["master"] is not None:
            return f"{entry['master']['name']}, the master at that time"
    return "the node that was master at that time"


def _unended(entries: list[Row], node: str) -> Iterator[Row]:
    """Yield this node's attempts that had not ended when it stopped."""
    begun: dict[tuple[str, str], Row] = {}
    for entry in entries:
        if entry["kind"] == "started":
            yield from begun.values()
            begun.clear()
        elif entry["kind"] in {"began", "ended"} and entry["by"]["id"] == node:
            key = (entry["notice"], entry["channel"]["id"])
            begun.pop(key, None)
            if entry["kind"] == "began":
                begun[key] = entry
