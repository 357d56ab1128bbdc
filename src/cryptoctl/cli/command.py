"""What every command has: the common options, a session, a screen, and errors that end as one sentence."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import typer
from typer.core import TyperCommand

from cryptoctl import env_vars, interrupts
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.cli.app import options_before
from cryptoctl.cli.commands import COMMANDS
from cryptoctl.cli.conversion import PlainConversion
from cryptoctl.cli.options import CommonOptions, Declaration, Group, Output, common
from cryptoctl.errors import Failure, Problem
from cryptoctl.local.errors import EngineError
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.retry import Clock, RealClock
from cryptoctl.session import Choice, Session
from cryptoctl.settings import Target
from cryptoctl.ui.screen import Screen

Function: TypeAlias = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a command: what it works with and what it prints with."""

    session: Session
    screen: Screen
    csv: bool = False
    clock: Clock = field(default_factory=RealClock)

    @property
    def machine(self) -> bool:
        """Whether the answer is JSON."""
        return self.screen.machine


@dataclass(frozen=True, kw_only=True)
class _Command:
    """A command as its module declares it."""

    path: tuple[str, ...]
    function: Function
    access: Access | None
    example: str
    groups: Sequence[Group]
    csv: bool

    def built(self) -> Any:
        """The command as Typer runs it."""
        # The first parameter is the Run, then one for each group.
        declared = Declaration(self.function, [*self.groups, common], leading=1 + len(self.groups))

        def run(context: typer.Context, **given: Any) -> None:
            _run(self, declared, options_before(context), given)

        run.__doc__ = self.function.__doc__
        run.access = self.access  # type: ignore[attr-defined]
        run.__signature__ = declared.signature  # type: ignore[attr-defined]
        holder = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
        holder.command(self.path[-1], cls=_NumbersMayBeNegative, epilog=f"Example:  {self.example}")(run)
        return typer.main.get_command(holder)


_DECLARED: dict[str, _Command] = {}


def command(
    *path: str, access: Access | None, example: str, groups: Sequence[Group] = (), csv: bool = False
) -> Callable[[Function], Function]:
    """Declares a function of (Run, each group's value…, own options…) as the command with this name.

    `access` says what it asks AWS for at most, and so who may run it (ops/permissions.py); None: nothing.
    """

    def declare(function: Function) -> Function:
        _DECLARED[" ".join(path)] = _Command(
            path=path, function=function, access=access, example=example, groups=groups, csv=csv
        )
        return function

    return declare


def load(name: str) -> Any:
    """The command of this name, its module imported."""
    importlib.import_module(next(each.module for each in COMMANDS if each.name == name))
    return _DECLARED[name].built()


class _NumbersMayBeNegative(PlainConversion, TyperCommand):
    """Takes "-1" for the number that it is, not for an unknown option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # The parsers of numbers pass over the space.
        return super().parse_args(ctx, [f" {arg}" if _NEGATIVE.match(arg) else arg for arg in args])


_NEGATIVE = re.compile(r"-\.?\d|-(inf|nan)", re.IGNORECASE)


def _run(declared: _Command, parameters: Declaration, before: CommonOptions, given: dict[str, Any]) -> None:
    options: CommonOptions = parameters.value(common, given).over(before)
    screen = Screen(
        colour=env_vars.colour_wanted() and not options.no_color,
        machine=options.output is Output.JSON,
        verbose=bool(options.verbose),
    )
    try:
        run = Run(session=_session(options), screen=screen, csv=_csv(declared, options))
        values = [parameters.value(group, given) for group in declared.groups]
        declared.function(run, *values, **parameters.own_values(given))
    except BrokenPipeError:  # whoever reads has read enough
        raise typer.Exit from None
    except (Failure, AwsError, EngineError, OSError) as error:
        failure = for_a_person(error)
        screen.failure(failure)
        raise typer.Exit(failure.problem) from error
    except KeyboardInterrupt:
        interrupts.ignore_signals()
        screen.say("Interrupted.", style="yellow")
        raise typer.Exit(Problem.INTERRUPTED) from None


def _session(options: CommonOptions) -> Session:
    return Session(
        Choice(
            environment=options.env,
            profile=options.profile,
            region=options.region,
            target={None: None, True: Target.LOCAL, False: Target.AWS}[options.local],
            config=options.config,
        )
    )


def _csv(declared: _Command, options: CommonOptions) -> bool:
    wanted = options.output is Output.CSV
    if wanted and not declared.csv:
        name = " ".join(declared.path)
        raise Failure(Problem.USAGE, f"`{name}` writes no CSV.", "Choose --output table or json.")
    return wanted


def for_a_person(error: Failure | AwsError | EngineError | OSError) -> Failure:
    """An error as a sentence with its exit code."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, EngineError):
        return Failure(Problem.UNREACHABLE, error.message, error.hint)
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else ""
        return Failure(Problem.FAILED, f"{what}{error.strerror or error}.")
    said = str(error)
    return Failure(Problem.AWS, f"{said[0].upper()}{said[1:]}" if error.doing else said, remedy(error))
