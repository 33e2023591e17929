"""Values that may be secrets: given in plain, as `@FILE`, or as `-` for standard input.

A command line can be read by every user of the machine, a file or a pipe cannot.  One newline
at the end is not part of the value.  `@@` stands for an `@` that begins a value; a value that
is really `-` comes from a file or from standard input.
"""

import sys
from getpass import getpass
from pathlib import Path
from typing import Final

from attrs import define, field

from qutrio.errors import InvalidValueError, plain_reason
from qutrio.model.new_checks import require_different_headers

INPUT_BYTES_MAX: Final = 256 * 1024
"""As much as the longest body that a check may send."""

_STDIN: Final = "-"
_FILE: Final = "@"


@define
class Inputs:
    """Reads the values of one command; standard input is there for one of them."""

    _taken_by: str | None = field(default=None, init=False)

    def line(self, value: str | None, option: str) -> str | None:
        """Return a value of one line; None for none.  Raises `InvalidValueError`."""
        text = self._read(value, option, hidden=True)
        if text is not None and text != value and any(c in text for c in "\r\n"):
            raise InvalidValueError(option, "holds more than one line")
        return text

    def text(self, value: str | None, option: str) -> str | None:
        """Return a value of any number of lines; None for none.  Raises `InvalidValueError`."""
        return self._read(value, option, hidden=False)

    def headers(self, given: list[str] | None) -> dict[str, str] | None:
        """Return `NAME: VALUE` lines as a mapping, None for none.

        A value may come from elsewhere (`NAME: @FILE`), and so may whole lines (`@FILE`).
        Raises `InvalidValueError`, which quotes nothing.
        """
        lines = [line for text in given or () for line in self._lines(text)]
        headers: list[tuple[str, str]] = []
        for number, line in enumerate(lines, 1):
            name, colon, value = line.partition(":")
            name = name.strip()
            if not colon or not name:
                raise InvalidValueError("--header", f"number {number} is not 'NAME: VALUE'")
            headers.append((name, self.line(value.strip(), "--header") or ""))
        require_different_headers([name for name, _ in headers], "--header")
        return dict(headers) or None

    def _lines(self, text: str) -> list[str]:
        if text != _STDIN and not text.startswith(_FILE):
            return [text]
        read = self.text(text, "--header") or ""
        return [line for line in read.splitlines() if line.strip()]

    def _read(self, value: str | None, option: str, *, hidden: bool) -> str | None:
        if value == _STDIN:
            return self._from_stdin(option, hidden=hidden)
        if value is None or not value.startswith(_FILE):
            return value
        if value.startswith(_FILE * 2):
            return value[1:]
        if value == _FILE:
            problem = "'@' names no file; write '@FILE', or '@@' for the sign itself"
            raise InvalidValueError(option, problem)
        return _text(_content(value[1:], option), option)

    def _from_stdin(self, option: str, *, hidden: bool) -> str:
        """Read all of standard input; on a terminal a secret line, which is not shown."""
        if self._taken_by is not None:
            problem = f"{self._taken_by} reads standard input already; give one of them as '@FILE'"
            raise InvalidValueError(option, problem)
        self._taken_by = option
        if sys.stdin is None:
            raise InvalidValueError(option, "standard input is closed")
        if hidden and sys.stdin.isatty():
            try:
                return _text(getpass(f"{option}: ").encode("utf-8", "surrogateescape"), option)
            except EOFError:
                return _text(b"", option)
        return _text(sys.stdin.buffer.read(INPUT_BYTES_MAX + 1), option)


def _content(name: str, option: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(INPUT_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        hint = "a value that begins with '@' is written with '@@'"
        problem = f"cannot read the file {name[:80]!r}: {plain_reason(error)}; {hint}"
        raise InvalidValueError(option, problem) from None


def _text(content: bytes, option: str) -> str:
    """Return the value that was read.  Raises `InvalidValueError` for what is no text."""
    if len(content) > INPUT_BYTES_MAX:
        raise InvalidValueError(option, f"what was read is longer than {INPUT_BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidValueError(option, "what was read is not UTF-8 text") from None
    if "\0" in text:
        raise InvalidValueError(option, "what was read is not text: it holds a NUL byte")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise InvalidValueError(option, "what was read is empty")
    return text
