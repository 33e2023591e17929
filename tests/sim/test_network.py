"""Messages that are late, duplicated, lost or held back, and odd frames."""

from collections import Counter

import orjson
import pytest

from qutrio.codec.wire import decode, encode
from qutrio.errors import PeerError
from qutrio.model.ids import Seconds
from qutrio.peers.reading import read_frame
from qutrio.sim.dice import Dice
from qutrio.sim.network import LINK_DELAY_S_MIN, Network
from qutrio.sim.options import Fault, Faults
from qutrio.sim.tampering import REPORT_AGE_S_MAX, Manner, Tamperer
from tests.core.samples import A, B, heartbeat

BEAT = encode(heartbeat(number=7))
REPORT = b'{"kind":"report","results":[]}'


class OneWayNetwork:
    """A network with one direction under test."""

    def __init__(self, faults: Faults = Faults()) -> None:
        self.struck: Counter[Fault] = Counter()
        self.amiss: list[Seconds] = []
        self.network = Network(Dice("line"), self.struck, self.amiss.append, faults)

    def send(self, count: int, true: Seconds = 0.0) -> list[Seconds]:
        return [at - true for _ in range(count) for at in self.network.arrivals(A, B, true)]


def test_a_network_without_faults_is_quick_and_reports_no_trouble() -> None:
    line = OneWayNetwork()
    delays = line.send(200)
    assert len(delays) == 200
    assert all(LINK_DELAY_S_MIN <= d <= Faults().delay_s_max for d in delays)
    assert line.amiss == []
    assert set(line.struck) <= {Fault.REORDERING}


def test_loss_and_duplication_strike_as_often_as_asked() -> None:
    line = OneWayNetwork(Faults(loss=0.2, duplication=0.1))
    arrived = len(line.send(2000))
    assert arrived == 2000 + line.struck[Fault.DUPLICATION] - line.struck[Fault.LOSS]
    assert line.struck[Fault.LOSS] in range(350, 530)
    assert line.struck[Fault.DUPLICATION] in range(150, 250)
    assert len(line.amiss) == line.struck[Fault.LOSS]


def test_a_heavy_tail_has_few_messages_that_take_seconds() -> None:
    line = OneWayNetwork(Faults(heavy_tail=True, delay_s_max=0.05))
    delays = sorted(line.send(4000))
    assert delays[2000] < 0.05
    assert delays[-1] > 2.0
    assert line.struck[Fault.HEAVY_TAIL]
    assert line.amiss


def test_some_messages_are_late_and_overtaken() -> None:
    line = OneWayNetwork(Faults(slow_share=0.05))
    line.send(500)
    assert line.struck[Fault.LATE]
    assert line.struck[Fault.REORDERING]


def test_a_cut_lasts_in_its_direction_until_its_end() -> None:
    network = OneWayNetwork().network
    network.cut_off([(A, B)], 10.0)
    network.cut_off([(A, B)], 5.0)  # a shorter cut does not shorten it
    assert network.is_cut(A, B, 9.9)
    assert not network.is_cut(B, A, 9.9)
    assert not network.is_cut(A, B, 10.0)
    network.heal()
    assert not network.is_cut(A, B, 9.9)


def test_a_clogged_node_gets_everything_when_it_is_free_again() -> None:
    line = OneWayNetwork()
    line.network.clogged[B] = 6.0
    assert all(6.0 < delay <= 6.1 for delay in line.send(20))
    assert line.struck[Fault.CLOGGING] == 20


def test_a_slow_link_adds_its_delay_in_its_direction_only() -> None:
    line = OneWayNetwork()
    line.network.slow[A, B] = (10.0, 2.0)
    assert all(2.0 < delay <= 2.1 for delay in line.send(20))
    assert all(at < 1.0 for at in line.network.arrivals(B, A, 0.0))
    assert all(delay < 1.0 for delay in line.send(20, true=11.0))


# --- odd members ----------------------------------------------------------------------------


def odd(manner: Manner, *, recording: bool = True) -> Tamperer:
    return Tamperer(Dice("odd", manner.value), recording=recording, manners={A: (100.0, manner)})


def replaced(tamperer: Tamperer, frame: bytes, count: int = 200, true: float = 0.0) -> list[bytes]:
    """Return the frames that replaced a frame whenever it was odd."""
    frames: list[bytes] = []
    for _ in range(count):
        instead, oddity = tamperer.frames((A, B), frame, true)
        if oddity is not None:
            frames += instead
    return frames


def test_a_frame_of_an_unknown_kind_is_ignored() -> None:
    frames = replaced(odd(Manner.NEWER_KIND), BEAT)
    assert frames
    assert {read_frame(A, frame) for frame in frames} == {None}


def test_fields_that_nobody_knows_change_nothing() -> None:
    frames = replaced(odd(Manner.NEWER_FIELD), BEAT)
    assert frames
    assert all(b"newer" in frame and decode(frame) == decode(BEAT) for frame in frames)


def test_values_that_are_stored_are_not_tampered_with() -> None:
    frame = orjson.dumps({"kind": "write", "document": {"checks": [{"id": "c"}]}, "x": [{}]})
    (changed,) = {
        orjson.loads(f)["document"]["checks"][0]["id"]
        for f in replaced(odd(Manner.NEWER_FIELD), frame)
    }
    assert changed == "c"
    assert all(
        orjson.loads(f)["document"] == {"checks": [{"id": "c"}]}
        for f in replaced(odd(Manner.NEWER_FIELD), frame)
    )


def test_every_kind_of_garbage_ends_the_link_and_raises_nothing_else() -> None:
    frames = replaced(odd(Manner.GARBAGE), BEAT, 600)
    assert len(set(frames)) > 8
    for frame in frames:
        with pytest.raises(PeerError, match="sent garbage"):
            read_frame(A, frame)


def test_old_frames_are_repeated_except_old_reports() -> None:
    tamperer = odd(Manner.REPLAY)
    assert replaced(tamperer, BEAT) == [], "nothing was recorded yet"
    for _ in range(100):
        tamperer.record((A, B), REPORT, 1.0)
    assert REPORT in replaced(tamperer, BEAT, true=1.0 + REPORT_AGE_S_MAX)
    assert replaced(tamperer, BEAT, true=1.1 + REPORT_AGE_S_MAX) == []


def test_a_member_is_odd_only_for_its_time() -> None:
    assert replaced(odd(Manner.GARBAGE), BEAT, true=100.0) == []
