"""What is said of a command line that no command can read, in words that everybody knows."""

import re
from types import MappingProxyType
from typing import Any

import typer

from qutrio.cli.options import SECRET_HELP
from qutrio.model.rules import shown

_PLAIN_WORDS = (
    (re.compile(r"is not a valid int(?: range)?$"), "is not a whole number"),
    (re.compile(r"is not a valid float(?: range)?$"), "is not a number"),
    (re.compile(r"is not in the range (\S+)<=x<=(\S+)$"), r"is out of range: \1 to \2"),
    (re.compile(r"is not in the range x>=(\S+)$"), r"is out of range: at least \1"),
)
"""Words of the library that only people who program understand, and what is said instead."""
_EXTRA_WORDS = re.compile(r"Got unexpected extra argument(?:\(s\)|s)? \((.*)\)", re.DOTALL)
_NO_COMMAND = re.compile(r"No such command '([^']*)'")
_ELSEWHERE = MappingProxyType(
    {
        ("cluster", "add"): "enroll create",
        ("cluster", "join"): "enroll join",
        ("cluster", "list"): "node list",
        ("cluster", "nodes"): "node list",
        ("cluster", "remove"): "node remove",
        ("node", "add"): "enroll create",
        ("node", "join"): "enroll join",
    }
)
"""Commands that people look for in the wrong group."""


def usage_words(error: typer.TyperException) -> str:
    """Return one sentence about a command that was typed wrongly, and where its help is."""
    sentence = error.format_message().strip().rstrip(".")
    for theirs, ours in _PLAIN_WORDS:
        sentence = theirs.sub(ours, sentence)
    context = getattr(error, "ctx", None)
    if context is None:
        return sentence
    if extra := _EXTRA_WORDS.fullmatch(sentence):
        sentence = _left_over(extra[1], context.command.params)
    missing = _NO_COMMAND.match(sentence)
    wanted = missing and _ELSEWHERE.get((context.info_name, missing[1]))
    hint = f"use 'qutrio {wanted}', or " if wanted else ""
    return f"{sentence}; {hint}see '{context.command_path} --help'"


def _left_over(words: str, parameters: list[Any]) -> str:
    """Return what to say of words that no argument takes: they may be the half of a secret."""
    secret = any(SECRET_HELP in (getattr(p, "help", None) or "") for p in parameters)
    sentence = "Got unexpected extra arguments" + ("" if secret else f": {shown(words)}")
    if any(p.metavar == "HOST:PORT" and p.param_type_name == "argument" for p in parameters):
        return f"{sentence}; host and port are one argument, HOST:PORT"
    return sentence
