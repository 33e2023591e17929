"""One message of every kind, for tests that send them all."""

from qutrio.core.api.messages import (
    AgesReport,
    CanvassAnswer,
    CanvassRequest,
    Commit,
    Deliver,
    Delivered,
    Farewell,
    Fetch,
    Fetched,
    HeartbeatAck,
    ItemWrite,
    Message,
    ProbeNow,
    Propose,
    ProposeReply,
    Removed,
    Report,
    Resign,
    Ruling,
    Write,
    Wrote,
    Yield,
)
from qutrio.core.api.mutations import RemoveMember
from qutrio.core.election.engine_messages import (
    LeaderHeartbeat,
    LeaderHeartbeatAck,
    LeadershipDeclaration,
    LeadershipProposal,
    PreVoteRequest,
    PreVoteResponse,
    VoteRequest,
    VoteResponse,
)
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    IncidentId,
    NoticeId,
    RequestId,
    Revision,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Delivery, Ledger, Notice, NoticeKind
from qutrio.model.results import Outcome, Result
from qutrio.model.stable import Position, Record
from tests.peers.world import Person, document_of, heartbeat


def about_the_role(term: Term) -> list[Message]:
    """Return one message of every kind that engines and resigning masters send."""
    return [
        Yield(term=term, to=None),
        PreVoteRequest(term=term, position="00"),
        PreVoteResponse(asked=term, granted=True, term=term),
        VoteRequest(term=term, position="00"),
        VoteResponse(term=term, granted=True),
        LeaderHeartbeat(term=term),
        LeaderHeartbeatAck(term=term),
        LeadershipProposal(),
        LeadershipDeclaration(),
        Farewell(),
    ]


def one_of_each(person: Person) -> list[Message]:
    """Return one message of every kind."""
    term, revision, position = Term(3), Revision(4), Position(Term(3), 5)
    check, channel, request = CheckId("web"), ChannelId("mail"), RequestId("b-1")
    document = document_of(person)
    notice = Notice(
        id=NoticeId("x"),
        kind=NoticeKind.TEST,
        incident=IncidentId("i"),
        check=check,
        check_name="web",
        target="t",
        term=term,
        sequence=1,
        since_unix=UnixTime(0),
        at_unix=UnixTime(0),
    )
    delivery = Delivery(notice=notice, channel=channel)
    result = Result(check=check, changed=revision, outcome=Outcome.OK, latency_ms=1.5)
    return [
        heartbeat(),
        HeartbeatAck(
            number=1,
            granted=None,
            bound_s=0.0,
            heard_term=term,
            accepted=position,
            committed=position,
            stamp=(term, revision),
        ),
        CanvassRequest(term=term),
        CanvassAnswer(term=term, would=True, heard_term=term, reason=""),
        Resign(term=term, successor=person.member.id),
        *about_the_role(term),
        Write(position=position, stamp=(term, revision), ledger=Ledger(), document=document),
        ItemWrite(position=position, stamp=(term, revision), ledger=Ledger(), document=document),
        Wrote(position=position, accepted=True, lacks_document=False, heard_term=term),
        Commit(position=position),
        Fetch(accepted=True),
        Fetched(accepted=True, record=Record(position, document, Ledger())),
        Report(results=((result, 0.5),)),
        ProbeNow(checks=(check,)),
        Propose(term=Term(1), request=request, mutation=RemoveMember(node=person.member.id)),
        ProposeReply(
            request=request,
            ruling=Ruling.COMMITTED,
            reason="",
            revision=revision,
            position=position,
        ),
        Deliver(term=term, delivery=delivery),
        Delivered(notice=notice.id, channel=channel, delivered=True, detail=""),
        AgesReport(incidents=((IncidentId("web-1"), 2.5),)),
        Removed(revision=revision),
    ]
