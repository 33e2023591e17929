"""`qutrio alert add`: one command for each kind of channel, with an option for each field."""

from typing import Final

from qutrio.cli.command_groups import command_group
from qutrio.cli.item_commands import register_add
from qutrio.codec.channel_fields import CHANNELS

app = command_group("Add an alert channel.", "alert add webhook ops https://hooks.example.org/x")

KINDS: Final = {
    "smtp": (
        "Send notices by mail.",
        "ops --host mail.example.org --from qutrio@example.org --to oncall@example.org",
    ),
    "webhook": (
        "Send notices to a program: JSON by POST, signed when a secret is given.",
        "hook https://example.org/hook",
    ),
    "discord": (
        "Send notices to a Discord channel through its webhook.",
        "team @/root/discord-webhook-url",
    ),
}
"""What each kind is for, and an example."""

register_add(app, "alert", CHANNELS, KINDS)
