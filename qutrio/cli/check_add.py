"""`qutrio check add`: one command for each kind of check."""

from typing import Annotated

import typer

from qutrio.cli import options as opt
from qutrio.cli.asking import ask, committed, given
from qutrio.cli.inputs import Inputs
from qutrio.cli.nouns import noun

app = noun("Watch something new.", "check add http web https://example.org/")

Name = Annotated[str, typer.Argument(help="A name for people: letters, digits, '.', '_', '-'.")]


@app.command(epilog="Example: qutrio check add http web https://example.org/ --interval 30s")
def http(
    name: Name,
    url: Annotated[str, typer.Argument(help=f"http:// or https://; {opt.SECRET_HELP}")],
    *,
    interval: opt.Interval = None,
    timeout: opt.Timeout = None,
    retries: opt.Retries = None,
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
    ip_family: opt.IpFamily = None,
    each_address: opt.EachAddress = None,
    resolver: opt.Resolvers = None,
    alert: opt.Alerts = None,
    disabled: opt.Disabled = False,
    as_json: opt.AsJson = False,
) -> None:
    """Watch a web page or an HTTP service."""
    inputs = Inputs()
    check = given(
        kind="http",
        name=name,
        url=inputs.line(url, "url"),
        interval=interval,
        timeout=timeout,
        retries=retries,
        method=method,
        headers=inputs.headers(header),
        body=inputs.text(body, "--body"),
        expect_status=opt.status_codes(expect_status),
        body_contains=inputs.text(body_contains, "--body-contains"),
        body_not_contains=inputs.text(body_not_contains, "--body-not-contains"),
        body_regex=inputs.line(body_regex, "--body-regex"),
        body_max=body_max,
        redirects_max=redirects_max,
        verify_tls=verify_tls,
        basic_user=inputs.line(basic_user, "--basic-user"),
        basic_password=inputs.line(basic_password, "--basic-password"),
        bearer_token=inputs.line(bearer_token, "--bearer-token"),
        ip_family=ip_family,
        each_address=each_address,
        resolvers=resolver,
        alerts=alert,
        enabled=not disabled,
    )
    committed(f"check {name} added", ask("check.add", check=check), as_json=as_json)


@app.command(epilog="Example: qutrio check add tcp database db.example.org:5432")
def tcp(
    name: Name,
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where to connect.")],
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
    """Watch a TCP port: it must accept connections."""
    check = given(
        kind="tcp",
        name=name,
        address=address,
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
