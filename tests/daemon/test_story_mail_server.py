"""A mail server that accepts connections and never answers delays only its own mails."""

from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import PutChannel
from qutrio.model.channels import WebhookChannel
from qutrio.model.ids import ChannelId
from tests.daemon.virtual_cluster import open_world, seeded_scheduler

pytestmark = pytest.mark.slow

STUCK = WebhookChannel(id=ChannelId("c0"), name="stuck", url="https://192.0.2.99/hook")
PROBES_PER_MINUTE = 6
"""Of each node: the check's interval is 10 s."""


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    """Seed the random numbers, so that a failure can be reproduced."""
    with seeded_scheduler(1):
        yield


async def test_story_a_mail_server_that_never_answers_disturbs_no_vote_and_no_other_channel(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        nodes = await world.begin(3)
        assert await world.propose(nodes[1], PutChannel(channel=STUCK)) is Ruling.COMMITTED
        world.hung.add(STUCK.id)
        world.target.up = False
        began, probes = trio.current_time(), world.target.probes
        await trio.sleep(120)

        assert [mail.kind for mail in world.mailbox] == ["down"]  # the other channel has it
        assert world.mailbox[0].at - began < 15
        assert [node for _, node in world.masters] == [nodes[0]]  # no heartbeat was late
        assert all(world.view(node).live == frozenset(nodes) for node in nodes)
        assert world.target.probes - probes >= 2 * 3 * PROBES_PER_MINUTE
        given_up = [line for line in world.trace if line.what == "alert not delivered"]
        assert given_up
        assert {dict(line.details)["channel"] for line in given_up} == {"stuck"}

        world.target.up = True
        await trio.sleep(30)
        assert [mail.kind for mail in world.mailbox] == ["down", "recovered"]
        world.hung.clear()
        await trio.sleep(400)  # the longest pause between two attempts, and an attempt
        assert [mail.kind for mail in world.mailbox].count("down") == 2  # both channels
        assert [mail.kind for mail in world.mailbox].count("recovered") == 2
