"""One exception alone where a nursery would make a group of it."""

from qutrio.errors import ElectionError


class ParticipantLeftError(ElectionError):
    """The seat was left, or has failed, and somebody still wants to lead."""


def unwrap_group(
    group: BaseExceptionGroup[BaseException], raised: BaseException | None
) -> BaseException:
    """Return what to raise for a group: the one exception in it, if there is only one.

    `raised` is what the caller's own block raised; when that was a group, it stays one.  When
    the seat failed, by Ctrl-C for example, the block may have noticed; then only why it failed
    counts.
    """
    group, raised = _without_echo(group, raised)
    if isinstance(raised, BaseExceptionGroup):
        return group.exceptions[0] if len(group.exceptions) == 1 else group
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return group if isinstance(inner, BaseExceptionGroup) else inner


def _without_echo(
    group: BaseExceptionGroup[BaseException], raised: BaseException | None
) -> tuple[BaseExceptionGroup[BaseException], BaseException | None]:
    """Leave out what says only that the seat was left, if there is anything else."""
    echo, rest = group.split(ParticipantLeftError)
    if echo is None or rest is None:
        return group, raised
    if isinstance(raised, BaseExceptionGroup):
        raised = raised.split(ParticipantLeftError)[1]
    return rest, raised
