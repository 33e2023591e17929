"""`qutrio cluster`: the document that all nodes share."""

from qutrio.cli.asking import ask
from qutrio.cli.nouns import noun
from qutrio.cli.options import AsJson
from qutrio.cli.printing import print_json

app = noun("The document that all nodes share.", "cluster show")


@app.callback()
def _group() -> None:
    """Keep `show` a command of its own, although it is the only one."""


@app.command(epilog="Example: qutrio cluster show")
def show(as_json: AsJson = False) -> None:
    """Print the committed document as JSON, with or without `--json`; secrets are masked."""
    del as_json  # it is how scripts ask every other command for what this one always prints
    print_json(ask("document")["document"])
