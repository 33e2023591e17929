"""Bodies become text as in a browser: mark, header, meta, and a default."""

import codecs
import html

import pytest
import webencodings.labels
from hypothesis import given
from hypothesis import strategies as st

from qutrio.model.checks import HttpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes import http_charset
from qutrio.probes.http import probe_http
from qutrio.probes.http_charset import PART_BYTES, PRESCAN_BYTES
from qutrio.probes.interface import Tools
from tests.probes.servers import answering, served

PLAIN = b"text/plain; charset="


def decode(data: bytes, content_type: bytes) -> str:
    return "".join(http_charset.decode(data, content_type))


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        (b"utf-8", "grüße".encode(), "grüße"),
        (b"UTF8", "grüße".encode(), "grüße"),
        (b'"utf-8"', "grüße".encode(), "grüße"),
        (b"'utf-8'; x=y", "grüße".encode(), "grüße"),
        (b"ISO-8859-1", b"\x80 gr\xfc\xdfe", "€ grüße"),
        (b"latin1", b"M\xfcnchen", "München"),
        (b"us-ascii", b"M\xfcnchen", "München"),
        (b"iso-8859-9", b"\xddstanbul", "İstanbul"),
        (b"windows-1252", b"\x81\x8d", "\x81\x8d"),
        (b"windows-1251", "Привет".encode("cp1251"), "Привет"),
        (b"koi8-r", "Привет".encode("koi8-r"), "Привет"),
        (b"koi8-u", "Київ".encode("koi8-u") + b"\xae", "Київў"),
        (b"windows-1255", b"\xca", "\u05ba"),
        (b"macintosh", b"M\x9fnchen", "München"),
        (b"iso-8859-8-i", "שלום".encode("iso8859-8"), "שלום"),
        (b"tis-620", "ไทย".encode("cp874"), "ไทย"),
        (b"utf-16", "grüße".encode("utf-16-le"), "grüße"),
        (b"utf-16le", "grüße".encode("utf-16-le"), "grüße"),
        (b"utf-16be", "grüße".encode("utf-16-be"), "grüße"),
        (b"gb2312", "€你好".encode("gb18030"), "€你好"),
        (b"gbk", "你好𠀀".encode("gb18030"), "你好𠀀"),
        (b"big5", "你好".encode("big5"), "你好"),
        (b"shift_jis", "①こんにちは".encode("cp932"), "①こんにちは"),
        (b"x-sjis", "①".encode("cp932"), "①"),
        (b"euc-jp", "こんにちは〜".encode("euc-jp"), "こんにちは\uff5e"),
        (b"iso-2022-jp", "こんにちは".encode("iso-2022-jp"), "こんにちは"),
        (b"euc-kr", "똠방".encode("cp949"), "똠방"),
        (b"x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
        (b"iso-2022-kr", b"whatever", "\ufffd"),
        (b"no-such-thing", "grüße".encode(), "grüße"),
        (b"no-such-thing", b"gr\xfc\xdfe", "grüße"),
        (b"", "grüße".encode(), "grüße"),
    ],
)
def test_the_charset_that_the_header_names_is_used(label: bytes, data: bytes, text: str) -> None:
    assert decode(data, PLAIN + label) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (codecs.BOM_UTF8 + b'{"up":1}', '{"up":1}'),
        (codecs.BOM_UTF16_LE + "grüße".encode("utf-16-le"), "grüße"),
        (codecs.BOM_UTF16_BE + "grüße".encode("utf-16-be"), "grüße"),
    ],
)
@pytest.mark.parametrize("content_type", [b"", b"application/json", PLAIN + b"koi8-r"])
def test_a_byte_order_mark_overrides_all_else_and_is_no_text(
    data: bytes, text: str, content_type: bytes
) -> None:
    assert decode(data, content_type) == text


