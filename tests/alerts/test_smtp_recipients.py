"""Each recipient is delivered to separately, whatever the server answers and when."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.alerts.send_result import SendResult
from qutrio.alerts.senders import Senders
from qutrio.alerts.smtp import MAIL_S_MAX
from qutrio.errors import DeliveryError
from qutrio.model.ids import ChannelId
from qutrio.model.incidents import Delivery
from qutrio.model.parts import Fate
from tests.alerts.samples import DOWN, LETTER, MAIL
from tests.alerts.scripted_mail import HANG, Script, ScriptedServer, scripted_server

A, B, C = "a@example.org", "b@example.org", "c@example.org"


def fates(result: SendResult) -> dict[str, Fate]:
    return {part.recipient: part.fate for part in result.parts}


async def sent(
    senders: Senders, server: ScriptedServer, *recipients: str, before: Delivery | None = None
) -> SendResult:
    channel = evolve(MAIL, port=server.port, recipients=recipients)
    return await senders.send(channel, evolve(LETTER, before=before))


async def test_a_delayed_recipient_is_distinguished_from_one_that_was_reached(
    senders: Senders,
) -> None:
    script = Script(rcpt=lambda address, _: "451 later" if address == A else "250 ok")
    async with scripted_server(script) as server:
        result = await sent(senders, server, A, B)
    assert fates(result) == {A: Fate.PUT_OFF, B: Fate.TAKEN}
    assert not result.delivered
    assert f"put off {A}: 451 later" in result.detail
    assert f"taken for {B}" in result.detail
    assert [t.recipients for t in server.taken] == [[B]]


async def test_a_retry_goes_only_to_the_recipients_left(senders: Senders) -> None:
    before = Delivery(notice=DOWN, channel=ChannelId("mail"), reached=(B,), refused=(C,))
    async with scripted_server(Script()) as server:
        result = await sent(senders, server, A, B, C, before=before)
    assert [t.recipients for t in server.taken] == [[A]]
    assert result.delivered
    assert fates(result) == {A: Fate.TAKEN}


async def test_a_permanent_refusal_settles_the_notice_if_another_recipient_was_reached(
    senders: Senders,
) -> None:
    script = Script(rcpt=lambda address, _: "550 5.1.1 no such user" if address == A else "250 ok")
    async with scripted_server(script) as server:
        result = await sent(senders, server, A, B)
    assert result.delivered
    assert not result.everybody
    assert fates(result) == {A: Fate.REFUSED, B: Fate.TAKEN}
    assert result.parts[0].said == "550 5.1.1 no such user"


@pytest.mark.parametrize("answer", ["550 no such user", "450 greylisted"])
async def test_a_notice_that_everybody_refused_is_not_delivered(
    senders: Senders, answer: str
) -> None:
    async with scripted_server(Script(rcpt=lambda *_: answer)) as server:
        result = await sent(senders, server, A, B)
    assert not result.delivered
    assert f"{A}: {answer}" in result.detail
    assert server.taken == []


@pytest.mark.parametrize("code", ["452 4.5.3", "552 5.5.3", "550 5.5.3"])
@pytest.mark.parametrize("most", [1, 2, 3])
async def test_a_server_that_limits_recipients_per_message_gets_more_messages(
    senders: Senders, most: int, code: str
) -> None:
    everybody = [f"r{number}@example.org" for number in range(7)]
    script = Script(recipients_max=most, too_many=f"{code} too many recipients")
    async with scripted_server(script) as server:
        result = await sent(senders, server, *everybody)
    assert result.delivered
    assert sorted(r for t in server.taken for r in t.recipients) == everybody
    assert server.connections == 1


async def test_a_full_mailbox_is_not_mistaken_for_too_many_recipients(senders: Senders) -> None:
    script = Script(rcpt=lambda address, _: "452 4.2.2 mailbox full" if address == B else "250 ok")
    async with scripted_server(script) as server:
        result = await sent(senders, server, A, B, C)
    assert fates(result) == {A: Fate.TAKEN, B: Fate.PUT_OFF, C: Fate.TAKEN}


@pytest.mark.parametrize(
    ("answer", "fate"), [("554 spam", Fate.REFUSED), ("451 try later", Fate.PUT_OFF)]
)
async def test_a_message_refused_because_of_one_recipient_reaches_the_others(
    senders: Senders, answer: str, fate: Fate
) -> None:
    script = Script(data=lambda _, recipients: answer if B in recipients else "250 queued")
    async with scripted_server(script) as server:
        result = await sent(senders, server, A, B, C)
    assert fates(result) == {A: Fate.TAKEN, B: fate, C: Fate.TAKEN}


@pytest.mark.parametrize(
    ("answer", "fate"), [("554 spam", Fate.REFUSED), ("451 try later", Fate.PUT_OFF)]
)
async def test_a_refused_message_quotes_the_server(
    senders: Senders, answer: str, fate: Fate
) -> None:
    async with scripted_server(Script(data=lambda *_: answer)) as server:
        result = await sent(senders, server, A)
    assert not result.delivered
    assert fates(result) == {A: fate}
    assert answer in result.detail


@pytest.mark.parametrize("answer", ["451 come back", "550 who are you", "552 5.3.4 too big"])
async def test_a_refused_sender_settles_nobody(senders: Senders, answer: str) -> None:
    """The reason is not the recipients, and the next attempt may be made by another node."""
    async with scripted_server(Script(mail=answer)) as server:
        with pytest.raises(DeliveryError, match=answer):
            await sent(senders, server, A, B)


async def test_a_connection_lost_in_the_content_settles_nobody(senders: Senders) -> None:
    async with scripted_server(Script(lose_in_content=True)) as server:
        with pytest.raises(DeliveryError, match=r"(?i)clos|reset|lost|broken|pipe"):
            await sent(senders, server, A, B)
    assert server.taken == []


@pytest.mark.parametrize("answer", ["", "421 4.3.2 going down"])
async def test_recipients_reached_before_the_connection_was_lost_are_remembered(
    senders: Senders, answer: str
) -> None:
    script = Script(recipients_max=1, data=lambda times, _: "250 queued" if times == 1 else answer)
    async with scripted_server(script) as server:
        result = await sent(senders, server, A, B, C)
    assert fates(result) == {A: Fate.TAKEN, B: Fate.PUT_OFF, C: Fate.PUT_OFF}
    assert not result.delivered
    assert [t.recipients for t in server.taken] == [[A]]


async def test_a_connection_lost_among_the_recipients_settles_nobody(
    senders: Senders,
) -> None:
    script = Script(rcpt=lambda address, _: "421 later" if address == B else "250 ok")
    async with scripted_server(script) as server:
        with pytest.raises(DeliveryError, match="421 later"):
            await sent(senders, server, A, B)
    assert server.taken == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (Script(greeting="421 too busy"), "421 too busy"),
        (Script(greeting="554 no service"), "554 no service"),
        (Script(ehlo="421 later"), "421 later"),
    ],
    ids=["busy-greeting", "refusing-greeting", "busy-hello"],
)
async def test_a_server_that_refuses_the_connection_is_quoted(
    senders: Senders, script: Script, said: str
) -> None:
    async with scripted_server(script) as server:
        with pytest.raises(DeliveryError, match=said):
            await sent(senders, server, A)


async def test_a_server_that_only_knows_helo_is_enough(senders: Senders) -> None:
    async with scripted_server(Script(ehlo="502 what")) as server:
        result = await sent(senders, server, A)
    assert result.delivered
    assert any(line.upper().startswith("HELO") for line in server.said)


async def test_an_attempt_that_is_too_slow_reports_the_recipients_it_reached(
    senders: Senders, mock_clock: MockClock
) -> None:
    script = Script(recipients_max=1, data=lambda times, _: "250 queued" if times == 1 else HANG)
    results = list[SendResult]()

    async def send(server: ScriptedServer) -> None:
        results.append(await sent(senders, server, A, B))

    async with scripted_server(script) as server, trio.open_nursery() as nursery:
        nursery.start_soon(send, server)
        await server.hangs.wait()
        mock_clock.jump(MAIL_S_MAX + 1)
    assert fates(results[0]) == {A: Fate.TAKEN, B: Fate.PUT_OFF}
    assert "not done within 28 s" in results[0].detail


async def test_an_invalid_address_of_an_older_document_does_not_affect_other_recipients(
    senders: Senders,
) -> None:
    async with scripted_server(Script()) as server:
        result = await sent(senders, server, "x@y.org;z@y.org", A)
    assert fates(result) == {"x@y.org;z@y.org": Fate.REFUSED, A: Fate.TAKEN}
    assert result.delivered
    assert list(server.named) == [A]


async def test_an_invalid_sender_of_an_older_document_is_reported(senders: Senders) -> None:
    async with scripted_server(Script()) as server:
        channel = evolve(MAIL, port=server.port, sender="a;b@example.org")
        with pytest.raises(DeliveryError, match="is not a mail address"):
            await senders.send(channel, LETTER)
    assert server.said == []
