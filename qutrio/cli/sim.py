"""`qutrio sim`: plays a scenario of faults in the simulator."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qutrio.cli.command_groups import verb
from qutrio.cli.exits import ExitCode
from qutrio.cli.options import AsJson
from qutrio.cli.printing import clean, print_json
from qutrio.errors import InvalidDocumentError, InvalidValueError, StorageError, plain_reason
from qutrio.storage.regular_file import explain, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable

    from qutrio.model.ids import Seconds
    from qutrio.sim.scenario.report import Marks, Played

SVG = ".svg"
CLUSTER_BYTES_MAX = 32 * 1024 * 1024
SEED_MAX = (1 << 63) - 1

app = verb()


def _show_grammar(wanted: bool) -> None:
    if wanted:
        from qutrio.sim.scenario.report import grammar  # noqa: PLC0415 - loaded for this only

        print("\n".join(grammar()))
        raise typer.Exit


@app.command(epilog="Example: qutrio sim scenario.yaml --svg scenario.svg")
def sim(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="The file; see --grammar.")],
    *,
    as_json: AsJson = False,
    svg: Annotated[
        str | None, typer.Option("--svg", metavar="PATH", help="Also draw the run into this file.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=SEED_MAX, help="The seed of all random choices.")
    ] = 1,
    grammar: Annotated[
        bool,
        typer.Option(
            "--grammar",
            help="Print every sentence that a scenario may contain, and exit.",
            is_eager=True,
            callback=_show_grammar,
        ),
    ] = False,
) -> int:
    """Play faults in a virtual cluster, and report what happens and which expectations hold.

    No real node is involved.  Ends with 0 when all expectations held, with 7 when one did not.
    """
    del grammar
    from qutrio.sim.scenario.drawing import draw  # noqa: PLC0415 - the simulator is large
    from qutrio.sim.scenario.playing import play  # noqa: PLC0415
    from qutrio.sim.scenario.reading import read  # noqa: PLC0415
    from qutrio.sim.scenario.report import as_data  # noqa: PLC0415

    drawing = None if svg is None else _drawable(svg)
    beside = Path(scenario).parent
    parsed = read(
        _text(scenario), scenario, lambda path: _contents(str(beside / path), CLUSTER_BYTES_MAX)
    )
    played = play(parsed, seed, _progress(parsed.until_s))
    if as_json:
        print_json(as_data(played))
    else:
        _print_report(played)
    if drawing is not None:
        _write(drawing, draw(played))
    if played.story.broken is not None:
        return ExitCode.ERROR
    return ExitCode.OK if played.held else ExitCode.EXPECTATION_FAILED


def _text(path: str) -> str:
    from qutrio.sim.scenario.reading import FILE_BYTES_MAX, decode  # noqa: PLC0415

    return decode(_bytes(path, FILE_BYTES_MAX + 1), path)


def _contents(path: str, most: int) -> str:
    """Return the text of a file that the scenario names."""
    data = _bytes(path, most + 1)
    if len(data) > most:
        raise InvalidDocumentError(f"{path} is larger than {most} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidDocumentError(f"{path} is not a text in UTF-8") from None


def _bytes(path: str, most: int) -> bytes:
    file = Path(path)
    try:
        if file.exists() and not file.is_file():
            raise InvalidDocumentError(f"{path} is not a regular file; name one")
        return read_regular(file, most, follow=True)
    except OSError as error:
        raise InvalidDocumentError(f"cannot read {explain(error)}") from None
    except ValueError:  # from the system call, for a path with a NUL byte
        raise InvalidDocumentError(f"cannot read {path!r}: that is not a path") from None


def _drawable(path: str) -> Path:
    """Return the path of the drawing; raises `InvalidValueError` if it cannot be written."""
    drawing = Path(path)
    if drawing.suffix != SVG:
        raise InvalidValueError("--svg", f"{path!r} does not end in {SVG}")
    if drawing.is_dir() or not drawing.parent.is_dir():
        raise InvalidValueError("--svg", f"{path!r} is not in a directory that exists")
    return drawing


def _write(drawing: Path, text: str) -> None:
    try:
        drawing.write_text(text, encoding="utf-8")
    except OSError as error:
        words = plain_reason(error)
        raise StorageError(f"cannot write the drawing {str(drawing)!r}: {words}") from None


def _progress(until_s: "Seconds") -> "Callable[[Seconds], None] | None":
    """Return a function that shows the progress on a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(played_s: "Seconds") -> None:
        done = "" if played_s >= until_s else f"{100 * played_s / until_s:.0f} %"
        print(f"\r{done:<6}\r", end="", file=sys.stderr, flush=True)

    return show


def _print_report(played: "Played") -> None:
    from qutrio.sim.scenario.report import report  # noqa: PLC0415

    for line in report(played, _marks()):
        _print_line(clean(line))


def _print_line(line: str) -> None:
    encoding = sys.stdout.encoding
    print(line.encode(encoding, "replace").decode(encoding))


def _marks() -> "Marks":
    from qutrio.sim.scenario.report import ASCII_MARKS, UNICODE_MARKS  # noqa: PLC0415

    try:
        (UNICODE_MARKS.held + UNICODE_MARKS.failed).encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return ASCII_MARKS
    return UNICODE_MARKS
