"""Replaces a file that a person may be saving at the same time."""

from contextlib import suppress
from pathlib import Path

from attrs import frozen

from qutrio.storage.atomic import perform
from qutrio.storage.regular_file import Signature, read_regular, sign
from qutrio.storage.save_plan import replacement, temporary_name


@frozen
class Replaced:
    """A file that was replaced.

    `signature` is None when the file was saved again before it could be checked, so that its
    content is different now.
    """

    signature: Signature | None


def replace_unless_saved(path: Path, content: bytes, before: Signature | None) -> Replaced | None:
    """Replace a file whose signature is still `before`; otherwise change nothing and return None.

    The signature is checked just before the rename, because a slow disk may take long to write
    `content`.  Raises `OSError` as `write_atomic` does.
    """
    *writing, rename, flush = replacement(path.name, content)
    perform(path.parent, writing)
    try:
        if sign(path) != before:
            return None
        perform(path.parent, [rename])
    finally:
        with suppress(OSError):
            path.with_name(temporary_name(path.name)).unlink()
    perform(path.parent, [flush])
    signature = sign(path)
    # In this order: a save after the signature was read will change the signature.
    ours = signature is not None and read_regular(path, len(content) + 1) == content
    return Replaced(signature if ours else None)
