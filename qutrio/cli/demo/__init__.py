"""A story that three real nodes tell on one machine: an outage, a killed master, one page."""

from attrs import frozen


@frozen
class DemoOptions:
    """How to tell the story.

    With `keep` the cluster stays when the story is over, to be looked at, until Ctrl-C.
    """

    keep: bool = False


def main(options: DemoOptions | None = None) -> int:
    """Tell the story and return the exit code: 0 when everything happened as it must."""
    from qutrio.cli.demo.story import run  # noqa: PLC0415 - trio is loaded for the demo only

    return run(options or DemoOptions())
