"""Proposes this node's own name and address when its node.yaml differs from the document.

It does so once per start and once per reload, so that a later change by the command line
stays until then.
"""

from functools import partial

import trio
from attrs import evolve, frozen

from qutrio.core.api.effects import Reply
from qutrio.core.api.events import Proposed
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import PutMember
from qutrio.core.api.view import View
from qutrio.model.ids import Seconds
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log

RETRY_S: Seconds = 5.0
TRIES_MAX = 20


@frozen
class Particulars:
    """A node's own name, and the address at which others reach it (host:port)."""

    name: str
    address: str


async def introduce(
    wanted: Latest[Particulars], view: Latest[View], inbox: Inbox, log: Log
) -> None:
    """Propose the wanted particulars, and again after each change of them, until cancelled."""
    while True:
        mine = wanted.value
        await _propose(mine, view, inbox, log)
        await wanted.other_than(mine)


async def _propose(mine: Particulars, view: Latest[View], inbox: Inbox, log: Log) -> None:
    reason = ""
    for _ in range(TRIES_MAX):
        await view.until(lambda v: v.master is not None and not v.removed)
        member = view.value.document.member(view.value.node)
        if member is None or Particulars(member.name, member.address) == mine:
            return
        changed = evolve(member, name=mine.name, address=mine.address)
        mutation = PutMember(member=changed, expect=member)
        reply = await inbox.ask(partial(Proposed, mutation=mutation))
        assert isinstance(reply, Reply)
        if reply.ruling is Ruling.COMMITTED:
            log("name or address changed in the cluster", name=mine.name, address=mine.address)
            return
        reason = reply.reason
        await trio.sleep(RETRY_S)
    log("the cluster refuses our name or address", reason=reason, name=mine.name)
