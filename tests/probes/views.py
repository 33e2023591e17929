"""The view of a one-node cluster, which is all that the supervisor reads."""

from collections.abc import Iterable

from qutrio.core.api.view import View
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Fingerprint, NodeId, Revision, Term
from qutrio.model.members import Member
from qutrio.model.stable import Position

NODE = NodeId("n0")


def view_of(checks: Iterable[Check]) -> View:
    """Return the view of a node that is alone and watches `checks`."""
    member = Member(
        id=NODE,
        name="here",
        address="127.0.0.1:9901",
        fingerprint=Fingerprint("0" * 64),
        certificate="",
    )
    document = ClusterDocument(
        cluster_id="c",
        revision=Revision(1),
        members=(member,),
        checks=tuple(sorted(checks, key=lambda check: check.id)),
    )
    return View(
        node=NODE,
        document=document,
        position=Position(),
        term=Term(1),
        master=None,
        acting_until=None,
        live=frozenset({NODE}),
        removed=False,
    )
