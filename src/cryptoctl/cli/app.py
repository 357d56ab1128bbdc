"""The root of the command line. A command's module is imported when that command is run or asked for help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cryptoctl import __version__
from cryptoctl.cli import commands
from cryptoctl.cli.conversion import PlainConversion
from cryptoctl.cli.help import HelpInAPipe
from cryptoctl.cli.options import CommonOptions, Declaration, options_before


class _LoadedOnDemand(Mapping[str, Any]):
    """The commands of a group by name; each is imported when it is taken out."""

    def __init__(self, group: str) -> None:
        self._group = group

    def __getitem__(self, name: str) -> Any:
        if name not in commands.names(self._group):
            raise KeyError(name)
        path = f"{self._group} {name}".strip()
        if path in commands.GROUPS:
            return _group(path)
        from cryptoctl.cli.command import load

        return load(path)

    def __contains__(self, name: object) -> bool:
        return name in commands.names(self._group)

    def __iter__(self) -> Iterator[str]:
        return iter(commands.names(self._group))

    def __len__(self) -> int:
        return len(commands.names(self._group))


class CommandGroup(PlainConversion, HelpInAPipe, TyperGroup):
    """Lists its commands without importing them."""

    path = ""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.commands: Any = _LoadedOnDemand(self.path)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the help."""
        return commands.names(self.path)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command as the help and the completion need it: its name and its line."""
        path = f"{self.path} {cmd_name}".strip()
        line = commands.GROUPS.get(path) or commands.COMMANDS.get(path)
        return None if line is None else TyperCommand(cmd_name, help=line, hidden=False)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself; for one that does not exist, the nearest that does."""
        name, *arguments = args
        if name in self.commands:
            return name, self.commands[name], arguments
        if not ctx.resilient_parsing and not name.startswith("-"):
            suggestion = commands.nearest(name, self.path)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {suggestion!r}?" if suggestion else ""))
        return super().resolve_command(ctx, args)


def _taking_options(function: Callable[..., None]) -> Callable[..., None]:
    """A group's callback: common options may stand before the command, and are kept for it to read."""
    declaration = Declaration(function, [CommonOptions], leading=0)

    def remember(context: typer.Context, **arguments: Any) -> None:
        context.obj = declaration.value(CommonOptions, arguments).with_defaults(options_before(context))

    remember.__doc__ = function.__doc__
    remember.__signature__ = declaration.signature  # type: ignore[attr-defined]
    return remember


def _group(path: str) -> Any:
    """A group of commands, such as `dlq`."""
    cls = type("CommandGroup", (CommandGroup,), {"path": path})
    group = typer.Typer(
        name=path, cls=cls, no_args_is_help=True, help=commands.GROUPS[path], add_completion=False
    )
    group.callback()(_taking_options(lambda: None))
    return typer.main.get_command(group)


app = typer.Typer(
    name="cryptoctl",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cryptoctl {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Provision and operate a serverless pipeline for cryptocurrency prices: on AWS, or on this machine."""


app.callback()(_taking_options(_root))
