"""Stand-ins for sockets, targets and patterns of whole daemons in virtual time."""

from collections.abc import Callable
from typing import Any, Self

import trio
from attrs import define

from qutrio.core.api.effects import Notify
from qutrio.core.api.facts import NodeFact
from qutrio.core.api.messages import Message
from qutrio.core.election.interface import RoleChange
from qutrio.model.check_base import IpFamily
from qutrio.model.ids import CheckId, NodeId
from qutrio.model.journal import Entry
from qutrio.model.results import Outcome
from qutrio.model.stable import Stable
from qutrio.probes.dns.message import Question, Reply
from qutrio.probes.observations import NoAnswer, Observation
from qutrio.runtime.driver import EffectHandler


@define
class Target:
    """The target of all checks, and the resolver through which probes reach it."""

    up: bool = True
    resolver_works: bool = True
    probes: int = 0

    async def resolve(self, host: str, family: IpFamily) -> Observation:
        """End every probe with the state of the target."""
        del host, family
        self.probes += 1
        await trio.sleep(0.01)
        if not self.resolver_works:
            return Observation(Outcome.ABSTAIN, None, "this node's resolver gives no answers")
        if self.up:
            return Observation(Outcome.OK, 10.0, "connected")
        return Observation(Outcome.FAIL, None, "connection refused")

    async def ask(self, question: Question) -> Reply:
        """Never called: there is no check of a name here."""
        raise AssertionError(question)

    def with_servers(self, servers: tuple[str, ...]) -> Self:
        """Return itself, whichever servers are given."""
        del servers
        return self

    async def judge(self, failure: NoAnswer) -> Observation:
        """Never called: no look-up fails here."""
        raise AssertionError(failure)


@define
class RecordingHandler:
    """A daemon's own effect handler, and a list of what it did."""

    _handler: EffectHandler
    _did: Callable[[str], None]

    @property
    def durable(self) -> Stable:
        """Return the content of the store."""
        return self._handler.durable

    async def persist(self, stable: Stable) -> None:
        """Persist, then record it."""
        await self._handler.persist(stable)
        self._did(f"persist {stable.promise.term} {stable.accepted.position}")

    def send(self, to: NodeId, message: Message) -> None:
        """Record it, and send."""
        self._did(f"send {type(message).__name__} to {to}")
        self._handler.send(to, message)

    def probe(self, checks: tuple[CheckId, ...]) -> None:
        """Record it, and probe."""
        self._did(f"probe {','.join(checks)}")
        self._handler.probe(checks)

    def notify(self, job: Notify) -> bool:
        """Record it, and notify."""
        self._did(f"notify {job.delivery.notice.id}")
        return self._handler.notify(job)

    def log_fact(self, fact: NodeFact) -> None:
        """Log."""
        self._handler.log_fact(fact)

    def log_role_change(self, change: RoleChange) -> None:
        """Log."""
        self._handler.log_role_change(change)

    def journal(self, entry: Entry) -> None:
        """Pass it on."""
        self._handler.journal(entry)

    def notify_watchdog(self) -> None:
        """Feed the watchdog."""
        self._handler.notify_watchdog()


class NoPatterns:
    """Refuses to search: no check of the world has a pattern."""

    async def search(self, pattern: str, text: str) -> bool | Observation:
        """Refuse."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Do nothing."""


class NoWatchdog:
    """A watchdog that does nothing."""

    def alive(self) -> None:
        """Do nothing."""


NO_TLS: Any = None
