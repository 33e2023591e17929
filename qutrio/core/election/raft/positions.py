"""Positions of candidates: what a candidate's own program says of its state.

They are bytes that only that program understands, carried as hexadecimal digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qutrio.core.election.interface import ProgramState

POSITION_BYTES_MAX = 4096
"""How long a program's account of its state may be."""


class PositionTooLongError(ValueError):
    """The program of this node gave a longer account of its state than a word may carry."""


class MalformedPositionError(ValueError):
    """Another node's position is no run of hexadecimal digits, or a longer one than allowed."""


def own_position(program: ProgramState | None) -> str:
    """Return where this node's program stands, as words carry it; empty without a program.

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
    """Tell whether this node's program agrees to a candidate at `position`.

    Raises MalformedPositionError.
    """
    if len(position) > 2 * POSITION_BYTES_MAX:
        raise MalformedPositionError(f"a position of {len(position)} digits")
    try:
        state = bytes.fromhex(position)
    except ValueError:
        raise MalformedPositionError("a position that is not hexadecimal") from None
    return program is None or program.grant_vote(state)
