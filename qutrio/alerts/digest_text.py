"""The text of digests: notices that stand for many others."""

from qutrio.model.durations import format_duration
from qutrio.model.incidents import Digest, DigestLine, Notice, NoticeKind
from qutrio.model.results import clip

NAMES_IN_SUBJECT = 3
_COMMANDS = (
    "All checks as they are now, on any node: qutrio status",
    "Why one of them was reported:            qutrio explain NAME",
)


def counted(notice: Notice) -> str:
    """Return how many notices of each kind there are, for example `212 DOWN, 3 RECOVERED`."""
    counts = () if notice.digest is None else notice.digest.counts
    return ", ".join(f"{count.count} {count.kind.value.upper()}" for count in counts)


def named(notice: Notice) -> str:
    """Return the names of the first checks, and how many others there are."""
    lines = () if notice.digest is None else notice.digest.lines
    names = list(dict.fromkeys(clip(line.check_name) for line in lines))
    shown = names[:NAMES_IN_SUBJECT]
    more = len(names) > len(shown) or (notice.digest is not None and notice.digest.unlisted)
    return ", ".join(shown) + (", ..." if more else "")


def opening(notice: Notice) -> str:
    """Return the first paragraph."""
    total = 0 if notice.digest is None else notice.digest.total
    return (
        f"{total} notices came at about the same time: {counted(notice)}.\n"
        "This message stands for all of them; none of them is sent by itself."
    )


def sections(notice: Notice) -> list[str]:
    """Return a section for each kind, and where the rest is; none without a digest."""
    digest = notice.digest
    if digest is None:
        return []
    found = [section for kind in NoticeKind if (section := _section(digest, kind))]
    if digest.unlisted:
        found.append(f"{digest.unlisted} more are not listed here.")
    found.append("\n".join(_COMMANDS))
    return found


def _section(digest: Digest, kind: NoticeKind) -> str:
    count = next((c.count for c in digest.counts if c.kind is kind), 0)
    lines = [_line(line) for line in digest.lines if line.kind is kind]
    first = f", the first {len(lines)}" if len(lines) < count else ""
    return "\n".join([f"{kind.value.upper()} ({count}{first}):", *lines]) if lines else ""


def _line(line: DigestLine) -> str:
    target = f": {clip(line.target)}" if line.target else ""
    if line.lasted_s is not None and line.kind is not NoticeKind.UNSEEN:
        target += f", after {format_duration(float(round(max(0.0, line.lasted_s))))}"
    detail = f": {clip(line.detail)}" if line.detail and line.kind is not NoticeKind.SEEN else ""
    return f"  {clip(line.check_name)}{target}{detail}"
