"""A hostile member with a real key, against three real nodes over real TLS."""

import pytest
import trio
from attrs import evolve

from qutrio.codec.wire import WIRE_VERSION, decode, encode
from qutrio.core.api.messages import Commit, Fetch, Fetched, Heartbeat, Message, Removed, Write
from qutrio.model.ids import Revision, Term, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from qutrio.model.stable import Position, Record, Stable
from qutrio.peers.frames import Hello, receive_expected, send_frame
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.transport import TlsTransport
from qutrio.peers.websocket import MEMBER_MESSAGE_BYTES_MAX, WebSocket, open_websocket
from qutrio.storage.directories import DataDirectory
from qutrio.storage.keys import load_identity
from qutrio.storage.store import Store
from tests.cluster.conftest import Lab
from tests.cluster.nodes import Node

pytestmark = pytest.mark.cluster

FRAMES = 40
"""How many frames of each honest node the hostile member answers with lies."""
WAIT_S = 20.0


def stolen(node: Node) -> tuple[PeerIdentity, Stable]:
    """Return the key of a stopped node, and its document."""
    directory = DataDirectory(node.home / "data")
    found = load_identity(directory)
    identity = PeerIdentity(
        node_id=found.node_id,
        fingerprint=found.fingerprint,
        certificate_der=found.certificate_der,
        certificate_file=found.certificate_file,
        key_file=found.key_file,
    )
    return identity, Store(directory).load()


def lies(me: PeerIdentity, held: Stable, turn: int) -> list[Message]:
    """Return the next lies: it is master, the others are removed, and it is alone."""
    term = Term(held.promise.term + 1 + turn)
    committed = held.committed
    alone = tuple(m for m in committed.document.members if m.id == me.node_id)
    forged = evolve(committed.document, revision=Revision(1010), term=term, members=alone)
    place = Position(term, 7)
    acting = Heartbeat(
        number=turn,
        heard_term=term,
        claim=term,
        acting=True,
        able=True,
        committed=place,
        wall=UnixTime(0.0),
    )
    stamp = (forged.term, forged.revision)
    return [
        acting,
        Removed(revision=Revision(committed.document.revision + 1)),
        Write(position=place, stamp=stamp, ledger=committed.ledger, document=forged),
        Commit(position=place),
        Commit(position=Position(Term(2**52), 1)),
        Fetched(accepted=False, record=Record(place, forged, committed.ledger)),
    ]


async def lie_to(transport: TlsTransport, me: PeerIdentity, held: Stable, victim: Member) -> None:
    """Link to a node and answer each of its frames with lies."""
    stream = await transport.dial(victim.address, frozenset({victim.fingerprint}))
    limit = MEMBER_MESSAGE_BYTES_MAX
    async with open_websocket(stream, client=True, message_bytes_max=limit) as socket:
        cluster = held.committed.document.cluster_id
        await send_frame(
            socket,
            Hello(
                protocol=WIRE_VERSION,
                node=me.node_id,
                cluster=cluster,
                program="hostile",
                level=LEVEL,
            ),
        )
        await receive_expected(socket, Hello, WAIT_S)
        for turn in range(FRAMES):
            with trio.fail_after(WAIT_S):
                await answer(socket, me, held, turn)


async def answer(socket: WebSocket, me: PeerIdentity, held: Stable, turn: int) -> None:
    """Read a frame, and lie."""
    heard = decode(await socket.receive())
    said = lies(me, held, turn)
    if isinstance(heard, Fetch):
        said.insert(0, said[-1])
    for lie in said:
        await socket.send(encode(lie))


def test_a_hostile_member_neither_removes_the_others_nor_replaces_the_document(
    lab: Lab,
) -> None:
    cluster = lab.cluster(4)
    cluster.settle()
    hostile = cluster.by_id[-1]
    honest = cluster.others(hostile)
    before = honest[0].status()["revision"]
    hostile.stop()
    me, held = stolen(hostile)
    members = held.committed.document.members
    transport = TlsTransport(
        identity=me, bind="127.0.0.1", port=0, members=lambda: members, log=lambda *_, **__: None
    )

    async def lie_to_all() -> None:
        async with trio.open_nursery() as nursery:
            for member in members:
                if member.id != me.node_id:
                    nursery.start_soon(lie_to, transport, me, held, member)

    trio.run(lie_to_all)
    master = cluster.settle(honest)
    for node in honest:
        seen = node.status()
        assert not seen["removed"]
        assert seen["revision"] == before
        assert len(seen["members"]) == 4
    master.cli("check", "add", "tcp", "still", "127.0.0.1:1")
    master.cli("node", "remove", hostile.name)
    cluster.settle(honest)
    assert {len(node.status()["members"]) for node in honest} == {3}
