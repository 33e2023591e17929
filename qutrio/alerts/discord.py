"""Sends a notice to Discord as one embed that mentions nobody and cannot end its code block."""

import json

from qutrio import __version__
from qutrio.alerts.envelope import Envelope
from qutrio.alerts.http_post import post
from qutrio.alerts.retry_after import asked_by_discord, refusal
from qutrio.alerts.send_result import SendResult
from qutrio.alerts.text import body, subject
from qutrio.alerts.tls import ClientContexts
from qutrio.model.channels import DiscordChannel
from qutrio.model.incidents import NoticeKind

TITLE_CHARS_MAX = 256
DESCRIPTION_CHARS_MAX = 4096
COLOURS = {
    NoticeKind.DOWN: 0xC0392B,
    NoticeKind.RECOVERED: 0x27AE60,
    NoticeKind.CLOSED: 0x95A5A6,
    NoticeKind.TEST: 0x7F8C8D,
    NoticeKind.UNSEEN: 0xF39C12,
    NoticeKind.SEEN: 0x27AE60,
    NoticeKind.DIGEST: 0xC0392B,
}
_FENCE = "```"
_ZERO_WIDTH_SPACE = "\N{ZERO WIDTH SPACE}"


def payload(envelope: Envelope) -> bytes:
    """Return the JSON document for Discord's `execute webhook` call."""
    text = body(envelope).replace("`", "`" + _ZERO_WIDTH_SPACE)
    room = DESCRIPTION_CHARS_MAX - 2 * len(_FENCE) - 2
    embed = {
        "title": subject(envelope.notice)[:TITLE_CHARS_MAX],
        "description": f"{_FENCE}\n{text[:room]}\n{_FENCE}",
        "color": COLOURS[envelope.notice.known_kind],
    }
    document = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    return json.dumps(document, separators=(",", ":")).encode("ascii")


async def send_discord(
    channel: DiscordChannel, envelope: Envelope, *, contexts: ClientContexts
) -> SendResult:
    """Post the notice once.

    Raises:
        DeliveryError: there was no answer, a refusal, or a request to slow down.

    """
    headers = {"Content-Type": "application/json", "User-Agent": f"qutrio/{__version__}"}
    answer = await post(channel.url, payload(envelope), headers, verify=True, contexts=contexts)
    if not answer.accepted:
        raise refusal(channel.url, answer, asked_by_discord(answer, envelope.sent_unix))
    return SendResult(delivered=True, detail=f"HTTP {answer.status}")
