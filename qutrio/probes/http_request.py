"""The HTTP/1.1 request as bytes."""

from base64 import b64encode
from urllib.parse import SplitResult

from attrs import evolve

from qutrio import __version__
from qutrio.model.checks import HttpCheck

_OURS = frozenset({"connection", "content-length", "transfer-encoding"})
_HARMLESS = frozenset({"accept", "accept-language", "user-agent"})


_ABOUT_THE_BODY = frozenset(
    {"content-encoding", "content-language", "content-location", "content-type"}
)
_SEE_OTHER = 303


def redirected(check: HttpCheck, status: int) -> HttpCheck:
    """Return the check as a browser asks again after a redirect of this status.

    303 turns all but HEAD into GET, 301 and 302 only POST; the body is then left out.
    """
    becomes_get = (
        check.method not in {"GET", "HEAD"} if status == _SEE_OTHER else check.method == "POST"
    )
    if status in {307, 308} or not becomes_get:
        return check
    headers = tuple((n, v) for n, v in check.headers if n.lower() not in _ABOUT_THE_BODY)
    return evolve(check, method="GET", body=None, headers=headers)


def for_other_origin(check: HttpCheck) -> HttpCheck:
    """Return the check without anything secret: a redirect led to a foreign server."""
    harmless = tuple((n, v) for n, v in check.headers if n.lower() in _HARMLESS)
    return evolve(check, headers=harmless, basic_user=None, basic_password=None, bearer_token=None)


def request_bytes(check: HttpCheck, url: SplitResult, cookies: bytes = b"") -> bytes:
    """Return the request for `url`; the connection ends after the answer.

    The check's own headers win over ours, except those that frame the message.  `cookies` are
    sent after those that the check brings itself.
    """
    body = (check.body or "").encode("utf-8", "replace")
    fields = {
        "host": ("Host", host_field(url)),
        "user-agent": ("User-Agent", f"qutrio/{__version__}"),
        "accept": ("Accept", "*/*"),
        "accept-encoding": ("Accept-Encoding", "identity"),
    }
    if check.basic_user is not None:
        credentials = f"{check.basic_user}:{check.basic_password or ''}".encode("utf-8", "replace")
        fields["authorization"] = ("Authorization", f"Basic {b64encode(credentials).decode()}")
    elif check.bearer_token is not None:
        fields["authorization"] = ("Authorization", f"Bearer {check.bearer_token}")
    if check.body is not None:
        fields["content-type"] = ("Content-Type", "text/plain; charset=utf-8")
    own = [(name, value) for name, value in check.headers if name.lower() not in _OURS]
    for name, _ in own:
        fields.pop(name.lower(), None)
    if cookies:
        given = [value.encode("utf-8", "replace") for n, value in own if n.lower() == "cookie"]
        own = [(name, value) for name, value in own if name.lower() != "cookie"]
        cookies = b"Cookie: " + b"; ".join([*given, cookies]) + b"\r\n"
    lines = [f"{check.method} {url.path or '/'}{'?' if url.query else ''}{url.query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*fields.values(), *own)]
    if body or check.method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "Connection: close", ""])
    return head.encode("utf-8", "replace") + cookies + b"\r\n" + body


def host_field(url: SplitResult) -> str:
    """Return what the Host header says: without credentials, and without a default port."""
    host = url.hostname or ""
    shown = f"[{host.partition('%')[0]}]" if ":" in host else host
    default = {"http": 80, "https": 443}.get(url.scheme)
    return shown if url.port in {None, default} else f"{shown}:{url.port}"
