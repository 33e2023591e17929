"""`qutrio node`: who belongs to the cluster."""

from typing import Annotated

import typer

from qutrio.cli.asking import ask, committed
from qutrio.cli.nouns import noun
from qutrio.cli.options import AsJson
from qutrio.cli.printing import age, print_json, print_table

app = noun("Who belongs to the cluster: list, edit, remove.", "node list")

Name = Annotated[str, typer.Argument(help="The node's name or id.")]


@app.command("list", epilog="Example: qutrio node list")
def list_nodes(as_json: AsJson = False) -> None:
    """List the members, and how this node hears them."""
    answer = ask("node.list")
    if as_json:
        print_json(answer["nodes"])
        return
    rows = (
        (
            node["name"] + (" (this node)" if node["id"] == answer["self"] else ""),
            node["id"],
            node["address"],
            "master" if node["master"] else "voter" if node["voter"] else "learner",
            "live" if node["live"] else "silent",
            age(node["last_heard_s"]),
        )
        for node in answer["nodes"]
    )
    print_table(("NODE", "ID", "ADDRESS", "ROLE", "STATE", "HEARD"), rows)


@app.command(epilog="Example: qutrio node edit b --address 192.0.2.7:9901")
def edit(
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="Rename it.")] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="HOST:PORT", help="Where the others dial it."),
    ] = None,
) -> None:
    """Change a member's name or address as the cluster knows it."""
    answer = ask("node.edit", name=name, new_name=new_name, address=address)
    committed(f"node {answer['name']} changed", answer)


@app.command(epilog="Example: qutrio node remove b")
def remove(name: Name) -> None:
    """Take a node's vote, links and trust away; it can only come back by enrolling again."""
    answer = ask("node.remove", name=name)
    committed(f"node {answer['name']} removed", answer)
