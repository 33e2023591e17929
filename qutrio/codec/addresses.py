"""Mail addresses: one strict rule for every place where a person gives one.

The rule is that of the email-validator library, without asking the DNS: a name of one label and
names that are special, such as `ops@localhost` or `ops@mail.local`, are what a mail server inside
a company has.  A display name may stand before an address in angle brackets.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from qutrio.errors import InvalidValueError
from qutrio.model.channels import Channel, SmtpChannel
from qutrio.model.rules import shown

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

ADDRESS_CHARS_MAX = 512
"""Of a text with a display name; an address alone has at most 254."""
_SHOWN_CHARS_MAX = 80
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NEEDS_QUOTES = frozenset('@,;:<>"\\')


@frozen
class Mailbox:
    """A mail address, ready to be sent.

    `text` is what the person wrote.  `local` is quoted where it has to be, and may hold letters
    that are not ASCII; `domain` is in ASCII.
    """

    text: str
    display: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        """The address as it stands in an envelope."""
        return f"{self.local}@{self.domain}"

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it."""
        return not self.local.isascii()


def parse_mailbox(text: str, field: str) -> Mailbox:
    """Read `ops@example.org` or `Night shift <ops@example.org>`.

    The first call imports a library, which takes some 60 ms.

    Raises:
        InvalidValueError: names `field`, and says what is wrong with the text.

    """
    display, address = _split(text, field)
    try:
        found = _validator()(address)
    except ValueError as error:
        raise _refusal(text, field, _words(str(error), address, field)) from None
    return Mailbox(text, display, found.local_part, found.ascii_domain)


def require_mail_addresses(channel: Channel, was: Channel | None = None) -> None:
    """Refuse a mail channel with an address that is not one, or with a recipient given twice.

    Addresses that `was`, the channel before the edit, holds already are not looked at: versions
    before this rule may have taken them.

    Raises:
        InvalidValueError: names the field and the address.

    """
    if not isinstance(channel, SmtpChannel):
        return
    known = {was.sender, *was.recipients} if isinstance(was, SmtpChannel) else set[str]()
    if channel.sender not in known:
        parse_mailbox(channel.sender, "sender")
    given = dict[str, str]()
    for text in channel.recipients:
        if text not in known:
            address = parse_mailbox(text, "recipients").address
            if address in given:
                also = "" if given[address] == text else f", also as {shown(given[address])}"
                raise InvalidValueError("recipients", f"{shown(text)} is given twice{also}")
            given[address] = text


def _split(text: str, field: str) -> tuple[str, str]:
    """Return display name and address."""
    if len(text) > ADDRESS_CHARS_MAX:
        raise _refusal(text, field, f"it has more than {ADDRESS_CHARS_MAX} characters")
    if not text.isprintable():
        raise _refusal(text, field, "it holds control characters")
    if not text.endswith(">"):
        return "", text
    before, _, address = text[:-1].rpartition("<")
    display = before.strip()
    quoted = _QUOTED.fullmatch(display)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1]).strip(), address
    if not _NEEDS_QUOTES.isdisjoint(display):
        raise _refusal(text, field, f'write its name in quotes, as in "Doe, J" <{address}>')
    return display, address


def _validator() -> Callable[[str], "ValidatedEmail"]:
    """Load the library late: most commands and most nodes never need it."""
    import email_validator  # noqa: PLC0415 - see above

    # This is the library's documented way to accept names such as mail.local and localhost.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

    def validate(address: str) -> "ValidatedEmail":
        return email_validator.validate_email(
            address,
            check_deliverability=False,
            globally_deliverable=False,
            allow_quoted_local=True,
            allow_domain_literal=True,
            strict=True,
        )

    return validate


def _words(problem: str, address: str, field: str) -> str:
    """Return what the library says, or a hint for the commonest slip: a list in one text."""
    if address.count("@") > 1 and re.search(r"[,;\s]", address):
        several = field == "recipients"
        return "give each address on its own (--to A --to B)" if several else "give one address"
    return problem[:1].lower() + problem[1:].rstrip(".")


def _refusal(text: str, field: str, problem: str) -> InvalidValueError:
    shown = text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 3] + "..."
    return InvalidValueError(field, f"{shown!r} is not a mail address: {problem}")
