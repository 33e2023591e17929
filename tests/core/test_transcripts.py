"""Transcripts of three runs of three nodes: a takeover, a write and an outage."""

import pytest

from qutrio.core.api.messages import Heartbeat
from qutrio.model.results import Outcome
from tests.core.node_cluster import API, elected_cluster
from tests.core.samples import DEAD_S, WEB, A, B
from tests.core.transcript import FOLDER, Transcript, check_transcript


def test_takeover(rewrite_transcripts: bool) -> None:
    """Once the old lease ended, a new master canvasses, claims and writes before it acts."""
    cluster = elected_cluster()
    transcript = Transcript(cluster, "Takeover: the master n1 crashes, and n2 succeeds it.")
    cluster.run(1)
    transcript.section("n1 crashes")
    cluster.crash(A)
    cluster.run(2 * DEAD_S)
    assert cluster.masters() == [B]
    check_transcript("takeover", transcript.text(), rewrite=rewrite_transcripts)


def test_write(rewrite_transcripts: bool) -> None:
    """A change goes to the master, and is answered once a majority wrote it to disk."""
    cluster = elected_cluster()
    transcript = Transcript(cluster, "Write: n2 is asked to add a check, and n1 is the master.")
    cluster.run(1)
    transcript.section("an operator asks n2 to add the check api")
    request = cluster.propose(B, API)
    cluster.run(1)
    assert len(cluster.replies(request)) == 1
    check_transcript("write", transcript.text(), rewrite=rewrite_transcripts)


def test_outage(rewrite_transcripts: bool) -> None:
    """An outage is announced once: after two bad rounds, and after a majority holds the notice."""
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    transcript = Transcript(cluster, "Outage: the target of the check web fails and recovers.")
    cluster.run(2)
    transcript.section("the target fails")
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(3)
    transcript.section("the target recovers")
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(3)
    check_transcript("outage", transcript.text(), rewrite=rewrite_transcripts)


def test_heartbeats_that_say_nothing_new_are_not_shown() -> None:
    """A cluster at rest sends heartbeats, and its transcript is empty."""
    cluster = elected_cluster()
    transcript = Transcript(cluster, "Rest")
    cluster.run(1)
    transcript.section("nothing happens")
    cluster.run(5)
    assert cluster.messages(Heartbeat)
    assert transcript.text() == "Rest\n\n# nothing happens\n"


def test_a_run_that_differs_from_its_file_fails_and_explains_how_to_accept_it() -> None:
    """The file stays as it was."""
    before = (FOLDER / "write.txt").read_text()
    with pytest.raises(AssertionError, match="--rewrite-transcripts"):
        check_transcript("write", "something else\n", rewrite=False)
    assert (FOLDER / "write.txt").read_text() == before
