"""URLs of checks: stored in ASCII, shown as a person writes them.

`ascii_url` is what makes every way into the document the same: a check converts its URL when it
is made, whether a command, the control socket, a hand edit or another node brings it.
"""

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

from qutrio.model.rules import MASK

LABEL_CHARS_MAX = 63
HOST_CHARS_MAX = 253
QUOTED_CHARS_MAX = 80

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_ENCODED = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
_NOT_IN_HOSTS = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")
_ACE = "xn--"

NO_HOST = "its host or port is missing"
NO_NAME = "no such host name is possible"
BAD_PART = "a part of its host is empty or too long"
BAD_JOINER = "an invisible joiner stands in its host where none may be"
OWN_PROBLEMS = frozenset({NO_HOST, NO_NAME, BAD_PART, BAD_JOINER})
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
        host = f"{_ascii_host(name)}{colon}{port}"
    rest = (_encoded(part) for part in (parts.path, parts.query, parts.fragment))
    return SplitResult(parts.scheme, f"{_encoded(user)}{at}{host}", *rest).geturl()


def shown_url(url: str) -> str:
    """Return what people are shown: the masked URL, and in brackets how it reads unencoded."""
    url = masked_url(url)
    if _ACE not in url and "%" not in url:
        return url
    parts = urlsplit(url)
    host = ".".join(_readable_label(label) for label in parts.netloc.split("."))
    rest = (_ENCODED.sub(_readable, part) for part in (parts.path, parts.query, parts.fragment))
    readable = SplitResult(parts.scheme, host, *rest).geturl()
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


def _ascii_host(host: str) -> str:
    import idna  # noqa: PLC0415 - its tables are large, and few hosts need them

    mapped = idna.uts46_remap(unquote(host, errors="strict"), std3_rules=False)
    labels = [label if label.isascii() else _ascii_label(label) for label in mapped.split(".")]
    name = ".".join(labels)
    if _NOT_IN_HOSTS.search(name) or len(name) > HOST_CHARS_MAX:
        raise ValueError(NO_NAME)
    if any(len(label) > LABEL_CHARS_MAX for label in labels) or not all(labels[:-1]):
        raise ValueError(BAD_PART)
    return name


def _ascii_label(label: str) -> str:
    """Encode one part of a host: also symbols, which browsers accept and IDNA 2008 does not."""
    import idna  # noqa: PLC0415 - as above

    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    for index, char in enumerate(label):
        joiner = char in "\u200c\u200d"
        if joiner and not idna.valid_contextj(label, index):
            raise ValueError(BAD_JOINER)
    return _ACE + label.encode("punycode").decode("ascii")


def _readable_label(label: str) -> str:
    name, colon, port = label.partition(":")
    if not name.startswith(_ACE):
        return label
    try:
        decoded = name.removeprefix(_ACE).encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return f"{decoded}{colon}{port}" if decoded.isprintable() else label


def _readable(encoded: re.Match[str]) -> str:
    try:
        decoded = unquote(encoded[0], errors="strict")
    except UnicodeDecodeError:
        return encoded[0]
    return decoded if decoded.isprintable() else encoded[0]
