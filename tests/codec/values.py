"""Hypothesis strategies for every value that crosses a codec, looked up by type."""

import types
from enum import Enum
from functools import cache
from typing import Any, NewType, get_args, get_origin

import attrs
import hypothesis.strategies as st

from qutrio.codec.converter import UNIX_MAX
from qutrio.codec.extra import json_text
from qutrio.core.api.mutations import Batch
from qutrio.model.channels import DiscordChannel, SmtpChannel, UnknownChannel, WebhookChannel
from qutrio.model.check_base import IpFamily
from qutrio.model.checks import HttpCheck, StatusRange, TcpCheck, UnknownCheck
from qutrio.model.dns_check import DnsCheck, RecordType
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.edits import Edit
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.ids import Extra, RequestId, UnixTime
from qutrio.model.incidents import Ledger, NoticeKind, UnknownKind
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member, Token
from qutrio.model.tls_check import TlsCheck

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
idents = st.from_regex(r"[a-z][0-9a-f]{1,11}", fullmatch=True)
lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=30)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
reals = st.floats(0, 1e12, allow_nan=False)
moments = st.floats(0, UNIX_MAX, allow_nan=False)
counts = st.integers(0, 2**53)
addresses = st.sampled_from(["127.0.0.1:9901", "[::1]:1", "node.example.org:65535"])
urls = st.sampled_from(["https://example.org/x?y=z", "http://127.0.0.1:81/", "http://[::1]/"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(-1e9, 1e9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
extras: st.SearchStrategy[Extra] = st.dictionaries(
    texts.map("x_".__add__), json_values.map(json_text), max_size=2
).map(lambda fields: tuple(sorted(fields.items())))
status_ranges = st.tuples(st.integers(100, 599), st.integers(100, 599)).map(
    lambda pair: StatusRange(min(pair), max(pair))
)
headers = st.tuples(st.from_regex(r"[A-Za-z-]{1,10}", fullmatch=True), lines)
maybe_text = st.none() | texts
base = {
    "id": idents,
    "name": names,
    "interval_s": st.floats(1, 86_400),
    "timeout_s": st.floats(0.1, 300),
    "retries": st.integers(0, 10),
    "enabled": st.booleans(),
    "alerts": st.lists(texts, max_size=3).map(tuple),
    "changed": counts,
    "resolvers": st.lists(
        st.sampled_from(["192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53"]), max_size=2
    ).map(tuple),
    "extra": extras,
}
http_checks = st.builds(
    HttpCheck,
    **base,
    url=urls,
    method=st.sampled_from(["GET", "POST"]),
    headers=st.lists(headers, max_size=3).map(tuple),
    body=maybe_text,
    expect_status=st.lists(status_ranges, min_size=1, max_size=3).map(tuple),
    body_contains=maybe_text,
    body_regex=st.none() | st.just(r"^\w+\s*$"),
    redirects_max=st.integers(0, 20),
    verify_tls=st.booleans(),
    basic_user=maybe_text,
    basic_password=maybe_text,
    body_bytes_max=st.integers(1, 16 * 1024 * 1024),
)
tcp_checks = st.builds(TcpCheck, **base, address=addresses)
hosts = st.sampled_from(["example.org", "a.b.example.", "localhost"])
literals = st.sampled_from(["192.0.2.1", "2001:db8::1"])
families = st.sampled_from(list(IpFamily))
icmp_checks = st.builds(IcmpCheck, **base, host=hosts, ip_family=families) | st.builds(
    IcmpCheck, **base, host=literals
)
tls_checks = st.builds(
    TlsCheck,
    **base,
    address=addresses,
    server_name=st.none() | hosts | literals,
    warn_days=st.integers(10, 3650),
    fail_days=st.integers(0, 10),
    verify_chain=st.booleans(),
    verify_name=st.booleans(),
)
records = {
    RecordType.A: st.ip_addresses(v=4).map(str),
    RecordType.AAAA: st.ip_addresses(v=6).map(str),
    RecordType.CNAME: hosts,
    RecordType.MX: hosts.map("10 ".__add__),
    RecordType.TXT: lines.filter(bool),
    RecordType.NS: hosts,
}
dns_base = {**base, "host": hosts}
dns_checks = st.one_of(
    *(
        st.builds(
            DnsCheck,
            **dns_base,
            record=st.just(kind),
            records=st.lists(expected, max_size=3, unique=True).map(tuple),
        )
        for kind, expected in records.items()
    ),
    st.builds(
        DnsCheck,
        **dns_base,
        record=st.sampled_from(list(RecordType)),
        contains=st.none() | names,
    ),
)
unknown_checks = st.builds(UnknownCheck, **base, kind_name=lines.map("future-".__add__))
checks = http_checks | tcp_checks | icmp_checks | tls_checks | dns_checks | unknown_checks
channel_base = {
    "id": idents,
    "name": names,
    "default": st.booleans(),
    "enabled": st.booleans(),
    "extra": extras,
}
mail_addresses = st.sampled_from(["a@b", "ops@example.org"])
smtp_channels = st.builds(
    SmtpChannel,
    **channel_base,
    host=st.just("mail.example.org"),
    password=maybe_text,
    sender=mail_addresses,
    recipients=st.lists(mail_addresses, min_size=1, max_size=3).map(tuple),
)
webhook_channels = st.builds(WebhookChannel, **channel_base, url=urls, secret=maybe_text)
discord_channels = st.builds(DiscordChannel, **channel_base, url=urls)
unknown_channels = st.builds(UnknownChannel, **channel_base, kind_name=lines.map("future-".__add__))
channels = smtp_channels | webhook_channels | discord_channels | unknown_channels
settings = st.builds(
    Settings,
    engine=lines,
    heartbeat_s=st.floats(0.1, 10),
    dead_after_s=st.floats(30, 600),
    master_cooldown_s=st.floats(0, 86_400),
    confirm_after_s=st.floats(0, 3600),
    unseen_after_s=st.just(0.0) | st.floats(120, 3600),
    extra=extras,
)
members = st.builds(
    Member,
    id=idents,
    name=names,
    address=addresses,
    fingerprint=texts,
    certificate=texts,
    voter=st.booleans(),
    extra=extras,
)
tokens = st.builds(
    Token,
    id=idents,
    secret_hash=texts,
    name=st.none() | names,
    created_unix=moments,
    expires_unix=moments,
    auto_approve=st.booleans(),
    claimant=st.none() | members,
    extra=extras,
)


def collection(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Tuples as the document requires them: sorted by id, with unique ids and names."""
    return st.lists(items, max_size=3, unique_by=(lambda i: i.id, lambda i: i.name)).map(
        lambda found: tuple(sorted(found, key=lambda i: i.id))
    )


edits = st.builds(
    Edit,
    item=texts,
    revision=counts,
    at_unix=moments,
    node=idents,
    name=names,
    door=texts,
    uid=st.none() | counts,
    extra=extras,
)
documents = st.builds(
    ClusterDocument,
    cluster_id=texts,
    revision=counts,
    term=counts,
    settings=settings,
    members=collection(members),
    tokens=collection(tokens),
    checks=collection(checks),
    channels=collection(channels),
    level=st.integers(1, LEVEL),
    last_change=st.none() | edits,
    edits=st.lists(edits, max_size=2).map(tuple),
    extra=extras,
)
KNOWN_KINDS = frozenset(kind.value for kind in NoticeKind)
EXPLICIT: dict[Any, st.SearchStrategy[Any]] = {
    int: counts,
    float: reals,
    bool: st.booleans(),
    str: texts,
    types.NoneType: st.none(),
    HttpCheck: http_checks,
    TcpCheck: tcp_checks,
    IcmpCheck: icmp_checks,
    TlsCheck: tls_checks,
    DnsCheck: dns_checks,
    UnknownCheck: unknown_checks,
    Settings: settings,
    Member: members,
    Token: tokens,
    ClusterDocument: documents,
    RequestId: idents,
    UnixTime: moments,
    SmtpChannel: smtp_channels,
    WebhookChannel: webhook_channels,
    DiscordChannel: discord_channels,
    UnknownChannel: unknown_channels,
    UnknownKind: st.builds(UnknownKind, texts.filter(lambda name: name not in KNOWN_KINDS)),
}


@cache
def values(shape: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for all values of a type."""
    if shape in EXPLICIT:
        return EXPLICIT[shape]
    if isinstance(shape, NewType):
        return values(shape.__supertype__)
    if origin := get_origin(shape):
        options = get_args(shape)
        return tuples(*options) if origin is tuple else st.one_of([*map(values, options)])
    if isinstance(shape, type) and issubclass(shape, Enum):
        return st.sampled_from(list(shape))
    if shape is Batch:
        return st.just(Batch(mutations=()))  # their own test puts something in
    fields = {a.name: values(a.type) for a in attrs.fields(shape) if a.name != "extra"}
    if "extra" in attrs.fields_dict(shape):
        fields["extra"] = extras
    built = st.builds(shape, **fields)
    return built.map(Ledger.well_formed) if shape is Ledger else built


def tuples(first: Any, *rest: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for tuples of a type."""
    if rest == (Ellipsis,):
        return st.lists(values(first), max_size=2).map(tuple)
    return st.tuples(*(values(option) for option in (first, *rest)))
