"""Reads the sentences of expectations: `by 55s: paged web down once`, `never: two masters`.

The part before the colon says when, the part after it says what.  The state at a time includes
everything that happened until then.
"""

from collections.abc import Callable, Collection
from types import MappingProxyType
from typing import Final

from qutrio.model.incidents import NoticeKind
from qutrio.model.results import State
from qutrio.sim.scenario.predicates import (
    Mode,
    Paged,
    Predicate,
    StateIs,
    Window,
    names,
)
from qutrio.sim.scenario.problems import without_secrets
from qutrio.sim.scenario.story import Answer, Machine, Standing, Track
from qutrio.sim.scenario.tokens import (
    EVERYBODY,
    NOBODY,
    SentenceError,
    Tokens,
    sentences,
    shown,
    unknown,
)

COUNT_MAX = 1000


WINDOWS: Final = MappingProxyType(
    {
        "at TIME": "at this time",
        "by TIME": "at some time until then; counts are taken then",
        "within TIME of TIME": "in the span after the second time; counts are taken at its end",
        "always": "at all times; `always from TIME`, `always from TIME to TIME`",
        "never": "at no time; `never from TIME`, `never from TIME to TIME`",
    }
)


def read_window(text: Tokens) -> Window:
    """Read the part before the colon.  Raises `SentenceError`."""
    word = text.next_word("a time")
    if word not in {mode.value for mode in Mode}:
        raise unknown("kind of time", word, [mode.value for mode in Mode], "kinds")
    mode = Mode(word)
    match mode:
        case Mode.AT:
            start_s = text.duration()
            window = Window(mode, start_s, start_s)
        case Mode.BY:
            window = Window(mode, 0.0, text.duration())
        case Mode.WITHIN:
            span_s = text.duration()
            text.expect("of")
            start_s = text.duration()
            window = Window(mode, start_s, start_s + span_s)
        case Mode.ALWAYS | Mode.NEVER:
            start_s = text.duration() if text.accept("from") else 0.0
            end_s = text.duration() if text.accept("to") else None
            if end_s is not None and end_s <= start_s:
                raise SentenceError("it ends before it begins; put the earlier time first")
            window = Window(mode, start_s, end_s)
    text.end()
    return window


def read_predicate(text: Tokens, requests: Collection[str]) -> Predicate:
    """Read the part after the colon.

    Args:
        text: its words.
        requests: the operators' sentences of the timeline, as `request_text` returns them.

    Raises `SentenceError`.
    """
    claim = _answered(text, requests)
    if claim is None:
        first = text.peek()
        form = FORMS.get(first)
        if form is None and first in text.scope.checks:
            form = FORMS["check"]
        elif form is not None:
            text.next_word("a claim")
        if form is None:
            raise _not_a_claim(text, first)
        claim = form.read(text)
    text.end()
    return claim


def _not_a_claim(text: Tokens, first: str) -> SentenceError:
    if first in text.scope.nodes:
        return SentenceError(f"write 'node {first} is ...' or 'master is {first}'")
    if not first:
        return SentenceError("says nothing; write for example 'web is up'")
    return unknown("claim that begins with", first, [*FORMS, *text.scope.checks], "known")


def _answered(text: Tokens, requests: Collection[str]) -> Predicate | None:
    """Read `add check shop is acknowledged`: a request of the timeline and its answer."""
    answers = {a.value: a for a in (Answer.ACKNOWLEDGED, Answer.REFUSED, Answer.UNKNOWN)}
    words = text.rest()
    if words[0:1] and words[0] in _REQUESTS:
        if len(words) < len(("verb", "is", "answer")) or words[-2] != "is":
            raise SentenceError(f"ends with 'is' and one of {', '.join(answers)}")
        if words[-1] not in answers:
            raise unknown("answer", words[-1], answers)
        request = without_secrets(" ".join(words[:-2]))
        if request not in requests:
            raise SentenceError(f"nobody asks for {shown(request)} in the timeline")
        text.skip()
        answer = answers[words[-1]]
        return StateIs(
            lambda story: story.answers[request],
            lambda given: given is answer,
            lambda given: f"it is {given.value}",
        )
    return None


# --- claims by their first word -----------------------------------------------------------------


def _acting(is_so: Callable[[frozenset[str]], bool]) -> Predicate:
    return StateIs(
        lambda story: story.acting,
        is_so,
        lambda acting: f"{names(acting)} {'act' if len(acting) > 1 else 'acts'}",
    )


def _master(text: Tokens) -> Predicate:
    text.expect("is")
    if text.accept(NOBODY):
        return _acting(lambda acting: not acting)
    node = text.node()
    return _acting(lambda acting: acting == {node})


def _no_master(text: Tokens) -> Predicate:
    text.expect("master")
    return _acting(lambda acting: not acting)


def _one_master(text: Tokens) -> Predicate:
    text.expect("master")
    return _acting(lambda acting: len(acting) == 1)


def _two_masters(text: Tokens) -> Predicate:
    text.expect("masters")
    return _acting(lambda acting: len(acting) > 1)


def _term(text: Tokens) -> Predicate:
    text.expect("is")
    wanted = text.number("a term, which is a whole number")
    return StateIs(
        lambda s: s.term, lambda term: term == wanted, lambda term: f"the term is {term}"
    )


def _quorum(text: Tokens) -> Predicate:
    text.expect("held", "by")
    nodes = frozenset[str]() if text.accept(NOBODY) else frozenset(text.nodes())
    return StateIs(
        lambda story: story.quorum,
        lambda held: held == nodes,
        lambda held: f"the quorum is held by {names(held)}",
    )


