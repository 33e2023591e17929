"""The exceptions that qutrio raises.

Operating errors (a peer is gone, a file is malformed) derive from `QutrioError` and are handled
where they occur, at the edge.  A message says what happened, where, and what to do.
Programming errors are `AssertionError` and are never caught: the daemon exits and systemd
starts it again.
"""

import re

_CODES = re.compile(
    r"\[?\berrno:? -?[0-9]+\]?|\[(?:SSL|X509|SYS)[^]]*\]|\(_ssl\.c:[0-9]+\)", re.IGNORECASE
)
_ATTEMPT = re.compile(r"^Error connecting to \(.*\): ")


class QutrioError(Exception):
    """Base of all expected failures."""


class InvalidValueError(QutrioError):
    """A value breaks a rule of the model.

    Attributes:
        field: the name of the offending field, as the model spells it.
        problem: one sentence: what is wrong and what would be right.
    """

    def __init__(self, field: str, problem: str) -> None:
        """Keep field and problem apart, so that a codec can add file and line."""
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class InvalidDocumentError(QutrioError):
    """A file or a message does not describe a valid value."""


class UnsupportedVersionError(QutrioError):
    """A file or a peer uses a newer version than this program knows."""


class DataDirectoryError(QutrioError):
    """The data directory is missing, locked, unreadable or invalid."""


class StorageError(QutrioError):
    """A write did not become durable."""


class PeerError(QutrioError):
    """A connection to another node failed or was refused."""


class EnrollmentError(QutrioError):
    """A join was refused; the message is for the joining node."""


class DeliveryError(QutrioError):
    """An alert channel did not accept a notice.

    Attributes:
        wait_s: for how many seconds the receiver asks for no other attempt.
    """

    def __init__(self, problem: str, *, wait_s: float = 0.0) -> None:
        """Keep the requested wait apart from the message."""
        super().__init__(problem)
        self.wait_s = wait_s


class ControlError(QutrioError):
    """The control socket does not exist, or answered with an error."""


class ElectionError(QutrioError):
    """A participant cannot join an election, or has left it."""


def plain_reason(error: BaseException) -> str:
    """Return what went wrong as text, without the error numbers of the system.

    Libraries raise errors with texts of their own, with those of the system, with both, or around
    another error that has the text.
    """
    if isinstance(error, BaseExceptionGroup):
        return plain_reason(error.exceptions[0])
    words = str(getattr(error, "strerror", None) or "")
    words = _CODES.sub("", words or str(error)).strip(" :")
    words = _ATTEMPT.sub("", words)  # the caller names the address
    inner = error.__cause__ or error.__context__
    if not words and inner is not None:
        return plain_reason(inner)
    return words or type(error).__name__
