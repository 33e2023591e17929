"""Sentences as they are told: without the secrets that a wish may hold (`bearer_token=...`)."""

import re
from typing import Final

from qutrio.codec.plain_fields import CHECKS, FIELDS
from qutrio.model.rules import MASK
from qutrio.model.urls import masked_url

SECRET_FIELDS: Final = frozenset(
    known.name for kind in CHECKS.known.values() for known in FIELDS[kind] if known.mask is not None
)
_GIVEN = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(SECRET_FIELDS))})=([^\s,']+(?:\s*,\s*[^\s,']+)*)"
)


def without_secrets(text: str) -> str:
    """Return a text with a mask in place of every value that may be a secret."""
    return _GIVEN.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    value = masked_url(found[2]) if found[1] == "url" else MASK
    return f"{found[1]}={value}"
