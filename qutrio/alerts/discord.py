"""Discord: the notice as one embed, which can mention nobody and cannot break its own frame."""

import json

from qutrio import __version__
from qutrio.alerts.http_post import Answer, post, refusal
from qutrio.alerts.letter import Letter
from qutrio.alerts.text import body, subject
from qutrio.alerts.tls import ClientContexts
from qutrio.errors import DeliveryError
from qutrio.model.channels import DiscordChannel
from qutrio.model.incidents import NoticeKind

TITLE_CHARS_MAX = 256
DESCRIPTION_CHARS_MAX = 4096
TOO_MANY_REQUESTS = 429
COLOURS = {
    NoticeKind.DOWN: 0xC0392B,
    NoticeKind.RECOVERED: 0x27AE60,
    NoticeKind.CLOSED: 0x95A5A6,
    NoticeKind.TEST: 0x7F8C8D,
}
_FENCE = "```"
_ZERO_WIDTH_SPACE = "\N{ZERO WIDTH SPACE}"


def payload(letter: Letter) -> bytes:
    """Return the JSON document for Discord's `execute webhook` call."""
    text = body(letter).replace("`", "`" + _ZERO_WIDTH_SPACE)
    room = DESCRIPTION_CHARS_MAX - 2 * len(_FENCE) - 2
    embed = {
        "title": subject(letter.notice)[:TITLE_CHARS_MAX],
        "description": f"{_FENCE}\n{text[:room]}\n{_FENCE}",
        "color": COLOURS[letter.notice.known_kind],
    }
    document = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    return json.dumps(document, separators=(",", ":")).encode("ascii")


async def send_discord(channel: DiscordChannel, letter: Letter, *, contexts: ClientContexts) -> str:
    """Post the notice once.

    Raises:
        DeliveryError: there was no answer, a refusal, or a request to slow down.

    """
    headers = {"Content-Type": "application/json", "User-Agent": f"qutrio/{__version__}"}
    answer = await post(channel.url, payload(letter), headers, verify=True, contexts=contexts)
    if answer.status == TOO_MANY_REQUESTS:
        raise _slow_down(answer)
    if not answer.accepted:
        raise refusal(channel.url, answer)
    return f"HTTP {answer.status}"


def _slow_down(answer: Answer) -> DeliveryError:
    wait = answer.headers.get("retry-after", "")
    known = wait.isascii() and wait.replace(".", "", 1).isdigit()
    when = f"; it asks to wait {wait[:12]} s" if known else ""
    return DeliveryError(f"Discord is limiting this webhook (HTTP {answer.status}){when}")
