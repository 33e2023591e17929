"""DNS messages: queries, and hostile answers, which are refused and fast to read."""

import random
import struct
import time
from contextlib import suppress

import pytest

from qutrio.probes.dns.message import (
    RECORDS_MAX,
    Mx,
    Question,
    Rcode,
    Type,
    decode,
    encode,
    is_answer_to,
)
from qutrio.probes.dns.names import MalformedError, NameReader, to_wire
from tests.probes.name_servers import address_record, answer, record

WEB = Question("shop.example", Type.A)
QUERY = encode(WEB, 0x1234)
PARSE_S_MAX = 0.5
"""Generous for busy machines; a parser that a message can slow down takes many seconds."""


def test_a_query_asks_one_question_and_wants_recursion() -> None:
    assert QUERY == b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x04shop\x07example\0\0\x01\0\x01"


def test_a_query_with_edns_says_how_much_it_takes() -> None:
    assert encode(WEB, 0x1234, edns=True).endswith(b"\0\0\x29\x04\xd0\0\0\0\0\0\0")


@pytest.mark.parametrize("name", ["a..b", ".a", "x" * 64, ".".join(["y" * 60] * 5), "m\u00fcnchen"])
def test_an_invalid_name_cannot_be_queried(name: str) -> None:
    with pytest.raises(MalformedError):
        encode(Question(name, Type.A), 1)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("", b"\0"),
        ("a.b.", b"\x01a\x01b\0"),
        (r"a\.b.c", b"\x03a.b\x01c\0"),
        (r"a\000b", b"\x03a\0b\0"),
        (r"a\\b", b"\x03a\\b\0"),
    ],
)
def test_names_have_one_text_and_one_wire_form(name: str, wire: bytes) -> None:
    assert to_wire(name) == wire
    assert NameReader(wire).at(0) == (name.removesuffix("."), len(wire))


def test_an_address_is_read_with_its_aliases_and_their_least_ttl() -> None:
    alias = record(5, b"\x03www\xc0\x0c", ttl_s=7)
    owner = b"\x03www\xc0\x0c"
    reply = decode(answer(QUERY, alias, address_record("192.0.2.1", 60, owner)), WEB)
    assert [found.data for found in reply.records] == ["192.0.2.1"]
    assert (reply.aliases, reply.ttl_s, reply.conclusive) == (("www.shop.example",), 7, True)


def test_every_type_that_a_check_can_ask_for_is_read() -> None:
    cases = {
        Type.AAAA: (bytes(15) + b"\x01", "::1"),
        Type.NS: (b"\x03ns1\xc0\x0c", "ns1.shop.example"),
        Type.CNAME: (b"\x03WWW\xc0\x0c", "www.shop.example"),
        Type.MX: (b"\0\x0a\x02mx\xc0\x0c", Mx(10, "mx.shop.example")),
        Type.TXT: (b"\x02v=\x03spf", b"v=spf"),
    }
    for kind, (data, expected) in cases.items():
        question = Question("Shop.example.", kind)
        query = encode(question, 9)
        (found,) = decode(answer(query, record(kind, data)), question).records
        assert (found.name, found.type, found.ttl_s, found.data) == (
            "shop.example", kind, 60, expected,
        )  # fmt: skip


def test_an_empty_answer_carries_how_long_it_may_be_kept() -> None:
    numbers = struct.pack(">IIIII", 1, 2, 3, 4, 30)
    soa = record(6, b"\0\0" + numbers, ttl_s=900)
    reply = decode(answer(QUERY, rcode=3, authority=soa), WEB)
    assert (reply.rcode, reply.records, reply.ttl_s, reply.zone) == (3, (), 30, "shop.example")


@pytest.mark.parametrize("rcode", [Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED])
def test_an_error_settles_nothing_and_its_records_are_not_read(rcode: Rcode) -> None:
    reply = decode(answer(QUERY, b"\xff\xff\xff", rcode=rcode), WEB)
    assert (reply.rcode, reply.conclusive) == (rcode, False)


def test_only_an_answer_to_this_very_question_is_taken() -> None:
    fitting = answer(QUERY, address_record("192.0.2.1"))
    assert is_answer_to(fitting, WEB, 0x1234)
    assert is_answer_to(fitting.replace(b"shop", b"SHOP"), WEB, 0x1234)
    for foreign in (
        b"",
        fitting[:11],
        b"\x99" + fitting[1:],
        QUERY,
        fitting.replace(b"shop", b"shot"),
        fitting.replace(b"\0\x01\0\x01", b"\0\x1c\0\x01", 1),
        fitting[:2] + b"\xa9" + fitting[3:],
        fitting[:4] + b"\0\x02" + fitting[6:],
        fitting[:4] + b"\0\0" + fitting[6:],
    ):
        assert not is_answer_to(foreign, WEB, 0x1234), foreign


