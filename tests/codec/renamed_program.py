"""Read and write the golden files with every class renamed."""

import sys
from typing import get_args

from qutrio.core.api.messages import Message
from qutrio.core.api.mutations import Mutation
from qutrio.model.channels import Channel
from qutrio.model.checks import Check
from qutrio.model.journal import Fact


def main() -> None:
    """Rename the classes, and print what is lost."""
    classes = [c for union in (Message, Mutation, Fact, Check, Channel) for c in get_args(union)]
    for number, cls in enumerate(classes):
        cls.__name__ = cls.__qualname__ = f"Renamed{number}"

    # Only now, because names that depend on class names are computed at import.
    from qutrio.peers.frames import Frame  # noqa: PLC0415
    from qutrio.sim.faults.union import PlannedFault  # noqa: PLC0415

    for number, cls in enumerate([*get_args(Frame), *get_args(PlannedFault)]):
        cls.__name__ = cls.__qualname__ = f"Other{number}"

    from tests.codec.golden_files import FILES, lost  # noqa: PLC0415

    gone = [line for file in FILES for line in lost(file)]
    sys.stdout.write(f"{gone or 'nothing lost'}\n")


if __name__ == "__main__":
    main()
