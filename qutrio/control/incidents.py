"""Operations on past and present incidents: which there were, and the story of one."""

from qutrio.codec.journal import entry_to_plain
from qutrio.control.context import ControlContext
from qutrio.control.protocol import Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import Row
from qutrio.core.journal.clock_shifts import shifts
from qutrio.core.journal.reports import End, IncidentReport, Page, incident_reports
from qutrio.core.journal.writer import ATTEMPTS_WRITTEN_MAX
from qutrio.model.ids import UnixTime
from qutrio.model.journal import Doubted, Entry

INCIDENTS_LISTED_MAX = 50
DOUBTS_LISTED_MAX = 5
CANDIDATES_NAMED_MAX = 5


async def list_incidents(context: ControlContext, request: Request) -> Row:
    """Answer `incident.list`: the newest incidents, and the newest rounds that paged nobody."""
    del request
    entries = await context.services.read_journal()
    told = incident_reports(entries)[-INCIDENTS_LISTED_MAX:]
    doubts = [e for e in entries if isinstance(e.fact, Doubted)][-DOUBTS_LISTED_MAX:]
    return {
        **teller(context),
        "incidents": [story_row(story, context.services.wall()) for story in reversed(told)],
        "doubts": [entry_to_plain(doubt) for doubt in reversed(doubts)],
    }


async def explain_incident(context: ControlContext, request: Request) -> Row:
    """Answer `incident.explain`: one incident with every line that belongs to it.

    `name` is its id, the beginning of it, or a check's name for the latest incident of it.
    """
    journal = await context.services.read_journal()
    story = find_story(incident_reports(journal), request.text("name"))
    entries = entry_rows(journal, story)
    return {
        **teller(context),
        "incident": story_row(story, context.services.wall()),
        "entries": entries,
        "attempts_told_max": ATTEMPTS_WRITTEN_MAX,
    }


def find_story(told: tuple[IncidentReport, ...], wanted: str) -> IncidentReport:
    """Return the story that a person means; raises `ControlFailure` when it is none, or several."""
    exact = [story for story in told if story.id == wanted]
    of_check = [story for story in told if wanted in {story.check_name, story.check}]
    if exact or of_check:
        return (exact or of_check)[-1]
    begun = [story for story in told if story.id.startswith(wanted)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        named = ", ".join(story.id for story in begun[-CANDIDATES_NAMED_MAX:])
        sentence = f"{len(begun)} incidents begin with {wanted[:80]!r}; say more of it: {named}"
        raise ControlFailure(Code.INVALID, sentence)
    sentence = f"this node has no record of an incident {wanted[:80]!r}; see 'qutrio explain'"
    raise ControlFailure(Code.NOT_FOUND, sentence)


def entry_rows(journal: tuple[Entry, ...], story: IncidentReport) -> list[Row]:
    """Return the lines of a story; `clock_set_s` is by how much the clock was set after a line."""
    shift_of = {id(e): s for e, s in zip(journal, shifts(journal), strict=True)}
    return [{**entry_to_plain(e), "clock_set_s": shift_of.get(id(e), 0.0)} for e in story.entries]


def story_row(story: IncidentReport, wall: UnixTime) -> Row:
    """Return an incident as one node knows it at `wall`, without its lines.

    `lasted_s` is None when it is over and this node does not know how long it lasted.
    """
    lasted_s = story.lasted_s
    if story.end is End.OPEN:
        lasted_s = max(0.0, wall - story.began_unix)
    elif lasted_s is None and story.until_unix is not None:
        lasted_s = max(0.0, story.until_unix - story.since_unix)
    return {
        "id": story.id,
        "check": {"id": story.check, "name": story.check_name},
        "target": story.target,
        "since_unix": story.since_unix,
        "until_unix": story.until_unix,
        "lasted_s": lasted_s,
        "state": story.end.value,
        "pages": [_page_row(page) for page in story.pages],
    }


def _page_row(page: Page) -> Row:
    return {
        "notice": page.notice,
        "kind": page.kind.value,
        "channel": {"id": page.channel.id, "name": page.channel.name},
        "fate": page.fate.value,
        "by": None if page.by is None else {"id": page.by.id, "name": page.by.name},
    }


def teller(context: ControlContext) -> Row:
    """Return who tells something from its journal, and what time it is there."""
    view = context.view.value
    member = view.document.member(view.node)
    return {
        "node_id": view.node,
        "name": member.name if member is not None else view.node,
        "now_unix": context.services.wall(),
        "removed": view.removed,
    }
