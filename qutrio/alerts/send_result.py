"""The result of one attempt to deliver, for the core and for people."""

from collections.abc import Sequence

from attrs import frozen

from qutrio.model.ids import Seconds
from qutrio.model.parts import Fate, Part


@frozen(kw_only=True)
class SendResult:
    """What a sender returns.

    `delivered` is True when nothing is left to do: each recipient's copy was accepted or refused
    for good, and at least one was accepted, now or before.  `parts` has the result for each
    recipient, where a channel has several.  The receiver asks for no other attempt in `wait_s`.
    """

    delivered: bool
    detail: str
    parts: tuple[Part, ...] = ()
    wait_s: Seconds = 0.0

    @property
    def everybody(self) -> bool:
        """Whether it was delivered, and no recipient was refused."""
        return self.delivered and all(part.fate is Fate.TAKEN for part in self.parts)


def of_parts(server: str, parts: Sequence[Part], *, reached_before: bool) -> SendResult:
    """Return the result of a mail to several recipients through `server`."""
    fates = {part.fate for part in parts}
    reached = reached_before or Fate.TAKEN in fates
    return SendResult(
        delivered=reached and Fate.PUT_OFF not in fates,
        detail=_words(server, parts),
        parts=tuple(parts),
    )


def _words(server: str, parts: Sequence[Part]) -> str:
    taken = [p.recipient for p in parts if p.fate is Fate.TAKEN]
    refused = [f"{p.recipient}: {p.said}" for p in parts if p.fate is Fate.REFUSED]
    put_off = [f"{p.recipient}: {p.said}" for p in parts if p.fate is Fate.PUT_OFF]
    if not refused and not put_off:
        return f"taken by {server}"
    words = [f"{server} refused {'; '.join(refused)}"] if refused else []
    words += [f"{server} put off {'; '.join(put_off)}"] if put_off else []
    words += [f"taken for {', '.join(taken)}"] if taken else []
    return "; ".join(words)