@pytest.mark.parametrize(
    "declaration",
    [
        '<meta charset="windows-1251">',
        "<META CHARSET=windows-1251>",
        "<meta charset='cp1251' />",
        '<meta name="x" charset = "windows-1251">',
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        '<meta content="text/html;charset=cp1251" http-equiv=content-type>',
        '<!-- <meta charset="utf-8"> --><meta charset="windows-1251">',
        '<meta name="description" content="charset=utf-8"><meta charset="windows-1251">',
        '<meta charset="no-such-thing"><meta charset="windows-1251">',
        '<?xml version="1.0" encoding="windows-1251"?>',
    ],
)
@pytest.mark.parametrize("content_type", [b"text/html", b"application/xhtml+xml", b"text/xml", b""])
def test_the_document_may_name_its_charset_itself(declaration: str, content_type: bytes) -> None:
    data = f"{declaration}Привет".encode("cp1251")
    assert decode(data, content_type).endswith("Привет")


@pytest.mark.parametrize(
    ("content_type", "declaration"),
    [
        (b"text/plain", b'<meta charset="windows-1251">'),
        (b"application/json", b'<meta charset="windows-1251">'),
        (b"text/html; charset=utf-8", b'<meta charset="windows-1251">'),
        (b"text/html", b'<meta charset="utf-16">'),
        (b"text/html", b"<!-- <meta charset=windows-1251> -->"),
        (b"text/html", b" " * PRESCAN_BYTES + b'<meta charset="windows-1251">'),
        (b"text/html", b'<meta name="charset" content="charset=windows-1251">'),
    ],
)
def test_a_meta_that_does_not_count_leaves_the_text_as_utf_8(
    content_type: bytes, declaration: bytes
) -> None:
    assert decode(declaration + "Привет".encode(), content_type).endswith("Привет")


def test_json_is_utf_8_whatever_its_header_says_unless_it_cannot_be() -> None:
    kind = b"application/problem+json; charset=iso-8859-1"
    assert decode('"grüße"'.encode(), kind) == '"grüße"'
    assert decode('"grüße"'.encode("latin-1"), kind) == '"grüße"'
    assert decode('"hi"'.encode("utf-16-le"), b"application/json; charset=utf-16le") == '"hi"'


def test_text_without_a_charset_is_utf_8_or_windows_1252() -> None:
    assert decode("grüße".encode(), b"") == "grüße"
    assert decode(b"gr\xfc\xdfe \x80", b"") == "grüße €"
    assert decode(b"\xff " + "grüße".encode(), b"") == "\ufffd grüße"
    assert decode("grüße".encode() + b" \xff", b"") == "grüße \ufffd"
    assert decode("grüß".encode()[:-1], b"") == "grü\ufffd", "the body may be cut within a letter"


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_any_bytes_under_any_header_become_text(data: bytes, content_type: bytes) -> None:
    assert isinstance(decode(data, content_type), str)


@pytest.mark.parametrize("label", sorted(webencodings.labels.LABELS))
def test_every_label_of_the_standard_decodes_ascii_and_survives_any_byte(label: str) -> None:
    kind = PLAIN + label.encode()
    assert isinstance(decode(bytes(range(256)), kind), str)
    name = webencodings.labels.LABELS[label]
    if not name.startswith("utf-16") and name != "replacement":
        assert decode(b"all is well", kind) == "all is well"


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "shift_jis", "utf-16le", "windows-1252"])
def test_a_large_body_comes_in_parts_and_no_character_is_torn(charset: str) -> None:
    letter = "é" if charset == "windows-1252" else "あ"
    data = b"a" + f"{letter}b".encode(charset.replace("16le", "16-le")) * PART_BYTES
    if charset == "utf-16le":
        data = data[1:]
    parts = list(http_charset.decode(data, PLAIN + charset.encode()))
    assert len(parts) > 1
    assert "".join(parts).lstrip("a") == f"{letter}b" * PART_BYTES


async def test_a_page_in_a_charset_of_its_own_is_searched_as_people_read_it(tools: Tools) -> None:
    body = f'<html><head><meta charset="windows-1251"></head>{html.escape("Привет")}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body.encode("cp1251")
    async with served(answering(answer)) as port:
        check = HttpCheck(
            id=CheckId("c1"),
            name="web",
            url=f"http://127.0.0.1:{port}/",
            body_contains="Привет",
            body_regex="</head>Привет$",
        )
        assert (await probe_http(check, tools)).outcome is Outcome.OK
