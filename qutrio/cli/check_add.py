"""`qutrio check add`: one command for each kind of check, with an option for each of its fields."""

from typing import Final

from qutrio.cli.command_groups import command_group
from qutrio.cli.item_commands import register_add
from qutrio.codec.check_fields import CHECKS

app = command_group("Add a check.", "check add http web https://example.org/")

KINDS: Final = {
    "http": ("Watch a web page or an HTTP service.", "web https://example.org/ --interval 30s"),
    "tcp": ("Watch a TCP port, which must accept connections.", "database db.example.org:5432"),
    "icmp": ("Watch a host, which must answer a ping (ICMP echo).", "gateway 192.0.2.1"),
    "tls": (
        "Watch a TLS server and the remaining validity of its certificate.",
        "mail mail.example.org:993 --warn-days 21",
    ),
    "dns": (
        "Watch a DNS name, which must have records, or exactly the given ones.",
        "zone example.org --record mx --contains mail.",
    ),
}
"""What each kind is for, and an example."""
register_add(app, "check", CHECKS, KINDS)
