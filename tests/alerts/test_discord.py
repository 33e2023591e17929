"""Discord, against a real server on loopback."""

import json

import pytest
from attrs import evolve

from qutrio.alerts.discord import DESCRIPTION_CHARS_MAX, TITLE_CHARS_MAX
from qutrio.alerts.senders import Senders
from qutrio.errors import DeliveryError
from qutrio.model.channels import DiscordChannel
from qutrio.model.ids import ChannelId
from tests.alerts.samples import DOWN, FAIL, LETTER, RECOVERED
from tests.alerts.servers import web_server


def channel_at(port: int) -> DiscordChannel:
    """Return a channel whose path is as secret as Discord's."""
    url = f"http://127.0.0.1:{port}/api/webhooks/1/secret-path"
    return DiscordChannel(id=ChannelId("d"), name="discord", url=url)


async def test_a_notice_arrives_as_an_embed_that_mentions_nobody(senders: Senders) -> None:
    with web_server() as server:
        assert (await senders.send(channel_at(server.port), LETTER)).detail == "HTTP 204"
        await senders.send(channel_at(server.port), evolve(LETTER, notice=RECOVERED))
        down, recovered = (json.loads(server.posts.get_nowait().content) for _ in range(2))
    [embed] = down["embeds"]
    assert embed["title"].startswith("[DOWN] web: https://example.org/")
    assert "connection refused" in embed["description"]
    assert down["allowed_mentions"] == {"parse": []}
    assert embed["color"] != recovered["embeds"][0]["color"]


async def test_a_notice_of_a_minority_is_marked(senders: Senders) -> None:
    with web_server() as server:
        few = evolve(LETTER, notice=evolve(DOWN, minority="1 of 3"))
        await senders.send(channel_at(server.port), few)
        [embed] = json.loads(server.posts.get_nowait().content)["embeds"]
    assert "(from a minority: 1 of 3 members hear each other)" in embed["title"]
    assert "No majority confirmed it." in embed["description"]


async def test_hostile_text_cannot_leave_the_code_block_or_the_limits(senders: Senders) -> None:
    nasty = "``` @everyone [click](https://evil.example)"
    loud = evolve(FAIL, detail=nasty + "x" * 150)
    notice = evolve(DOWN, target=nasty, evidence=(loud,) * 100)
    with web_server() as server:
        await senders.send(channel_at(server.port), evolve(LETTER, notice=notice))
        [embed] = json.loads(server.posts.get_nowait().content)["embeds"]
    assert embed["description"].count("```") == 2
    assert embed["description"].startswith("```\n")
    assert embed["description"].endswith("\n```")
    assert len(embed["description"]) <= DESCRIPTION_CHARS_MAX
    assert len(embed["title"]) <= TITLE_CHARS_MAX


async def test_a_refusal_quotes_discord_but_not_the_path(senders: Senders) -> None:
    with web_server(status=404, body=b'{"message": "Unknown Webhook"}') as server:
        with pytest.raises(DeliveryError, match=r"HTTP 404: .*Unknown Webhook") as caught:
            await senders.send(channel_at(server.port), LETTER)
    assert "secret-path" not in str(caught.value)
