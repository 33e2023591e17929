"""Asks several name servers in order, with failover for each question."""

from collections.abc import Iterator
from contextlib import ExitStack

from attrs import frozen

from qutrio.model.ids import Seconds
from qutrio.probes.dns.exchange import Exchange, Server
from qutrio.probes.dns.message import Question, Reply
from qutrio.probes.staggered import first_to_win

TRY_S: Seconds = 5.0
ATTEMPTS = 2
IMPATIENCE_S: Seconds = 1.0

SERVERS_MAX = 3
"""As many as the C library asks."""


@frozen
class Policy:
    """Which servers to ask, and how: the meaning of resolv.conf(5).

    `servers` are in order.  `timeout_s` bounds one try at one server; each is tried `attempts`
    times.  When a server is silent for `impatience_s`, the next one is asked too, and both may
    answer.  `single` asks about the two families one after the other; `tcp` never uses UDP.
    """

    servers: tuple[Server, ...]
    timeout_s: Seconds = TRY_S
    attempts: int = ATTEMPTS
    impatience_s: Seconds = IMPATIENCE_S
    single: bool = False
    edns: bool = False
    tcp: bool = False


@frozen
class Unanswered:
    """No server gave a conclusive answer; `troubles` says for people why."""

    troubles: tuple[str, ...]
    asked: bool = True
    """Whether a question was sent."""

    def __str__(self) -> str:
        """Return the reasons in one line."""
        return "; ".join(self.troubles) or "no name server is configured"


@frozen
class Answers:
    """The replies in the order of the questions, None where there is none, and why."""

    replies: tuple[Reply | None, ...]
    unanswered: Unanswered


async def ask(question: Question, policy: Policy) -> Reply | Unanswered:
    """Ask one question; the caller's timeout bounds the wait."""
    answers = await ask_together((question,), policy)
    return answers.replies[0] or answers.unanswered


async def ask_together(questions: tuple[Question, ...], policy: Policy) -> Answers:
    """Ask several questions about one name in one exchange with each server.

    Raises `MalformedError` for a name that cannot be sent.
    """
    if policy.single and len(questions) > 1:
        return await _one_by_one(questions, policy)
    with ExitStack() as stack:
        tried: list[Exchange] = []

        def exchanges() -> Iterator[Exchange]:
            for number in range(policy.attempts * len(policy.servers)):
                server = policy.servers[number % len(policy.servers)]
                exchange = Exchange(
                    server, questions, policy.timeout_s, edns=policy.edns, tcp=policy.tcp
                )
                tried.append(stack.enter_context(exchange))
                yield exchange

        winner = await first_to_win(exchanges(), min(policy.timeout_s, policy.impatience_s))
        if winner is not None:
            tried = [winner]
        return _merged(questions, tried)


async def _one_by_one(questions: tuple[Question, ...], policy: Policy) -> Answers:
    asked = [await ask(question, policy) for question in questions]
    troubles = [t for a in asked if isinstance(a, Unanswered) for t in a.troubles]
    replies = tuple(None if isinstance(a, Unanswered) else a for a in asked)
    left = any(isinstance(a, Reply) or a.asked for a in asked)
    return Answers(replies, Unanswered(tuple(dict.fromkeys(troubles)), left))


def _merged(questions: tuple[Question, ...], tried: list[Exchange]) -> Answers:
    replies = tuple(
        next((x.replies[i] for x in tried if x.replies[i] is not None), None)
        for i in range(len(questions))
    )
    troubles = dict.fromkeys(trouble for exchange in tried for trouble in exchange.troubles)
    return Answers(replies, Unanswered(tuple(troubles), any(exchange.asked for exchange in tried)))
