"""A node that publishes what the other tasks of its participant need to know."""

from attrs import Factory, define, field, frozen

from qutrio.core.api.effects import Effect, ReportRole
from qutrio.core.api.events import Event, Tenancy
from qutrio.core.api.view import View
from qutrio.core.election.interface import Role, RoleChange
from qutrio.core.node import Node
from qutrio.election.feeds import Feed
from qutrio.model.ids import Instant, NodeId, Term, UnixTime
from qutrio.plumbing.latest import Latest


@frozen(kw_only=True)
class ParticipantView:
    """The state of a participant's node, for its other tasks.

    `leads` is the term in which this node is master; it may act until `acting_until`, unless
    the lease is renewed.  `tenancies` counts the `Tenancy` events that the node had processed
    when this view was made.
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
    """A `runtime.driver.StateMachine` that also publishes a `ParticipantView` and role changes.

    The driver asks for a view after it has performed all effects of a step.  So what is
    published is durable, and its messages have been sent.
    """

    node: Node
    role_changes: Feed[RoleChange]
    participant_view: Latest[ParticipantView] = field(init=False)
    _tenancies: int = 0
    _unpublished: list[RoleChange] = Factory(list)

    def __attrs_post_init__(self) -> None:
        """Publish the view before the first step."""
        self.participant_view = Latest(self._current_view(self.node.view(self.node.deadline)))

    @property
    def deadline(self) -> Instant:
        """When the node wants a `Tick`."""
        return self.node.deadline

    def step(self, event: Event, now: Instant, wall: UnixTime) -> list[Effect]:
        """Process one event, and return its effects in order."""
        effects = self.node.step(event, now, wall)
        self._tenancies += isinstance(event, Tenancy)
        self._unpublished += [effect.change for effect in effects if isinstance(effect, ReportRole)]
        return effects

    def view(self, now: Instant) -> View:
        """Return the node's view, and publish the participant's."""
        view = self.node.view(now)
        self.participant_view.publish(self._current_view(view))
        unpublished, self._unpublished = self._unpublished, []
        for change in unpublished:
            self.role_changes.publish(change)
        return view

    def _current_view(self, view: View) -> ParticipantView:
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
