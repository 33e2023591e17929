"""Addresses that a person writes, host:port, read as strictly as URLs are.

`members.split_address` reads whatever an existing document may hold.  What somebody writes
anew must pass `require_address` as well, which says what is wrong and what to write instead.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

from qutrio.errors import InvalidValueError
from qutrio.model.ascii_hosts import HOST_CHARS_MAX, LABEL_CHARS_MAX, ascii_host
from qutrio.model.rules import shown

ADDRESS_CHARS_MAX = 261
PORT_MAX = 65535
PORT_DIGITS_MAX = 5
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WEB_PORTS = {"http://": "80", "https://": "443"}
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_EVERYBODY = IPv4Address("255.255.255.255")
_EXAMPLE = "write host:port, such as db.example.org:5432 or [2001:db8::1]:5432"
_ALONE = "write a name or an IP address alone, such as db.example.org or 2001:db8::1"


def require_address(address: str, field: str = "address") -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`.

    Raises `InvalidValueError` for `field` with what to write instead.
    """
    _require_bare(address, field)
    host, colon, port = _parted(address, field)
    if not colon or not port:
        raise InvalidValueError(
            field, f"{shown(address)} is not host:port, it names no port; {_EXAMPLE}"
        )
    good = port.isascii() and port.isdigit() and len(port) <= PORT_DIGITS_MAX
    if not good or not 0 < int(port) <= PORT_MAX:
        problem = f"{shown(port)} is not a port; give a number from 1 to {PORT_MAX}"
        raise InvalidValueError(field, problem)
    require_plain_port(port, field)
    return host, int(port)


def require_plain_port(port: str, field: str = "address") -> None:
    """Refuse digits that say a port in another way than it is shown."""
    if port != (plain := port.lstrip("0")):
        raise InvalidValueError(field, f"the port {port} begins with a zero; write {plain}")


def require_address_of_node(address: str, field: str = "address") -> None:
    """Accept host:port at which other nodes can dial a node."""
    host, _ = require_address(address, field)
    require_one_host(host, field, "a node", address)


def require_one_host(
    host: str, field: str = "address", listener: str = "a server", given: str = ""
) -> None:
    """Refuse an IP address that no single host has: nobody can connect to it.

    `listener` is what may listen there, and `given` what the person wrote, where it is more.
    """
    if literal_version(host) is None:
        return
    address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified:
        problem = f"is where {listener} listens; give the address that others dial"
    elif address.is_multicast or address == _EVERYBODY:
        problem = "stands for many hosts at once; give the address of one"
    else:
        return
    raise InvalidValueError(field, f"{shown(given or host)} {problem}")


def is_loopback(host: str) -> bool:
    """Tell whether a host is always the machine that dials it."""
    return ip_address(host).is_loopback if literal_version(host) else host == "localhost"


def require_host_alone(
    host: str, field: str = "host", port_hint: str = "there is no port here"
) -> None:
    """Accept a host without a port, with hints for whoever wrote more."""
    _require_bare(host, field, _ALONE)
    if not host:
        raise InvalidValueError(field, f"names no host; {_ALONE}")
    name, colon, port = host.removeprefix("[").rpartition(":")
    if colon and port.isdigit() and literal_version(host) is None:
        problem = f"{shown(host)} holds a port; write {shown(name.removesuffix(']'))}"
        raise InvalidValueError(field, f"{problem} alone: {port_hint}")
    require_host(host.removeprefix("[").removesuffix("]"), field)


def require_host(host: str, field: str = "host") -> None:
    """Accept a name or an IP address, without brackets and without a port."""
    if not host:
        raise InvalidValueError(field, f"names no host; {_EXAMPLE}")
    if ":" in host:
        require_v6(host, field)
        return
    if not host.isascii():
        raise InvalidValueError(field, _beyond_ascii(host))
    labels = host.removesuffix(".").split(".")
    fits = len(host) <= HOST_CHARS_MAX + host.endswith(".")
    if not fits or any(len(label) > LABEL_CHARS_MAX for label in labels):
        most = f"at most {HOST_CHARS_MAX} characters, {LABEL_CHARS_MAX} between two dots"
        raise InvalidValueError(field, f"{shown(host)} is too long for a name: {most}")
    if _NUMERIC.fullmatch(labels[-1]):
        _require_v4(host, field)
    elif not all(_LABEL.fullmatch(label) for label in labels):
        problem = f"{shown(host)} is no name of a host: it has letters, digits, '-', '_' and '.'"
        raise InvalidValueError(field, problem)


