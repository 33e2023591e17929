"""The fields of each kind of check, in the order in which they are written."""

from collections.abc import Mapping
from typing import Final

from qutrio.codec import fields
from qutrio.codec.field import NAMED, OPTIONAL_TEXT, Field, Kinds, choice, hidden, span
from qutrio.model.check_base import CheckBase, IpFamily
from qutrio.model.checks import HttpCheck, TcpCheck, UnknownCheck
from qutrio.model.dns_check import DnsCheck, RecordType
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.rules import MASK
from qutrio.model.tls_check import TlsCheck
from qutrio.model.urls import masked_url


def _masked_headers(pairs: tuple[tuple[str, str], ...]) -> object:
    return fields.format_headers(tuple((name, MASK) for name, _ in pairs))


_ADDRESS: Final = Field("address", fields.text, help="Where to connect.", form="HOST:PORT")
_DIALLED: Final = (
    choice("ip_family", IpFamily, "Which addresses to dial [any]."),
    Field(
        "each_address",
        fields.flag,
        help="Whether all addresses of the host must succeed, or one is enough [one].",
    ),
)
_COMMON: Final = (
    span("interval", "Time between probes [30s]."),
    span("timeout", "Time limit of an attempt [10s]."),
    Field("retries", fields.whole, help="Attempts after a failed one [0]."),
    Field("enabled", fields.flag),
    Field("alerts", fields.texts, list, help="Notify this channel too; repeatable.", form="NAME"),
    Field(
        "resolvers",
        fields.listed,
        list,
        help="Name server to ask in place of the node's own; repeatable, in order.",
        form="ADDRESS",
    ),
    Field("changed", fields.whole),
)
_HTTP: Final = (
    Field("method", fields.text, help="HTTP method [GET]."),
    Field(
        "headers",
        fields.headers,
        fields.format_headers,
        mask=_masked_headers,
        help="Request header; repeatable.",
        form="'NAME: VALUE'",
    ),
    hidden("body", "Request body.", multiline=True),
    Field(
        "expect_status",
        fields.status_ranges,
        fields.format_status_ranges,
        help="Such as 200,300-399; repeatable [200-299].",
        form="CODES",
    ),
    hidden("body_contains", "Text the body must contain.", multiline=True),
    hidden("body_not_contains", "Text the body must not contain.", multiline=True),
    hidden("body_regex", "Pattern that must match in the body."),
    Field("redirects_max", fields.whole, help="Redirects to follow [5]."),
    Field("verify_tls", fields.flag, help="Whether certificates must be valid [yes]."),
    hidden("basic_user", "User for basic authentication."),
    hidden("basic_password", "Its password."),
    hidden("bearer_token", "Bearer token."),
    *_DIALLED,
    Field(
        "body_max",
        fields.size,
        fields.format_size,
        "body_bytes_max",
        help="Most bytes to read [1MiB].",
        form="SIZE",
    ),
)
_TLS: Final = (
    Field(
        "server_name", OPTIONAL_TEXT, help="Name to send (SNI) and to verify [HOST].", form="NAME"
    ),
    Field("warn_days", fields.whole, help="Warn when fewer days are left [14]."),
    Field("fail_days", fields.whole, help="Fail when fewer days are left [0]."),
    Field("verify_chain", fields.flag, help="Whether a known authority must have signed it [yes]."),
    Field("verify_name", fields.flag, help="Whether it must be valid for that name [yes]."),
    *_DIALLED,
)
_DNS: Final = (
    choice("record", RecordType, "Type of record [a]."),
    Field("contains", OPTIONAL_TEXT, help="Text that one record must contain."),
    Field(
        "records",
        fields.texts,
        list,
        help="The exact set of records; repeat for each record.",
        form="VALUE",
    ),
)
_URL: Final = Field("url", fields.hidden_text, mask=masked_url, help="An http:// or https:// URL.")
_HOST: Final = Field("host", fields.text, help="A host name or an address.")
_NAME: Final = Field("host", fields.text, help="The name to look up.")
CHECK_FIELDS: Final[Mapping[type[CheckBase], tuple[Field, ...]]] = {
    HttpCheck: (*NAMED, _URL, *_COMMON, *_HTTP),
    TcpCheck: (*NAMED, _ADDRESS, *_COMMON, *_DIALLED),
    IcmpCheck: (*NAMED, _HOST, *_COMMON, *_DIALLED),
    TlsCheck: (*NAMED, _ADDRESS, *_COMMON, *_TLS),
    DnsCheck: (*NAMED, _NAME, *_COMMON, *_DNS),
    UnknownCheck: (*NAMED, *_COMMON),
}
"""`kind` is not among them."""
CHECKS: Final = Kinds(
    {cls.kind: cls for cls in CHECK_FIELDS if cls is not UnknownCheck}, UnknownCheck
)
