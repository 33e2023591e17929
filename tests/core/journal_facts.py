"""Lines of a journal as a node would write them, for the tests of its readers."""

from attrs import evolve

from qutrio.model.ids import IncidentId, NoticeId, Revision, Term, UnixTime
from qutrio.model.incidents import NoticeKind
from qutrio.model.journal import (
    Basis,
    Began,
    Closed,
    Closing,
    CountedVote,
    Crossed,
    Doubted,
    Ended,
    Entry,
    Fact,
    Judged,
    Leaving,
    Led,
    Named,
    Noticed,
    Opened,
    RoleLeft,
    RoleTaken,
    Standing,
    Started,
    Stopped,
    VoteCount,
)
from qutrio.model.results import Evidence, Outcome, State
from tests.core.samples import HOOK, WALL, WEB, A, B, C, delivery, incident, pos

ALPHA, BRAVO = Named(A, "alpha"), Named(B, "bravo")
CHANNEL = Named(HOOK, "pager")
INCIDENT = incident()
DOWN, RECOVERED = (delivery(kind=kind).notice for kind in (NoticeKind.DOWN, NoticeKind.RECOVERED))


def line(at_s: float, fact: Fact) -> Entry:
    """A line that was written `at_s` seconds after the incident began."""
    return Entry(UnixTime(WALL + at_s), fact)


def vote_count(at_s: float, *, ok: int, fail: int, abstain: int = 0) -> VoteCount:
    """A count of three members' votes: first the failing, then the ok, then the abstaining ones."""
    outcomes = [Outcome.FAIL] * fail + [Outcome.OK] * ok + [Outcome.ABSTAIN] * abstain
    names = {A: "alpha", B: "bravo", C: "charlie"}
    casts = [
        CountedVote(
            node=node,
            name=name,
            standing=Standing.ABSTAINED if seen is Outcome.ABSTAIN else Standing.COUNTED,
            outcome=seen,
            latency_ms=12.0 if seen is Outcome.OK else None,
            detail="HTTP 200" if seen is Outcome.OK else "connection refused",
            age_s=0.2,
        )
        for (node, name), seen in zip(names.items(), outcomes, strict=False)
    ]
    silent = [
        CountedVote(node=node, name=name, standing=Standing.SILENT)
        for node, name in list(names.items())[len(casts) :]
    ]
    state = State.UNKNOWN if ok + fail < 2 else State.DOWN if fail > ok else State.UP
    return VoteCount(
        at_unix=UnixTime(WALL + at_s),
        voters=3,
        needed=2,
        ok=ok,
        fail=fail,
        abstain=abstain,
        state=state,
        casts=(*casts, *silent),
    )


def went_down(at_s: float = 0.0, basis: Basis = Basis.VOTES) -> Entry:
    """Two bad rounds, the second at `at_s`."""
    flip = Judged(
        check=WEB,
        check_name="web",
        was=State.UP,
        now=State.DOWN,
        basis=basis,
        first=vote_count(at_s - 1.1, ok=1, fail=2),
        last=vote_count(at_s, ok=0, fail=3),
        after_s=1.1,
        confirm_after_s=1.0,
    )
    return line(at_s, flip)


def came_up(at_s: float, basis: Basis = Basis.VOTES) -> Entry:
    """Two good rounds, the second at `at_s`."""
    down = went_down(at_s).fact
    assert isinstance(down, Judged)
    first, last = vote_count(at_s - 1.1, ok=2, fail=1), vote_count(at_s, ok=3, fail=0)
    flip = evolve(down, was=State.DOWN, now=State.UP, basis=basis, first=first, last=last)
    return line(at_s, flip)


def doubted(at_s: float, untold: int = 0) -> Entry:
    """A bad round that ended at `at_s`."""
    return line(
        at_s,
        Doubted(
            check=WEB,
            check_name="web",
            first=vote_count(at_s - 1, ok=1, fail=2),
            last=vote_count(at_s, ok=2, fail=1),
            after_s=1.0,
            untold=untold,
        ),
    )


def opened(at_s: float = 0.0, number: int = 1) -> Entry:
    """The incident opens: a majority holds it."""
    return line(
        at_s,
        Opened(
            incident=evolve(INCIDENT, id=IncidentId(f"web-{number}")),
            target="127.0.0.1:80",
            position=pos(1, 7),
            revision=Revision(3),
            master=ALPHA,
        ),
    )


def closed(at_s: float, cause: Closing = Closing.RECOVERED, number: int = 1) -> Entry:
    """The incident ends."""
    fact = Closed(
        incident=IncidentId(f"web-{number}"),
        cause=cause,
        position=pos(1, 9),
        revision=Revision(3),
        master=ALPHA,
    )
    return line(at_s, fact)


def noticed(at_s: float, kind: NoticeKind = NoticeKind.DOWN) -> Entry:
    """A notice for the one channel, with the votes of two."""
    evidence = tuple(
        Evidence(
            node=node,
            name=name,
            outcome=Outcome.FAIL,
            latency_ms=None,
            detail="connection refused",
            age_s=0.3,
            counted=node == A,
        )
        for node, name in ((A, "alpha"), (B, "bravo"))
    )
    notice = evolve(delivery(kind=kind).notice, evidence=evidence, at_unix=UnixTime(WALL + at_s))
    return line(at_s, Noticed(notice=notice, channels=(CHANNEL,)))


def began(at_s: float, *, by: Named = ALPHA, errand: bool = False) -> Entry:
    """An attempt begins."""
    fact = Began(incident=INCIDENT.id, notice=DOWN.id, channel=CHANNEL, by=by, errand=errand)
    return line(at_s, fact)


def ended(at_s: float, *, delivered: bool = True, by: Named = ALPHA) -> Entry:
    """An attempt ends."""
    detail = "250 queued" if delivered else "connection refused"
    fact = Ended(notice=DOWN.id, channel=CHANNEL, by=by, delivered=delivered, detail=detail)
    return line(at_s, fact)


def crossed(at_s: float, cause: Leaving = Leaving.DELIVERED, notice: NoticeId = DOWN.id) -> Entry:
    """A notice leaves the outbox."""
    return line(at_s, Crossed(notice=notice, channel=HOOK, cause=cause, master=ALPHA))


def started(at_s: float, *open_: IncidentId) -> Entry:
    """The node starts."""
    return line(at_s, Started(term=Term(1), open=open_))


def stopped(at_s: float) -> Entry:
    """The node is asked to stop."""
    return line(at_s, Stopped())


def led(at_s: float, master: Named | None, term: int = 2) -> Entry:
    """Another node is master, or none is."""
    return line(at_s, Led(master=master, term=Term(term)))


def role_taken(at_s: float, master: Named, term: int, untold: int = 0) -> Entry:
    """A node becomes master."""
    return line(at_s, RoleTaken(master=master, term=Term(term), untold=untold))


def role_left(at_s: float, master: Named, term: int, reason: str) -> Entry:
    """A node is no longer master."""
    return line(at_s, RoleLeft(master=master, term=Term(term), reason=reason))
