"""Reads how long a receiver asks to wait: `Retry-After`, and Discord's own field.

A date is compared with the date of the answer, so that a wrong clock here does no harm.
"""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from urllib.parse import urlsplit

from qutrio.alerts.http_post import HttpResponse, readable_body
from qutrio.errors import DeliveryError
from qutrio.model.durations import format_duration
from qutrio.model.ids import Seconds, UnixTime
from qutrio.model.parts import WAIT_S_MAX

ASKING_STATUSES = frozenset({429, 503})
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")


def asked_wait(answer: HttpResponse, wall: UnixTime) -> Seconds:
    """Return how long the answer asks to wait, at most `WAIT_S_MAX`; 0 if it does not ask."""
    if answer.status not in ASKING_STATUSES:
        return 0.0
    text = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return _capped(float(text))
    until = _parse_date(text)
    if until is None:
        return 0.0
    return _capped(until - (_parse_date(answer.headers.get("date", "")) or wall))


def asked_by_discord(answer: HttpResponse, wall: UnixTime) -> Seconds:
    """Return the longer of the waits in the header and in the body's `retry_after`."""
    try:
        wait = json.loads(answer.excerpt)["retry_after"]
    except (ValueError, TypeError, KeyError, RecursionError):
        wait = 0.0
    asks = answer.status in ASKING_STATUSES and type(wait) in {int, float}
    return max(asked_wait(answer, wall), _capped(wait) if asks else 0.0)


def refusal(url: str, answer: HttpResponse, wait_s: Seconds) -> DeliveryError:
    """Return the error for an answer that is not a success.  It names only the host of `url`."""
    problem = f"{urlsplit(url).netloc.rpartition('@')[2]} answered HTTP {answer.status}"
    if wait_s:
        problem += f" and asks to wait {format_duration(float(ceil(wait_s)))}"
    words = readable_body(answer)
    return DeliveryError(f"{problem}: {words}" if words else problem, wait_s=wait_s)


def _capped(wait_s: Seconds) -> Seconds:
    return min(WAIT_S_MAX, wait_s) if wait_s > 0 else 0.0


def _parse_date(text: str) -> UnixTime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return UnixTime(_in_utc(date).timestamp())


def _in_utc(date: datetime) -> datetime:
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
