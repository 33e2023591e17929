"""Reads the sentences of a timeline: `cut alpha -> bravo for 30s`.

Grammar: a verb, its object, and optionally `for TIME` if it lasts; an operator's request may end
in `via NODE`, the node that is asked.  NODES is one node, several with commas, or `all`.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import product
from types import MappingProxyType
from typing import Final, TypeAlias

from qutrio.model.ids import Seconds
from qutrio.sim.scenario.actions import (
    Action,
    ClearFault,
    CrashAfterPage,
    FaultKind,
    FaultValue,
    MachineEvent,
    Move,
    SetClock,
    StartFault,
    Subject,
    Trouble,
)
from qutrio.sim.scenario.requests import add, edit, join, remove, settings
from qutrio.sim.scenario.tokens import (
    EVERYBODY,
    NEAR,
    SentenceError,
    Tokens,
    is_duration,
    sentences,
    shown,
    unknown,
)

DRIFT_PERCENT_MAX = 5.0
"""The largest drift that qutrio tolerates."""
SHARE_PERCENT_MAX = 100.0
DELAY_S_MAX: Seconds = 60.0
JUMP_S_MAX: Seconds = 366 * 86_400.0
BOTH_WAYS: Final = ("-", "<->")

Read: TypeAlias = Callable[[Tokens], Action]


def read_action(text: Tokens) -> tuple[Action, Seconds | None]:
    """Read a sentence; return the action, and how long it lasts if it says so.

    Raises `SentenceError`.
    """
    first = text.next_word("a verb")
    verb = VERBS.get(first)
    if verb is None:
        near = get_close_matches(first.lower(), [*VERBS, *_HINTS], n=1, cutoff=NEAR)
        if near and near[0] in _HINTS:
            raise SentenceError(f"there is no verb {shown(first)}; write {_HINTS[near[0]]!r}")
        raise unknown("verb", first, VERBS)
    action = verb.read(text)
    for_s = None
    if text.accept("for"):
        for_s = text.duration()
        if not _lasts(action):
            raise SentenceError(f"'for' does not go with {first!r}, which is over at once")
        if not for_s:
            raise SentenceError("it ends when it begins; give it a longer time")
    text.end()
    return action, for_s


def _lasts(action: Action) -> bool:
    match action:
        case StartFault() | CrashAfterPage():
            return True
        case Move():
            return action.event.end is not None
        case _:
            return False


def _links(text: Tokens) -> tuple[Subject, ...]:
    near = text.nodes()
    if text.accept("->"):
        pairs = list(product(near, text.nodes()))
    else:
        apart = any(text.accept(sign) for sign in BOTH_WAYS)
        others = tuple(n for n in text.scope.nodes if n not in near)
        far = text.nodes() if apart else others or near
        pairs = [pair for a, b in product(near, far) for pair in ((a, b), (b, a))]
    links = tuple(dict.fromkeys(Subject(FaultKind.LINK, a, b) for a, b in pairs if a != b))
    if not links:
        raise SentenceError("a node has no link to itself; name two different nodes")
    return links


def _cut(text: Tokens) -> Action:
    return StartFault(_links(text))


def _heal(text: Tokens) -> Action:
    if text.left and text.peek() != "for":
        return ClearFault(_links(text))
    return ClearFault(
        tuple(
            Subject(FaultKind.LINK, a, b) for a, b in product(text.scope.nodes, repeat=2) if a != b
        )
    )


def _crash(text: Tokens) -> Action:
    nodes = text.nodes()
    return (
        CrashAfterPage(nodes) if text.accept("after", "paging") else Move(nodes, MachineEvent.CRASH)
    )


def _move(event: MachineEvent) -> Read:
    return lambda text: Move(text.nodes(), event)


def _target(text: Tokens) -> Action:
    check = text.check()
    fails = text.choose("state of a target", ("fails", "recovers"), "states") == "fails"
    subjects: tuple[Subject, ...] = (Subject(FaultKind.TARGET, check),)
    if text.peek() == "for" and text.peek(1) and not is_duration(text.peek(1)):
        text.expect("for")
        if text.peek() == EVERYBODY:
            text.expect(EVERYBODY)
        else:
            subjects = tuple(Subject(FaultKind.TARGET, check, node) for node in text.nodes())
    return StartFault(subjects) if fails else ClearFault(subjects)


def _probing(*, fails: bool) -> Read:
    def read(text: Tokens) -> Action:
        subjects = tuple(Subject(FaultKind.PROBING, node) for node in text.nodes())
        return StartFault(subjects) if fails else ClearFault(subjects)

    return read


def _trouble(
    text: Tokens, subjects: tuple[Subject, ...], noun: str, among: Mapping[str, FaultValue]
) -> Action:
    word = text.choose(f"state of a {noun}", (*among, "recovers"), "states")
    return ClearFault(subjects) if word == "recovers" else StartFault(subjects, among[word])


def _disk(text: Tokens) -> Action:
    disks = tuple(Subject(FaultKind.DISK, node) for node in text.nodes())
    return _trouble(text, disks, "disk", _DISK)


def _channel(text: Tokens) -> Action:
    return _trouble(text, (Subject(FaultKind.CHANNEL, text.channel()),), "channel", _CHANNEL)


def _clock(text: Tokens) -> Action:
    nodes = text.nodes()
    if text.choose("way of a clock", ("runs", "jumps"), "ways") == "jumps":
        by_s = text.duration()
        if by_s > JUMP_S_MAX:
            raise SentenceError("a clock jumps by a year at most")
        ahead = text.choose("direction", ("ahead", "back")) == "ahead"
        return SetClock(nodes, by_s if ahead else -by_s)
    rates = tuple(Subject(FaultKind.CLOCK, node) for node in nodes)
    if text.accept("right"):
        return ClearFault(rates)
    share = text.percent(DRIFT_PERCENT_MAX)
    fast = text.choose("kind of clock", ("fast", "slow"), "kinds") == "fast"
    return StartFault(rates, 1 + share if fast else 1 - share)


def _share(what: FaultKind) -> Read:
    def read(text: Tokens) -> Action:
        share = text.percent(SHARE_PERCENT_MAX)
        return StartFault((Subject(what),), share) if share else ClearFault((Subject(what),))

    return read


def _delay(text: Tokens) -> Action:
    air, delay_s = (Subject(FaultKind.DELAY),), text.duration()
    if delay_s > DELAY_S_MAX:
        raise SentenceError(f"a message may take {DELAY_S_MAX:g}s at most")
    return StartFault(air, delay_s) if delay_s else ClearFault(air)


_DISK: Final = MappingProxyType(
    {t.value: t for t in (Trouble.FULL, Trouble.FAILS, Trouble.READ_ONLY, Trouble.STALLS)}
)
_CHANNEL: Final = MappingProxyType({t.value: t for t in (Trouble.FAILS, Trouble.HANGS)})

VERBS: Final = sentences(
    """\
