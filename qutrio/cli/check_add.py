"""`qutrio check add`: one command for each kind of check."""

from typing import Annotated

import typer

from qutrio.cli import options as opt
from qutrio.cli.check_adding import watches
from qutrio.cli.command_groups import command_group
from qutrio.cli.inputs import Inputs

app = command_group("Add a check.", "check add http web https://example.org/")


@watches(app, "http web https://example.org/ --interval 30s")
def http(
    url: Annotated[str, typer.Argument(help=f"http:// or https://; {opt.SECRET_HELP}")],
    *,
    method: opt.Method = None,
    header: opt.Headers = None,
    body: opt.Body = None,
    expect_status: opt.ExpectStatus = None,
    body_contains: opt.BodyContains = None,
    body_not_contains: opt.BodyNotContains = None,
    body_regex: opt.BodyRegex = None,
    body_max: opt.BodyMax = None,
    redirects_max: opt.RedirectsMax = None,
    verify_tls: opt.VerifyTls = None,
    basic_user: opt.BasicUser = None,
    basic_password: opt.BasicPassword = None,
    bearer_token: opt.BearerToken = None,
) -> dict[str, object]:
    """Watch a web page or an HTTP service."""
    inputs = Inputs()
    return {
        "url": inputs.line(url, "url"),
        "method": method,
        "headers": inputs.headers(header),
        "body": inputs.text(body, "--body"),
        "expect_status": opt.status_codes(expect_status),
        "body_contains": inputs.text(body_contains, "--body-contains"),
        "body_not_contains": inputs.text(body_not_contains, "--body-not-contains"),
        "body_regex": inputs.line(body_regex, "--body-regex"),
        "body_max": body_max,
        "redirects_max": redirects_max,
        "verify_tls": verify_tls,
        "basic_user": inputs.line(basic_user, "--basic-user"),
        "basic_password": inputs.line(basic_password, "--basic-password"),
        "bearer_token": inputs.line(bearer_token, "--bearer-token"),
    }


@watches(app, "tcp database db.example.org:5432")
def tcp(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where to connect.")],
) -> dict[str, object]:
    """Watch a TCP port, which must accept connections."""
    return {"address": address}