def require_v6(host: str, field: str) -> None:
    """Accept an IPv6 address, with a zone or without."""
    try:
        IPv6Address(host)
    except AddressValueError:
        raise InvalidValueError(field, f"{shown(host)} is not an IPv6 address") from None


def literal_version(host: str) -> int | None:
    """Return 4 or 6 for an IP address, and None for a name."""
    for version, cls in ((4, IPv4Address), (6, IPv6Address)):
        try:
            cls(host)
        except AddressValueError:
            continue
        return version
    return None


def _require_v4(host: str, field: str) -> None:
    try:
        IPv4Address(host)
    except AddressValueError:
        problem = f"{shown(host)} is not an IPv4 address, such as 192.0.2.1"
        raise InvalidValueError(field, problem) from None


def _beyond_ascii(host: str) -> str:
    """Return why a host is refused where only ASCII is taken, with the form to write."""
    try:
        return f"{shown(host)} is not ASCII; write {shown(ascii_host(host))}"
    except ValueError:
        return f"{shown(host)} is no name of a host: it has no ASCII form (xn--...)"


def _require_bare(address: str, field: str, example: str = _EXAMPLE) -> None:
    """Refuse what belongs to a URL, and what no address holds at all."""
    if found := _SCHEME.match(address):
        rest = address[found.end() :].partition("/")[0]
        port = _WEB_PORTS.get(found[0].lower(), "PORT") if example == _EXAMPLE else None
        hint = f"write {shown(_with_port(rest, port))} alone" if rest else example
        if found[0].lower() in _WEB_PORTS:
            hint += ", or watch the URL with 'qutrio check add http'"
        raise InvalidValueError(field, f"{shown(address)} is a URL; {hint}")
    if any(c.isspace() or not c.isprintable() for c in address):
        problem = f"{shown(address)} holds a blank or a character that cannot be seen; {example}"
        raise InvalidValueError(field, problem)
    for sign, what in (("@", "a user"), ("/", "a path"), ("?", "a query"), ("#", "a fragment")):
        if sign in address:
            raise InvalidValueError(field, f"{shown(address)} holds {what}; {example}")
    if len(address) > ADDRESS_CHARS_MAX:
        problem = f"is {len(address)} characters long; at most {ADDRESS_CHARS_MAX}"
        raise InvalidValueError(field, problem)


def _with_port(authority: str, port: str | None) -> str:
    """Return what a URL says of a server: with its own port or this one, or for None with none."""
    host, colon, own = authority.rpartition(":")
    own = own if colon and "]" not in own else ""
    host = host if own else authority
    return host if port is None else f"{host}:{own or port}"


def _parted(address: str, field: str) -> tuple[str, str, str]:
    """Return host, colon and port; the host is well formed, the port has not been looked at."""
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidValueError(field, f"{shown(address)} is not [v6]:port; {_EXAMPLE}")
        if ":" not in host:
            problem = f"{shown(host)} is not an IPv6 address, and only those stand in brackets"
            raise InvalidValueError(field, problem)
        require_v6(host, field)
        return host, rest[:1], rest[1:]
    host, colon, port = address.rpartition(":")
    if ":" in host:
        raise InvalidValueError(field, _unbracketed(address, host, port))
    if not colon:
        host, port = address, ""
    require_host(host, field)
    return host, colon, port


def _unbracketed(address: str, host: str, port: str) -> str:
    if literal_version(address) is None and literal_version(host) is None:
        return f"{shown(address)} is not host:port, it has too many colons; {_EXAMPLE}"
    right = f"[{host}]:{port}" if literal_version(host) else f"[{address}]:PORT"
    return f"{shown(address)}: an IPv6 address stands in brackets before its port: {right}"
