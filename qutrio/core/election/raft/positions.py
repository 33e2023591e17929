"""Positions of candidates: how the program of a candidate describes its own state.

A position is bytes that only that program understands, sent as hexadecimal digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qutrio.core.election.interface import ProgramState

POSITION_BYTES_MAX = 4096
"""The maximal length of a program's state."""


class PositionTooLongError(ValueError):
    """The state that this node's program returned is too long for a message."""


class MalformedPositionError(ValueError):
    """Another node's position is not hexadecimal, or is too long."""


def own_position(program: ProgramState | None) -> str:
    """Return the state of this node's program as messages carry it; empty without a program.

    Raises PositionTooLongError.
    """
    if program is None:
        return ""
    state = program.current_state()
    if len(state) > POSITION_BYTES_MAX:
        raise PositionTooLongError(
            f"the program's state has {len(state)} bytes; at most {POSITION_BYTES_MAX} may be"
            " sent: let current_state return a shorter one, a number or a digest"
        )
    return state.hex()


def may_lead_from(program: ProgramState | None, position: str) -> bool:
    """Return whether this node's program agrees to a candidate at `position`.

    Raises MalformedPositionError.
    """
    if len(position) > 2 * POSITION_BYTES_MAX:
        raise MalformedPositionError(f"a position of {len(position)} digits")
    try:
        state = bytes.fromhex(position)
    except ValueError:
        raise MalformedPositionError("a position that is not hexadecimal") from None
    return program is None or program.grant_vote(state)
