"""`qutrio check add icmp`, `tls` and `dns`: watch hosts, certificates and names."""

from typing import Annotated

import typer

from qutrio.cli import options as opt
from qutrio.cli.check_adding import watches
from qutrio.cli.command_groups import verb

app = verb()
"""These commands; `qutrio check` adds them to those of `check_add`."""


@watches(app, "icmp gateway 192.0.2.1")
def icmp(
    host: Annotated[str, typer.Argument(help="A host name or an address.")],
) -> dict[str, object]:
    """Watch a host, which must answer a ping (ICMP echo)."""
    return {"host": host}


@watches(app, "tls mail mail.example.org:993 --warn-days 21")
def tls(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where to connect.")],
    *,
    server_name: opt.ServerName = None,
    warn_days: opt.WarnDays = None,
    fail_days: opt.FailDays = None,
    verify_chain: opt.VerifyChain = None,
    verify_name: opt.VerifyName = None,
) -> dict[str, object]:
    """Watch a TLS server and the remaining validity of its certificate."""
    return {
        "address": address,
        "server_name": server_name,
        "warn_days": warn_days,
        "fail_days": fail_days,
        "verify_chain": verify_chain,
        "verify_name": verify_name,
    }


@watches(app, "dns zone example.org --record mx --contains mail.", dials=False)
def dns(
    host: Annotated[str, typer.Argument(help="The name to look up.")],
    *,
    record: opt.RecordType = None,
    contains: opt.Contains = None,
    records: opt.Records = None,
) -> dict[str, object]:
    """Watch a DNS name, which must have records, or exactly the given ones."""
    return {"host": host, "record": record, "contains": contains, "records": records}
