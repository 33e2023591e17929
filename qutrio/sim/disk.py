"""A simulated folder with a page cache: a power failure may lose what was not flushed.

Programs see the cache.  The platter holds what was flushed: the content of a file once the file
is flushed, its name once the folder is flushed.  When the power fails, each later change of
names may or may not have taken effect, independently and in no order, and a file that was not
flushed holds a part of its content, or nothing.  A flush that fails discards the content, and
the next flush does not report that (as on Linux).

This is harsher than most real file systems, which at least keep the order of renames.
"""

import errno
import os
from enum import Enum
from typing import assert_never

from attrs import define, field

from qutrio.codec.stable import decode_state
from qutrio.errors import InvalidDocumentError
from qutrio.model.stable import Stable
from qutrio.sim.dice import Dice
from qutrio.storage.save_plan import STATE_NAME, Create, Flush, FlushFolder, Remove, Rename, Step


class Trouble(Enum):
    """A way in which a disk fails."""

    FULL = "full"
    WRITE = "write error"
    FLUSH = "flush error"
    READ_ONLY = "read-only"


_WORDS = {
    Trouble.FULL: errno.ENOSPC,
    Trouble.WRITE: errno.EIO,
    Trouble.FLUSH: errno.EIO,
    Trouble.READ_ONLY: errno.EROFS,
}


def error_of(trouble: Trouble) -> OSError:
    """Return the error that a program sees."""
    number = _WORDS[trouble]
    return OSError(number, os.strerror(number))


def affects(trouble: Trouble, step: Step) -> bool:
    """Return whether a step fails on a disk with this trouble."""
    match trouble:
        case Trouble.FULL | Trouble.WRITE:
            return isinstance(step, Create)
        case Trouble.FLUSH:
            return isinstance(step, Flush | FlushFolder)
        case Trouble.READ_ONLY:
            return not isinstance(step, Flush | FlushFolder)
        case _:
            assert_never(trouble)


@define(eq=False)
class _File:
    content: bytes
    flushed: bool = False
    durable: bytes = b""


@define
class Folder:
    """One folder on one disk.  `step` performs a step of a save plan."""

    dice: Dice
    _cache: dict[str, _File] = field(factory=dict)
    _platter: dict[str, _File] = field(factory=dict)
    _pending: list[dict[str, _File | None]] = field(factory=list)

    def step(self, step: Step, trouble: Trouble | None) -> None:
        """Perform a step, or raise `OSError` because of `trouble`."""
        if trouble is not None and affects(trouble, step):
            if isinstance(step, Create) and trouble is not Trouble.READ_ONLY:
                part = step.content[: self.dice.below(len(step.content))]
                self._name({step.name: _File(part)})
            if isinstance(step, Flush):
                self._cache[step.name].durable = self._torn(self._cache[step.name])
                self._cache[step.name].flushed = True
            raise error_of(trouble)
        match step:
            case Create(name, content):
                assert name not in self._cache, "created exclusively"
                self._name({name: _File(content)})
            case Flush(name):
                file = self._cache[name]
                file.flushed, file.durable = True, file.content
            case Rename(old, new):
                self._name({old: None, new: self._cache[old]})
            case Remove(name):
                if name in self._cache:
                    self._name({name: None})
            case FlushFolder():
                self._platter = dict(self._cache)
                self._pending.clear()
            case _:
                assert_never(step)

    def names(self) -> list[str]:
        """Return the names that a program sees."""
        return sorted(self._cache)

    def lose_power(self) -> bool:
        """Lose what was not flushed; return whether anything was lost."""
        names, lost = dict(self._platter), False
        for change in self._pending:
            if self.dice.chance(0.5):
                _apply(change, names)
            else:
                lost = True
        for file in names.values():
            if not file.flushed:
                file.durable, file.flushed, lost = self._torn(file), True, True
            file.content = file.durable
        self._cache, self._platter = names, dict(names)
        self._pending.clear()
        return lost

    def boot(self) -> Stable:
        """Return the state as a starting node reads it; raises `InvalidDocumentError`."""
        return decode_state(self._read(STATE_NAME), self._read, STATE_NAME)

    def _read(self, name: str) -> bytes:
        file = self._cache.get(name)
        if file is None:
            raise InvalidDocumentError(f"{name} does not exist")
        return file.content

    def _name(self, change: dict[str, _File | None]) -> None:
        _apply(change, self._cache)
        self._pending.append(change)

    def _torn(self, file: _File) -> bytes:
        return file.content[: self.dice.below(len(file.content) + 1)]


def _apply(change: dict[str, _File | None], names: dict[str, _File]) -> None:
    for name, file in change.items():
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file
