"""A program with one participant, for tests that kill real processes.

Its arguments are `mesh` or `graft`, the participant's id, the URL of a NATS server, and a folder.
It prints a line when it begins to lead, and one when it stops leading.
"""

import sys
from contextlib import AbstractAsyncContextManager

import trio

from qutrio import election
from qutrio.election.drivers.nats import Nats

PARTICIPANTS = ["a", "b", "c"]


def participant(
    kind: str, self_id: str, nats: Nats, folder: str
) -> AbstractAsyncContextManager[election.Participant | election.GraftParticipant]:
    if kind == "graft":
        return election.join_graft(
            "jobs", self_id=self_id, size=len(PARTICIPANTS), nats=nats, state=folder
        )
    return election.join("jobs", self_id=self_id, members=PARTICIPANTS, driver=nats, state=folder)


async def main(kind: str, self_id: str, url: str, folder: str) -> None:
    async with participant(kind, self_id, Nats(servers=[url]), folder) as taken:
        while True:
            async with taken.leading() as term:
                print("leads", term, flush=True)  # noqa: T201
                await trio.Event().wait()
            print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4])
