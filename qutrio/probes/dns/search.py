"""Finds a host's addresses by DNS: tries the names that it may mean, for both families."""

import random
import socket

from attrs import frozen

from qutrio.model.check_base import IpFamily
from qutrio.plumbing.clock import Clock
from qutrio.probes.dns.message import Question, Rcode, Reply, Type
from qutrio.probes.dns.query import Answers, Policy, ask_together
from qutrio.probes.dns.resolv_conf import ResolvConf
from qutrio.probes.observations import Addresses, Endpoint, NoAnswer, Resolution
from qutrio.probes.threads import missing

ADDRESSES_MAX = 32
"""The most addresses of one name that are used."""

_KINDS = {
    IpFamily.ANY: (Type.AAAA, Type.A),
    IpFamily.V6: (Type.AAAA,),
    IpFamily.V4: (Type.A,),
}


@frozen
class Found:
    """The result of a look-up.

    `ttl_s` is the time to live that DNS gave, or None.  `by_dns` is the full name for which DNS
    returned addresses.
    """

    resolution: Resolution
    ttl_s: int | None = None
    by_dns: str | None = None


def policy_of(resolv: ResolvConf) -> Policy:
    """Return the servers that a host with these settings asks, and how."""
    servers = resolv.servers
    if resolv.rotate:
        first = random.randrange(len(servers))  # noqa: S311 - spreads load, keeps no secret
        servers = servers[first:] + servers[:first]
    return Policy(
        servers,
        timeout_s=resolv.timeout_s,
        attempts=resolv.attempts,
        single=resolv.single,
        edns=resolv.edns,
        tcp=resolv.tcp,
    )


async def by_dns(resolv: ResolvConf, host: str, family: IpFamily, clock: Clock) -> Found:
    """Try the names that `host` may mean, in their order.

    When none has an address, the result is that of the host's own name if it was tried first, as
    in the C library; otherwise a failed look-up is preferred to a name that does not exist.
    Raises `MalformedError` for a text that cannot be a name.
    """
    names = resolv.candidates(host)
    own_first = names[0] == host.removesuffix(".")
    found: list[Found] = []
    for name in names:
        found.append(await _one_name(resolv, name, family, clock))
        if isinstance(found[-1].resolution, Addresses):
            return found[-1]
    if own_first:
        return found[0]
    failed = (one for one in found if isinstance(one.resolution, NoAnswer))
    return next(failed, found[-1])


async def _one_name(resolv: ResolvConf, name: str, family: IpFamily, clock: Clock) -> Found:
    since = clock.now()
    kinds = _KINDS[family]
    if resolv.no_aaaa and len(kinds) > 1:
        kinds = (Type.A,)
    questions = tuple(Question(name, kind) for kind in kinds)
    answers = await ask_together(questions, policy_of(resolv))
    replies = [reply for reply in answers.replies if reply is not None]
    endpoints = [endpoint for reply in replies for endpoint in _endpoints(reply)]
    ttl_s = min((reply.ttl_s for reply in replies if reply.ttl_s is not None), default=None)
    if endpoints:
        late = _unanswered(answers, kinds)
        return Found(Addresses(tuple(endpoints[:ADDRESSES_MAX]), late), ttl_s, name)
    if len(replies) == len(kinds) or any(reply.rcode == Rcode.NXDOMAIN for reply in replies):
        return Found(missing(name, family), ttl_s)
    return Found(NoAnswer(name, str(answers.unanswered), since))


def _unanswered(answers: Answers, kinds: tuple[Type, ...]) -> IpFamily | None:
    for kind, reply in zip(kinds, answers.replies, strict=True):
        if reply is None:
            return IpFamily.V6 if kind is Type.AAAA else IpFamily.V4
    return None


def _endpoints(reply: Reply) -> list[Endpoint]:
    return [
        Endpoint(socket.AF_INET6 if found.type is Type.AAAA else socket.AF_INET, found.data)
        for found in reply.records
        if isinstance(found.data, str)
    ]
