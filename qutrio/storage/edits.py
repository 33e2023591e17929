"""What a hand edit of cluster.yaml asks for: mutations, nothing, or a reason to refuse it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeAlias

from attrs import evolve, frozen

from qutrio.codec.masks import require_unmasked
from qutrio.codec.new_channels import require_new_channel
from qutrio.codec.plain_fields import FIELDS
from qutrio.core.applying import apply
from qutrio.core.hand_edit import differences
from qutrio.core.mutations import Batch, PutChannel, PutCheck, PutMember, Refusal
from qutrio.errors import InvalidValueError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Extra, Revision, Term, UnixTime

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
class Mistake:
    """Why an edit is refused, and which field of the file is to blame.

    `section` is empty for a field of the document itself, `item` where there are no items, and
    `field` where the whole item is meant.
    """

    reason: str
    section: str = ""
    item: str = ""
    field: str = ""


@frozen
class Bases:
    """The newest documents that an edit may have begun from, oldest first."""

    documents: tuple[ClusterDocument, ...] = ()

    def with_document(self, document: ClusterDocument) -> "Bases":
        """Return these and `document`, without the oldest beyond `BASES_MAX`."""
        others = [d for d in self.documents if stamp_of(d) != stamp_of(document)]
        return Bases((*others, document)[-BASES_MAX:])

    def find(self, stamp: Stamp) -> ClusterDocument | None:
        """Return the document with this stamp, if it is still known."""
        return next((d for d in self.documents if stamp_of(d) == stamp), None)


def stamp_of(document: ClusterDocument) -> Stamp:
    """Return what names a document's content within its cluster."""
    return document.term, document.revision


def judge(edited: ClusterDocument, bases: Bases) -> Batch | Refusal | Mistake:
    """Return the changes an edit makes to the document it began from; none is an empty batch.

    It may take long: the first mail address loads a library.
    """
    base = bases.find(stamp_of(edited))
    if base is None:
        return Refusal(
            f"it was made from revision {edited.revision} of term {edited.term}, which is not"
            " known here; make the change again in the current file"
        )
    wrong = _unknown_field(edited, base) or _masked(edited, base) or _wrong_channel(edited, base)
    return wrong or differences(base, edited)


def mistake_of(changes: Batch, document: ClusterDocument, reason: str) -> Mistake | None:
    """Return which item of an edit of `document` is refused for `reason`; None if none of it is."""
    for change in changes.mutations:
        outcome = apply(change, document, UnixTime(0.0))
        if not isinstance(outcome, Refusal):
            document = outcome
            continue
        field = reason.partition(":")[0]
        match change:
            case _ if outcome.reason != reason:
                return None
            case PutCheck(check=item):
                return Mistake(f"check {item.name!r}: {reason}", "checks", item.id, field)
            case PutChannel(channel=item):
                return Mistake(f"channel {item.name!r}: {reason}", "channels", item.id, field)
            case PutMember(member=item):
                return Mistake(f"member {item.name!r}: {reason}", "members", item.id, field)
            case _:
                return None
    return None


def _unknown_field(edited: ClusterDocument, base: ClusterDocument) -> Mistake | None:
    """Refuse a field that neither this version knows nor a newer one wrote: a slip of the pen."""
    pairs: list[tuple[Mistake, _Extensible, _Extensible | None]] = [
        (Mistake("cluster.yaml"), edited, base),
        (Mistake("settings", "settings"), edited.settings, base.settings),
        *_paired("members", edited.members, base.members),
        *_paired("channels", edited.channels, base.channels),
        *_paired("checks", edited.checks, base.checks),
    ]
    for place, value, was in pairs:
        known = {name for name, _ in was.extra} if was is not None else set()
        for name, _ in value.extra:
            if name not in known:
                problem = f"{name}: is not a field here{_hint(name, type(value))}"
                return evolve(place, reason=f"{place.reason}: {problem}", field=name)
    return None


def _masked(edited: ClusterDocument, base: ClusterDocument) -> Mistake | None:
    """Refuse what a command printed in place of a secret."""
    channels, checks = {c.id: c for c in base.channels}, {c.id: c for c in base.checks}
    try:
        for channel in edited.channels:
            place = Mistake(f"channel {channel.name!r}", "channels", channel.id)
            require_unmasked(channel, channels.get(channel.id))
        for check in edited.checks:
            place = Mistake(f"check {check.name!r}", "checks", check.id)
            require_unmasked(check, checks.get(check.id))
    except InvalidValueError as error:
        return evolve(place, reason=f"{place.reason}: {error}", field=error.field)
    return None


def _wrong_channel(edited: ClusterDocument, base: ClusterDocument) -> Mistake | None:
    before = {c.id: c for c in base.channels}
    for channel in edited.channels:
        was = before.get(channel.id)
        try:
            if channel != was:
                require_new_channel(channel, was)
        except InvalidValueError as error:
            label = f"channel {channel.name!r}"
            return Mistake(f"{label}: {error}", "channels", channel.id, error.field)
    return None


def _paired(
    section: str, items: Iterable[_Item], base: Iterable[_Item]
) -> list[tuple[Mistake, _Extensible, _Extensible | None]]:
    before: Mapping[str, _Item] = {item.id: item for item in base}
    noun = section.removesuffix("s")
    return [
        (Mistake(f"{noun} {item.name!r}", section, item.id), item, before.get(item.id))
        for item in items
    ]


def _hint(name: str, cls: type) -> str:
    near = get_close_matches(name, [field.name for field in FIELDS[cls]], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
