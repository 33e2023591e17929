"""The text of a notice: one subject and one body, shared by every kind of channel."""

from datetime import UTC, datetime
from typing import assert_never

from qutrio.alerts import digest_text
from qutrio.alerts.envelope import Envelope
from qutrio.alerts.unseen_text import cause, how_seen, listed, seen_opening, unseen_opening
from qutrio.model.durations import format_duration
from qutrio.model.edits import Edit, author_text
from qutrio.model.ids import Seconds, UnixTime
from qutrio.model.incidents import Notice, NoticeKind
from qutrio.model.results import Evidence, Outcome, State, clip

SUBJECT_CHARS_MAX = 240
TARGET_CHARS_MAX = 2048
EVIDENCE_LINES_MAX = 200
CLOCK_ERROR_S_MIN: Seconds = 10.0
"""From this error on, a notice says that its times are wrong."""
_CLOCK_WORDS = "a wall clock was set, or differs between nodes; the duration was measured"
_HEADINGS = ("node", "vote", "latency", "seen", "detail")


def subject(notice: Notice) -> str:
    """Return one line: what happened, to which check, at which target, since when."""
    name, target = clip(notice.check_name), clip(notice.target)
    name = f"({minority_words(notice)}) {name}" if notice.minority else name
    match notice.known_kind:
        case NoticeKind.DOWN:
            line = f"[DOWN] {name}: {target} since {in_utc(notice.since_unix)}"
        case NoticeKind.RECOVERED:
            line = f"[RECOVERED] {name}: {target} after {in_words(outage_s(notice))}"
        case NoticeKind.CLOSED:
            line = f"[CLOSED] {name}: {target} is no longer watched, {_last_state(notice)}"
        case NoticeKind.TEST:
            line = f"[TEST] {name}: this is only a test"
        case NoticeKind.UNSEEN:
            line = f"[UNSEEN] {name}: no verdict for {in_words(outage_s(notice))}: {cause(notice)}"
        case NoticeKind.SEEN:
            line = f"[SEEN] {name}: {how_seen(notice)} after {in_words(outage_s(notice))}"
        case NoticeKind.DIGEST:
            line = f"[DIGEST] {digest_text.counted(notice)}: {digest_text.named(notice)}"
        case _:
            assert_never(notice.known_kind)
    return line if len(line) <= SUBJECT_CHARS_MAX else line[: SUBJECT_CHARS_MAX - 1] + "…"


def body(envelope: Envelope) -> str:
    """Return the whole message as plain text, ending in a newline."""
    notice = envelope.notice
    sections = [_opening(notice), *_reservation(notice), _facts(notice), *listed(notice)]
    sections += digest_text.sections(notice)
    if notice.evidence:
        sections += [f"What each node saw ({votes(notice.evidence)}):\n{table(notice.evidence)}"]
        sections += _abstentions(notice.evidence)
    if notice.kind not in {NoticeKind.TEST, NoticeKind.DIGEST} and not notice.minority:
        sections += [f"Why, on any node: qutrio explain {clip(notice.incident)}"]
    sections += [_signature(envelope)]
    return "\n\n".join(sections) + "\n"


def minority_words(notice: Notice) -> str:
    """Return the words for the size of the minority that a notice comes from."""
    return f"from a minority: {clip(notice.minority)} members hear each other"


def votes(evidence: tuple[Evidence, ...]) -> str:
    """Return the vote count in words, for example `2 fail, 1 ok, 1 abstained`."""
    words = {Outcome.FAIL: "fail", Outcome.OK: "ok", Outcome.ABSTAIN: "abstained"}
    counts = {o: sum(e.outcome is o and e.counted for e in evidence) for o in words}
    parts = [f"{count} {words[outcome]}" for outcome, count in counts.items() if count]
    ignored = sum(not e.counted for e in evidence)
    parts += [f"{ignored} not counted"] if ignored else []
    return ", ".join(parts)


def table(evidence: tuple[Evidence, ...]) -> str:
    """Return one aligned line per node below a line of headings."""
    rows = [_HEADINGS, *(_row(e) for e in evidence[:EVIDENCE_LINES_MAX])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(map(str.ljust, row, widths)) for row in rows]
    if len(evidence) > EVIDENCE_LINES_MAX:
        lines.append(f"... and {len(evidence) - EVIDENCE_LINES_MAX} more")
    return "\n".join("  " + line.rstrip() for line in lines)


def outage_s(notice: Notice) -> Seconds:
    """Return how long the outage lasted until the notice was made; never negative.

    It was measured, if all members can do so; else it is the difference of the two wall times.
    """
    by_wall = max(0.0, notice.at_unix - notice.since_unix)
    return by_wall if notice.lasted_s is None else max(0.0, notice.lasted_s)


def clock_error_s(notice: Notice) -> Seconds:
    """Return how far the times of a notice differ from the measured duration; 0 if little.

    Above 0 when the wall clock was set forward meanwhile, or that of another node is ahead.
    """
    if notice.lasted_s is None:
        return 0.0
    error = (notice.at_unix - notice.since_unix) - notice.lasted_s
    return error if abs(error) >= CLOCK_ERROR_S_MIN else 0.0


