"""The operator of a played scenario: asks nodes for changes as the commands would."""

from typing import assert_never

from attrs import define

from qutrio.core.mutations import Mutation, PutCheck, PutSettings, RemoveMember
from qutrio.core.mutations import RemoveCheck as DropCheck
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, RequestId
from qutrio.model.stable import Record
from qutrio.sim import operators
from qutrio.sim.host import Host
from qutrio.sim.scenario.deeds import (
    AddCheck,
    Change,
    EditCheck,
    EditSettings,
    Join,
    RemoveCheck,
    RemoveNode,
)
from qutrio.sim.scenario.founding import machine
from qutrio.sim.scenario.grips import Grips
from qutrio.sim.scenario.recording import Recorder
from qutrio.sim.scenario.wishes import edited, updated_settings
from qutrio.sim.scenario.words import SentenceError
from qutrio.sim.world import World


@define
class Operator:
    """Asks the node that is named, or the first one that runs."""

    world: World
    recorder: Recorder
    grips: Grips

    def ask(self, change: Change, via: str, text: str) -> None:
        """Ask for a change; `text` is the sentence that it comes from."""
        host = self._host(via)
        if host is None or host.node is None:
            self.recorder.refused(None, text, f"{via} is down" if via else "no node runs")
            return
        if isinstance(change, Join):
            self._join(change.node, host.name, text)
            return
        try:
            mutation = self._mutation(change, host.node.register.committed.document)
        except SentenceError as error:
            self.recorder.refused(host.name, text, str(error))
            return
        request = self.world.propose(host.name, mutation)
        assert request is not None, "it runs"
        self.recorder.asked(request, host.name, text)

    def _host(self, via: str) -> Host | None:
        hosts = self.world.hosts
        if via:
            return hosts.get(self.grips.ids.get(via, NodeId("")))
        running = (
            hosts[ident]
            for ident in self.grips.ids.values()
            if ident in hosts and self.world.true >= hosts[ident].suspended_until
        )
        return next((h for h in running if h.node is not None and not h.node.removed), None)

    def _mutation(
        self,
        change: AddCheck | EditCheck | RemoveCheck | EditSettings | RemoveNode,
        document: ClusterDocument,
    ) -> Mutation:
        """Make a change from the document that the node shows."""
        checks = {c.name: c for c in document.checks}
        match change:
            case AddCheck(check):
                return PutCheck(check=check)
            case EditCheck(name) | RemoveCheck(name) if name not in checks:
                raise SentenceError(f"this node knows no check {name!r}")
            case EditCheck(name, fields):
                return PutCheck(check=edited(checks[name], fields), expect=checks[name])
            case RemoveCheck(name):
                return DropCheck(expect=checks[name])
            case EditSettings(fields):
                settings = updated_settings(document.settings, fields)
                return PutSettings(settings=settings, expect=document.settings)
            case RemoveNode(node):
                return RemoveMember(node=self.grips.ids.get(node, NodeId("")))
            case _:
                assert_never(change)

    def _join(self, node: str, via: NodeId, text: str) -> None:
        """Let a new machine join, by a token that admits it at once."""
        newcomer = machine(node, len(self.grips.ids))
        self.grips.ids[node], self.recorder.names[newcomer.id] = newcomer.id, node
        requests: list[RequestId] = []

        def joined(record: Record) -> None:
            self.world.set_up(newcomer.id, record)
            self.grips.joined(node)

        def asked(request: RequestId | None) -> None:
            if request is not None:  # else the node went down, and never answers
                requests.append(request)
                self.recorder.asked(request, via, text, last=len(requests) > 1)

        operators.enroll(self.world, via, newcomer, joined, asked)
