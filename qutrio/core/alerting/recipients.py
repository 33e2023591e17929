"""Which recipients of a delivery accepted or refused it, as far as the ledger does not say so yet.

A channel with several recipients is delivered to one by one.  The marks are written into the
ledger, so that a later master neither sends to a recipient twice nor leaves one out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field

from qutrio.model.channels import recipients_of
from qutrio.model.parts import REFUSALS_MAX, Fate, Part, RefusedRecipient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from qutrio.model.channels import Channel
    from qutrio.model.ids import ChannelId, UnixTime
    from qutrio.model.incidents import Delivery, DeliveryKey


@define
class Recipients:
    """The marks of one node."""

    _parts: dict[DeliveryKey, dict[str, Part]] = field(factory=dict)
    _latest: dict[tuple[ChannelId, str], str] = field(factory=dict)
    """What each recipient's server said last; empty if it accepted the notice."""

    def record(self, key: DeliveryKey, parts: Iterable[Part]) -> None:
        """Record how an attempt went.  A recipient that accepted a notice keeps that mark."""
        for part in parts:
            if part.fate is Fate.PUT_OFF:
                continue
            marks = self._parts.setdefault(key, {})
            if part.recipient not in marks or marks[part.recipient].fate is not Fate.TAKEN:
                marks[part.recipient] = part
                said = part.said if part.fate is Fate.REFUSED else ""
                self._latest[key[1], part.recipient] = said

    def keys(self) -> AbstractSet[DeliveryKey]:
        """Return the deliveries with marks."""
        return self._parts.keys()

    def parts_of(self, key: DeliveryKey) -> tuple[Part, ...]:
        """Return the marks of one delivery."""
        return tuple(part for _, part in sorted(self._parts.get(key, {}).items()))

    def marked(self, delivery: Delivery) -> Delivery:
        """Return a delivery with the marks of this node added."""
        marks = self._parts.get(delivery.key)
        if not marks:
            return delivery
        reached = {r for r, part in marks.items() if part.fate is Fate.TAKEN}
        refused = (marks.keys() | {*delivery.refused}) - reached - {*delivery.reached}
        reached |= {*delivery.reached}
        return evolve(delivery, reached=tuple(sorted(reached)), refused=tuple(sorted(refused)))

    def retain(self, waiting: AbstractSet[DeliveryKey]) -> None:
        """Forget the deliveries that are not in `waiting`."""
        for key in [key for key in self._parts if key not in waiting]:
            del self._parts[key]

    def forget_refusals(self, channel: ChannelId) -> None:
        """Forget which recipients refused: the channel was edited."""
        for (_, of_channel), marks in self._parts.items():
            if of_channel == channel:
                for gone in [r for r, part in marks.items() if part.fate is Fate.REFUSED]:
                    del marks[gone]
        for gone_news in [k for k in self._latest if k[0] == channel]:
            del self._latest[gone_news]

    def refusals(
        self,
        known: tuple[RefusedRecipient, ...],
        channels: Mapping[ChannelId, Channel],
        wall: UnixTime,
    ) -> tuple[RefusedRecipient, ...]:
        """Return `known` brought up to date: which of the existing recipients refuse now."""
        found = {(r.channel, r.recipient): r for r in known}
        for key, said in list(self._latest.items()):
            before = found.get(key)
            if said == (before.said if before is not None else ""):
                del self._latest[key]  # it is in the ledger
            elif said:
                channel, recipient = key
                found[key] = RefusedRecipient(
                    channel=channel, recipient=recipient, said=said, at_unix=wall
                )
            else:
                del found[key]
        left = [r for r in found.values() if r.recipient in recipients_of(channels.get(r.channel))]
        newest = sorted(left, key=lambda r: (r.at_unix, r.channel, r.recipient))[-REFUSALS_MAX:]
        return tuple(sorted(newest, key=lambda r: (r.channel, r.recipient)))
