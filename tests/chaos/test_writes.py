"""The check of writes reports exactly the histories that break a promise."""

from collections.abc import Sequence

from tests.chaos.writes import Answer, Change, Item, Write, judge

ADD, EDIT, ENABLE, REMOVE = Change.ADD, Change.EDIT, Change.ENABLE, Change.REMOVE
OK, NO, DOUBT = Answer.ACKNOWLEDGED, Answer.REFUSED, Answer.UNKNOWN


def history(*steps: tuple[Change, Answer]) -> list[Write]:
    """Return writes of one item, with their numbers as versions."""
    return [
        Write("x", change, number, "a", number, number + 0.5, answer)
        for number, (change, answer) in enumerate(steps, start=1)
    ]


def wrong(steps: Sequence[tuple[Change, Answer]], *found: Item) -> list[str]:
    return judge(history(*steps), {"x": found} if found else {})


def test_an_acknowledged_write_must_be_there() -> None:
    assert wrong([(ADD, OK)], Item(1, enabled=False)) == []
    assert len(wrong([(ADD, OK)])) == 1
    assert len(wrong([(ADD, OK), (EDIT, OK)], Item(1, enabled=False))) == 1
    assert len(wrong([(ADD, OK), (REMOVE, OK)], Item(1, enabled=False))) == 1


def test_a_refused_write_must_not_be_there() -> None:
    steps = [(ADD, OK), (EDIT, NO)]
    assert wrong(steps, Item(1, enabled=False)) == []
    assert len(wrong(steps, Item(2, enabled=False))) == 1


def test_an_unknown_write_may_be_there_or_not() -> None:
    steps = [(ADD, OK), (EDIT, DOUBT)]
    assert wrong(steps, Item(1, enabled=False)) == []
    assert wrong(steps, Item(2, enabled=False)) == []
    assert len(wrong(steps)) == 1


def test_an_unknown_write_cannot_come_after_one_that_was_acknowledged_later() -> None:
    steps = [(ADD, OK), (EDIT, DOUBT), (EDIT, OK)]
    assert wrong(steps, Item(3, enabled=False)) == []
    assert len(wrong(steps, Item(2, enabled=False))) == 1


def test_a_write_of_one_field_keeps_the_other() -> None:
    steps = [(ADD, OK), (ENABLE, OK), (EDIT, OK)]
    assert wrong(steps, Item(3, enabled=True)) == []
    assert len(wrong(steps, Item(3, enabled=False))) == 1


def test_what_could_not_take_effect_must_not_be_acknowledged() -> None:
    assert len(wrong([(EDIT, OK)])) == 1
    assert len(wrong([(ADD, OK), (ADD, OK)], Item(2, enabled=False))) == 1


def test_nothing_is_there_twice_or_from_nowhere() -> None:
    twice = [Item(1, enabled=False), Item(1, enabled=False)]
    assert len(wrong([(ADD, DOUBT)], *twice)) == 1
    assert len(judge([], {"y": [Item(1, enabled=False)]})) == 1
