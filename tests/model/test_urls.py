"""URLs: stored in ASCII, shown as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qutrio.model.urls import ascii_url, masked_url, quotable_url, shown_url

ENCODED = [
    ("http://münchen.example/", "http://xn--mnchen-3ya.example/"),
    ("http://MÜNCHEN.Example:8080/a", "http://xn--mnchen-3ya.example:8080/a"),
    ("http://mu\u0308nchen.example/", "http://xn--mnchen-3ya.example/"),
    ("http://m%C3%BCnchen.example/", "http://xn--mnchen-3ya.example/"),
    ("http://例え。テスト/", "http://xn--r8jz45g.xn--zckzah/"),
    ("http://faß.example/", "http://xn--fa-hia.example/"),
    ("http://☃.example/", "http://xn--n3h.example/"),
    ("http://💩.example/", "http://xn--ls8h.example/"),
    ("http://\uff11\uff12\uff17.0.0.1/", "http://127.0.0.1/"),
    ("http://a_b.münchen.example./", "http://a_b.xn--mnchen-3ya.example./"),
    ("http://münchen.example", "http://xn--mnchen-3ya.example"),
    ("http://example.org/straße", "http://example.org/stra%C3%9Fe"),
    ("http://example.org/a?q=grüße&x#ö", "http://example.org/a?q=gr%C3%BC%C3%9Fe&x#%C3%B6"),
    ("http://example.org/%41é", "http://example.org/%41%C3%A9"),
    ("http://[::1]:81/é", "http://[::1]:81/%C3%A9"),
    ("http://é@example.org/", "http://%C3%A9@example.org/"),
    ("http://example.org/?", "http://example.org/?"),
    ("http://example.org/%C3%A9", "http://example.org/%C3%A9"),
    ("http://[fe80::1%25eth0]:8085/", "http://[fe80::1%25eth0]:8085/"),
]


@pytest.mark.parametrize(("given_as", "stored"), ENCODED)
def test_a_url_is_stored_in_ascii(given_as: str, stored: str) -> None:
    assert ascii_url(given_as) == stored
    assert ascii_url(stored) == stored


@pytest.mark.parametrize(
    "url",
    [
        "http://\u0308a.example/",
        "http://a\u200db.example/",
        "http://aא.example/",
        "http://ä b.example/",
        "http://ä%00.example/",
        "http://%ff.example/",
        "http://ä..example/",
        "http://.ä.example/",
        "http://\ufffd.example/",
        "http://" + "ä" * 60 + ".example/",
        "http://" + "ä." * 40 + "example/",
        "http://[ä/",
    ],
)
def test_a_host_that_no_browser_accepts_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ascii_url(url)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("http://example.org/a%20b", "http://example.org/a%20b"),
        ("http://example.org/", "http://example.org/"),
        (
            "http://xn--mnchen-3ya.example:81/",
            "http://xn--mnchen-3ya.example:81/ (http://münchen.example:81/)",
        ),
        ("http://xn--r8jz45g.xn--zckzah/", "http://xn--r8jz45g.xn--zckzah/ (http://例え.テスト/)"),
        (
            "http://h/stra%C3%9Fe?a=%C3%BC%26#%C3%B6",
            "http://h/stra%C3%9Fe?********#******** (http://h/straße?********#********)",
        ),
        ("http://h/stra%DFe", "http://h/stra%DFe"),
        ("http://h/%E2%80%AEgnp", "http://h/%E2%80%AEgnp"),
        ("http://xn--99999999999/", "http://xn--99999999999/"),
        ("http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/"),
    ],
)
def test_people_see_both_forms_unless_they_are_the_same_or_deceive(stored: str, shown: str) -> None:
    assert shown_url(stored) == shown


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_an_accepted_url_is_ascii_and_is_accepted_again_unchanged(host: str, path: str) -> None:
    try:
        stored = ascii_url(f"http://{host}/{path}")
    except ValueError:
        return
    assert stored.isascii()
    assert ascii_url(stored) == stored
    assert shown_url(stored).startswith(masked_url(stored))


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://h:81/a/b", "http://h:81/a/b"),
        ("http://h?k=v", "http://h?********"),
        ("http://h/p?", "http://h/p?"),
        ("http://h/p?a=b?c#d?e", "http://h/p?********#********"),
        ("http://h/p#a@b", "http://h/p#********"),
        ("http://u:p@h/p?a@b", "http://********@h/p?********"),
        ("http://[::1]:8/p?x", "http://[::1]:8/p?********"),
    ],
)
def test_query_fragment_and_user_are_masked_and_nothing_else(url: str, masked: str) -> None:
    assert masked_url(url) == masked
    assert masked_url(masked) == masked


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=9, max_size=20))
def test_no_query_fragment_or_user_is_ever_shown(secret: str) -> None:
    for url in (f"http://h/?{secret}", f"http://h/#{secret}", f"http://{secret}:{secret}@h/"):
        assert secret not in shown_url(url)
        assert secret not in quotable_url(url)
        assert secret not in quotable_url(f"!{url}")


@pytest.mark.parametrize(
    ("given_as", "quoted"),
    [
        ("ftp://x/y?z", "'ftp://x/y'"),
        ("example.org", ""),
        ("http://a?b@h/", "'http://********'"),
        ("http://" + "x" * 100, repr("http://" + "x" * 73)),
    ],
)
def test_an_error_quotes_only_parts_that_cannot_be_secret(given_as: str, quoted: str) -> None:
    assert quotable_url(given_as) == quoted


@pytest.mark.parametrize("url", ["http:///straße", "http://münchen.example:é/"])
def test_a_url_in_other_letters_needs_a_host_and_a_port_of_digits(url: str) -> None:
    with pytest.raises(ValueError, match="host"):
        ascii_url(url)
