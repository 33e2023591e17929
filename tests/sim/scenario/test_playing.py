"""Every sentence of a timeline does to the cluster what it says, and the story tells it."""

import pytest

from qutrio.model.results import Outcome
from qutrio.sim.scenario.story import LineKind
from qutrio.sim.scenario.timeline import VERBS
from tests.sim.scenario.stories import fared, played, scenario, told

QUICK = "checks: {web: {interval: 2s}}"


def check_that(timeline: str, expect: str, head: str = QUICK) -> None:
    """Play, and demand that everything was as expected."""
    story = played(timeline, expect, head)
    assert story.story.broken is None
    assert {text for text, held in fared(story).items() if not held} == set()


def test_every_usage_of_every_verb_can_be_read() -> None:
    words = {"NODES": "alpha, bravo", "NODE": "alpha", "CHECK": "web", "CHANNEL": "mail"}
    words |= {"NAME=VALUE": "heartbeat=1s", "FIELD=VALUE": "interval=5s", "NAME": "delta"}
    words |= {"TIME": "5s", " ...": ""}
    for verb in VERBS.values():
        for usage in verb.usage:
            sentence = usage.replace("NODES -> NODES", "alpha -> bravo, charlie")
            sentence = sentence.replace("NODES - NODES", "alpha - bravo")
            for word, example in words.items():
                sentence = sentence.replace(word, example)
            assert scenario(f"at 1s: {sentence}").entries[0].text == sentence


# --- links --------------------------------------------------------------------------------------


def test_a_cut_of_one_node_takes_its_quorum_until_it_is_healed() -> None:
    check_that(
        """at 10s: cut alpha
           at 30s: heal alpha""",
        """at 9s: quorum held by all
           at 25s: quorum held by bravo, charlie
           at 25s: master is bravo
           at 40s: quorum held by all""",
    )


def test_a_cut_in_one_direction_takes_the_role_from_the_one_who_is_not_heard() -> None:
    check_that(
        "at 10s: cut alpha -> all for 20s",
        """always from 20s to 29s: master is bravo
           at 40s: quorum held by all""",
    )


def test_two_cuts_of_one_link_end_with_the_later_one() -> None:
    check_that(
        """at 10s: cut alpha - bravo, charlie for 30s
           at 12s: cut alpha for 5s""",
        """at 38s: quorum held by bravo, charlie
           at 50s: quorum held by all""",
    )


def test_healing_everything_ends_every_cut() -> None:
    check_that(
        """at 10s: cut all
           at 25s: heal""",
        """at 24s: quorum held by nobody
           at 35s: quorum held by all""",
    )


def test_bad_weather_disturbs_and_ends() -> None:
    check_that(
        """at 10s: loss 100%
           at 25s: loss 0%
           at 40s: [delay 300ms, duplication 30%]
           at 50s: [delay 0s, duplication 0%]""",
        """at 20s: quorum held by nobody
           always from 35s: quorum held by all
           always from 35s: one master""",
    )


# --- machines -----------------------------------------------------------------------------------


def test_a_crashed_node_stays_down_for_its_time_and_another_acts() -> None:
    check_that(
        "at 10s: crash alpha for 20s",
        """always from 10s to 29s: node alpha is down
           at 31s: node alpha is running
           at 20s: master is bravo""",
    )


def test_a_node_that_is_started_early_is_not_started_again() -> None:
    check_that(
        """at 10s: crash alpha for 60s
           at 20s: start alpha
           at 40s: crash alpha for 60s""",
        """always from 21s to 39s: node alpha is running
           always from 40s to 99s: node alpha is down
           at 101s: node alpha is running""",
    )


def test_a_node_that_stops_hands_the_role_over_in_a_moment() -> None:
    story = played("at 10s: stop alpha for 5s", "within 600ms of 10s: master is bravo")
    assert story.held
    assert any("stopping" in text for text in told(story, "alpha"))


def test_a_suspended_node_acts_no_more_and_goes_on_when_it_is_resumed() -> None:
    check_that(
        """at 10s: suspend alpha
           at 30s: resume alpha""",
        """at 20s: node alpha is suspended
           at 20s: master is bravo
           at 31s: node alpha is running
           at 31s: master is bravo""",
    )


