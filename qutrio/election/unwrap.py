"""Unwraps exception groups that hold a single exception."""

from qutrio.errors import ElectionError


class ParticipantLeftError(ElectionError):
    """The participant has left, or failed, while the program waits to lead."""


def unwrap_group(
    group: BaseExceptionGroup[BaseException], raised: BaseException | None
) -> BaseException:
    """Return what to raise for a group: its only exception, or else the group.

    `raised` is what the caller's own block raised; if that is a group, it stays one.  When the
    participant failed, by Ctrl-C for example, the block may have raised `ParticipantLeftError`;
    that is left out, since the failure is its cause.
    """
    group, raised = _without_left_errors(group, raised)
    if isinstance(raised, BaseExceptionGroup):
        return group.exceptions[0] if len(group.exceptions) == 1 else group
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return group if isinstance(inner, BaseExceptionGroup) else inner


def _without_left_errors(
    group: BaseExceptionGroup[BaseException], raised: BaseException | None
) -> tuple[BaseExceptionGroup[BaseException], BaseException | None]:
    """Return both without `ParticipantLeftError`, unless there is nothing else."""
    left, rest = group.split(ParticipantLeftError)
    if left is None or rest is None:
        return group, raised
    if isinstance(raised, BaseExceptionGroup):
        raised = raised.split(ParticipantLeftError)[1]
    return rest, raised
