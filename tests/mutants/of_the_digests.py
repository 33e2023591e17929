"""Faults in digests: what joins them, what they say, and what waits for them."""

from tests.mutants.mutant import Edit, Mutant

DIGESTS_TESTS = ("tests/core/test_digests.py",)
STORM_TESTS = ("tests/core/test_storms.py",)

MUTANTS = (
    Mutant(
        name="what is newer than a digest does not wait for it",
        why="a channel is told of an end before the digest that tells of its beginning",
        edits=(Edit("Gathering.must_wait", "if later or orphan or", "if orphan or"),),
        tests=DIGESTS_TESTS,
    ),
    Mutant(
        name="a digest stands for an attempt under way",
        why="the attempt may reach people after the end that the digest tells of",
        edits=(
            Edit(
                "DeliveryScheduler._may_join",
                "self._under_way.isdisjoint(keys) and self.delivered",
                "self.delivered",
            ),
        ),
        tests=DIGESTS_TESTS,
    ),
    Mutant(
        name="a digest stands for what another member may still send",
        why="the same, across a change of master",
        edits=(
            Edit("Gathering.gather", "may_join(lane) and not waits(lane, now)", "may_join(lane)"),
        ),
        tests=DIGESTS_TESTS,
    ),
    Mutant(
        name="a digest leaves one notice out",
        why="one outage is told to nobody",
        edits=(
            Edit(
                "digests.gather",
                "_notice([d.notice for d in (*digests[1:], *replaced)]",
                "_notice([d.notice for d in (*digests[1:], *replaced[1:])]",
            ),
        ),
        tests=(*DIGESTS_TESTS, *STORM_TESTS),
    ),
    Mutant(
        name="a digest that waits is not part of the next",
        why="it is dropped, and what it stands for is told to nobody",
        edits=(
            Edit(
                "digests.gather",
                "_notice([d.notice for d in (*digests[1:], *replaced)]",
                "_notice([d.notice for d in replaced]",
            ),
        ),
        tests=DIGESTS_TESTS,
    ),
    Mutant(
        name="digests beside members that do not know them",
        why="an older member refuses the ledger, or drops what it cannot read",
        edits=(Edit("DeliveryScheduler.set_channels", "may_use(DIGESTS, document)", "True"),),
        tests=DIGESTS_TESTS,
    ),
    Mutant(
        name="no hold in a storm",
        why="people get a message for each check until twenty wait",
        edits=(Edit("Storm.until", "if self.held_from is not None:", "if False:"),),
        tests=STORM_TESTS,
    ),
    Mutant(
        name="a storm is written check by check",
        why="each write costs all members; a master that writes thousands loses its lease",
        edits=(Edit("WritePace.on_write", ") + cost_s)", "))"),),
        tests=STORM_TESTS,
    ),
    Mutant(
        name="a delivered notice leaves beside a digest",
        why="the journal says that it was told in the digest",
        edits=(
            Edit(
                "DeliveryScheduler.prune_ended",
                "if key[1] in self.gathering.gathered:",
                "if key[1] == key:",
            ),
        ),
        tests=DIGESTS_TESTS,
    ),
)
