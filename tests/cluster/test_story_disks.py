"""A master that cannot write: it resigns, says why, and is master again when it can."""

from collections.abc import Callable

import pytest

from qutrio.errors import ControlError
from tests.cluster.conftest import Lab
from tests.cluster.disks import Disk
from tests.cluster.nodes import Node
from tests.cluster.waiting import wait_for
from tests.cluster.watching import Watch

pytestmark = pytest.mark.cluster

STEP_S_MAX = 30.0


def add_until_taken(node: Node, name: str) -> None:
    """Propose a check until the cluster has it; the first master may fail."""
    check = {"kind": "tcp", "name": name, "address": "127.0.0.1:1", "enabled": False}

    def taken() -> bool:
        try:
            node.ask("check.add", check=check)
        except ControlError:
            return name in {row["name"] for row in node.status()["checks"]}
        return True

    wait_for(f"{name} is taken", taken, STEP_S_MAX)


def refusals(node: Node) -> int:
    return node.output.read_text().count("the disk refused a write")


@pytest.mark.parametrize(
    ("hurt", "heal", "words"),
    [
        (Disk.fill, Disk.make_room, "No space left on device"),
        (Disk.forbid_writes, Disk.allow_writes, "Read-only file system"),
    ],
    ids=["full", "read-only"],
)
def test_a_master_whose_disk_refuses_writes_resigns_and_returns_when_it_takes_them(
    lab: Lab, hurt: Callable[[Disk], None], heal: Callable[[Disk], None], words: str
) -> None:
    cluster, disks = lab.cluster_on_disks(3)
    master = cluster.settle()
    helper = cluster.others(master)[0]

    hurt(disks[master.name])
    add_until_taken(helper, "first")
    heir = cluster.acting(others_than=master)
    assert words in master.status()["disk"]
    assert f"its disk refuses writes: cannot write to {master.home}" in master.cli("status").stdout
    assert heir.status()["disk"] == ""
    wait_for("all hear the heir", lambda: master.status()["master"] is not None, STEP_S_MAX)

    before = refusals(master)
    with Watch(cluster.nodes) as watch:
        wait_for("it tries its disk again", lambda: refusals(master) > before, STEP_S_MAX)
        add_until_taken(master, "second")
    assert [name for name, _ in watch.masters()] == [heir.name], "mastership was moving"

    heal(disks[master.name])
    wait_for("it leads again", lambda: cluster.settle() is master, STEP_S_MAX)
    assert master.status()["disk"] == ""
    assert {row["name"] for row in master.status()["checks"]} == {"first", "second"}
