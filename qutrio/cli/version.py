"""`qutrio version`: prints the version of the program."""

from qutrio import __version__
from qutrio.cli.command_groups import verb
from qutrio.cli.options import AsJson
from qutrio.cli.printing import print_json

app = verb()


@app.command(epilog="Example: qutrio version")
def version(as_json: AsJson = False) -> None:
    """Print the version of this program."""
    if as_json:
        print_json({"version": __version__})
    else:
        print(f"qutrio {__version__}")
