"""`qutrio check add icmp`, `tls` and `dns`: hosts, certificates and names."""

from typing import Annotated

import typer

from qutrio.cli import options as opt
from qutrio.cli.asking import ask, committed, given
from qutrio.cli.check_add import Name
from qutrio.cli.nouns import verb

app = verb()
"""These commands; `qutrio check` puts them beside those of `check_add`."""


@app.command(epilog="Example: qutrio check add icmp gateway 192.0.2.1")
def icmp(
    name: Name,
    host: Annotated[str, typer.Argument(help="A host name or an address.")],
    *,
    interval: opt.Interval = None,
    timeout: opt.Timeout = None,
    retries: opt.Retries = None,
    ip_family: opt.IpFamily = None,
    each_address: opt.EachAddress = None,
    resolver: opt.Resolvers = None,
    alert: opt.Alerts = None,
    disabled: opt.Disabled = False,
    as_json: opt.AsJson = False,
) -> None:
    """Watch a host: it must answer a ping (ICMP echo)."""
    check = given(
        kind="icmp",
        name=name,
        host=host,
        interval=interval,
        timeout=timeout,
        retries=retries,
        ip_family=ip_family,
        each_address=each_address,
        resolvers=resolver,
        alerts=alert,
        enabled=not disabled,
    )
    committed(f"check {name} added", ask("check.add", check=check), as_json=as_json)


@app.command(epilog="Example: qutrio check add tls mail mail.example.org:993 --warn-days 21")
def tls(
    name: Name,
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where to connect.")],
    *,
    interval: opt.Interval = None,
    timeout: opt.Timeout = None,
    retries: opt.Retries = None,
    server_name: opt.ServerName = None,
    warn_days: opt.WarnDays = None,
    fail_days: opt.FailDays = None,
    verify_chain: opt.VerifyChain = None,
    verify_name: opt.VerifyName = None,
    ip_family: opt.IpFamily = None,
    each_address: opt.EachAddress = None,
    resolver: opt.Resolvers = None,
    alert: opt.Alerts = None,
    disabled: opt.Disabled = False,
    as_json: opt.AsJson = False,
) -> None:
    """Watch a TLS server and how long its certificate is still valid."""
    check = given(
        kind="tls",
        name=name,
        address=address,
        interval=interval,
        timeout=timeout,
        retries=retries,
        server_name=server_name,
        warn_days=warn_days,
        fail_days=fail_days,
        verify_chain=verify_chain,
        verify_name=verify_name,
        ip_family=ip_family,
        each_address=each_address,
        resolvers=resolver,
        alerts=alert,
        enabled=not disabled,
    )
    committed(f"check {name} added", ask("check.add", check=check), as_json=as_json)


@app.command(epilog="Example: qutrio check add dns zone example.org --record mx --contains mail.")
def dns(
    name: Name,
    host: Annotated[str, typer.Argument(help="The name to ask for.")],
    *,
    interval: opt.Interval = None,
    timeout: opt.Timeout = None,
    retries: opt.Retries = None,
    record: opt.RecordType = None,
    contains: opt.Contains = None,
    records: opt.Records = None,
    resolver: opt.Resolvers = None,
    alert: opt.Alerts = None,
    disabled: opt.Disabled = False,
    as_json: opt.AsJson = False,
) -> None:
    """Watch a DNS name: it must have records, or just these records."""
    check = given(
        kind="dns",
        name=name,
        host=host,
        interval=interval,
        timeout=timeout,
        retries=retries,
        record=record,
        contains=contains,
        records=records,
        resolvers=resolver,
        alerts=alert,
        enabled=not disabled,
    )
    committed(f"check {name} added", ask("check.add", check=check), as_json=as_json)
