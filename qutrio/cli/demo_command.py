"""`qutrio demo`: an outage and a killed master, with three nodes on one machine."""

from typing import Annotated

import typer

from qutrio.cli.command_groups import verb

app = verb()


@app.command(epilog="Example: qutrio demo")
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the cluster running until Ctrl-C.")
    ] = False,
) -> int:
    """Show an outage with three real nodes on this machine; nothing is left behind."""
    from qutrio.cli.demo.story import run  # noqa: PLC0415 - trio is loaded for the demo only

    return run(keep=keep)
