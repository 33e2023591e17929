"""`qutrio version`: which program this is."""

from qutrio import __version__
from qutrio.cli.nouns import verb

app = verb()


@app.command(epilog="Example: qutrio version")
def version() -> None:
    """Print the version of this program."""
    print(f"qutrio {__version__}")
