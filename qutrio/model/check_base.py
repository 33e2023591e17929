"""The fields and rules that all kinds of checks share."""

from enum import Enum
from typing import ClassVar

from attrs import field, frozen

from qutrio.errors import InvalidValueError
from qutrio.model.addresses import literal_version
from qutrio.model.hosts import are_resolvers
from qutrio.model.ids import CheckId, Extra, Revision, Seconds
from qutrio.model.levels import RESOLVERS, since
from qutrio.model.rules import at_most, between, is_name

INTERVAL_S_MIN, INTERVAL_S_MAX = 1.0, 86_400.0
TIMEOUT_S_MIN, TIMEOUT_S_MAX = 0.1, 300.0
RETRIES_MAX = 10


class IpFamily(Enum):
    """The IP versions of the addresses that may be dialled."""

    ANY = "any"
    V4 = "4"
    V6 = "6"


@frozen(kw_only=True)
class CheckBase:
    """The base of all checks.

    `changed` is the document's revision that last changed this check: a result carries it, so
    that a probe that was in flight during an edit is not counted.  `alerts` names channels that
    are attached besides the default ones.  `resolvers` are the name servers that are asked, in
    order, instead of those of the cluster or the node.
    """

    kind: ClassVar[str]

    id: CheckId
    name: str = field(validator=is_name)
    interval_s: Seconds = field(
        default=30.0, validator=between(INTERVAL_S_MIN, INTERVAL_S_MAX, "s")
    )
    timeout_s: Seconds = field(default=10.0, validator=between(TIMEOUT_S_MIN, TIMEOUT_S_MAX, "s"))
    retries: int = field(default=0, validator=between(0, RETRIES_MAX))
    enabled: bool = True
    alerts: tuple[str, ...] = field(default=(), validator=at_most(32))
    resolvers: tuple[str, ...] = field(
        default=(), validator=are_resolvers, metadata=since(RESOLVERS)
    )
    changed: Revision = Revision(0)
    extra: Extra = ()

    @property
    def target(self) -> str:
        """The target, as a person would write it."""
        raise NotImplementedError

    def require_dialable(self, was: "CheckBase | None") -> None:
        """Raise `InvalidValueError` for a target that cannot be dialled.

        This is no rule of every value, because older documents that break it must be readable.
        The target of `was` is accepted, so that the other fields can be edited.
        """


def require_family(host: str, family: IpFamily) -> None:
    """Refuse a literal address of a family that may not be dialled."""
    version = literal_version(host)
    if version is not None and family is not IpFamily.ANY and family.value != str(version):
        problem = f"{family.value} excludes {host[:80]!r}, an IPv{version} address; leave it out"
        raise InvalidValueError("ip_family", problem)
