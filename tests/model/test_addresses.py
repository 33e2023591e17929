"""Addresses that somebody writes anew: as strict as URLs, each refusal with what to write."""

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.addresses import (
    PORT_MAX,
    literal_version,
    require_address,
    require_host,
    require_host_alone,
)
from qutrio.model.ascii_hosts import HOST_CHARS_MAX, LABEL_CHARS_MAX

LABEL = "x" * LABEL_CHARS_MAX
LONGEST = ".".join([LABEL, LABEL, LABEL, "x" * (HOST_CHARS_MAX - 3 * LABEL_CHARS_MAX - 3)])


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("192.0.2.1:80", "192.0.2.1", 80),
        ("[2001:db8::1]:80", "2001:db8::1", 80),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        ("db.example.org:65535", "db.example.org", PORT_MAX),
        ("db.example.org.:5432", "db.example.org.", 5432),
        ("my_db:5432", "my_db", 5432),
        ("xn--mnchen-3ya.example:1", "xn--mnchen-3ya.example", 1),
        (f"{LONGEST}:1", LONGEST, 1),
    ],
)
def test_what_can_be_dialled_is_split(address: str, host: str, port: int) -> None:
    assert require_address(address) == (host, port)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://h:80", "is a URL; write 'h:80' alone"),
        ("http://h/x", "write 'h:80' alone, or watch the URL with 'qutrio check add http'"),
        ("HTTPS://h", "write 'h:443' alone, or watch the URL"),
        ("https://[::1]:8443/x", r"write '\[::1\]:8443' alone"),
        ("https://[::1]", r"write '\[::1\]:443' alone"),
        ("mysql://h", "write 'h:PORT' alone$"),
        ("tcp://", "is a URL; write host:port"),
        ("a b:80", "holds a blank"),
        ("h\n:80", r"'h\\n:80' holds a blank"),
        ("\u202eh:80", r"'\\u202eh:80' holds"),
        ("u@h:80", "holds a user"),
        ("h:80/x", "holds a path"),
        ("h:80?x", "holds a query"),
        ("h:80#x", "holds a fragment"),
        ("h", "names no port"),
        ("h:", "names no port"),
        ("[::1]", "names no port"),
        (":80", "names no host"),
        ("h:0", "not a port; give a number from 1 to 65535"),
        ("h:65536", "not a port"),
        ("h:http", "not a port"),
        ("h:+80", "not a port"),
        ("h:٣", "not a port"),
        ("h:000080", "not a port"),
        ("h:080", "the port 080 begins with a zero; write 80"),
        ("[zz]:80", "not an IPv6 address, and only those stand in brackets"),
        ("[192.0.2.1]:80", "only those stand in brackets"),
        ("[]:80", "only those stand in brackets"),
        ("[::zz]:80", "is not an IPv6 address"),
        ("[::1", "is not \\[v6\\]:port"),
        ("[::1]x:80", "is not \\[v6\\]:port"),
        ("2001:db8::1:80", r"stands in brackets before its port: \[2001:db8::1\]:80"),
        ("2001:db8::1", r"stands in brackets before its port: \[2001:db8::1\]:PORT"),
        ("a:b:80", "too many colons"),
        ("a..b:80", "is no name of a host"),
        ("-a:80", "is no name of a host"),
        (".:80", "is no name of a host"),
        ("münchen.example:80", "xn--"),
        ("1.2.3:80", "is not an IPv4 address"),
        ("256.1.1.1:80", "is not an IPv4 address"),
        ("0127.0.0.1:80", "is not an IPv4 address"),
        ("0x7f000001:80", "is not an IPv4 address"),
        (f"{LABEL}x:80", "too long"),
        (f"{LONGEST}x:80", "too long"),
        ("x" * 300 + ":80", "characters long"),
    ],
)
def test_what_cannot_be_dialled_is_refused_with_what_to_write(address: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words) as caught:
        require_address(address)
    assert caught.value.field == "address"
    assert "\n" not in str(caught.value)


def test_a_host_alone_has_the_same_rules() -> None:
    require_host("db.example.org")
    require_host("2001:db8::1")
    with pytest.raises(InvalidValueError, match="host: 'a b' is no name"):
        require_host("a b")
    with pytest.raises(InvalidValueError, match="not an IPv6 address"):
        require_host("a:b")


def test_literals_are_told_from_names() -> None:
    assert [literal_version(h) for h in ("192.0.2.1", "::1", "h")] == [4, 6, None]


@pytest.mark.parametrize("host", ["mail.example.org", "192.0.2.1", "2001:db8::1", "[2001:db8::1]"])
def test_a_host_whose_port_is_said_elsewhere(host: str) -> None:
    require_host_alone(host)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("smtp://mail:25", "is a URL; write 'mail' alone"),
        ("https://mail/", "is a URL; write 'mail' alone, or watch the URL"),
        ("mail:25", "holds a port; write 'mail' alone: there is no port here"),
        ("[2001:db8::1]:25", "holds a port; write '2001:db8::1' alone"),
        ("a b", "holds a blank .* write a name or an IP address alone"),
        ("u@mail", "holds a user; write a name or an IP address alone"),
        ("mail/", "holds a path; write a name or an IP address alone"),
        ("", "names no host; write a name or an IP address alone"),
        ("tcp://", "is a URL; write a name or an IP address alone"),
    ],
)
def test_whoever_writes_more_than_a_host_is_told_what_to_write(host: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        require_host_alone(host)
