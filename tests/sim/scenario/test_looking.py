"""When a played node looks at a target, and whom it can tell: as a real one would."""

from tests.sim.scenario.stories import fared, played


def test_nobody_is_paged_where_no_channel_is_attached() -> None:
    story = played(
        "at 10s: target web fails",
        """by 1m: paged web down once
           by 1m: paged web down twice
           by 1m: nobody is paged
           never: paged""",
        "checks: {web: {interval: 2s}}\nchannels: []",
    )
    assert list(fared(story).values()) == [False, False, True, True]
    assert "no channel is attached" in story.verdicts[0].reason


def test_a_check_that_is_edited_is_looked_at_at_once() -> None:
    """However long the interval was: as by real nodes, which look within a second."""
    story = played(
        """at 10s: edit check web interval=2s
           at 20s: target web fails
           at 40s: remove check web
           at 42s: add check web interval=10m
           at 42s: target web recovers""",
        """at 12s: web is up
           by 30s: paged web down once
           at 45s: web is up""",
        "checks: {web: {interval: 10m}}",
    )
    assert story.held


def test_a_node_that_starts_looks_at_once() -> None:
    story = played(
        """at 10s: unplug all for 5s
           at 10s: target web fails""",
        "at 25s: web is down",
        "checks: {web: {interval: 10m}}",
    )
    assert story.held
