"""Operations on past and present incidents: the list, and the incident report of one."""

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
    """List the newest incidents, and the newest rounds that paged nobody (`incident.list`)."""
    del request
    entries = await context.services.read_journal()
    reports = [report for report in incident_reports(entries) if not report.is_digest]
    reports = reports[-INCIDENTS_LISTED_MAX:]
    doubts = [e for e in entries if isinstance(e.fact, Doubted)][-DOUBTS_LISTED_MAX:]
    return {
        **journal_owner(context),
        "incidents": [report_row(report, context.services.wall()) for report in reversed(reports)],
        "doubts": [entry_to_plain(doubt) for doubt in reversed(doubts)],
    }


async def explain_incident(context: ControlContext, request: Request) -> Row:
    """Return one incident with every line that belongs to it (`incident.explain`).

    `name` is its id, the beginning of its id, or the name of a check, for its latest incident.
    """
    journal = await context.services.read_journal()
    report = find_report(incident_reports(journal), request.text("name"))
    entries = entry_rows(journal, report)
    return {
        **journal_owner(context),
        "incident": report_row(report, context.services.wall()),
        "entries": entries,
        "attempts_told_max": ATTEMPTS_WRITTEN_MAX,
    }


def find_report(reports: tuple[IncidentReport, ...], wanted: str) -> IncidentReport:
    """Return the report that `wanted` names; raises `ControlFailure` for none and for several."""
    exact = [report for report in reports if report.id == wanted]
    of_check = [report for report in reports if wanted in {report.check_name, report.check}]
    if exact or of_check:
        return (exact or of_check)[-1]
    begun = [report for report in reports if report.id.startswith(wanted)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        named = ", ".join(report.id for report in begun[-CANDIDATES_NAMED_MAX:])
        sentence = (
            f"{len(begun)} incidents begin with {wanted[:80]!r}; give more of the id: {named}"
        )
        raise ControlFailure(Code.INVALID, sentence)
    sentence = f"this node has no record of an incident {wanted[:80]!r}; see 'qutrio explain'"
    raise ControlFailure(Code.NOT_FOUND, sentence)


def entry_rows(journal: tuple[Entry, ...], report: IncidentReport) -> list[Row]:
    """Return the lines of a report; `clock_set_s` is how far the clock was set after a line."""
    shift_of = {id(e): s for e, s in zip(journal, shifts(journal), strict=True)}
    return [{**entry_to_plain(e), "clock_set_s": shift_of.get(id(e), 0.0)} for e in report.entries]


def report_row(report: IncidentReport, wall: UnixTime) -> Row:
    """Return an incident as one node knows it at `wall`, without its lines.

    `lasted_s` is None when it is over and this node does not know how long it lasted.
    """
    lasted_s = report.lasted_s
    if report.end is End.OPEN:
        lasted_s = max(0.0, wall - report.began_unix)
    elif lasted_s is None and report.until_unix is not None:
        lasted_s = max(0.0, report.until_unix - report.since_unix)
    return {
        "id": report.id,
        "check": {"id": report.check, "name": report.check_name},
        "target": report.target,
        "since_unix": report.since_unix,
        "until_unix": report.until_unix,
        "lasted_s": lasted_s,
        "state": report.end.value,
        "pages": [_page_row(page) for page in report.pages],
    }


def _page_row(page: Page) -> Row:
    return {
        "notice": page.notice,
        "kind": page.kind.value,
        "channel": {"id": page.channel.id, "name": page.channel.name},
        "fate": page.fate.value,
        "digest": page.digest,
        "by": None if page.by is None else {"id": page.by.id, "name": page.by.name},
    }


def journal_owner(context: ControlContext) -> Row:
    """Return which node's journal an answer comes from, and its wall clock."""
    view = context.view.value
    member = view.document.member(view.node)
    return {
        "node_id": view.node,
        "name": member.name if member is not None else view.node,
        "now_unix": context.services.wall(),
        "removed": view.removed,
    }
