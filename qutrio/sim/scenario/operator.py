"""The operator of a played scenario: proposes changes to nodes, as the commands do."""

from typing import assert_never

from attrs import define

from qutrio.core.api.mutations import Mutation, PutCheck, PutSettings, RemoveCheck, RemoveMember
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, RequestId
from qutrio.model.stable import Record
from qutrio.sim import operators
from qutrio.sim.host import Host
from qutrio.sim.scenario.actions import Change, Request
from qutrio.sim.scenario.active_faults import ActiveFaults
from qutrio.sim.scenario.recording import Recorder
from qutrio.sim.scenario.requests import edited, new_check, plain, updated_settings
from qutrio.sim.scenario.setup import machine
from qutrio.sim.scenario.tokens import SentenceError
from qutrio.sim.world import World


@define
class Operator:
    """Proposes changes to the node that is named, or to the first that runs."""

    world: World
    recorder: Recorder
    faults: ActiveFaults

    def ask(self, request: Request, text: str) -> None:
        """Propose a change; `text` is its sentence."""
        host, via = self._host(request.via), request.via
        if host is None or host.node is None:
            self.recorder.refused(None, text, f"{via} is down" if via else "no node runs")
            return
        if request.change is Change.JOIN:
            self._join(request.name, host.name, text)
            return
        try:
            mutation = self._mutation(request, host.node.register.committed.document)
        except SentenceError as error:
            self.recorder.refused(host.name, text, str(error))
            return
        asked = self.world.propose(host.name, mutation)
        assert asked is not None, "it runs"
        self.recorder.asked(asked, host.name, text)

    def _host(self, via: str) -> Host | None:
        hosts, ids = self.world.hosts, self.faults.ids
        if via:
            return self.faults.host(via)
        running = (
            hosts[ident]
            for ident in ids.values()
            if ident in hosts and self.world.true >= hosts[ident].suspended_until
        )
        return next((h for h in running if h.node is not None and not h.node.removed), None)

    def _mutation(self, request: Request, document: ClusterDocument) -> Mutation:
        """Make a change from the document that the node shows."""
        name, fields = request.name, request.fields
        check = next((c for c in document.checks if c.name == name), None)
        match request.change:
            case Change.ADD_CHECK:
                return PutCheck(check=new_check(name, plain(fields)))
            case Change.EDIT_SETTINGS:
                settings = updated_settings(document.settings, plain(fields))
                return PutSettings(settings=settings, expect=document.settings)
            case Change.REMOVE_NODE:
                return RemoveMember(node=self.faults.ids.get(name, NodeId("")))
            case Change.EDIT_CHECK | Change.REMOVE_CHECK if check is None:
                raise SentenceError(f"this node knows no check {name!r}")
            case Change.EDIT_CHECK:
                assert check is not None
                return PutCheck(check=edited(check, fields), expect=check)
            case Change.REMOVE_CHECK:
                assert check is not None
                return RemoveCheck(expect=check)
            case Change.JOIN:
                raise AssertionError("joining takes two requests")
            case _:
                assert_never(request.change)

    def _join(self, node: str, via: NodeId, text: str) -> None:
        """Let a new machine join with a token that needs no approval."""
        newcomer = machine(node, len(self.faults.ids))
        self.faults.ids[node], self.recorder.names[newcomer.id] = newcomer.id, node
        requests: list[RequestId] = []

        def joined(record: Record) -> None:
            self.world.set_up(newcomer.id, record)
            self.faults.joined(node)

        def asked(request: RequestId | None) -> None:
            if request is not None:  # otherwise the node is down and does not answer
                requests.append(request)
                self.recorder.asked(request, via, text, last=len(requests) > 1)

        operators.enroll(self.world, via, newcomer, joined, asked)
