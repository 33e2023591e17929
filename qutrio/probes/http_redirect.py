"""Resolves the field Location of a redirect as browsers do."""

import re
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from qutrio.model.urls import ascii_url

LOCATION_BYTES_MAX = 4096
"""A longer value of Location is refused."""

_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"
_AROUND = bytes(range(0x21))
_DROPPED = b"\t\r\n"
_SCHEME = re.compile(rb"(https?):(/*)", re.IGNORECASE)
_AUTHORITY = re.compile(rb"(?:https?:)?//[^/?#]*", re.IGNORECASE)
_SLASHES_OF_AUTHORITY = 2
_DOT = re.compile("%2e", re.IGNORECASE)


def next_url(base: SplitResult, location: bytes) -> SplitResult:
    r"""Return the URL, in ASCII, to which `location` leads from `base`.

    Bytes beyond ASCII are UTF-8, or else latin-1, in the host, and percent-encoded after it.
    A backslash counts as a slash, and any number of slashes as the two before a host.  Raises
    `ValueError` when it is not a URL.
    """
    location = location.strip(_AROUND).translate(None, _DROPPED)
    path, mark, rest = _partition(location)
    location = _as_reference(path.replace(b"\\", b"/"), base.scheme) + mark + rest
    authority = _AUTHORITY.match(location)
    end = authority.end() if authority is not None else 0
    if location[:end].endswith(b"/"):
        raise ValueError("it names no host")
    behind = quote(location[end:], safe=_URL_SAFE)
    if not end and behind.partition("#")[0] == "?":
        return base._replace(query="", fragment="")  # for urljoin an empty query is none
    target = urlsplit(ascii_url(urljoin(base.geturl(), _text(location[:end]) + behind)))
    return target._replace(path=_without_dots(target.path))


def _partition(location: bytes) -> tuple[bytes, bytes, bytes]:
    """Split before the query or fragment, in which a backslash is a backslash."""
    found = re.search(rb"[?#]", location)
    at = found.start() if found is not None else len(location)
    return location[:at], location[at : at + 1], location[at + 1 :]


def _as_reference(path: bytes, scheme: str) -> bytes:
    """Put exactly two slashes before a host; `http:x` is relative to a page of that scheme."""
    found = _SCHEME.match(path)
    if found is None:
        return b"//" + path.lstrip(b"/") if path.startswith(b"//") else path
    rest = path[found.end() :]
    same = found[1].lower() == scheme.encode("ascii")
    if same and len(found[2]) < _SLASHES_OF_AUTHORITY:
        return found[2] + rest
    return found[1] + b"://" + rest


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` within a path, which `urljoin` does not do after a host."""
    kept: list[str] = []
    segments = _DOT.sub(".", path).split("/")
    if not {".", ".."}.intersection(segments):
        return path
    for segment in segments[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _text(authority: bytes) -> str:
    try:
        return authority.decode("utf-8")
    except UnicodeDecodeError:
        return authority.decode("latin-1")
