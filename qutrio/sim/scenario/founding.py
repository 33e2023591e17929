"""The cluster that a scenario begins with: from names, or from a `cluster.yaml`."""

from collections.abc import Collection, Iterable, Mapping

from attrs import evolve

from qutrio.model.channels import Channel, UnknownChannel, WebhookChannel
from qutrio.model.checks import Check, UnknownCheck
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import ChannelId, Fingerprint, NodeId, Revision
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member

PORT_FIRST = 10_000


def machine(name: str, number: int) -> Member:
    """Return a voter.  Its id follows from `number`, so the first of a list has the lowest."""
    return Member(
        id=NodeId(f"n{number:012x}"),
        name=name,
        address=f"127.0.0.1:{PORT_FIRST + number}",
        fingerprint=Fingerprint(f"{number:064x}"),
        certificate="",
    )


def webhook(name: str, *, default: bool) -> Channel:
    """Return a channel that goes nowhere."""
    return WebhookChannel(
        id=ChannelId(name), name=name, url="https://pager.example/", default=default
    )


def found(
    nodes: Iterable[str], checks: Iterable[Check], channels: Iterable[Channel], settings: Settings
) -> ClusterDocument:
    """Return the document of a new cluster in which every node has a vote."""
    return ClusterDocument(
        cluster_id="what-if",
        revision=Revision(1),
        settings=settings,
        members=tuple(machine(name, number) for number, name in enumerate(nodes)),
        checks=tuple(sorted(checks, key=lambda c: c.id)),
        channels=tuple(sorted(channels, key=lambda c: c.id)),
        level=LEVEL,
    )


def playable(document: ClusterDocument) -> tuple[Mapping[str, Check], Mapping[str, Channel]]:
    """Return the checks and channels of a document that a scenario can use, by name."""
    checks = {c.name: c for c in document.checks if not isinstance(c, UnknownCheck)}
    channels = {c.name: c for c in document.channels if not isinstance(c, UnknownChannel)}
    return checks, channels


def narrowed(document: ClusterDocument, wanted: Collection[str]) -> ClusterDocument:
    """Return a document without the checks that nobody mentions: they would be up all along."""
    return evolve(document, tokens=(), checks=tuple(c for c in document.checks if c.name in wanted))
