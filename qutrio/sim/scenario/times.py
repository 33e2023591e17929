"""Moments of a scenario as people read them."""

from qutrio.model.ids import Seconds

_MINUTE, _HOUR = 60, 3600


def moment(seconds: Seconds) -> str:
    """Return a moment for a sentence, as short as it can be: `41.23s`, `2m`, `1h0m5s`."""
    whole, hundredths = divmod(round(seconds * 100), 100)
    hours, rest = divmod(whole, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    exact = f"{rest}.{hundredths:02d}".rstrip("0").rstrip(".")
    front = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    return front if front and exact == "0" else f"{front}{exact}s"


def stopwatch(seconds: Seconds) -> str:
    """Return a moment for a column: `41.23s`, `2m00.00s`, `1h00m05.00s`."""
    whole, hundredths = divmod(round(seconds * 100), 100)
    hours, rest = divmod(whole, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    if hours:
        return f"{hours}h{minutes:02d}m{rest:02d}.{hundredths:02d}s"
    return f"{minutes}m{rest:02d}.{hundredths:02d}s" if minutes else f"{rest}.{hundredths:02d}s"
