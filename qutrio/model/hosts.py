"""Validators for hosts and name servers in the fields of checks."""

import re
from typing import Any

from qutrio.errors import InvalidValueError
from qutrio.model.addresses import PORT_MAX, literal_version, require_host_alone
from qutrio.model.rules import shown

RESOLVERS_MAX = 8
DNS_PORT = 53
_RESOLVER = re.compile(r"(?:\[([^\]]+)\]|([0-9.]+))(?::([0-9]{1,5}))?")


def is_host(_: object, attribute: Any, value: str) -> None:
    """Accept a name or an IP address, without brackets and without a port."""
    require_host_alone(value, attribute.name)
    if value.startswith("["):
        problem = f"write {shown(value.strip('[]'))} without brackets: there is no port here"
        raise InvalidValueError(attribute.name, problem)


def is_dns_name(_: object, attribute: Any, value: str) -> None:
    """Accept a name that can be queried."""
    is_host(_, attribute, value)
    if literal_version(value) is not None:
        problem = f"{shown(value)} is an address; give a name, such as example.org"
        raise InvalidValueError(attribute.name, problem)


def split_resolver(text: str, field: str = "resolvers") -> tuple[str, int]:
    """Split `address`, `v4:port` or `[v6]:port` of a name server; the port is 53 if none is named.

    Raises `InvalidValueError` for anything else: a name server is named by its address.
    """
    found = _RESOLVER.fullmatch(text)
    host, port = (found[1] or found[2], found[3]) if found else (text, None)
    number = DNS_PORT if port is None else int(port)
    if literal_version(host) is None or not 0 < number <= PORT_MAX:
        problem = (
            f"{shown(text)} is not the address of a name server "
            f"(such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53)"
        )
        raise InvalidValueError(field, problem)
    return host, number


def are_resolvers(_: object, attribute: Any, value: tuple[str, ...]) -> None:
    """Accept a list of name servers."""
    if len(value) > RESOLVERS_MAX:
        problem = f"names {len(value)} name servers; at most {RESOLVERS_MAX}"
        raise InvalidValueError(attribute.name, problem)
    for text in value:
        split_resolver(text, attribute.name)
