"""Name servers: which addresses are accepted and which are refused."""

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.document import Settings
from qutrio.model.hosts import RESOLVERS_MAX, split_resolver


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(
    text: str, server: tuple[str, int]
) -> None:
    assert split_resolver(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.example.org",
        "192.0.2.53:",
        "192.0.2.53:0",
        "192.0.2.53:65536",
        "192.0.2.53:x",
        "[2001:db8::53]x",
        "[2001:db8::53",
        "[192.0.2.53]:53:53",
        "192.0.2.53:٣",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"such as 192\.0\.2\.53"):
        split_resolver(text)


def test_the_number_of_name_servers_is_bounded() -> None:
    servers = tuple(f"192.0.2.{n}" for n in range(RESOLVERS_MAX + 1))
    assert Settings(resolvers=servers[1:]).resolvers == servers[1:]
    with pytest.raises(InvalidValueError, match="at most 8"):
        Settings(resolvers=servers)
