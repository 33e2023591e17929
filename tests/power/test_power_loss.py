"""After a power cut during writes, every acknowledged change is still there."""

import random
from itertools import cycle, islice
from pathlib import Path

from tests import needs
from tests.cluster.waiting import measured
from tests.power.drives import Cut
from tests.power.stage import Powered, powered

LIE_INSTANTS_MAX = 5
NOTHING_FLUSHED = "inject=fsync:retval=0"


def lose_power_often(cluster: Powered, instants: int) -> None:
    """Cut the power at random instants, and assert that nothing is lost."""
    rng = random.Random()
    for number, cut in enumerate(islice(cycle(Cut), instants), start=1):
        blackout = cluster.black_out(cut, rng)
        assert cluster.losses(blackout) == [], f"instant {number}, a disk with {cut.value}"
    acked = sum(w.acked for w in cluster.writers)
    disks, kept = len(cluster.unsynced_kept), sum(cluster.unsynced_kept)
    measured(f"{instants} instants, {acked} changes acknowledged; {disks - kept} of {disks} disks")
    measured("had lost a file that nobody had flushed")
    assert kept < disks / 2, "these copies do not show what the loss of power costs"
    assert len(cluster.histories) < acked / 10, "most changes were not acknowledged"


def test_a_node_that_loses_power_keeps_every_acknowledged_write(home: Path, instants: int) -> None:
    with powered(home, 1) as cluster:
        lose_power_often(cluster, instants - instants // 4)


def test_a_cluster_that_loses_power_keeps_every_acknowledged_write(
    home: Path, instants: int
) -> None:
    """All three nodes lose power at the same instant; any two disks hold all."""
    with powered(home, 3) as cluster:
        lose_power_often(cluster, max(1, instants // 4))


@needs.program("strace")
def test_a_node_that_does_not_flush_is_found_out(home: Path) -> None:
    """Proof that these tests can fail: fsync succeeds and does nothing."""
    strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync"]
    with powered(home, 1, [*strace, "-e", NOTHING_FLUSHED]) as cluster:
        rng, found = random.Random(), list[str]()
        while not found and len(cluster.unsynced_kept) < LIE_INSTANTS_MAX:
            found += cluster.losses(cluster.black_out(Cut.SUBMITTED, rng))
    assert found, "no instant showed that nothing was flushed"
