"""Members and the addresses at which they are dialled."""

import pytest
from attrs import evolve

from qutrio.errors import InvalidValueError
from qutrio.model.members import ADDRESS_CHARS_MAX, split_address
from tests.core.samples import A, member


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("192.0.2.1:9901", "192.0.2.1", 9901),
        ("[2001:db8::1]:9901", "2001:db8::1", 9901),
        ("node.example.org:65535", "node.example.org", 65535),
    ],
)
def test_an_address_is_split_into_host_and_port(address: str, host: str, port: int) -> None:
    assert split_address(address) == (host, port)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "host",
        "host:",
        ":9901",
        "host:0",
        "host:65536",
        "host:-1",
        "host:+1",
        "host:9a",
        "host:٣",
        "h" * ADDRESS_CHARS_MAX + ":1",
    ],
)
def test_an_invalid_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(InvalidValueError, match=r"such as|give a number|at most") as caught:
        split_address(address)
    assert caught.value.field == "address"
    with pytest.raises(InvalidValueError):
        evolve(member(A), address=address)
