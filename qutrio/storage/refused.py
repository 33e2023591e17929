"""Keeps refused hand edits beside cluster.yaml, with the reason on top."""

import re
from pathlib import Path

from qutrio.storage.atomic import write_atomic

REFUSED_FILES_MAX = 20
_REFUSED = re.compile(r"cluster\.yaml\.refused-([0-9]{1,9})")


def keep_refused(cluster_file: Path, content: bytes, reason: str) -> Path:
    """Write the refused text to `cluster.yaml.refused-<n>` and return that path.

    The oldest beyond `REFUSED_FILES_MAX` are removed.  Raises `OSError`.
    """
    numbers = sorted(
        int(found[1])
        for path in cluster_file.parent.iterdir()
        if (found := _REFUSED.fullmatch(path.name))
    )
    path = _numbered(cluster_file, numbers[-1] + 1 if numbers else 1)
    comment = "".join(f"# Refused: {line}\n" for line in reason.splitlines())
    write_atomic(path, comment.encode("utf-8", "replace") + content)
    for number in numbers[: max(0, len(numbers) + 1 - REFUSED_FILES_MAX)]:
        _numbered(cluster_file, number).unlink(missing_ok=True)
    return path


def _numbered(cluster_file: Path, number: int) -> Path:
    return cluster_file.with_name(f"cluster.yaml.refused-{number}")
