"""Turns an edit of cluster.yaml into mutations, which merge with other changes."""

from attrs import evolve

from qutrio.core.api.draft import same_check
from qutrio.core.api.mutations import (
    Batch,
    Mutation,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    Refusal,
    RemoveChannel,
    RemoveCheck,
)
from qutrio.model.document import ClusterDocument


def differences(old: ClusterDocument, new: ClusterDocument) -> Batch | Refusal:
    """Return the batch that changes `old` into `new`.

    Identity, membership, votes, keys and tokens cannot be edited by hand: a file that changes
    them is refused, and the refusal names the command to use.
    """
    if (refusal := _beyond_an_edit(old, new)) is not None:
        return refusal
    steps: list[Mutation] = []
    before, after = {m.id: m for m in old.members}, {m.id: m for m in new.members}
    if before.keys() != after.keys():
        return Refusal(
            "members are not added or removed by hand; use 'qutrio enroll' and 'qutrio node'"
        )
    for ident, member in after.items():
        was = before[ident]
        if evolve(member, name=was.name, address=was.address) != was:
            return Refusal(f"of member {was.name!r} only name and address can be edited")
        if member != was:
            steps.append(PutMember(member=member, expect=was))
    if old.settings != new.settings:
        steps.append(PutSettings(settings=new.settings, expect=old.settings))
    was_check, now_check = {c.id: c for c in old.checks}, {c.id: c for c in new.checks}
    steps += [RemoveCheck(expect=c) for i, c in was_check.items() if i not in now_check]
    was_channel, now_channel = {c.id: c for c in old.channels}, {c.id: c for c in new.channels}
    steps += [
        PutChannel(channel=c, expect=was_channel.get(i))
        for i, c in now_channel.items()
        if c != was_channel.get(i)
    ]
    steps += [
        PutCheck(check=c, expect=was_check.get(i))
        for i, c in now_check.items()
        if not same_check(c, was_check.get(i))
    ]
    steps += [RemoveChannel(expect=c) for i, c in was_channel.items() if i not in now_channel]
    return Batch(mutations=tuple(steps))


def _beyond_an_edit(old: ClusterDocument, new: ClusterDocument) -> Refusal | None:
    if old.cluster_id != new.cluster_id:
        return Refusal("cluster_id cannot be changed")
    if old.level != new.level:
        return Refusal("level cannot be changed: it rises by itself, when all nodes were upgraded")
    # Lines that are missing are put back: who rewrites the checks may drop what follows them.
    known = new.last_change is None or new.last_change == old.last_change
    if not known or not set(new.edits) <= set(old.edits):
        return Refusal("last_change and edits are not edited by hand: the cluster writes them")
    if old.tokens != new.tokens:
        return Refusal("tokens are not edited by hand; use 'qutrio enroll'")
    return None