def in_words(duration_s: Seconds) -> str:
    """Return a duration in words, in whole seconds."""
    return format_duration(float(round(duration_s)))


def in_utc(unix: UnixTime) -> str:
    """Return a time for people, in UTC; a number out of range is shown as seconds."""
    try:
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{unix:g} s after 1970"


def _opening(notice: Notice) -> str:  # noqa: PLR0911 - one sentence for each kind
    name = clip(notice.check_name)
    match notice.known_kind:
        case NoticeKind.DOWN:
            return f"{name} is DOWN."
        case NoticeKind.RECOVERED:
            return f"{name} has RECOVERED after {in_words(outage_s(notice))}."
        case NoticeKind.CLOSED:
            return f"{name} is no longer watched: {_stopped(notice)}.  It {_last_state(notice)}."
        case NoticeKind.TEST:
            return f"This is a test of the alert channel {name}.  Nothing is wrong."
        case NoticeKind.UNSEEN:
            return unseen_opening(notice, in_words(outage_s(notice)))
        case NoticeKind.SEEN:
            return seen_opening(notice, in_words(outage_s(notice)))
        case NoticeKind.DIGEST:
            return digest_text.opening(notice)
        case _:
            assert_never(notice.known_kind)


def _stopped(notice: Notice) -> str:
    """Return how the check ended, and who ended it if that is known."""
    if notice.ending is None:
        return "its check was disabled or removed"
    by = f" by {clip(notice.ending.by)}" if notice.ending.by else ""
    return f"its check was {notice.ending.how.value}{by}"


def _last_state(notice: Notice) -> str:
    """Return the last state of the check, which had been announced as down before."""
    known = notice.ending is None or notice.ending.last_state is not State.UNKNOWN
    was = "was DOWN" if known else "was DOWN, and then unknown,"
    return f"{was} for {in_words(outage_s(notice))}"


def _reservation(notice: Notice) -> list[str]:
    if not notice.minority:
        return []
    doubt = "No majority confirmed it.  Other nodes may see it differently, or alert you again."
    return [f"This comes {minority_words(notice)}.\n{doubt}"]


def _facts(notice: Notice) -> str:
    rows = [("Target", one_line(notice.target, TARGET_CHARS_MAX))] if notice.target else []
    match notice.known_kind:
        case NoticeKind.DOWN:
            rows += [("Since", in_utc(notice.since_unix))]
            rows += [] if notice.edited is None else [("Edited", edited(notice.edited))]
        case NoticeKind.RECOVERED:
            rows += [("Down from", in_utc(notice.since_unix)), ("Up since", in_utc(notice.at_unix))]
        case NoticeKind.CLOSED:
            rows += [("Down from", in_utc(notice.since_unix))]
            rows += [("Closed", in_utc(notice.at_unix))]
        case NoticeKind.TEST:
            rows += [("Sent", in_utc(notice.at_unix))]
        case NoticeKind.UNSEEN:
            rows += [("Since", in_utc(notice.since_unix))]
        case NoticeKind.SEEN | NoticeKind.DIGEST:
            rows += [("From", in_utc(notice.since_unix)), ("Until", in_utc(notice.at_unix))]
        case _:
            assert_never(notice.known_kind)
    if error := clock_error_s(notice):
        rows += [("Clock", f"off by {in_words(abs(error))}: {_CLOCK_WORDS}")]
    return "\n".join(f"{label + ':':<11}{value}" for label, value in rows)


def edited(edit: Edit) -> str:
    """Return who changed a check last, where it was not up since then."""
    return f"by {clip(author_text(edit))} at {in_utc(edit.at_unix)}, revision {edit.revision}"


def _row(evidence: Evidence) -> tuple[str, str, str, str, str]:
    vote = evidence.outcome.value.upper() if evidence.counted else f"({evidence.outcome.value})"
    latency = "-" if evidence.latency_ms is None else f"{evidence.latency_ms:.0f} ms"
    seen = f"{max(0.0, evidence.age_s):.0f}s ago"
    return clip(evidence.name), vote, latency, seen, clip(evidence.detail)


def _abstentions(evidence: tuple[Evidence, ...]) -> list[str]:
    quiet = [e for e in evidence if e.outcome is Outcome.ABSTAIN][:EVIDENCE_LINES_MAX]
    lines = [f"  {clip(e.name)}: {clip(e.detail) or 'no reason given'}" for e in quiet]
    return ["Abstained, so neither for nor against:\n" + "\n".join(lines)] if lines else []


def _signature(envelope: Envelope) -> str:
    notice = envelope.notice
    return (
        f"-- \nqutrio, sent by node {clip(envelope.node_name)} in term {notice.term}\n"
        f"cluster {clip(envelope.cluster_id)}, incident {clip(notice.incident)}, "
        f"notice {clip(notice.id)}"
    )


def one_line(text: str, chars_max: int) -> str:
    """Return `text` without control characters, cut to a length."""
    return "".join(c if c.isprintable() else " " for c in text[:chars_max])
