"""`qutrio alert add`: one command for each kind of alert channel."""

from typing import Annotated

import typer

from qutrio.cli import options as opt
from qutrio.cli.command_groups import command_group
from qutrio.cli.inputs import Inputs
from qutrio.cli.requests import ask, committed, given

app = command_group("Add an alert channel.", "alert add webhook ops https://hooks.example.org/x")

Name = Annotated[str, typer.Argument(help="A name for people: letters, digits, '.', '_', '-'.")]
Url = Annotated[str, typer.Argument(help=f"https://...; {opt.SECRET_HELP}")]


@app.command(
    epilog="Example: qutrio alert add smtp ops --host mail.example.org "
    "--from qutrio@example.org --to oncall@example.org"
)
def smtp(
    name: Name,
    *,
    host: Annotated[str, typer.Option("--host", help="Mail server.")],
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Sender address.")],
    to: Annotated[
        list[str], typer.Option("--to", metavar="ADDRESS", help="Recipient; repeatable.")
    ],
    port: opt.SmtpPort = None,
    security: opt.Security = None,
    username: opt.Username = None,
    password: opt.Password = None,
    verify_tls: opt.VerifyTls = None,
    default: opt.Default = None,
    as_json: opt.AsJson = False,
) -> None:
    """Send notices by mail."""
    inputs = Inputs()
    channel = given(
        kind="smtp",
        name=name,
        host=host,
        port=port,
        security=security,
        username=username,
        password=inputs.line(password, "--password"),
        sender=sender,
        recipients=to,
        verify_tls=verify_tls,
        default=default,
    )
    _add(name, channel, as_json=as_json)


@app.command(epilog="Example: qutrio alert add webhook hook https://example.org/hook")
def webhook(
    name: Name,
    url: Url,
    *,
    secret_key: opt.Secret = None,
    verify_tls: opt.VerifyTls = None,
    default: opt.Default = None,
    as_json: opt.AsJson = False,
) -> None:
    """Send notices to a program: JSON by POST, signed when a secret is given."""
    inputs = Inputs()
    channel = given(
        kind="webhook",
        name=name,
        url=inputs.line(url, "url"),
        secret=inputs.line(secret_key, "--secret"),
        verify_tls=verify_tls,
        default=default,
    )
    _add(name, channel, as_json=as_json)


@app.command(epilog="Example: qutrio alert add discord team @/root/discord-webhook-url")
def discord(name: Name, url: Url, default: opt.Default = None, as_json: opt.AsJson = False) -> None:
    """Send notices to a Discord channel through its webhook."""
    inputs = Inputs()
    channel = given(kind="discord", name=name, url=inputs.line(url, "url"), default=default)
    _add(name, channel, as_json=as_json)


def _add(name: str, channel: dict[str, object], *, as_json: bool) -> None:
    committed(f"alert {name} added", ask("alert.add", channel=channel), as_json=as_json)
