"""A member that decides alone, and a node that wants to join it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import evolve, frozen

from qutrio.core.api.mutations import AddToken
from qutrio.model.members import Token
from qutrio.model.stable import Record
from qutrio.peers.enrollment_client import Invitation, join, make_token, parse_token
from tests.memory_network import MemoryNetwork
from tests.peers.world import (
    Cluster,
    Person,
    document_of,
    in_memory,
    running,
    wire,
)

TTL_S = 600.0
HOME, ELSEWHERE = "127.0.1.1:9901", "127.0.1.2:9901"


@frozen
class EnrollmentSetup:
    """One member that decides alone, and a node that wants to join it."""

    net: MemoryNetwork
    cluster: Cluster
    joiner: Person
    text: str
    told: list[str]

    @property
    def invitation(self) -> Invitation:
        return parse_token(self.text)

    @property
    def token(self) -> Token:
        return self.cluster.document.tokens[0]

    def invite(
        self, *, auto: bool, name: str | None = None, ttl_s: float = TTL_S
    ) -> "EnrollmentSetup":
        text, token = make_token(
            self.cluster.document,
            own=self.cluster.station.person.member.id,
            ttl_s=ttl_s,
            wall=self.cluster.wall,
            name=name,
            auto_approve=auto,
        )
        self.cluster.propose(AddToken(token=token))
        return evolve(self, text=text)

    async def join(self, person: Person | None = None, name: str | None = None) -> Record:
        person = person or self.joiner
        return await join(
            self.invitation,
            person.identity,
            name or person.member.name,
            HOME if person is self.joiner else ELSEWHERE,
            lambda: wire(self.net, person),
            self.told.append,
        )

    async def until_claimed(self) -> None:
        await self.cluster.station.view.until(
            lambda v: any(t.claimant is not None for t in v.document.tokens)
        )


@asynccontextmanager
async def enrollment(people: list[Person]) -> AsyncIterator[EnrollmentSetup]:
    net = MemoryNetwork()
    ada = in_memory(net, people[0], document_of(people[0]))
    cluster = Cluster(ada)
    async with running(ada) as nursery:
        nursery.start_soon(cluster.decide)
        yield EnrollmentSetup(net, cluster, people[1], "", [])
