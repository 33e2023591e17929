"""The exit codes of all commands, by which scripts can tell failures apart.

=====  ==========================================================================
code   meaning
=====  ==========================================================================
0      done
1      an error, or the cluster refused: the sentence on stderr says why
2      bad input: an unknown option, a malformed value, an unknown name
3      no daemon answers, or it belongs to another user
4      no quorum or no master: nothing can be decided now, no majority was asked
5      unknown: the change may or may not have taken effect; look before repeating it
6      `check test` found the target failing
7      `sim` played the scenario, and an expectation did not hold
130    interrupted by Ctrl-C
=====  ==========================================================================
"""

from enum import IntEnum

from qutrio.control.protocol import Code, ControlFailure
from qutrio.errors import InvalidDocumentError, InvalidValueError, QutrioError


class ExitCode(IntEnum):
    """The table above."""

    OK = 0
    ERROR = 1
    BAD_INPUT = 2
    NO_DAEMON = 3
    NO_MASTER = 4
    UNKNOWN = 5
    TARGET_FAILING = 6
    EXPECTATION_FAILED = 7
    INTERRUPTED = 130


def exit_code(error: QutrioError) -> ExitCode:
    """Return the exit code for an error."""
    if isinstance(error, ControlFailure):
        return _of_control(error.code)
    if isinstance(error, InvalidValueError | InvalidDocumentError):
        return ExitCode.BAD_INPUT
    return ExitCode.ERROR


def _of_control(code: Code) -> ExitCode:
    match code:
        case Code.INVALID | Code.NOT_FOUND:
            return ExitCode.BAD_INPUT
        case Code.REFUSED | Code.FAILED:
            return ExitCode.ERROR
        case Code.NO_DAEMON | Code.DENIED:
            return ExitCode.NO_DAEMON
        case Code.NO_MASTER:
            return ExitCode.NO_MASTER
        case Code.UNKNOWN:
            return ExitCode.UNKNOWN