def test_a_node_that_crashes_in_its_sleep_wakes_up_anew() -> None:
    check_that(
        """at 10s: suspend alpha
           at 20s: crash alpha for 5s""",
        """at 22s: node alpha is down
           at 26s: node alpha is running""",
    )


def test_what_cannot_be_done_to_a_machine_is_told() -> None:
    story = played(
        """at 5s: start alpha
           at 10s: crash alpha
           at 11s: [crash alpha, suspend alpha]
           at 12s: crash bravo, charlie
           at 13s: join node delta
           at 14s: crash delta"""
    )
    assert "runs already" in told(story, "alpha")
    assert told(story, "alpha").count("is down already") == 2
    assert "delta is not there" in told(story)
    assert "'join node delta' is refused: no node runs" in told(story)


def test_nodes_without_power_keep_what_was_acknowledged() -> None:
    check_that(
        """at 10s: add check shop
           at 15s: unplug all for 5s""",
        """by 15s: add check shop is acknowledged
           always from 21s: check shop known to all""",
    )


def test_a_node_that_dies_after_its_page_cannot_say_so() -> None:
    story = played(
        """at 5s: crash alpha after paging for 10s
           at 10s: target web fails""",
        "by 1m: paged web down twice",
        QUICK,
    )
    assert story.held
    assert [(page.node, page.again) for page in story.story.pages] == [
        ("alpha", False),
        ("bravo", True),
    ]


# --- targets, channels --------------------------------------------------------------------------


def test_a_target_that_fails_for_a_minority_pages_nobody() -> None:
    check_that(
        """at 10s: target web fails for charlie
           at 40s: target web recovers for charlie""",
        """never: web is down
           never: paged""",
    )


def test_a_target_that_fails_for_a_majority_is_down_until_it_recovers() -> None:
    check_that(
        """at 10s: target web fails for bravo, charlie
           at 40s: target web recovers""",
        """at 20s: web is down
           by 20s: paged web down once on mail
           within 10s of 40s: paged web recovered once
           at 55s: web is up""",
    )


def test_a_target_that_fails_for_all_recovers_for_some() -> None:
    check_that(
        """at 10s: target web fails for all
           at 12s: target web fails for alpha, bravo for 1m
           at 40s: target web recovers""",
        """at 20s: web is down
           at 50s: web is up""",
    )


def test_blind_nodes_abstain() -> None:
    story = played("at 10s: blind bravo, charlie for 50s", "at 59s: web is unknown", QUICK)
    assert story.held
    votes = [track.at(50.0) for _, track in sorted(story.story.votes.items())]
    assert votes == [Outcome.OK, Outcome.ABSTAIN, Outcome.ABSTAIN]


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_channel_that_is_broken_is_told_later_and_the_other_at_once(how: str) -> None:
    check_that(
        f"""at 5s: channel mail {how} for 30s
            at 10s: target web fails""",
        """by 20s: paged web down once on pager
           by 20s: paged web down never on mail
           by 3m: paged web down once
           at 3m: outbox is empty""",
        f"{QUICK}\nchannels: [mail, pager]\nuntil: 3m",
    )


def test_a_channel_that_is_not_attached_hears_nothing() -> None:
    check_that(
        "at 10s: target web fails",
        """by 30s: paged web down once on shop-team
           by 30s: paged web down once
           by 30s: paged web down never on others""",
        """checks: {web: {interval: 2s, alerts: [shop-team]}}
           channels: {mail: {}, shop-team: {default: false}, others: {default: false}}""",
    )


# --- disks, clocks ------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["full", "fails", "read-only"])
def test_a_master_that_cannot_write_gives_the_role_up(trouble: str) -> None:
    story = played(
        f"""at 10s: disk alpha {trouble} for 30s
            at 12s: add check shop via charlie""",
        """within 2s of 12s: no master
           at 30s: master is bravo""",
    )
    assert story.held
    notes = [line.text for line in story.story.lines if line.kind is LineKind.NOTE]
    assert len([note for note in notes if "refused a write" in note]) == 1, "told once"


def test_a_disk_that_stalls_holds_up_what_needs_it_until_it_recovers() -> None:
    check_that(
        """at 10s: disk alpha, bravo stalls for 4s
           at 10s: add check shop via charlie""",
        """at 13s: check shop known to nobody
           at 20s: documents agree""",
    )


