"""Random numbers are the same on all machines, so a seed found on one works on all."""

from qutrio.sim.dice import Dice, generator

KNOWN_NUMBERS = [164, 409, 365, 777, 826]
KNOWN_PICK = "c"
KNOWN_ORDER = [2, 3, 4, 0, 1]
KNOWN_HEAVY = 0.4052955621459451
KNOWN_FLOAT = 0.16496605308704504


def test_the_first_throws_are_known() -> None:
    dice = Dice(7, "pinned")
    assert [dice.below(1000) for _ in range(5)] == KNOWN_NUMBERS
    assert dice.pick("abc") == KNOWN_PICK
    assert dice.shuffled(range(5)) == KNOWN_ORDER
    assert dice.heavy(0.1, 8.0) == KNOWN_HEAVY
    assert generator(7, "pinned").random() == KNOWN_FLOAT


def test_dice_of_other_parts_fall_otherwise() -> None:
    throws = {Dice(seed, part).random() for seed in (1, 2) for part in ("network", "disk")}
    assert len(throws) == 4


def test_throws_stay_within_their_bounds() -> None:
    dice = Dice("bounds")
    assert {dice.below(3) for _ in range(100)} == {0, 1, 2}
    assert all(2.0 <= dice.between(2.0, 3.0) < 3.0 for _ in range(100))
    tail = [dice.heavy(0.1, 8.0) for _ in range(2000)]
    assert max(tail) == 8.0
    assert sorted(tail)[1000] < 0.2


def test_moments_are_in_order_and_as_many_as_the_rate_says() -> None:
    dice = Dice("moments")
    moments = dice.times(0.5, 60.0)
    assert moments == sorted(moments)
    assert len(moments) == 30
    assert all(0.0 <= at < 60.0 for at in moments)
    assert sum(len(dice.times(0.01, 50.0)) for _ in range(400)) in range(150, 250)
