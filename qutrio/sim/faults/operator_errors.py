"""Errors of operators, and conflicts between them: most must be refused."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

from qutrio.core.api.mutations import (
    AddToken,
    ApproveToken,
    ClaimToken,
    Mutation,
    PromoteMember,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    RemoveChannel,
    RemoveCheck,
    RevokeToken,
)
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, NodeId, Seconds, TokenId, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member, Token
from qutrio.sim import operators
from qutrio.sim.initial_states import EPOCH, member
from qutrio.sim.options import Fault

if TYPE_CHECKING:
    from qutrio.sim.world import World

STRANGER = NodeId("s00")
STRANGERS_NUMBER = 900
SECRET = "hash"  # noqa: S105 - of nothing
SHORT_S: Seconds = 3.0
INVITED = "guest"


class Mistake(Enum):
    """The kinds of errors."""

    CHECK_WITH_AN_ID_IN_USE = "check with an id in use"
    CHECK_WITH_A_NAME_IN_USE = "check with a name in use"
    CHECK_WITH_NO_SUCH_CHANNEL = "check with no such channel"
    REMOVES_A_CHECK_AS_IT_WAS = "removes a check as it was"
    CHANGES_A_CHANNEL_AS_IT_WAS = "changes a channel as it was"
    CHANNEL_WITH_A_NAME_IN_USE = "channel with a name in use"
    RENAMES_A_CHANNEL_IN_USE = "renames a channel in use"
    REMOVES_A_CHANNEL_AS_IT_WAS = "removes a channel as it was"
    REMOVES_A_CHANNEL_IN_USE = "removes a channel in use"
    CHANGES_SETTINGS_AS_THEY_WERE = "changes settings as they were"
    RENAMES_A_NODE_AS_IT_WAS = "renames a node as it was"
    GIVES_A_NODE_ANOTHERS_NAME = "gives a node another's name"
    PROMOTES_NO_LEARNER = "promotes no learner"
    INVITES = "invites"
    INVITES_FOR_SHORT = "invites for a short time"
    INVITES_UNDER_A_NAME_IN_USE = "invites under a name in use"
    INVITES_TWICE = "invites twice"
    SHOWS_NO_SUCH_INVITATION = "shows no such token"
    SHOWS_AN_INVITATION = "shows a token"
    SHOWS_ANOTHERS_INVITATION = "shows another's token"
    SHOWS_ONE_UNDER_ANOTHER_NAME = "shows a token under another name"
    JOINS_WITH_AN_ID_IN_USE = "joins with an id in use"
    JOINS_WITH_A_NAME_IN_USE = "joins with a name in use"
    APPROVES_NOBODY = "approves no such token"
    APPROVES_SOMEBODY = "approves a token"
    REVOKES_NOTHING = "revokes no such token"
    REVOKES_AN_INVITATION = "revokes a token"


@frozen(kw_only=True)
class OperatorError:
    """An operator makes a mistake through a node."""

    at: Seconds
    via: NodeId
    mistake: Mistake

    def apply(self, world: "World") -> None:
        """Propose it, if the node shows the items that it needs."""
        document = operators.document_of(world, self.via)
        if document is None:
            return
        mutation = _MUTATIONS[self.mistake](document, UnixTime(EPOCH + world.true))
        if mutation is not None:
            world.struck[Fault.MISTAKE] += 1
            world.propose(self.via, mutation)


@frozen(kw_only=True)
class Burst:
    """An impatient operator, or a script, proposes many changes at once."""

    at: Seconds
    via: NodeId
    label: str
    count: int

    def apply(self, world: "World") -> None:
        """Propose them."""
        world.struck[Fault.BURST] += 1
        for number in range(self.count):
            world.add_check(self.via, f"{self.label}-{number}")


Make = Callable[[ClusterDocument, UnixTime], Mutation | None]


def _stranger(number: int = STRANGERS_NUMBER) -> Member:
    return member(STRANGER, number)


def _token(wall: UnixTime, lasts_s: Seconds, name: str | None = None) -> Token:
    return Token(
        id=TokenId(f"{INVITED}-{wall:.3f}"),
        secret_hash=SECRET,
        name=name,
        created_unix=wall,
        expires_unix=UnixTime(wall + lasts_s),
    )


def _first(document: ClusterDocument) -> Token | None:
    guests = [t for t in document.tokens if t.id.startswith(INVITED)]
    return guests[0] if guests else None


def _claim(document: ClusterDocument, claimant: Member) -> Mutation | None:
    token = _first(document)
    if token is None:
        return None
    return ClaimToken(token=token.id, secret_hash=SECRET, claimant=claimant, level=LEVEL)


def _same_check_id(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    return PutCheck(check=document.checks[0]) if document.checks else None


def _same_check_name(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    named = document.checks[0].name if document.checks else ""
    return PutCheck(check=evolve(operators.new_check("b"), name=named)) if named else None


def _old_check(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    found = document.checks[:1]
    return RemoveCheck(expect=evolve(found[0], interval_s=77.0)) if found else None


def _old_channel(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    channel = document.channels[0]
    return PutChannel(channel=channel, expect=evolve(channel, default=not channel.default))


def _same_channel_name(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    return PutChannel(channel=evolve(document.channels[0], id=ChannelId("copy")))


def _renamed_channel(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    channel = document.channels[0]
    return PutChannel(channel=evolve(channel, name="other"), expect=channel)


def _removed_old_channel(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    channel = document.channels[0]
    return RemoveChannel(expect=evolve(channel, default=not channel.default))


def _old_settings(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    was = evolve(document.settings, master_cooldown_s=77.0)
    return PutSettings(settings=document.settings, expect=was)


def _old_member(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    first = document.members[0]
    return PutMember(member=first, expect=evolve(first, address="127.0.0.1:1"))


def _same_member_name(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    first, last = document.members[0], document.members[-1]
    return PutMember(member=evolve(first, name=last.name), expect=first)


def _invited_twice(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    token = _first(document)
    return AddToken(token=token) if token is not None else None


def _approved(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    token = _first(document)
    return ApproveToken(token=token.id) if token is not None else None


def _revoked(document: ClusterDocument, _: UnixTime) -> Mutation | None:
    token = _first(document)
    return RevokeToken(token=token.id) if token is not None else None


_NOWHERE = TokenId("nowhere")
_MUTATIONS: Final[dict[Mistake, Make]] = {
    Mistake.CHECK_WITH_AN_ID_IN_USE: _same_check_id,
    Mistake.CHECK_WITH_A_NAME_IN_USE: _same_check_name,
    Mistake.CHECK_WITH_NO_SUCH_CHANNEL: lambda d, _: PutCheck(
        check=evolve(operators.new_check("b"), alerts=("nowhere",))
    ),
    Mistake.REMOVES_A_CHECK_AS_IT_WAS: _old_check,
    Mistake.CHANGES_A_CHANNEL_AS_IT_WAS: _old_channel,
    Mistake.CHANNEL_WITH_A_NAME_IN_USE: _same_channel_name,
    Mistake.RENAMES_A_CHANNEL_IN_USE: _renamed_channel,
    Mistake.REMOVES_A_CHANNEL_AS_IT_WAS: _removed_old_channel,
    Mistake.REMOVES_A_CHANNEL_IN_USE: lambda d, _: RemoveChannel(expect=d.channels[0]),
    Mistake.CHANGES_SETTINGS_AS_THEY_WERE: _old_settings,
    Mistake.RENAMES_A_NODE_AS_IT_WAS: _old_member,
    Mistake.GIVES_A_NODE_ANOTHERS_NAME: _same_member_name,
    Mistake.PROMOTES_NO_LEARNER: lambda d, _: PromoteMember(node=d.members[0].id),
    Mistake.INVITES: lambda _, wall: AddToken(token=_token(wall, 1000.0)),
    Mistake.INVITES_FOR_SHORT: lambda _, wall: AddToken(token=_token(wall, SHORT_S, INVITED)),
    Mistake.INVITES_UNDER_A_NAME_IN_USE: lambda d, wall: AddToken(
        token=_token(wall, 1000.0, d.members[0].name)
    ),
    Mistake.INVITES_TWICE: _invited_twice,
    Mistake.SHOWS_NO_SUCH_INVITATION: lambda _, __: ClaimToken(
        token=_NOWHERE, secret_hash=SECRET, claimant=_stranger(), level=LEVEL
    ),
    Mistake.SHOWS_AN_INVITATION: lambda d, _: _claim(d, _stranger()),
    Mistake.SHOWS_ANOTHERS_INVITATION: lambda d, _: _claim(d, _stranger(STRANGERS_NUMBER + 1)),
    Mistake.SHOWS_ONE_UNDER_ANOTHER_NAME: lambda d, _: _claim(
        d, evolve(_stranger(), name="another")
    ),
    Mistake.JOINS_WITH_AN_ID_IN_USE: lambda d, _: _claim(
        d, evolve(_stranger(), id=d.members[0].id)
    ),
    Mistake.JOINS_WITH_A_NAME_IN_USE: lambda d, _: _claim(
        d, evolve(_stranger(), name=d.members[0].name)
    ),
    Mistake.APPROVES_NOBODY: lambda _, __: ApproveToken(token=_NOWHERE),
    Mistake.APPROVES_SOMEBODY: _approved,
    Mistake.REVOKES_NOTHING: lambda _, __: RevokeToken(token=_NOWHERE),
    Mistake.REVOKES_AN_INVITATION: _revoked,
}

CHAINS: Final[tuple[tuple[tuple[Mistake, Seconds], ...], ...]] = (
    (
        (Mistake.INVITES, 0.0),
        (Mistake.SHOWS_AN_INVITATION, 3.0),
        (Mistake.SHOWS_ANOTHERS_INVITATION, 6.0),
        (Mistake.APPROVES_SOMEBODY, 9.0),
    ),
    (
        (Mistake.INVITES_FOR_SHORT, 0.0),
        (Mistake.SHOWS_AN_INVITATION, SHORT_S + 1.0),
        (Mistake.APPROVES_SOMEBODY, SHORT_S + 2.0),
    ),
    (
        (Mistake.INVITES, 0.0),
        (Mistake.JOINS_WITH_AN_ID_IN_USE, 2.0),
        (Mistake.JOINS_WITH_A_NAME_IN_USE, 3.0),
        (Mistake.APPROVES_SOMEBODY, 4.0),
    ),
    ((Mistake.INVITES_UNDER_A_NAME_IN_USE, 0.0), (Mistake.SHOWS_ONE_UNDER_ANOTHER_NAME, 3.0)),
)
"""Sequences of errors that build on one another, with the delay of each after the first."""
