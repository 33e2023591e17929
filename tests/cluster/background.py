"""Work that goes on in other threads during a test."""

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from attrs import frozen


@frozen
class Work:
    """A function to call again and again, with a pause before each call."""

    pause_s: Callable[[], float]
    do: Callable[[], None]


class Background:
    """Does each work in its own thread while the `with` block runs.

    A work that fails is not repeated; the end of the block raises what it raised.
    """

    def __init__(self, works: Iterable[Work]) -> None:
        self._ended = threading.Event()
        self._bugs: list[BaseException] = []
        self._threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        failed: BaseException | None,
        __: TracebackType | None,
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if failed is None and self._bugs:
            raise self._bugs[0]

    def _repeat(self, work: Work) -> None:
        try:
            while not self._ended.wait(work.pause_s()):
                work.do()
        except BaseException as bug:  # noqa: BLE001 - raised at the end of the block
            self._bugs.append(bug)
