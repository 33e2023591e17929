"""Prints a digest of what nodes did for each seed: `python -m tests.sim.traces --help`.

A change of names or of structure must not change what nodes do.  Record the digests before and
after it, and compare the two files.  A digest covers every effect on the world, in order, with
the time and the node: messages and journal lines as written, writes of the disk, probes, notices,
answers.  Log lines and sentences for people are left out.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from multiprocessing import Pool
from typing import Any

import orjson

from qutrio.codec.converter import CONVERTER
from qutrio.codec.journal import entry_to_plain
from qutrio.codec.wire import encode
from qutrio.core.api.effects import Effect, Journal, Notify, Persist, Probe, Reply, Send
from qutrio.core.api.events import Event
from qutrio.core.node import Node
from qutrio.model.ids import Instant, UnixTime
from qutrio.sim.engine_settings import CHOICES, MIXED
from qutrio.sim.schedule import play, size_of

WORDS = frozenset({"reason", "detail", "why", "because"})
"""Fields with sentences for people."""
SEEDS_PER_TURN = 4


def main() -> None:
    """Print for each seed its number, the digest of its trace, and what broke."""
    parser = ArgumentParser(prog="python -m tests.sim.traces")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--engine", choices=CHOICES, default=MIXED)
    parser.add_argument("--seconds", type=float, help="of faults in each")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    options = parser.parse_args()
    one = partial(line, engine=options.engine, seconds=options.seconds)
    seeds = range(options.first, options.first + options.seeds)
    with Pool(options.jobs) as pool:
        for text in pool.imap(one, seeds, SEEDS_PER_TURN):
            sys.stdout.write(text + "\n")


def line(seed: int, engine: str = MIXED, seconds: float | None = None) -> str:
    """Play one seed and return its line."""
    digest = blake2b(digest_size=16)
    broken = _recorded(digest, seed, engine, seconds)
    return " ".join([str(seed), digest.hexdigest(), *([broken] if broken else [])])


def _recorded(digest: Any, seed: int, engine: str, seconds: float | None) -> str | None:
    step = Node.step

    def recording(self: Node, event: Event, now: Instant, wall: UnixTime) -> list[Effect]:
        effects = step(self, event, now, wall)
        for plain in _plain(effects):
            digest.update(orjson.dumps([self.identity, now, plain]))
        return effects

    setattr(Node, "step", recording)  # noqa: B010 - a method of a class is read-only to mypy
    try:
        return play(seed, size_of(seed), seconds, engine=engine).broken
    finally:
        setattr(Node, "step", step)  # noqa: B010


def _plain(effects: list[Effect]) -> Iterator[Any]:
    for effect in effects:
        match effect:
            case Send(to=to, message=message):
                yield ["send", to, _without_words(orjson.loads(encode(message)))]
            case Persist(stable=stable):
                records = [
                    (r.position, r.document.term, r.document.revision, r.ledger.sequence)
                    for r in (stable.accepted, stable.committed)
                ]
                yield [
                    "persist",
                    CONVERTER.unstructure([stable.promise, stable.hard_state, records]),
                ]
            case Notify(delivery=delivery, term=term, until=until):
                yield ["notify", _without_words(CONVERTER.unstructure(delivery)), term, until]
            case Probe(checks=checks):
                yield ["probe", checks]
            case Reply(request=request, ruling=ruling, revision=revision):
                yield ["reply", request, ruling.value, revision]
            case Journal(entry=entry):
                yield ["journal", _without_words(entry_to_plain(entry))]
            case _:
                pass


def _without_words(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _without_words(value) for key, value in plain.items() if key not in WORDS}
    if isinstance(plain, list | tuple):
        return [_without_words(value) for value in plain]
    return plain


if __name__ == "__main__":
    main()
