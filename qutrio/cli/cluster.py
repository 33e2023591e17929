"""`qutrio cluster`: the document that all nodes share."""

from qutrio.cli.asking import ask
from qutrio.cli.nouns import noun
from qutrio.cli.printing import print_json

app = noun("The document that all nodes share.")


@app.callback()
def _group() -> None:
    """Keep `show` a command of its own, although it is the only one."""


@app.command(epilog="Example: qutrio cluster show")
def show() -> None:
    """Print the committed document as JSON, secrets masked."""
    print_json(ask("document")["document"])
