"""A node whose node.yaml has a new name or address proposes it to the cluster once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.core.api.effects import Reply
from qutrio.core.api.events import Proposed
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import PutMember
from qutrio.daemon.introduction import RETRY_S, TRIES_MAX, Particulars, introduce
from qutrio.model.ids import Instant, Revision
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from tests.daemon.scripted import ScriptedNode

AS_IT_IS = Particulars("one", "127.0.0.1:9901")


class Cluster:
    """A cluster that accepts proposals, or refuses them."""

    def __init__(self, wanted: Particulars, *, refuses: bool = False) -> None:
        self.inbox = Inbox("boot")
        self.view = Latest(ScriptedNode(lambda _: ()).view(Instant(0.0)))
        self.wanted = Latest(wanted)
        self.ruling = Ruling.REFUSED if refuses else Ruling.COMMITTED
        self.proposed: list[Particulars] = []
        self.log: list[str] = []

    async def decide(self) -> None:
        while True:
            event = await self.inbox.next(3600)
            assert isinstance(event, Proposed)
            assert isinstance(event.mutation, PutMember)
            member = event.mutation.member
            self.proposed.append(Particulars(member.name, member.address))
            if self.ruling is Ruling.COMMITTED:
                document = evolve(self.view.value.document, members=(member,))
                self.view.publish(evolve(self.view.value, document=document))
            self.inbox.answer(Reply(event.request, self.ruling, "no", Revision(2)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.decide)
            nursery.start_soon(introduce, self.wanted, self.view, self.inbox, self._note)
            yield
            nursery.cancel_scope.cancel()

    def _note(self, what: str, /, **details: object) -> None:
        del details
        self.log.append(what)


async def test_nothing_is_proposed_if_the_document_agrees(autojump_clock: MockClock) -> None:
    cluster = Cluster(AS_IT_IS)
    async with cluster.running():
        await trio.sleep(1000)
    assert cluster.proposed == []


async def test_a_new_address_is_proposed_once_when_there_is_a_master(
    autojump_clock: MockClock,
) -> None:
    moved = Particulars("one", "127.0.0.9:9901")
    cluster = Cluster(moved)
    seen = cluster.view.value
    cluster.view.publish(evolve(seen, master=None))
    async with cluster.running():
        await trio.sleep(100)
        assert cluster.proposed == []
        cluster.view.publish(seen)
        await trio.sleep(100)
    assert cluster.proposed == [moved]


async def test_a_reload_is_proposed_too_and_a_later_change_by_others_is_left_alone(
    autojump_clock: MockClock,
) -> None:
    renamed = Particulars("uno", "127.0.0.1:9901")
    cluster = Cluster(AS_IT_IS)
    async with cluster.running():
        await trio.sleep(10)
        cluster.wanted.publish(renamed)
        await trio.sleep(10)
        assert cluster.proposed == [renamed]
        document = cluster.view.value.document
        other = evolve(document.members[0], name="eins")
        document = evolve(document, members=(other,))
        cluster.view.publish(evolve(cluster.view.value, document=document))
        await trio.sleep(1000)
    assert cluster.proposed == [renamed]


async def test_a_cluster_that_keeps_refusing_is_not_asked_forever(
    autojump_clock: MockClock,
) -> None:
    cluster = Cluster(Particulars("taken", "127.0.0.1:9901"), refuses=True)
    async with cluster.running():
        await trio.sleep(10 * TRIES_MAX * RETRY_S)
    assert len(cluster.proposed) == TRIES_MAX
    assert cluster.log == ["the cluster refuses our name or address"]