def test_clocks_may_drift_and_jump_without_a_second_master() -> None:
    check_that(
        """at 5s: clock alpha runs 5% fast
           at 5s: clock bravo runs 5% slow
           at 10s: clock charlie jumps 1h ahead
           at 20s: cut alpha
           at 40s: heal
           at 60s: clock all runs right
           at 61s: clock charlie jumps 1h back""",
        """never: two masters
           at 30s: master is bravo
           at 70s: one master""",
    )


# --- operators ----------------------------------------------------------------------------------


def test_an_operator_changes_checks_and_settings() -> None:
    check_that(
        """at 10s: add check shop interval=5s alerts=mail
           at 20s: edit check shop interval=2s retries=1 enabled=true
           at 30s: set dead_after=6s heartbeat=2s
           at 40s: target shop fails
           at 60s: remove check shop via charlie""",
        """at 15s: check shop known to all
           by 25s: edit check shop interval=2s retries=1 enabled=true is acknowledged
           by 35s: set dead_after=6s heartbeat=2s is acknowledged
           by 50s: paged shop down once
           by 65s: remove check shop via charlie is acknowledged
           at 70s: check shop known to nobody
           never: paged shop recovered""",
    )


def test_what_a_node_must_refuse_is_refused_with_the_reason() -> None:
    story = played(
        """at 10s: add check web
           at 20s: crash bravo
           at 21s: add check shop via bravo
           at 22s: remove check web
           at 30s: [edit check shop interval=2s, remove check shop]""",
        """by 15s: add check web is refused
           by 22s: add check shop via bravo is refused
           by 30s: edit check shop interval=2s is refused""",
    )
    assert story.held
    assert "'add check shop via bravo' is refused: bravo is down" in told(story)
    assert any("this node knows no check 'shop'" in text for text in told(story, "alpha"))


def test_a_node_joins_as_a_learner_and_gets_a_vote() -> None:
    check_that(
        """at 10s: join node delta via bravo
           at 40s: crash alpha""",
        """by 15s: join node delta via bravo is acknowledged
           at 30s: node delta is voter
           at 30s: quorum held by all
           at 50s: one master""",
    )


def test_a_node_that_joins_shares_in_what_is_broken() -> None:
    check_that(
        """at 10s: join node delta
           at 10s: blind delta
           at 10s: cut delta for 30s""",
        """at 35s: node delta is learner
           at 35s: quorum held by alpha, bravo, charlie
           at 45s: node delta is voter
           at 45s: quorum held by all""",
    )


def test_whoever_asked_a_node_that_dies_does_not_know_what_came_of_it() -> None:
    check_that(
        """at 10s: [add check shop via charlie, join node delta via bravo]
           at 10.02s: crash bravo, charlie for 5s""",
        """by 11s: add check shop via charlie is unknown
           by 11s: join node delta via bravo is unknown""",
    )


def test_checks_of_every_kind_can_be_played() -> None:
    check_that(
        "at 20s: add check mx kind=tcp address=mx:25 interval=2s alerts=mail,pager",
        """at 15s: check db is up
           at 40s: check mx is up""",
        """channels: [mail, pager]
           checks: {db: {kind: tcp, address: 'db:5432', interval: 5s}}""",
    )


def test_a_removed_node_counts_no_more() -> None:
    check_that(
        """at 10s: remove node charlie
           at 20s: crash charlie for 5s""",
        """by 15s: remove node charlie is acknowledged
           at 15s: node charlie is removed
           at 30s: quorum held by alpha, bravo
           at 30s: documents agree""",
    )


# --- the rest -----------------------------------------------------------------------------------


def test_a_cluster_of_one_plays_too() -> None:
    check_that(
        "at 10s: target web fails",
        """by 30s: paged web down once by alpha
           at 30s: quorum held by alpha""",
        f"nodes: [alpha]\n{QUICK}",
    )


def test_a_scenario_without_anything_ends_after_a_minute() -> None:
    story = played()
    assert story.story.end_s == 60.0
    assert story.held


def test_progress_is_told_while_it_plays() -> None:
    from qutrio.sim.scenario.playing import play  # noqa: PLC0415

    seen: list[float] = []
    play(scenario(head="until: 35s"), 1, seen.append)
    assert seen == [10.0, 20.0, 30.0, 35.0]


def test_other_dice_are_another_story() -> None:
    lines = {tuple(played("at 10s: crash alpha", seed=seed).story.lines) for seed in (1, 2, 3)}
    assert len(lines) == 3
