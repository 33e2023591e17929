"""Host names in any script: stored in ASCII, shown as people write them.

`ascii_host` is the only rule, for the hosts of URLs and for those that stand alone.
"""

import re

HOST_CHARS_MAX = 253
LABEL_CHARS_MAX = 63
GIVEN_CHARS_MAX = 1024
"""Longer text is refused: the time to encode grows with the square of the length."""

NO_NAME = "no such host name is possible"
BAD_PART = "a part of its host is empty or too long"
BAD_JOINER = "an invisible joiner stands in its host where none may be"
OWN_PROBLEMS = frozenset({NO_NAME, BAD_PART, BAD_JOINER})
"""The messages raised here, which quote nothing of the input; those of the library do."""

_NOT_IN_HOSTS = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")
_ACE = "xn--"


def ascii_host(host: str) -> str:
    """Return a host name in ASCII, by IDNA (UTS 46, as browsers do).

    Raises `ValueError` for a name that no browser would accept.
    """
    import idna  # noqa: PLC0415 - its tables are large, and few hosts need them

    if len(host) > GIVEN_CHARS_MAX:
        raise ValueError(NO_NAME)
    mapped = idna.uts46_remap(host, std3_rules=False)
    labels = [label if label.isascii() else _ascii_label(label) for label in mapped.split(".")]
    name = ".".join(labels)
    if _NOT_IN_HOSTS.search(name) or len(name) > HOST_CHARS_MAX:
        raise ValueError(NO_NAME)
    if any(len(label) > LABEL_CHARS_MAX for label in labels) or not all(labels[:-1]):
        raise ValueError(BAD_PART)
    return name


def stored_host(host: str) -> str:
    """Return a host as a check stores it: in ASCII if it has an ASCII form.

    Any other host is returned unchanged, for the rules of its field to refuse with a hint.
    """
    if host.isascii():
        return host
    try:
        return ascii_host(host)
    except ValueError:
        return host


def stored_address(address: str) -> str:
    """Return `host:port` as a check stores it: like `stored_host`, with the port unchanged."""
    if address.isascii():
        return address
    host, colon, port = address.rpartition(":")
    return f"{stored_host(host)}:{port}" if colon else stored_host(address)


def shown_host(host: str) -> str:
    """Return a host or host:port as people are shown it, with its decoded form in brackets."""
    if _ACE not in host:
        return host
    readable = readable_host(host)
    return host if readable == host else f"{host} ({readable})"


def readable_host(host: str) -> str:
    """Return a host or host:port with its encoded parts decoded, if they are printable."""
    return ".".join(_readable_label(label) for label in host.split("."))


def _ascii_label(label: str) -> str:
    """Encode one label of a host, also symbols, which browsers accept and IDNA 2008 does not."""
    import idna  # noqa: PLC0415 - its tables are large, and few hosts need them

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
