"""URLs of checks: stored in ASCII, shown as a person writes them.

`ascii_url` is what makes every way into the document the same: a check converts its URL when it
is made, whether a command, the control socket, a hand edit or another node brings it.
"""

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

from qutrio.model import ascii_hosts
from qutrio.model.addresses import require_host, require_one_host, require_plain_port
from qutrio.model.ascii_hosts import ascii_host, readable_host
from qutrio.model.rules import MASK

QUOTED_CHARS_MAX = 80

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_ENCODED = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")

NO_HOST = "its host or port is missing"
BAD_PORT = "its port is not a number from 1 to 65535"
OWN_PROBLEMS = ascii_hosts.OWN_PROBLEMS | {NO_HOST}
"""The words of a `ValueError` raised here, which quote nothing; those of libraries do."""


def ascii_url(url: str) -> str:
    """Return `url` with its host as IDNA (UTS 46, as browsers do) and the rest percent-encoded.

    An ASCII URL is returned as it is, except for a host that is percent-encoded.  Raises
    `ValueError` for a host that no browser would accept.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    if url.isascii() and ("%" not in host or host.startswith("[")):
        return url
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    name, colon, port = host.partition(":")
    if not name or not port.isascii():
        raise ValueError(NO_HOST)
    if not host.startswith("["):
        host = f"{ascii_host(unquote(name, errors='strict'))}{colon}{port}"
    rest = (_encoded(part) for part in (parts.path, parts.query, parts.fragment))
    return SplitResult(parts.scheme, f"{_encoded(user)}{at}{host}", *rest).geturl()


def web_url_problem(url: str) -> str:
    """Return why `url` cannot be asked for by HTTP; empty when it can.  Nothing is quoted."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return plain_words(error)
    rules = {
        "it begins with neither http:// nor https://": parts.scheme in {"http", "https"},
        "it names no host": bool(parts.hostname),
        "it holds a blank or a character that cannot be seen": not any(c <= " " for c in url),
        "it holds letters beyond ASCII": url.isascii(),
        BAD_PORT: port is None or port > 0,
    }
    return next((problem for problem, kept in rules.items() if not kept), "")


def plain_words(error: ValueError) -> str:
    """Return what is wrong with a URL without the parts of it that the library quotes."""
    words = str(error)
    if words in OWN_PROBLEMS:
        return words
    return BAD_PORT if words.startswith("Port ") else "its host cannot be read"


def host_to_dial(url: SplitResult) -> str:
    """Return the host to look up; the zone of an address may be written as %25eth0 or %eth0."""
    host = url.hostname or ""
    return host.replace("%25", "%", 1) if ":" in host else host


def require_dialable_url(url: str, field: str = "url") -> None:
    """Accept a URL whose host and port can be dialled, by the rules of addresses.

    Raises `InvalidValueError` for `field`, which quotes the host and the port at most.
    """
    parts = urlsplit(url)
    host = host_to_dial(parts)
    require_host(host, field)
    require_one_host(host, field)
    if parts.port is not None:
        require_plain_port(parts.netloc.rpartition(":")[2], field)


def shown_url(url: str) -> str:
    """Return what people are shown: the masked URL, and in brackets how it reads unencoded."""
    url = masked_url(url)
    if "xn--" not in url and "%" not in url:
        return url
    parts = urlsplit(url)
    rest = (_ENCODED.sub(_readable, part) for part in (parts.path, parts.query, parts.fragment))
    readable = SplitResult(parts.scheme, readable_host(parts.netloc), *rest).geturl()
    return url if readable == url else f"{url} ({readable})"


def masked_url(url: str) -> str:
    """Return `url` with a mask for its query, its fragment and its user: they may be secrets.

    Scheme, host, port and path stay, so that people can tell targets apart.
    """
    rest, hash_, fragment = url.partition("#")
    rest, mark, query = rest.partition("?")
    scheme, slashes, behind = rest.partition("//")
    authority, slash, path = behind.partition("/")
    _, at, host = authority.rpartition("@")
    user = MASK if at else ""
    shown = f"{scheme}{slashes}{user}{at}{host}{slash}{path}"
    return f"{shown}{mark}{MASK if query else ''}{hash_}{MASK if fragment else ''}"


def quotable_url(url: str) -> str:
    """Return as much of what was given for a URL as an error may show; perhaps nothing.

    It need not be a URL: nobody knows where a user or a query is in one that is malformed.
    """
    scheme, slashes, rest = url[:QUOTED_CHARS_MAX].partition("://")
    if not slashes:
        return ""
    shown = MASK if "@" in url else re.split(r"[?#]", rest)[0]
    return repr(f"{scheme}{slashes}{shown}")


def _encoded(text: str) -> str:
    return _BEYOND_ASCII.sub(lambda found: quote(found[0]), text)


def _readable(encoded: re.Match[str]) -> str:
    try:
        decoded = unquote(encoded[0], errors="strict")
    except UnicodeDecodeError:
        return encoded[0]
    return decoded if decoded.isprintable() else encoded[0]