cut NODES -> NODES | cut NODES - NODES | cut NODES
    messages are lost: one way, both ways, between these nodes and all others
heal | heal NODES -> NODES | heal NODES - NODES | heal NODES
    messages arrive again: everywhere, or as for `cut`
crash NODES | crash NODES after paging
    they crash at once, or after sending their next page; with `for` they start again
unplug NODES
    their power fails: what was not flushed to disk is lost
stop NODES
    as `systemctl stop`: they resign first; with `for` they start again
start NODES
    nodes that are down start
suspend NODES
    they are suspended while their clocks run on, as by SIGSTOP
resume NODES
    they continue where they stopped
target CHECK fails | target CHECK fails for NODES | target CHECK recovers
    the target of a check fails for all, or for some nodes; or recovers
blind NODES
    they cannot probe because of a local fault, and abstain
unblind NODES
    they can probe again
channel CHANNEL fails | channel CHANNEL hangs | channel CHANNEL recovers
    it refuses every notice; it never answers; it works again
disk NODES full | disk NODES fails | disk NODES read-only | disk NODES stalls | disk NODES recovers
    writes are refused for this reason, or take until it recovers (`stalls`)
clock NODES runs 3% fast | clock NODES runs 3% slow | clock NODES runs right
clock NODES jumps TIME ahead | clock NODES jumps TIME back
    all clocks of a node drift, by 5% at most; or its wall clock is set
loss 20%
    this share of all messages is lost; 0% ends it
duplication 20%
    this share of all messages arrives twice; 0% ends it
delay 200ms
    messages take up to this time, out of order; 0s ends it
add check NAME | add check NAME FIELD=VALUE ...
    an operator adds a check; fields as in cluster.yaml
edit check CHECK FIELD=VALUE ...
    an operator changes fields of a check
remove check CHECK | remove node NODE
    an operator removes a check, or a member
set NAME=VALUE ...
    an operator changes settings
join node NAME
    a new node joins, as a learner at first
""",
    {
        "cut": _cut,
        "heal": _heal,
        "crash": _crash,
        "unplug": _move(MachineEvent.UNPLUG),
        "stop": _move(MachineEvent.STOP),
        "start": _move(MachineEvent.START),
        "suspend": _move(MachineEvent.SUSPEND),
        "resume": _move(MachineEvent.RESUME),
        "target": _target,
        "blind": _probing(fails=True),
        "unblind": _probing(fails=False),
        "channel": _channel,
        "disk": _disk,
        "clock": _clock,
        "loss": _share(FaultKind.LOSS),
        "duplication": _share(FaultKind.DUPLICATION),
        "delay": _delay,
        "add": add,
        "edit": edit,
        "remove": remove,
        "set": settings,
        "join": join,
    },
)

_HINTS: Final = MappingProxyType(
    {
        "kill": "crash NODES",
        "reboot": "crash NODES for 10s",
        "restart": "stop NODES for 2s",
        "pause": "suspend NODES",
        "freeze": "suspend NODES",
        "continue": "resume NODES",
        "isolate": "cut NODES",
        "partition": "cut NODES - NODES",
        "disconnect": "cut NODES - NODES",
        "connect": "heal NODES - NODES",
        "power": "unplug NODES",
        "drop": "loss 20%",
        "lose": "loss 20%",
        "drift": "clock NODES runs 3% fast",
        "fill": "disk NODES full",
    }
)
