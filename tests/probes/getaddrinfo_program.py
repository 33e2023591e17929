"""Looks names up twice, by the C library and by our resolver, with given files in /etc.

It runs as root in a network and mount namespace of its own, whose /etc holds the files of the
directory given as argument.  Standard input has JSON: a list of cases, each with `files` (name
to content), `names`, and `family` (0, 4 or 6).  Standard output gets for each case and name
what the two found: sorted addresses, or `missing`, `failed`.
"""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import trio

from qutrio.model.check_base import IpFamily
from qutrio.plumbing.clock import BootClock
from qutrio.probes.observations import Addresses, NoAnswer, Resolution
from qutrio.probes.resolver import HostResolver
from tests.probes.name_servers import Zone, hand_made

FILES = ("resolv.conf", "hosts", "nsswitch.conf", "host.conf")
FAMILIES = {
    0: (socket.AF_UNSPEC, IpFamily.ANY),
    4: (socket.AF_INET, IpFamily.V4),
    6: (socket.AF_INET6, IpFamily.V6),
}
ASK = """
import socket, sys
for name in sys.argv[2:]:
    try:
        found = socket.getaddrinfo(name, None, int(sys.argv[1]), socket.SOCK_STREAM)
        print(*sorted({entry[4][0] for entry in found}))
    except socket.gaierror as error:
        print("failed" if error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL) else "missing")
"""
FIRST = Zone(
    {
        "shop.test": ["192.0.2.1", "2001:db8::1", "192.0.2.2"],
        "v4only.test": ["192.0.2.3"],
        "v6only.test": ["2001:db8::3"],
        "db.corp.test": ["192.0.2.4"],
        "db.a.test": 2,
        "x.y": ["192.0.2.5"],
        "x.y.corp.test": ["192.0.2.6"],
        "broken.test": 2,
        "refused.test": 5,
        "both.test": ["192.0.2.7"],
        "empty.test": [],
        "bare": ["192.0.2.8"],
    }
)
SECOND = Zone({**FIRST.names, "refused.test": ["192.0.2.9"], "broken.test": ["192.0.2.10"]})


async def main(etc: Path) -> None:
    """Serve the zones, and work through the cases."""
    results: list[list[list[str]]] = []
    async with (
        hand_made(FIRST, port=53),
        hand_made(SECOND, port=53, address="127.0.0.2"),
    ):
        for case in json.load(sys.stdin):
            for name in FILES:
                (etc / name).write_text(case["files"].get(name, ""))
            results.append(await _both(case["names"], case["family"]))
    sys.stdout.write(json.dumps(results))


async def _both(names: list[str], family: int) -> list[list[str]]:
    theirs, ours = FAMILIES[family]
    command = [sys.executable, "-S", "-c", ASK, str(int(theirs)), *names]
    ran: Any = await trio.run_process(command, capture_stdout=True, stdin=subprocess.DEVNULL)
    resolver = HostResolver(BootClock())
    found = [_shown(await resolver.resolve(name, ours)) for name in names]
    lines = ran.stdout.decode().splitlines()
    return [list(pair) for pair in zip(lines, found, strict=True)]


def _shown(found: Resolution) -> str:
    if isinstance(found, Addresses):
        return " ".join(sorted({endpoint.address for endpoint in found.endpoints}))
    return "failed" if isinstance(found, NoAnswer) else "missing"


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