def _check(text: Tokens) -> Predicate:
    check = text.check()
    if text.accept("known", "to"):
        return _known(check, text)
    text.expect("is")
    states = {state.value: state for state in State}
    state = states[text.choose("state", states)]
    return StateIs(
        lambda story: story.verdicts[check],
        lambda verdict: verdict is state,
        lambda verdict: f"{check} is {verdict.value}",
    )


def _known(check: str, text: Tokens) -> Predicate:
    everybody = text.accept(EVERYBODY)
    nodes = frozenset[str]()
    if not everybody and not text.accept(NOBODY):
        nodes = frozenset(text.nodes())
    if everybody:
        return StateIs(
            lambda story: story.known[check],
            lambda known: known[0] == known[1],
            lambda known: f"check {check} is known to {names(known[0])}",
        )
    return StateIs(
        lambda story: _having(story.known[check]),
        lambda having: having == nodes,
        lambda having: f"check {check} is known to {names(having)}",
    )


def _having(known: Track[tuple[frozenset[str], frozenset[str]]]) -> Track[frozenset[str]]:
    """Return the nodes that have a check, without those that run."""
    having = Track(known.first[0])
    for at in known.changes():
        having.put(at, known.at(at)[0])
    return having


def _documents(text: Tokens) -> Predicate:
    text.expect("agree")
    return StateIs(
        lambda story: story.agree,
        lambda agree: agree,
        lambda agree: "the documents " + ("agree" if agree else "differ"),
    )


def _outbox(text: Tokens) -> Predicate:
    text.expect("is", "empty")
    return StateIs(
        lambda story: story.outbox,
        lambda waiting: not waiting,
        lambda waiting: f"{waiting or 'nothing'} waits for delivery",
    )


def _node(text: Tokens) -> Predicate:
    node = text.node()
    text.expect("is")
    machine = {word.value: word for word in Machine}
    standing = {word.value: word for word in (Standing.LEARNER, Standing.VOTER, Standing.REMOVED)}
    word = text.choose("state of a node", (*machine, *standing), "states")
    if word in machine:
        return StateIs(
            lambda story: story.machines[node],
            lambda is_: is_ is machine[word],
            lambda is_: f"{node} is {is_.value}",
        )
    return StateIs(
        lambda story: story.standing[node],
        lambda is_: is_ is standing[word],
        lambda is_: f"{node} is a {is_.value}" if is_ is not Standing.REMOVED else f"{node} is out",
    )


def _nobody(text: Tokens) -> Predicate:
    text.expect("is", "paged")
    check = text.check() if text.accept("about") else ""
    return Paged(check=check, kind=None, count=0, node="", channels=text.scope.attached(check))


def _paged(text: Tokens) -> Predicate:
    check = text.check() if text.peek() in text.scope.checks else ""
    kinds = {kind.value: kind for kind in (NoticeKind.DOWN, NoticeKind.RECOVERED)}
    kind = kinds[text.choose("kind of page", kinds, "kinds")] if text.peek() in kinds else None
    count = _count(text)
    node = text.node() if text.accept("by") else ""
    channels = (text.channel(),) if text.accept("on") else text.scope.attached(check)
    if text.left and not check:
        raise unknown("check", text.peek(), text.scope.checks)
    return Paged(check=check, kind=kind, count=count, node=node, channels=channels)


def _count(text: Tokens) -> int | None:
    word = text.peek()
    if word in _COUNTS:
        return _COUNTS[text.next_word("a count")]
    if text.peek(1) in {"time", "times"} and not word.isdigit() and word not in {"by", "on"}:
        raise SentenceError(f"{shown(word)} is not a count; {_COUNT_HINT}")
    if word.isdigit() and text.peek(1) != "times":
        raise SentenceError(f"{shown(word)} says not how often; {_COUNT_HINT}")
    if word.isdigit():
        count = text.number("a count")
        text.expect("times")
        if count > COUNT_MAX:
            raise SentenceError(f"{count} times is too many; at most {COUNT_MAX}")
        return count
    return None


_COUNT_HINT: Final = "write 'never', 'once', 'twice' or '3 times'"
_COUNTS: Final = MappingProxyType({"never": 0, "once": 1, "twice": 2})
_REQUESTS: Final = frozenset({"add", "edit", "remove", "set", "join"})
FORMS: Final = sentences(
    """\
master is NODE | master is nobody
    who acts
no master
    nobody acts
one master
    exactly one node acts
two masters
    two nodes or more act
term is NUMBER
    the term of the last master
quorum held by NODES | quorum held by nobody
    exactly these nodes hear a majority
CHECK is up | CHECK is down | CHECK is unknown | check CHECK known to NODES
check CHECK known to nobody
    the verdict of the last master; exactly these running nodes have the check on disk
paged | paged CHECK down COUNT | paged CHECK recovered COUNT by NODE on CHANNEL
    such notices reached a channel: at least one, or COUNT (`never`, `once`, `twice`, `3
    times`) on each channel; everything behind `paged` may be left out
nobody is paged | nobody is paged about CHECK
    `paged never`
documents agree
    all running members hold one document
outbox is empty
    nothing waits for delivery
node NODE is running | node NODE is down | node NODE is suspended | node NODE is learner
node NODE is voter | node NODE is removed
    what a machine does, or what the node is in the document
""",
    {
        "master": _master,
        "no": _no_master,
        "one": _one_master,
        "two": _two_masters,
        "term": _term,
        "quorum": _quorum,
        "check": _check,
        "paged": _paged,
        "nobody": _nobody,
        "documents": _documents,
        "outbox": _outbox,
        "node": _node,
    },
)
ANSWERS: Final = ("add check NAME is acknowledged", "... is refused", "... is unknown")
