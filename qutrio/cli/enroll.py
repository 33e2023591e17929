"""`qutrio enroll`: how a node joins the cluster."""

from typing import Annotated

import typer

from qutrio.cli import options as opt
from qutrio.cli.asking import ask, committed
from qutrio.cli.completing import token_names
from qutrio.cli.nouns import noun
from qutrio.cli.printing import age, clean, print_answer, print_json, print_table

app = noun("How a node joins: create, join, list, approve, revoke.", "enroll create")

Token = Annotated[
    str,
    typer.Argument(
        help="The token's id, or the name of the node it is for.", autocompletion=token_names
    ),
]


@app.command(epilog="Example: qutrio enroll create --name b --ttl 1h")
def create(
    name: Annotated[
        str | None, typer.Option("--name", help="Only a node of this name may use it.")
    ] = None,
    ttl: Annotated[
        str | None, typer.Option("--ttl", metavar="TIME", help="How long it is valid [1h].")
    ] = None,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Admit the node without 'enroll approve'.")
    ] = False,
    as_json: opt.AsJson = False,
) -> None:
    """Make a single-use token for one new node; it is shown once and kept nowhere."""
    answer = ask("enroll.create", name=name, ttl=ttl, auto_approve=auto_approve)
    if as_json:
        print_answer(answer)
        return
    print("On the new node run:\n")
    naming = f" --name {name}" if name is not None else ""
    print(f"    qutrio enroll join {answer['token']}{naming}\n")
    print(f"The token is a secret, works once, and expires.  Its id is {answer['id']}.")
    if not auto_approve:
        print(f"Then admit the node here: qutrio enroll approve {name or answer['id']}")


@app.command(epilog="Example: qutrio enroll join qt1_...")
def join(
    token: Annotated[str, typer.Argument(help="From 'qutrio enroll create'; '-' reads it.")],
    *,
    name: opt.NodeName = None,
    advertise: opt.Advertise = None,
    bind: opt.Bind = None,
    port: opt.Port = None,
    directory: opt.Directory = None,
) -> None:
    """Join this node to the cluster that made the token; an empty directory is set up first.

    The daemon must not be running.  Waits until the node is admitted; Ctrl-C and the same
    command again do no harm.
    """
    from qutrio.cli.joining import join_cluster  # noqa: PLC0415 - trio is loaded for this only

    join_cluster(token, name=name, advertise=advertise, bind=bind, port=port, directory=directory)


@app.command("list", epilog="Example: qutrio enroll list")
def list_tokens(as_json: opt.AsJson = False) -> None:
    """List the tokens that are not used up, and who waits for approval."""
    answer = ask("enroll.list")
    if as_json:
        print_json(answer["tokens"])
        return
    if not answer["tokens"]:
        print("no open tokens; make one with 'qutrio enroll create'")
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
    """Admit the node that waits behind a token."""
    answer = ask("enroll.approve", name=token)
    committed(f"node {clean(answer['name'])} admitted", answer, as_json=as_json)


@app.command(epilog="Example: qutrio enroll revoke b")
def revoke(token: Token, as_json: opt.AsJson = False) -> None:
    """Take an invitation back; a node that waits behind it is turned away."""
    answer = ask("enroll.revoke", name=token)
    committed(f"token {answer['id']} revoked", answer, as_json=as_json)
