"""One POST that never follows redirects, never reads much, and never shows the secret path."""

import html
import importlib
import re
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio
from attrs import frozen

from qutrio.alerts.tls import ClientContexts
from qutrio.errors import DeliveryError, plain_reason
from qutrio.model.results import clip

if TYPE_CHECKING:
    import httpx

PHASE_S_MAX = 20.0
EXCERPT_BYTES_MAX = 2048
EXCERPT_S_MAX = 2.0
_TITLE = re.compile(r"<title[^>]*>([^<]*[^<\s][^<]*)", re.IGNORECASE)
_MARKUP = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)


@frozen
class HttpResponse:
    """The server's answer: the status, the headers, and the first bytes of the body."""

    status: int
    headers: Mapping[str, str]
    excerpt: bytes

    @property
    def accepted(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status <= 299  # noqa: PLR2004 - the definition of success


async def post(
    url: str, content: bytes, headers: Mapping[str, str], *, verify: bool, contexts: ClientContexts
) -> HttpResponse:
    """Send `content` and return the answer, whatever its status.

    Raises:
        DeliveryError: there was no answer.  The text names the host only: paths are secrets.

    """
    # Most nodes never post, and httpx is slow to load and large: import it late, in a thread.
    await trio.to_thread.run_sync(importlib.import_module, "httpx")
    import httpx  # noqa: PLC0415 - see above

    host = urlsplit(url).netloc.rpartition("@")[2]
    try:
        async with httpx.AsyncClient(
            verify=await contexts.get(verify=verify),
            timeout=PHASE_S_MAX,
            follow_redirects=False,
            trust_env=False,
        ) as client:
            headers = {**headers, "Accept-Encoding": "identity"}
            async with client.stream("POST", url, content=content, headers=headers) as response:
                return HttpResponse(
                    response.status_code, response.headers, await _excerpt(response)
                )
    except httpx.TimeoutException as error:
        raise DeliveryError(f"{host}: {_phase(error)} took more than {PHASE_S_MAX:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryError(f"{host}: {_reason(error)}") from None


def readable_body(answer: HttpResponse) -> str:
    """Return the readable text in the body of a refusal, on one line; may be empty."""
    return clip(_words(answer.excerpt.decode("utf-8", "replace")))


async def _excerpt(response: "httpx.Response") -> bytes:
    """Return the beginning of a refusal's body; the body of a success is not read.

    Leaving the loop early would leave httpx's nested generators open; a cancellation closes them.
    """
    excerpt = b""
    if not response.is_success:
        with trio.move_on_after(EXCERPT_S_MAX) as scope:
            async for chunk in response.aiter_raw():
                excerpt += chunk[: EXCERPT_BYTES_MAX - len(excerpt)]
                if len(excerpt) >= EXCERPT_BYTES_MAX:
                    scope.cancel()
    return excerpt


def _words(text: str) -> str:
    """Return the text of an answer; of an HTML page, its title, or else the text without tags."""
    if not text.lstrip().startswith("<"):
        return text
    title = _TITLE.search(text)
    return html.unescape(title[1] if title else _MARKUP.sub(" ", text))


def _reason(error: BaseException) -> str:
    """Return the text of the deepest cause that has one: httpx's own is often empty."""
    words = clip(str(error)) or type(error).__name__
    cause = error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {clip(cause.verify_message)}"
        if isinstance(cause, BaseExceptionGroup):  # one for each address that was tried
            cause = cause.exceptions[0]
        words = clip(plain_reason(cause)) or words
        cause = cause.__cause__ or cause.__context__
    return words


def _phase(error: "httpx.TimeoutException") -> str:
    phases = {"ConnectTimeout": "connecting", "ReadTimeout": "the answer"}
    return phases.get(type(error).__name__, "sending")
