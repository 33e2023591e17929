"""The daemon's own node in the role of a seat: what goes in, what it decides, what is shown."""

from attrs import Factory, define, field, frozen

from qutrio.core.api.effects import Effect, Turned
from qutrio.core.api.events import Event, Tenancy
from qutrio.core.api.view import View
from qutrio.core.election.interface import Role, Turn
from qutrio.core.node import Node
from qutrio.election.feeds import Feed
from qutrio.model.ids import Instant, NodeId, Term, UnixTime
from qutrio.plumbing.latest import Latest


@frozen(kw_only=True)
class ParticipantView:
    """What a seat's other tasks may know of its node.

    `leads` is the term in which this node acts, as a majority knows it; it acts up to
    `acting_until` unless that is renewed.  `tenancies` counts the `Tenancy` events that the
    node has lived through: what is told here, is told after the last of them.
    """

    role: Role
    term: Term
    leader: NodeId | None
    leads: Term | None
    acting_until: Instant | None
    vacating: bool
    living: frozenset[NodeId]
    tenancies: int


@define
class ObservedNode:
    """A `runtime.driver.Machine` that also shows what only its owner may know of the node.

    The driver asks for a view when it has performed all effects of a step.  So what is shown
    is durable, and has been said.
    """

    node: Node
    turns: Feed[Turn]
    outlook: Latest[ParticipantView] = field(init=False)
    _tenancies: int = 0
    _turned: list[Turn] = Factory(list)

    def __attrs_post_init__(self) -> None:
        """Show what is known before the first step."""
        self.outlook = Latest(self._look(self.node.view(self.node.deadline)))

    @property
    def deadline(self) -> Instant:
        """When the node wants a `Tick`."""
        return self.node.deadline

    def step(self, event: Event, now: Instant, wall: UnixTime) -> list[Effect]:
        """Take one event in, and return what is to be done, in order."""
        effects = self.node.step(event, now, wall)
        self._tenancies += isinstance(event, Tenancy)
        self._turned += [effect.turn for effect in effects if isinstance(effect, Turned)]
        return effects

    def view(self, now: Instant) -> View:
        """Return what others may know, and show it."""
        view = self.node.view(now)
        self.outlook.publish(self._look(view))
        turned, self._turned = self._turned, []
        for turn in turned:
            self.turns.tell(turn)
        return view

    def _look(self, view: View) -> ParticipantView:
        acts = view.acting_until is not None
        return ParticipantView(
            role=self.node.leadership.engine_host.role,
            term=view.term,
            leader=view.master,
            leads=self.node.leadership.register.established if acts else None,
            acting_until=view.acting_until,
            vacating=view.vacating,
            living=view.live,
            tenancies=self._tenancies,
        )
