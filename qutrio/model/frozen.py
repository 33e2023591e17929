"""A `frozen` decorator without cost at run time: only mypy refuses assignments.

A class that attrs freezes sets each field by a call, and a value of seven fields then takes ten
times as long to make as a plain object.  A node makes several values for every message.
mypy sees `attrs.frozen` here and refuses an assignment; at run time the class is an ordinary one
with the equality and the hash of a frozen one.

Source: Tvrtković, "Zero-overhead frozen attrs classes" (2023).
"""

from functools import partial
from typing import TYPE_CHECKING

__all__ = ["frozen"]

if TYPE_CHECKING:
    from attrs import frozen
else:
    from attrs import define

    frozen = partial(define, unsafe_hash=True, on_setattr=None)
