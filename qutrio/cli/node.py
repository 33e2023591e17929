"""`qutrio node`: the members of the cluster."""

from typing import Annotated

import typer

from qutrio.cli.colour import Painted, Style
from qutrio.cli.command_groups import command_group
from qutrio.cli.completing import node_names
from qutrio.cli.options import AsJson
from qutrio.cli.printing import age, print_json, print_table
from qutrio.cli.requests import ask, committed
from qutrio.cli.staleness import mark, standing_code, warn_if_stale

app = command_group("The members of the cluster: list, edit, remove.", "node list")

Name = Annotated[str, typer.Argument(help="The node's name or id.", autocompletion=node_names)]


@app.command("list", epilog="Example: qutrio node list")
def list_nodes(as_json: AsJson = False) -> int:
    """List the members, and which of them this node hears.

    Ends with 4 when the node holds no quorum or knows no master.
    """
    answer = ask("node.list")
    if as_json:
        print_json(answer["nodes"])
    else:
        stale = mark(answer)
        rows = (
            (
                node["name"] + (" (this node)" if node["id"] == answer["self"] else ""),
                node["id"],
                node["address"],
                ("master" if node["master"] else "voter" if node["voter"] else "learner") + stale,
                Painted("live", None) if node["live"] else Painted("silent", Style.BAD),
                age(node["last_heard_s"]),
            )
            for node in answer["nodes"]
        )
        print_table(("NODE", "ID", "ADDRESS", "ROLE", "STATE", "HEARD"), rows)
    warn_if_stale(answer)
    return standing_code(answer)


@app.command(epilog="Example: qutrio node edit b --address 192.0.2.7:9901")
def edit(
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="Rename it.")] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="HOST:PORT", help="The address that other nodes dial."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a member's name or address in the cluster document."""
    answer = ask("node.edit", name=name, new_name=new_name, address=address)
    committed(f"node {answer['name']} changed", answer, as_json=as_json)


@app.command(epilog="Example: qutrio node remove b")
def remove(name: Name, as_json: AsJson = False) -> None:
    """Remove a node; it loses its vote, links and trust, and can only return by enrolling again."""
    answer = ask("node.remove", name=name)
    committed(f"node {answer['name']} removed", answer, as_json=as_json)
