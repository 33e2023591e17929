"""Builds the command groups: plain help without rich, and nouns that are imported when named."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from qutrio.cli.exits import ExitCode


class CommandGroup(TyperGroup):
    """A group that shows its help when it is called without a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Print the help to stderr and exit when no command was given."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(ExitCode.BAD_INPUT)
        return super().parse_args(ctx, args)


class LazyGroups(CommandGroup):
    """The root group: it knows the module of each command, and imports the one that is run."""

    modules: ClassVar[Mapping[str, str]] = {}
    """Command name -> the module that has it as `app`."""

    def __init__(self, **settings: Any) -> None:
        """Register only the names, from which typer suggests the nearest one for a typing error."""
        super().__init__(**settings)
        self.commands = dict.fromkeys(self.modules)  # type: ignore[assignment]  # get_command fills

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command; None if there is none with this name."""
        del ctx
        if cmd_name not in self.modules:
            return None
        command = typer.main.get_command(import_module(self.modules[cmd_name]).app)
        command.name = cmd_name
        return command


def command_group(summary: str, example: str) -> typer.Typer:
    """Return an empty group of commands; `example` is one of them, without `qutrio`."""
    return typer.Typer(
        cls=CommandGroup,
        help=summary,
        epilog=f"Example: qutrio {example}",
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def verb() -> typer.Typer:
    """Return an app for a single command."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
