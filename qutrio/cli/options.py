"""Options that several commands share, each declared once with its help."""

from typing import Annotated, TypeAlias

import typer

from qutrio.cli import completing as tab
from qutrio.errors import InvalidValueError

SECRET_HELP = "'-' reads it from standard input, '@FILE' from a file; '@@' means '@'."  # noqa: S105


def not_empty(parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse an option that is there and empty, as from a variable of a shell that is not set."""
    if value == "":
        raise InvalidValueError(parameter.opts[0], "is empty; give a value, or leave it out")
    return value


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Directory: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--dir",
        envvar="QUTRIO_DIR",
        metavar="PATH",
        help="The data directory.",
        callback=not_empty,
    ),
]
NodeName: TypeAlias = Annotated[
    str | None,
    typer.Option("--name", envvar="QUTRIO_NAME", help="This node's name.", callback=not_empty),
]
Advertise: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--advertise",
        envvar="QUTRIO_ADVERTISE",
        metavar="HOST:PORT",
        help="Where the other nodes dial this one.",
        callback=not_empty,
    ),
]
Bind: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--bind",
        envvar="QUTRIO_BIND",
        metavar="ADDRESS",
        help="Where to listen.",
        callback=not_empty,
    ),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option("--port", envvar="QUTRIO_PORT", min=1, max=65535, help="TCP port for nodes."),
]
Unset: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="FIELD", help="Put a field back to its default; repeatable."),
]

CheckName: TypeAlias = Annotated[
    str, typer.Argument(help="The check's name or id.", autocompletion=tab.check_names)
]
Interval: TypeAlias = Annotated[
    str | None, typer.Option("--interval", metavar="TIME", help="Time between probes [30s].")
]
Timeout: TypeAlias = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="Time limit of an attempt [10s].")
]
Retries: TypeAlias = Annotated[
    int | None, typer.Option("--retries", help="Attempts after a failed one [0].")
]
Alerts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--alert",
        metavar="NAME",
        help="Tell this channel too; repeatable.",
        autocompletion=tab.channel_names,
    ),
]
Disabled: TypeAlias = Annotated[
    bool, typer.Option("--disabled", help="Add it without watching it yet.")
]
IpFamily: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--ip-family",
        metavar="any|4|6",
        help="Which addresses to dial.",
        autocompletion=tab.words("any", "4", "6"),
    ),
]
Resolvers: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--resolver",
        metavar="ADDRESS",
        help="Name server to ask in place of the node's own; repeatable, in order.",
    ),
]
ServerName: TypeAlias = Annotated[
    str | None,
    typer.Option("--server-name", metavar="NAME", help="Name to send (SNI) and to verify [HOST]."),
]
WarnDays: TypeAlias = Annotated[
    int | None, typer.Option("--warn-days", help="Say so when fewer days are left [14].")
]
FailDays: TypeAlias = Annotated[
    int | None, typer.Option("--fail-days", help="Fail when fewer days are left [0].")
]
VerifyChain: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--verify-chain/--no-verify-chain", help="Whether an authority must have signed it."
    ),
]
VerifyName: TypeAlias = Annotated[
    bool | None,
    typer.Option("--verify-name/--no-verify-name", help="Whether it must be for that name."),
]
RecordType: TypeAlias = Annotated[
    str | None,
    typer.Option("--record", metavar="a|aaaa|cname|mx|txt|ns", help="Type of record [a]."),
]
Contains: TypeAlias = Annotated[
    str | None, typer.Option("--contains", help="Text that one record must hold.")
]
Records: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--records", metavar="VALUE", help="All records that there must be; repeat for each."
    ),
]
EachAddress: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--each-address/--any-address",
        help="Whether every address of the host must be fine, or one is enough [one].",
    ),
]
Method: TypeAlias = Annotated[str | None, typer.Option("--method", help="HTTP method [GET].")]
Headers: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="'NAME: VALUE'",
        help=f"Request header; repeatable.  Of its value, or of whole lines: {SECRET_HELP}",
    ),
]
Body: TypeAlias = Annotated[str | None, typer.Option("--body", help=f"Request body; {SECRET_HELP}")]
ExpectStatus: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--expect-status", metavar="CODES", help="Such as 200,300-399; repeatable [200-299]."
    ),
]
BodyContains: TypeAlias = Annotated[
    str | None, typer.Option("--body-contains", help=f"Text the answer must hold; {SECRET_HELP}")
]
BodyNotContains: TypeAlias = Annotated[
    str | None,
    typer.Option("--body-not-contains", help=f"Text the answer must not hold; {SECRET_HELP}"),
]
BodyRegex: TypeAlias = Annotated[
    str | None,
    typer.Option("--body-regex", help=f"Pattern that must be found in the answer; {SECRET_HELP}"),
]
BodyMax: TypeAlias = Annotated[
    str | None, typer.Option("--body-max", metavar="SIZE", help="Most bytes to read [1MiB].")
]
RedirectsMax: TypeAlias = Annotated[
    int | None, typer.Option("--redirects-max", help="Redirects to follow [5].")
]
VerifyTls: TypeAlias = Annotated[
    bool | None,
    typer.Option("--verify-tls/--no-verify-tls", help="Whether certificates must be valid."),
]
BasicUser: TypeAlias = Annotated[
    str | None, typer.Option("--basic-user", help=f"User for basic authentication; {SECRET_HELP}")
]
BasicPassword: TypeAlias = Annotated[
    str | None, typer.Option("--basic-password", help=f"Its password; {SECRET_HELP}")
]
BearerToken: TypeAlias = Annotated[
    str | None, typer.Option("--bearer-token", help=f"Bearer token; {SECRET_HELP}")
]

ChannelName: TypeAlias = Annotated[
    str, typer.Argument(help="The alert channel's name or id.", autocompletion=tab.channel_names)
]
Default: TypeAlias = Annotated[
    bool | None,
    typer.Option("--default/--no-default", help="Whether every check uses it [yes]."),
]
SmtpHost: TypeAlias = Annotated[str | None, typer.Option("--host", help="Mail server.")]
SmtpPort: TypeAlias = Annotated[int | None, typer.Option("--port", help="Its port [587].")]
Security: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--security",
        metavar="starttls|tls|none",
        help="[starttls]",
        autocompletion=tab.words("starttls", "tls", "none"),
    ),
]
Username: TypeAlias = Annotated[str | None, typer.Option("--username", help="Mail account.")]
Password: TypeAlias = Annotated[
    str | None, typer.Option("--password", help=f"Its password; {SECRET_HELP}")
]
Sender: TypeAlias = Annotated[
    str | None, typer.Option("--from", metavar="ADDRESS", help="Sender address.")
]
Recipients: TypeAlias = Annotated[
    list[str] | None, typer.Option("--to", metavar="ADDRESS", help="Recipient; repeatable.")
]
Secret: TypeAlias = Annotated[
    str | None, typer.Option("--secret", help=f"Key that signs each request; {SECRET_HELP}")
]


def status_codes(texts: list[str] | None) -> list[object] | None:
    """Return `200,300-399` as the codes and ranges that the daemon reads."""
    if texts is None or texts == []:
        return None
    parts = [part.strip() for text in texts for part in text.split(",")]
    return [int(part) if part.isascii() and part.isdigit() else part for part in parts]