def test_an_error_without_the_question_is_an_answer() -> None:
    bare = struct.pack(">HHHHHH", 0x1234, 0x8181, 0, 0, 0, 0)
    assert is_answer_to(bare, WEB, 0x1234)
    assert decode(bare, WEB).rcode == Rcode.FORMERR


LOOP = len(QUERY)
MALFORMED = {
    "a pointer to itself": record(1, b"\0\0\0\0", owner=struct.pack(">H", 0xC000 | LOOP)),
    "a pointer ahead": record(1, b"\0\0\0\0", owner=struct.pack(">H", 0xC000 | LOOP + 9)),
    "half a pointer": b"\xc0",
    "a label of a strange kind": b"\x80\0" + bytes(14),
    "a label beyond the end": b"\x3fabc",
    "a record that is cut off": b"\xc0\x0c\0\x01",
    "data beyond the end": b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f",
    "an address of five bytes": record(1, b"12345"),
    "an address of no bytes": record(28, b""),
    "a name longer than allowed": record(5, (b"\x3f" + b"a" * 63) * 4 + b"\0"),
    "a name shorter than its record": record(5, b"\x01a\0\0\0"),
    "an exchanger without a name": record(15, b"\0\x01"),
    "a text beyond its record": record(16, b"\x09abc"),
    "a short SOA": record(6, b"\0\0\0"),
    "no name at all": b"",
}


@pytest.mark.parametrize("records", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_answer_is_refused(records: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(answer(QUERY, records), WEB)


def test_more_records_than_anybody_has_are_refused_unread() -> None:
    many = [address_record("192.0.2.1")] * (RECORDS_MAX + 1)
    with pytest.raises(MalformedError, match="more than 512 records"):
        decode(answer(QUERY, *many), WEB)
    assert len(decode(answer(QUERY, *many[1:]), WEB).records) == RECORDS_MAX


def test_records_of_other_names_types_and_classes_are_passed_over() -> None:
    strangers = (
        address_record("192.0.2.9", owner=b"\x04evil\x04test\0"),
        address_record("2001:db8::9"),
        record(99, b"?"),
        b"\xc0\x0c" + struct.pack(">HHIH", 1, 3, 60, 4) + bytes(4),
    )
    reply = decode(answer(QUERY, *strangers, address_record("192.0.2.1", 2**31)), WEB)
    assert [found.data for found in reply.records] == ["192.0.2.1"]
    assert reply.ttl_s == 0


def test_aliases_in_a_circle_lead_nowhere() -> None:
    circle = (record(5, b"\x03www\xc0\x0c"), record(5, b"\xc0\x0c", owner=b"\x03www\xc0\x0c"))
    assert decode(answer(QUERY, *circle), WEB).records == ()


def slow_to_read() -> list[bytes]:
    """Return messages that cost a naive parser time that grows with their square."""
    chain = b"".join(b"\x01a" + struct.pack(">H", 0xC000 | LOOP + 4 * i) for i in range(4000))
    pointers = b"".join(struct.pack(">H", 0xC000 | LOOP + 2 * i) for i in range(8000))
    labels = [record(5, b"\x01a" * 120 + b"\0", owner=b"\x01a" * 120 + b"\0")] * 130
    return [
        answer(QUERY, record(16, b"\0"), chain),
        answer(QUERY, pointers),
        answer(QUERY, *labels),
        answer(QUERY, *[b"\xc0\x0c" * 6] * 500),
    ]


@pytest.mark.parametrize("number", range(4))
def test_no_message_takes_long_to_read(number: int) -> None:
    message = slow_to_read()[number]
    began = time.process_time()
    with suppress(MalformedError):
        decode(message, WEB)
    assert time.process_time() - began < PARSE_S_MAX


def test_random_damage_is_malformed_or_harmless() -> None:
    rng = random.Random(11)
    good = answer(
        QUERY,
        record(5, b"\x03www\xc0\x0c"),
        address_record("192.0.2.1", owner=b"\x03www\xc0\x0c"),
        record(15, b"\0\x01\xc0\x0c"),
        record(16, b"\x03abc"),
    )
    for _ in range(3000):
        damaged = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        message = bytes(damaged[: rng.randint(12, len(damaged))])
        if is_answer_to(message, WEB, 0x1234):
            try:
                decode(message, WEB)
            except MalformedError:
                continue
