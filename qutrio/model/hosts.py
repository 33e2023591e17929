"""Hosts as people write them: names and literal addresses, and what cannot be one."""

import re
from ipaddress import ip_address
from typing import Any

from qutrio.errors import InvalidValueError

HOST_CHARS_MAX = 253
LABEL_CHARS_MAX = 63
RESOLVERS_MAX = 8
DNS_PORT = 53
PORT_MAX = 65535
_RESOLVER = re.compile(r"(?:\[([^\]]+)\]|([0-9.]+))(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")


def is_name_of_host(text: str) -> bool:
    """Tell whether `text` is a name in ASCII, with or without a final dot, and no address."""
    labels = text.removesuffix(".").split(".")
    fits = len(text.removesuffix(".")) <= HOST_CHARS_MAX
    good = all(len(label) <= LABEL_CHARS_MAX and _LABEL.fullmatch(label) for label in labels)
    return fits and good and not labels[-1].isdigit()


def is_address(text: str) -> bool:
    """Tell whether `text` is a literal IPv4 or IPv6 address, perhaps with a zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_host(_: object, attribute: Any, value: str) -> None:
    """Accept a name or a literal address, as an attrs validator."""
    if not is_name_of_host(value) and not is_address(value):
        problem = (
            f"{value[:80]!r} is neither a host name nor an address "
            f"(such as example.org, 192.0.2.1 or 2001:db8::1)"
        )
        raise InvalidValueError(attribute.name, problem)


def is_dns_name(_: object, attribute: Any, value: str) -> None:
    """Accept a name that can be asked for, as an attrs validator."""
    if not is_name_of_host(value):
        problem = f"{value[:80]!r} is not a name that DNS could hold (such as example.org)"
        raise InvalidValueError(attribute.name, problem)


def split_resolver(text: str) -> tuple[str, int]:
    """Split `address`, `v4:port` or `[v6]:port` of a name server; the port is 53 if none is named.

    Raises `InvalidValueError` for anything else: a name server is named by its address.
    """
    found = _RESOLVER.fullmatch(text)
    host, port = (found[1] or found[2], found[3]) if found else (text, None)
    number = DNS_PORT if port is None else int(port)
    if not is_address(host) or not 0 < number <= PORT_MAX:
        problem = (
            f"{text[:80]!r} is not the address of a name server "
            f"(such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53)"
        )
        raise InvalidValueError("resolvers", problem)
    return host, number


def are_resolvers(_: object, attribute: Any, value: tuple[str, ...]) -> None:
    """Accept a list of name servers, as an attrs validator."""
    if len(value) > RESOLVERS_MAX:
        problem = f"names {len(value)} name servers; at most {RESOLVERS_MAX}"
        raise InvalidValueError(attribute.name, problem)
    for text in value:
        split_resolver(text)
