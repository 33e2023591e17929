"""Small values for the tests of core: members, documents and messages with all fields filled in."""

from collections.abc import Sequence
from typing import Any, TypeVar

from attrs import evolve

from qutrio.core.api.effects import Effect, Send
from qutrio.core.api.messages import Heartbeat, HeartbeatAck, Message
from qutrio.core.consensus.register import Register
from qutrio.core.consensus.witnesses import TrustBasis
from qutrio.model.channels import Channel, WebhookChannel
from qutrio.model.checks import Check, TcpCheck
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    Fingerprint,
    IncidentId,
    Instant,
    NodeId,
    NoticeId,
    Revision,
    Term,
    TokenId,
    UnixTime,
)
from qutrio.model.incidents import Delivery, Incident, Ledger, Notice, NoticeKind
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member, Token
from qutrio.model.results import Outcome, Result
from qutrio.model.stable import Position, Promise, Record, Stable

A, B, C, D, E = (NodeId(f"n{i}") for i in range(1, 6))
WEB, DB = CheckId("web"), CheckId("db")
HOOK, MAIL = ChannelId("hook"), ChannelId("mail")
WALL = UnixTime(1_700_000_000.0)
DEAD_S = Settings().dead_after_s
BEAT_S = Settings().heartbeat_s
NO_PROMISE, BEGINNING, NOTHING_SAID = Promise(), Position(), Ledger()

_M = TypeVar("_M", bound=Message)


def at(seconds: float) -> Instant:
    """A time on a node's clock, in seconds."""
    return Instant(seconds)


def pos(term: int, number: int = 1) -> Position:
    """The position of a write."""
    return Position(Term(term), number)


def member(node: NodeId, *, voter: bool = True, name: str | None = None) -> Member:
    """A member named after its id."""
    return Member(
        id=node,
        name=name or f"node-{node}",
        address=f"127.0.0.1:{9900 + int(node[1:])}",
        fingerprint=Fingerprint(f"key-{node}"),
        certificate="",
        voter=voter,
    )


def check(ident: CheckId = WEB, **fields: Any) -> TcpCheck:
    """A check of a port, every 10 s."""
    defaults = {"name": str(ident), "address": "127.0.0.1:80", "interval_s": 10.0}
    return TcpCheck(id=ident, **{**defaults, **fields})


def hook(ident: ChannelId = HOOK, **fields: Any) -> WebhookChannel:
    """A channel that is attached to every check."""
    return WebhookChannel(id=ident, **{"name": str(ident), "url": "http://127.0.0.1/h", **fields})


def token(ident: str = "t1", **fields: Any) -> Token:
    """An invitation that is valid for an hour."""
    defaults = {
        "secret_hash": "hash",
        "created_unix": WALL,
        "expires_unix": UnixTime(WALL + 3600),
    }
    return Token(id=TokenId(ident), **{**defaults, **fields})


def document(
    *voters: NodeId,
    learners: Sequence[NodeId] = (),
    checks: Sequence[Check] = (),
    channels: Sequence[Channel] = (),
    tokens: Sequence[Token] = (),
    settings: Settings = Settings(),
    revision: int = 1,
    term: int = 0,
    level: int = LEVEL,
) -> ClusterDocument:
    """A document with these members and items, in order."""
    members = [member(v) for v in voters] + [member(n, voter=False) for n in learners]
    return ClusterDocument(
        cluster_id="cluster",
        revision=Revision(revision),
        term=Term(term),
        settings=settings,
        members=tuple(sorted(members, key=lambda m: m.id)),
        tokens=tuple(tokens),
        checks=tuple(sorted(checks, key=lambda c: c.id)),
        channels=tuple(sorted(channels, key=lambda c: c.id)),
        level=level,
    )


def record(
    held: ClusterDocument, position: Position = BEGINNING, ledger: Ledger = NOTHING_SAID
) -> Record:
    """A value of the register."""
    return Record(position, held, ledger)


def stable(
    held: ClusterDocument, promise: Promise = NO_PROMISE, ledger: Ledger = NOTHING_SAID
) -> Stable:
    """The durable state with which a node starts."""
    return Stable(promise, record(held, ledger=ledger), record(held, ledger=ledger))


def register(
    me: NodeId,
    committed: ClusterDocument,
    position: Position = BEGINNING,
    *,
    accepted: Record | None = None,
) -> Register:
    """A register that holds `committed`, and perhaps accepted something newer."""
    held = record(committed, position)
    return Register(me=me, accepted=accepted or held, committed=held)


def bound_to(master: NodeId | None, term: int = 9, *live: NodeId) -> TrustBasis:
    """The trust basis of a node that granted its vote to `master` and hears these members."""
    return TrustBasis(Promise(Term(term), master), frozenset(live))


def heartbeat(**fields: Any) -> Heartbeat:
    """A heartbeat of a healthy node that claims nothing."""
    base = Heartbeat(
        number=1,
        heard_term=Term(0),
        claim=None,
        acting=False,
        able=True,
        committed=Position(),
        wall=WALL,
        level=LEVEL,
    )
    return evolve(base, **fields)


def ack(number: int, **fields: Any) -> HeartbeatAck:
    """An answer that grants nothing."""
    base = HeartbeatAck(
        number=number,
        granted=None,
        bound_s=DEAD_S,
        heard_term=Term(0),
        accepted=Position(),
        committed=Position(),
        stamp=(Term(0), Revision(1)),
    )
    return evolve(base, **fields)


def result(outcome: Outcome, ident: CheckId = WEB, changed: int = 0, **fields: Any) -> Result:
    """A finished probe."""
    return Result(check=ident, changed=Revision(changed), outcome=outcome, **fields)


def incident(ident: CheckId = WEB, number: int = 1) -> Incident:
    """An open incident."""
    return Incident(
        id=IncidentId(f"{ident}-{number}"),
        check=ident,
        check_name=str(ident),
        since_unix=WALL,
        term=Term(1),
    )


def incidents_on(*checks: CheckId) -> tuple[Incident, ...]:
    """Open incidents of these checks."""
    return tuple(incident(check) for check in sorted(checks))


def delivery(
    ident: CheckId = WEB,
    number: int = 1,
    kind: NoticeKind = NoticeKind.DOWN,
    channel: ChannelId = HOOK,
) -> Delivery:
    """A notice that waits for a channel."""
    notice = Notice(
        id=NoticeId(f"{ident}-{number}.{kind.value}"),
        kind=kind,
        incident=IncidentId(f"{ident}-{number}"),
        check=ident,
        check_name=str(ident),
        target="127.0.0.1:80",
        term=Term(1),
        sequence=number,
        since_unix=WALL,
        at_unix=WALL,
    )
    return Delivery(notice=notice, channel=channel)


def sent(effects: Sequence[Effect], to: NodeId) -> list[Message]:
    """The messages sent to one node, in order."""
    return [e.message for e in effects if isinstance(e, Send) and e.to == to]


def messages(effects: Sequence[Effect], to: NodeId, kind: type[_M]) -> list[_M]:
    """The messages of one kind sent to one node, in order."""
    return [message for message in sent(effects, to) if isinstance(message, kind)]
