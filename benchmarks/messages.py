"""How much nodes send as a cluster grows: messages and bytes, simulated.

Run with `python benchmarks/messages.py [SIZE ...]`, or `--quick` to see that it works.  One check
is probed every 10 s.  At rest nothing happens; in an outage the target fails for all nodes: those
figures cover the 10 s after its start, with the second round, the incident and the page.  Bytes
are those of the encoded messages, without websocket, TLS and TCP.
"""

import argparse
import platform
from collections import Counter

from attrs import define, field
from nodes import machine

from qutrio import __version__
from qutrio.codec.wire import encode
from qutrio.core.api.effects import Effect, Send
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.sim.observer import Observer
from qutrio.sim.world import World

SIZES = (3, 5, 9, 25, 50, 100)
SETTLE_S: Seconds = 30.0
WINDOW_S: Seconds = 10.0
WEB = CheckId("web")


@define
class MessageCounter(Observer):
    """Counts sent messages, by sender."""

    messages: Counter[NodeId] = field(factory=Counter)
    size: Counter[NodeId] = field(factory=Counter)

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        """Count a message."""
        if isinstance(effect, Send):
            self.messages[name] += 1
            self.size[name] += len(encode(effect.message))


def listen(world: World) -> MessageCounter:
    """Run the world for a window, and return what was sent in it."""
    world.observer = counter = MessageCounter()
    world.run(world.true + WINDOW_S)
    return counter


def row(size: int) -> str:
    """Return one line of the table: what a node sends per second, at rest and in an outage."""
    world = World(1, size)
    world.run(SETTLE_S)
    (master,) = (name for name, host in world.hosts.items() if host.acting(world.true))
    idle = listen(world)
    world.targets.down.add(WEB)
    outage = listen(world)
    columns = [f"{size:>5}"]
    for counter in (idle, outage):
        share = size * WINDOW_S
        columns.append(f"{counter.messages.total() / share:>10.1f}")
        columns.append(f"{counter.messages[master] / WINDOW_S:>10.1f}")
        columns.append(f"{counter.size.total() / share / 1000:>8.2f}")
    return "  ".join(columns)


def main() -> None:
    """Measure each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of nodes")
    parser.add_argument("--quick", action="store_true", help="small clusters only")
    options = parser.parse_args()
    print(f"qutrio {__version__}, Python {platform.python_version()}, {machine()}")
    print("per second and node; the master apart\n")
    heads = ("messages", "master's", "kB", "in outage", "master's", "kB")
    widths = (10, 10, 8, 10, 10, 8)
    cells = (f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    print("  ".join([f"{'nodes':>5}", *cells]))
    for size in (3,) if options.quick else options.sizes:
        print(row(size), flush=True)


if __name__ == "__main__":
    main()
