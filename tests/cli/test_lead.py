"""`qutrio lead` runs its command while the daemon says so, and stops it in time in any case."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qutrio.cli.exits import ExitCode
from qutrio.cli.lead_command import boot_now
from qutrio.cli.leading import KILL_SHARE, TERM_SHARE
from tests.cli.lead_stage import LEASE_S, Daemon, Lead, alive, gone_at

pytestmark = pytest.mark.slow

SLEEP = 'echo $$ >> "$OUT"; exec sleep 600'
STUBBORN = 'trap "echo term >> $OUT" TERM; echo $$ >> "$OUT"; while :; do sleep 0.05; done'
POLITE = 'trap "echo term >> $OUT; exit 5" TERM; echo $$ >> "$OUT"; while :; do sleep 0.05; done'
FAMILY = """
trap "" TERM
sleep 600 &
first=$!
setsid sleep 600 &
echo "$$ $first $!" >> "$OUT"
while :; do sleep 0.05; done
"""


@pytest.fixture
def daemon(folder: Path) -> Iterator[Daemon]:
    """Give a daemon that the test speaks for."""
    speaker = Daemon(folder / "s")
    yield speaker
    speaker.close()


@pytest.fixture
def lead(folder: Path) -> Iterator[Lead]:
    """Give a `qutrio lead` that has not been started."""
    program = Lead(folder)
    yield program
    program.end()


def test_command_runs_while_the_role_is_here_with_its_environment(
    daemon: Daemon, lead: Lead
) -> None:
    script = 'echo "$QUTRIO_TERM $QUTRIO_NODE $QUTRIO_CLUSTER $QUTRIO_NAME" >> "$OUT"'
    lead.start("--name", "reports", "--", "sh", "-c", f"{script}; {SLEEP}")
    daemon.accept()
    assert daemon.request == {"op": "role.follow", "key": "name:reports"}
    daemon.send_role(left_s=None)
    assert daemon.hold == 0
    daemon.lead(term=7)
    said, pid = lead.lines(2)
    assert said == "7 a c0 reports"
    daemon.send_role(left_s=None)
    gone_at(int(pid))
    daemon.wait_for_hold(wanted=False)
    assert "this node is no longer master" in lead.said
    daemon.lead(term=9)
    assert lead.lines(4)[2] == "9 a c0 reports"


def test_command_is_not_started_with_too_little_of_the_lease_left(
    daemon: Daemon, lead: Lead
) -> None:
    lead.start("--", "sh", "-c", SLEEP)
    daemon.accept()
    daemon.lead(left_s=LEASE_S * 0.45)
    daemon.send_role(left_s=LEASE_S * 0.45)
    daemon.send_role(left_s=LEASE_S * 0.45)
    assert "starting" not in lead.said
    daemon.send_role(left_s=LEASE_S)
    lead.lines()


def test_lease_that_is_too_short_is_reported_and_nothing_starts(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", SLEEP)
    daemon.accept()
    for _ in range(4):
        daemon.send_role(left_s=0.19, lease_s=0.19)
    lead.says("a lease lasts 0.19s, which is too short")
    assert lead.said.count("too short") == 1
    assert "starting" not in lead.said


def test_answer_to_an_older_request_starts_nothing(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", SLEEP)
    daemon.accept()
    daemon.send_role(left_s=LEASE_S)
    daemon.wait_for_hold(wanted=True)
    daemon.send_role(left_s=LEASE_S, held=daemon.hold - 1)
    daemon.send_role(left_s=LEASE_S, held=0)
    assert "starting" not in lead.said
    daemon.send_role(left_s=LEASE_S)
    lead.lines()


def test_command_that_runs_here_already_is_waited_for(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", SLEEP)
    daemon.accept()
    daemon.send_role(left_s=LEASE_S)
    daemon.wait_for_hold(wanted=True)
    for _ in range(3):
        daemon.send_role(left_s=LEASE_S, held=0, taken=True)
    lead.says("already runs the same name or command here")
    assert lead.said.count("already") == 1


def test_two_commands_without_a_name_have_keys_of_their_own(daemon: Daemon, lead: Lead) -> None:
    keys = []
    for words in (["sleep", "1"], ["sleep", "2"], ["sleep", "1"]):
        lead.start("--", *words)
        daemon.accept()
        keys.append(daemon.request["key"])
        lead.end()
    assert keys[0] == keys[2] != keys[1]


def test_lease_that_is_not_renewed_ends_the_command_before_its_time(
    daemon: Daemon, lead: Lead
) -> None:
    lead.start("--grace", "1h", "--", "sh", "-c", STUBBORN)
    daemon.accept()
    until = daemon.lead()
    pid, term = lead.lines(2)
    assert until - TERM_SHARE * LEASE_S <= boot_now() <= until
    assert term == "term"
    assert until - KILL_SHARE * LEASE_S <= gone_at(int(pid)) <= until


def test_renewed_lease_lets_the_command_go_on(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", SLEEP)
    daemon.accept()
    first = daemon.lead()
    (pid,) = lead.lines()
    while boot_now() < first + LEASE_S / 2:
        daemon.send_role(left_s=LEASE_S)
    assert alive(int(pid))
    assert "stopping" not in lead.said


def test_command_stops_when_the_role_is_to_move_and_the_daemon_hears_of_it(
    daemon: Daemon, lead: Lead
) -> None:
    lead.start("--", "sh", "-c", POLITE)
    daemon.accept()
    daemon.lead()
    (pid,) = lead.lines()
    daemon.send_role(left_s=LEASE_S, vacating=True)
    daemon.wait_for_hold(wanted=False)
    assert not alive(int(pid))
    assert lead.lines(2)[1] == "term"
    daemon.send_role(left_s=LEASE_S, vacating=True)
    assert daemon.hold == 0


def test_command_stops_when_the_daemon_hangs_up_and_starts_again_with_the_next(
    daemon: Daemon, lead: Lead
) -> None:
    lead.start("--", "sh", "-c", POLITE)
    daemon.accept()
    daemon.lead()
    (pid,) = lead.lines()
    daemon.hang_up()
    gone_at(int(pid))
    daemon.accept()
    daemon.lead(term=8)
    lead.lines(3)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_command_and_all_it_started_end_in_time_without_their_leader(
    daemon: Daemon, lead: Lead, blow: signal.Signals
) -> None:
    lead.start("--", "sh", "-c", FAMILY)
    daemon.accept()
    until = daemon.lead()
    pids = [int(word) for word in lead.lines()[0].split()]
    lead.signal(blow)
    assert max(gone_at(pid) for pid in pids) <= until


def test_command_ends_with_its_watcher_and_starts_again(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", 'echo "$PPID $$" >> "$OUT"; exec sleep 600')
    daemon.accept()
    daemon.lead(left_s=LEASE_S)
    watcher, pid = map(int, lead.lines()[0].split())
    os.kill(watcher, signal.SIGKILL)
    gone_at(pid)
    daemon.wait_for_hold(wanted=False)
    lead.says("starts again in")
    while not daemon.hold:
        daemon.send_role(left_s=LEASE_S)
    daemon.send_role(left_s=LEASE_S)
    lead.lines(2)


def test_what_left_the_group_ends_with_the_watcher_too(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", f"echo $PPID >> $OUT; {FAMILY}")
    daemon.accept()
    daemon.lead()
    watcher, family = lead.lines(2)
    os.kill(int(watcher), signal.SIGKILL)
    daemon.wait_for_hold(wanted=False)
    assert not any(alive(int(pid)) for pid in family.split())
    lead.says("the watcher of the command is gone")


def test_watcher_that_stands_still_does_not_keep_the_role(daemon: Daemon, lead: Lead) -> None:
    lead.start("--grace", "0s", "--", "sh", "-c", 'echo "$PPID $$" >> "$OUT"; exec sleep 600')
    daemon.accept()
    daemon.lead()
    watcher, pid = map(int, lead.lines()[0].split())
    os.kill(watcher, signal.SIGSTOP)
    while alive(pid):
        daemon.send_role(left_s=LEASE_S, vacating=True)
    daemon.wait_for_hold(wanted=False)


def test_exit_code_is_known_although_the_watcher_left_orders_unread(
    daemon: Daemon, lead: Lead
) -> None:
    script = 'trap "exit 7" USR1; echo "$PPID $$" >> "$OUT"; while :; do sleep 0.05; done'
    lead.start("--once", "--", "sh", "-c", script)
    daemon.accept()
    daemon.lead()
    watcher, pid = map(int, lead.lines()[0].split())
    os.kill(watcher, signal.SIGSTOP)
    for _ in range(5):
        daemon.send_role(left_s=LEASE_S)
    os.kill(pid, signal.SIGUSR1)
    gone_at(pid)
    os.kill(watcher, signal.SIGCONT)
    assert lead.wait() == 7


def test_watcher_that_stands_still_does_not_keep_the_command(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", 'echo "$PPID $$" >> "$OUT"; exec sleep 600')
    daemon.accept()
    until = daemon.lead()
    watcher, pid = map(int, lead.lines()[0].split())
    os.kill(watcher, signal.SIGSTOP)
    assert gone_at(pid) <= until + 1.0
    lead.says("the watcher of the command did not stop it")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 9", 9), ("kill -TERM $$", 128 + signal.SIGTERM)]
)
def test_once_ends_with_the_command_and_its_exit_code(
    daemon: Daemon, lead: Lead, script: str, code: int
) -> None:
    lead.start("--once", "sh", "-c", script)
    daemon.accept()
    daemon.lead()
    daemon.wait_for_hold(wanted=False)
    assert lead.wait() == code


def test_once_waits_again_when_the_role_was_lost_before_the_end(daemon: Daemon, lead: Lead) -> None:
    lead.start("--once", "--", "sh", "-c", POLITE)
    daemon.accept()
    daemon.lead()
    lead.lines()
    daemon.send_role(left_s=None)
    daemon.wait_for_hold(wanted=False)
    daemon.lead()
    lead.lines(3)


def test_command_that_ends_starts_again_after_a_pause(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sh", "-c", 'sleep 600 & echo $! >> "$OUT"; exit 3')
    daemon.accept()
    daemon.lead()
    (left,) = lead.lines()
    daemon.wait_for_hold(wanted=False)
    assert not alive(int(left)), "what a command leaves behind is killed"
    lead.says("(exit 3); it starts again in")
    while not daemon.hold:
        daemon.send_role(left_s=LEASE_S)
    daemon.send_role(left_s=LEASE_S)
    lead.lines(2)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, ExitCode.OK), (signal.SIGINT, ExitCode.INTERRUPTED)]
)
def test_signal_stops_the_command_first(
    daemon: Daemon, lead: Lead, number: signal.Signals, code: int
) -> None:
    lead.start("--", "sh", "-c", POLITE)
    daemon.accept()
    daemon.lead()
    (pid,) = lead.lines()
    lead.signal(number)
    daemon.wait_for_hold(wanted=False)
    assert not alive(int(pid))
    assert lead.wait() == code
    assert lead.lines(2)[1] == "term"


def test_grace_that_is_over_ends_a_command_that_does_not_obey(daemon: Daemon, lead: Lead) -> None:
    lead.start("--grace", "200ms", "--", "sh", "-c", STUBBORN)
    daemon.accept()
    daemon.lead()
    (pid,) = lead.lines()
    lead.signal(signal.SIGTERM)
    assert lead.wait() == ExitCode.OK
    assert not alive(int(pid))
    assert "the grace is over" in lead.said


def test_idle_leader_ends_at_once(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sleep", "600")
    daemon.accept()
    daemon.send_role(left_s=None)
    lead.signal(signal.SIGTERM)
    assert lead.wait() == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--", "sleep", "1"], ExitCode.NO_DAEMON, "no daemon answers"),
        (["--", "no-such-program-anywhere"], ExitCode.BAD_INPUT, "there is no program"),
        (["--grace", "2h", "sleep", "1"], ExitCode.BAD_INPUT, "too long"),
        (["--grace", "soon", "sleep", "1"], ExitCode.BAD_INPUT, "grace"),
        (["--name", "a b", "sleep", "1"], ExitCode.BAD_INPUT, "name"),
        ([], ExitCode.BAD_INPUT, "COMMAND"),
    ],
)
def test_what_cannot_be_is_told_at_once(
    lead: Lead, arguments: list[str], code: ExitCode, words: str
) -> None:
    lead.start(*arguments)
    assert lead.wait() == code
    assert words in lead.said


def test_refusal_of_the_daemon_is_an_exit_code(daemon: Daemon, lead: Lead) -> None:
    lead.start("--", "sleep", "1")
    daemon.accept()
    daemon.send(ok=False, code="refused", error="16 programs follow the role at this node already")
    assert lead.wait() == ExitCode.ERROR
    assert "16 programs" in lead.said


def test_leader_loads_nothing_heavy() -> None:
    script = "import sys, qutrio.cli.lead, qutrio.cli.leading; print('trio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
