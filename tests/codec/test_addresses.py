"""The strict rule for mail addresses that a person gives."""

import subprocess
import sys

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from qutrio.codec.addresses import parse_mailbox, require_mail_addresses
from qutrio.errors import InvalidValueError
from qutrio.model.channels import SmtpChannel, WebhookChannel
from qutrio.model.ids import ChannelId

GOOD = {
    "ops@example.org": ("", "ops@example.org"),
    "root@localhost": ("", "root@localhost"),
    "ops@mail.local": ("", "ops@mail.local"),
    "ops@mail.test": ("", "ops@mail.test"),
    "ops@host": ("", "ops@host"),
    "o.p+s_-%x@example.org": ("", "o.p+s_-%x@example.org"),
    "ops@Example.ORG": ("", "ops@example.org"),
    "ops@bücher.example": ("", "ops@xn--bcher-kva.example"),
    "ops@xn--bcher-kva.example": ("", "ops@xn--bcher-kva.example"),
    "jörg@例え.jp": ("", "jörg@xn--r8jz45g.jp"),
    "ops@[192.0.2.1]": ("", "ops@[192.0.2.1]"),
    "ops@[IPv6:2001:db8::1]": ("", "ops@[IPv6:2001:db8::1]"),
    '"night shift"@example.org': ("", '"night shift"@example.org'),
    '"a;b"@example.org': ("", '"a;b"@example.org'),
    '"a@b"@example.org': ("", '"a@b"@example.org'),
    '"plain"@example.org': ("", "plain@example.org"),
    "<ops@example.org>": ("", "ops@example.org"),
    "Ops <ops@example.org>": ("Ops", "ops@example.org"),
    "Ops (night)  <ops@example.org>": ("Ops (night)", "ops@example.org"),
    "Jörg Ö. <ops@example.org>": ("Jörg Ö.", "ops@example.org"),
    '"Doe, J" <ops@example.org>': ("Doe, J", "ops@example.org"),
    '"a \\"b\\" \\\\c" <ops@example.org>': ('a "b" \\c', "ops@example.org"),
}
BAD = {
    "": "@-sign",
    "ops": "@-sign",
    "@example.org": "before the @-sign",
    "ops@": "after the @-sign",
    "a@x;b@x": "each address on its own",
    "a@x,b@x": "each address on its own",
    "a@x, b@x": "each address on its own",
    "a@x b@x": "each address on its own",
    "a;b@example.org": "';'",
    'a"b@example.org': "@-sign",
    "a@exa:mple.org": "':'",
    "a@b@example.org": "'@'",
    "a b@example.org": "SPACE",
    " ops@example.org": "SPACE",
    "ops@example.org ": "SPACE",
    "ops@exam ple.org": "SPACE",
    "ops@-example.org": "hyphen",
    "ops@example..org": "two periods",
    "ops@example.org.": "period",
    ".ops@example.org": "period",
    "ops..x@example.org": "two periods",
    "ops@example.org:25": "':'",
    "mailto:ops@example.org": "':'",
    "a" * 65 + "@example.org": "too long",
    "ops@" + "b." * 130 + "org": "too long",
    "x" * 600 + "@b": "more than 512 characters",
    "ops@example.org\r\nBcc: evil@example.org": "control characters",
    "Ops\r\nBcc: x <ops@example.org>": "control characters",
    "ops\0@example.org": "control characters",
    "ops@exam\u200bple.org": "control characters",
    "Doe, J <ops@example.org>": "in quotes",
    "a@x <ops@example.org>": "in quotes",
    '"Doe <ops@example.org>': "in quotes",
    "Ops <ops@example.org> x": "anything after",
    "Ops <ops@example.org>, x@y": "each address on its own",
    "Ops ops@example.org>": "@-sign|invalid|SPACE",
    "Ops <>": "@-sign",
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_read_as_it_will_be_sent(text: str) -> None:
    box = parse_mailbox(text, "recipients")
    assert (box.display, box.address) == GOOD[text]
    assert box.text == text
    assert box.domain.isascii()
    assert box.needs_utf8 is not box.local.isascii()


@pytest.mark.parametrize("text", BAD, ids=[t[:30] for t in BAD])
def test_what_is_no_address_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidValueError, match=BAD[text]) as caught:
        parse_mailbox(text, "recipients")
    assert caught.value.field == "recipients"
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_a_list_of_senders_asks_for_one() -> None:
    with pytest.raises(InvalidValueError, match="give one address"):
        parse_mailbox("a@x, b@x", "sender")


@given(st.text(alphabet=st.sampled_from("a@x.\"<>,;:\\ ()[]\r\n\0ü\u2028'|\x7f-1"), max_size=20))
def test_no_text_gets_out_of_an_envelope(text: str) -> None:
    """What is read at all can stand between angle brackets in one line."""
    try:
        box = parse_mailbox(text, "sender")
    except InvalidValueError:
        return
    assert box.address.isprintable()
    assert box.display.isprintable()
    if not box.local.startswith('"'):
        assert set(box.address).isdisjoint('<>,;: "\\()')
    assert parse_mailbox(box.address, "sender").address == box.address


MAIL = SmtpChannel(
    id=ChannelId("m"), name="m", host="h", sender="q@example.org", recipients=("a@b", "c@d")
)


def test_every_address_of_a_new_channel_is_looked_at() -> None:
    require_mail_addresses(MAIL)
    for wrong in (
        evolve(MAIL, sender="a@x;b@x"),
        evolve(MAIL, recipients=("a@b", "a;b@example.org")),
    ):
        with pytest.raises(InvalidValueError):
            require_mail_addresses(wrong)


def test_an_edit_is_judged_by_what_it_changes() -> None:
    """Else a channel that an older version took could not even be disabled."""
    old = evolve(MAIL, sender="q;q@example.org", recipients=("a@x;b@x", "c@d"))
    require_mail_addresses(evolve(old, enabled=False), old)
    with pytest.raises(InvalidValueError, match="recipients"):
        require_mail_addresses(evolve(old, recipients=("a@x;b@x", "e@x;f@x")), old)
    with pytest.raises(InvalidValueError, match="sender"):
        require_mail_addresses(evolve(old, sender="r;r@example.org"), old)


def test_one_recipient_twice_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="given twice, also as 'a@b'"):
        require_mail_addresses(evolve(MAIL, recipients=("a@b", "A <a@B>")))
    with pytest.raises(InvalidValueError, match=r"^recipients: 'a@b' is given twice$"):
        require_mail_addresses(evolve(MAIL, recipients=("a@b", "a@b")))


def test_other_channels_have_no_addresses() -> None:
    require_mail_addresses(WebhookChannel(id=ChannelId("w"), name="w", url="https://example.org/"))


def test_the_library_is_loaded_only_when_an_address_is_read() -> None:
    """It would slow down the start of every command."""
    program = "import sys, qutrio.codec.addresses; sys.exit('email_validator' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
