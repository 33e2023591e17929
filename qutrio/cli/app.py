"""The `qutrio` command: finds the noun, runs it, and turns every failure into one sentence."""

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import typer

from qutrio import __version__
from qutrio.cli.exits import ExitCode, exit_code
from qutrio.cli.nouns import LazyNouns
from qutrio.cli.outlets import prepare_output, silence
from qutrio.cli.printing import clean_lines
from qutrio.errors import QutrioError, plain_reason

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "qutrio.cli.init",
        "serve": "qutrio.cli.serve",
        "status": "qutrio.cli.status",
        "check": "qutrio.cli.check",
        "alert": "qutrio.cli.alert",
        "explain": "qutrio.cli.explain",
        "enroll": "qutrio.cli.enroll",
        "node": "qutrio.cli.node",
        "settings": "qutrio.cli.settings",
        "cluster": "qutrio.cli.cluster",
        "lead": "qutrio.cli.lead",
        "sim": "qutrio.cli.sim",
        "demo": "qutrio.cli.rehearsal",
        "version": "qutrio.cli.version",
    }
)

SUMMARY = "An uptime monitor whose nodes vote before they wake anybody."
EPILOG = (
    "Exit codes: 0 done; 1 error or refused; 2 bad input; 3 no daemon answers; "
    "4 no quorum or no acting master; 5 unknown, look; 6 the tested target fails; "
    "7 an expectation of a scenario did not hold; 130 interrupted."
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command (by default that of `sys.argv`) and return its exit code."""
    prepare_output()
    try:
        outcome = _root().main(args=arguments, prog_name="qutrio", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        from qutrio.cli.usage import usage_words  # noqa: PLC0415 - only who errs waits for it

        return _complain(usage_words(error), ExitCode.BAD_INPUT)
    except QutrioError as error:
        return _complain(str(error), exit_code(error))
    except BrokenPipeError:  # whoever reads has gone: `qutrio check list | head -1`
        silence(sys.stdout)
        return ExitCode.ERROR
    except OSError as error:
        if error.filename is None:
            silence(sys.stdout)
        where = f"{error.filename}" if error.filename else "cannot write the output"
        return _complain(f"{where}: {plain_reason(error)}", ExitCode.ERROR)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    return outcome if isinstance(outcome, int) else ExitCode.OK


class _Root(LazyNouns):
    modules = COMMANDS


def _root() -> _Root:
    app = typer.Typer(
        cls=_Root,
        help=SUMMARY,
        epilog=EPILOG,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    root = typer.main.get_command(app)
    assert isinstance(root, _Root)
    return root


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"qutrio {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Print the version and exit.",
            is_eager=True,
            callback=_show_version,
        ),
    ] = False,
) -> None:
    del version


def _complain(sentence: str, code: ExitCode) -> int:
    try:
        print(f"qutrio: {clean_lines(sentence)}", file=sys.stderr, flush=True)
    except OSError:  # of a full disk, or a pipe that nobody reads: there is nobody to tell
        silence(sys.stderr)
    return code
