"""`qutrio enroll`: lets nodes join the cluster."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from qutrio.cli import options as opt
from qutrio.cli.command_groups import command_group
from qutrio.cli.completing import token_names
from qutrio.cli.printing import age, clean, print_answer, print_json, print_table, utc_time
from qutrio.cli.requests import ask, committed
from qutrio.cli.staleness import standing_code, warn_if_stale
from qutrio.errors import DataDirectoryError
from qutrio.storage.directories import find_data_directory

app = command_group("Let nodes join: create, join, list, approve, revoke.", "enroll create")

Token = Annotated[
    str,
    typer.Argument(
        help="The token's id, or the name of the node it is for.", autocompletion=token_names
    ),
]


@app.command(epilog="Example: qutrio enroll create --name b --ttl 1h")
def create(
    name: Annotated[
        str | None, typer.Option("--name", help="Only a node with this name may use it.")
    ] = None,
    ttl: Annotated[
        str | None, typer.Option("--ttl", metavar="TIME", help="How long it is valid [1h].")
    ] = None,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Admit the node without 'enroll approve'.")
    ] = False,
    as_json: opt.AsJson = False,
) -> None:
    """Make a single-use token for one new node; it is shown once and not stored."""
    answer = ask("enroll.create", name=name, ttl=ttl, auto_approve=auto_approve)
    if as_json:
        print_answer(answer)
        return
    print("On the new node run:\n")
    print(f"    {join_command(answer)}\n")
    left = age(answer["expires_unix"] - answer["now_unix"])
    print(
        f"The token is a secret and works once, until {utc_time(answer['expires_unix'])} ({left})."
    )
    print(f"Its id is {answer['id']}.")
    if not auto_approve:
        print(f"Then admit the node here: qutrio enroll approve {name or answer['id']}")


def join_command(answer: dict[str, Any]) -> str:
    """Return the command for root on a new node with the same user and directory as this one."""
    words = ["qutrio", "enroll", "join", answer["token"]]
    user, directory = answer.get("user", ""), answer.get("directory", "")
    other = os.geteuid() == 0 and user not in {"", "root"}
    if other:
        words = ["runuser", "-u", user, "--", *words]
    usual = not directory or (not other and directory == str(_usual_directory()))
    if not usual:
        words += ["--dir", directory]
    if answer["name"] is not None:
        words += ["--name", answer["name"]]
    return shlex.join(words)


def _usual_directory() -> Path | None:
    environ = {name: value for name, value in os.environ.items() if name != "QUTRIO_DIR"}
    try:
        return find_data_directory(environ, is_root=os.geteuid() == 0).root
    except DataDirectoryError:
        return None


@app.command(epilog="Example: qutrio enroll join qt1_...")
def join(
    token: Annotated[str, typer.Argument(help=f"From 'qutrio enroll create'; {opt.SECRET_HELP}")],
    *,
    name: opt.NodeName = None,
    advertise: opt.Advertise = None,
    bind: opt.Bind = None,
    port: opt.Port = None,
    directory: opt.Directory = None,
    as_json: opt.AsJson = False,
) -> None:
    """Join this node to the cluster that made the token; an empty directory is set up first.

    The daemon must not be running.  The options are written to node.yaml.  Waits until the node
    is admitted; the command can be interrupted with Ctrl-C and repeated.
    """
    from qutrio.cli.joining import Flags, join_cluster  # noqa: PLC0415 - trio, for this only

    flags = Flags(name=name, advertise=advertise, bind=bind, port=port)
    joined = join_cluster(token, flags, directory, as_json=as_json)
    for warning in joined["warnings"]:
        print(f"qutrio: warning: {clean(warning)}", file=sys.stderr)
    if as_json:
        print_answer(joined)
        return
    what = "this node is a member already," if joined["member_before"] else "joined"
    who = f"{what} as {joined['name']} at {joined['address']}"
    print(clean(f"{who}; start the node with '{joined['start']}'"))


@app.command("list", epilog="Example: qutrio enroll list")
def list_tokens(as_json: opt.AsJson = False) -> int:
    """List the unused tokens, and the nodes that wait for approval.

    Ends with 4 when the node holds no quorum or knows no master.
    """
    answer = ask("enroll.list")
    if as_json:
        print_json(answer["tokens"])
    elif answer["tokens"]:
        _print_tokens(answer)
    else:
        print("no open tokens; make one with 'qutrio enroll create'")
    warn_if_stale(answer)
    return standing_code(answer)


def _print_tokens(answer: dict[str, Any]) -> None:
    rows = []
    for token in answer["tokens"]:
        left = token["expires_unix"] - answer["now_unix"]
        waiting = token["claimant"]
        rows.append(
            (
                token["id"],
                token["name"] or "any",
                "expired" if token["expired"] else age(left),
                "waits for approval" if waiting else "not used yet",
                f"{waiting['name']} {waiting['address']}" if waiting else "",
            )
        )
    print_table(("TOKEN", "FOR", "EXPIRES IN", "STATE", "NODE"), rows)


@app.command(epilog="Example: qutrio enroll approve b")
def approve(token: Token, as_json: opt.AsJson = False) -> None:
    """Admit the node that has shown a token and waits for approval."""
    answer = ask("enroll.approve", name=token)
    committed(f"node {clean(answer['name'])} admitted", answer, as_json=as_json)


@app.command(epilog="Example: qutrio enroll revoke b")
def revoke(token: Token, as_json: opt.AsJson = False) -> None:
    """Revoke a token; a node that waits for its approval is refused."""
    answer = ask("enroll.revoke", name=token)
    committed(f"token {answer['id']} revoked", answer, as_json=as_json)
