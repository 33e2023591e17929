"""The types of ids and times."""

from typing import NewType, TypeAlias

NodeId = NewType("NodeId", str)
"""Twelve hexadecimal digits after an `n`; ordered as text."""

CheckId = NewType("CheckId", str)
ChannelId = NewType("ChannelId", str)
IncidentId = NewType("IncidentId", str)
NoticeId = NewType("NoticeId", str)
TokenId = NewType("TokenId", str)
RequestId = NewType("RequestId", str)
"""Unique across restarts of the node that made it."""

Fingerprint = NewType("Fingerprint", str)
"""Lower-case hexadecimal SHA-256 of a certificate's SubjectPublicKeyInfo (64 digits)."""

Term = NewType("Term", int)
Revision = NewType("Revision", int)

Instant = NewType("Instant", float)
"""Seconds on this machine's boot-time clock.  Never sent to another node."""

NEVER = Instant(float("-inf"))
"""Before every other instant."""
FOREVER = Instant(float("inf"))
"""After every other instant."""

UnixTime = NewType("UnixTime", float)
"""Seconds since 1970 UTC.  For people to read, and for tokens to expire."""

Seconds: TypeAlias = float

Extra: TypeAlias = tuple[tuple[str, str], ...]
"""Fields that a newer version wrote, as (name, JSON text); kept so that they are not lost."""
