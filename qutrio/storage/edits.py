"""Turns a hand edit of cluster.yaml into mutations, or into a reason to refuse it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeAlias

from attrs import frozen

from qutrio.codec.masks import require_unmasked
from qutrio.codec.new_channels import require_new_channel
from qutrio.codec.plain_fields import FIELDS
from qutrio.core.api.hand_edit import differences
from qutrio.core.api.mutations import Batch, Refusal
from qutrio.errors import InvalidValueError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Extra, Revision, Term

BASES_MAX = 4

Stamp: TypeAlias = tuple[Term, Revision]


class _Extensible(Protocol):
    @property
    def extra(self) -> Extra: ...


class _Item(_Extensible, Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str | None: ...


@frozen
class Bases:
    """The newest documents that an edit may have been made from, oldest first."""

    documents: tuple[ClusterDocument, ...] = ()

    def with_document(self, document: ClusterDocument) -> "Bases":
        """Return these and `document`, without the oldest beyond `BASES_MAX`."""
        others = [d for d in self.documents if stamp_of(d) != stamp_of(document)]
        return Bases((*others, document)[-BASES_MAX:])

    def find(self, stamp: Stamp) -> ClusterDocument | None:
        """Return the document with this stamp, if it is still known."""
        return next((d for d in self.documents if stamp_of(d) == stamp), None)


def stamp_of(document: ClusterDocument) -> Stamp:
    """Return the term and revision, which name a document's content within its cluster."""
    return document.term, document.revision


def judge(edited: ClusterDocument, bases: Bases) -> Batch | Refusal:
    """Return the changes that an edit makes to the document it was made from, maybe none.

    This may take long: the first mail address loads a library.
    """
    base = bases.find(stamp_of(edited))
    if base is None:
        return Refusal(
            f"it was made from revision {edited.revision} of term {edited.term}, which is not"
            " known here; make the change again in the current file"
        )
    wrong = _unknown_field(edited, base) or _masked(edited, base) or _wrong_channel(edited, base)
    return wrong or differences(base, edited)


def _unknown_field(edited: ClusterDocument, base: ClusterDocument) -> Refusal | None:
    """Refuse a field that this version does not know and the base does not have: a typo."""
    pairs: list[tuple[str, _Extensible, _Extensible | None]] = [
        ("cluster.yaml", edited, base),
        ("settings", edited.settings, base.settings),
        *_paired("member", edited.members, base.members),
        *_paired("channel", edited.channels, base.channels),
        *_paired("check", edited.checks, base.checks),
    ]
    for label, value, was in pairs:
        known = {name for name, _ in was.extra} if was is not None else set()
        for name, _ in value.extra:
            if name not in known:
                return Refusal(f"{label}: {name}: is not a field here{_hint(name, type(value))}")
    return None


def _masked(edited: ClusterDocument, base: ClusterDocument) -> Refusal | None:
    """Refuse the mask that commands print in place of a secret."""
    channels, checks = {c.id: c for c in base.channels}, {c.id: c for c in base.checks}
    try:
        for channel in edited.channels:
            label = f"channel {channel.name!r}"
            require_unmasked(channel, channels.get(channel.id))
        for check in edited.checks:
            label = f"check {check.name!r}"
            require_unmasked(check, checks.get(check.id))
    except InvalidValueError as error:
        return Refusal(f"{label}: {error}")
    return None


def _wrong_channel(edited: ClusterDocument, base: ClusterDocument) -> Refusal | None:
    before = {c.id: c for c in base.channels}
    for channel in edited.channels:
        was = before.get(channel.id)
        try:
            if channel != was:
                require_new_channel(channel, was)
        except InvalidValueError as error:
            return Refusal(f"channel {channel.name!r}: {error}")
    return None


def _paired(
    noun: str, items: Iterable[_Item], base: Iterable[_Item]
) -> list[tuple[str, _Extensible, _Extensible | None]]:
    before: Mapping[str, _Item] = {item.id: item for item in base}
    return [(f"{noun} {item.name!r}", item, before.get(item.id)) for item in items]


def _hint(name: str, cls: type) -> str:
    near = get_close_matches(name, [field.name for field in FIELDS[cls]], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
