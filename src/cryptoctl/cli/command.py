"""What every command has: the common options, a session, a screen, and errors that end as one sentence."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer
from typer.core import TyperCommand

from cryptoctl import interrupts, settings
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.errors import Failure, Problem
from cryptoctl.local.engine import EngineError
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.retry import Clock, RealClock
from cryptoctl.session import Choice, Session
from cryptoctl.settings import Target
from cryptoctl.ui.screen import Screen

Command: TypeAlias = Callable[..., None]


class Output(StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a command: what it works with and what it prints with."""

    session: Session
    screen: Screen
    clock: Clock = field(default_factory=RealClock)

    @property
    def machine(self) -> bool:
        """Whether the answer is JSON."""
        return self.screen.machine


def _option(*names: str, shown: str, default: bool = True) -> Any:
    return typer.Option(*names, help=shown, show_default=default, rich_help_panel="Common options")


def _common(
    *,
    env: Annotated[str | None, _option("--env", "-e", shown="The environment. [default: dev]")] = None,
    local: Annotated[
        bool | None, _option("--local/--aws", shown="On this machine, or on AWS.", default=False)
    ] = None,
    profile: Annotated[str | None, _option("--profile", shown="The AWS profile.")] = None,
    region: Annotated[str | None, _option("--region", shown="The AWS region.")] = None,
    config: Annotated[Path | None, _option("--config", shown="The configuration file.")] = None,
    output: Annotated[Output, _option("--output", "-o", shown="How to answer.")] = Output.TABLE,
    verbose: Annotated[bool, _option("--verbose", "-v", shown="Say more: each call of a plan.")] = False,
    no_color: Annotated[bool, _option("--no-color", shown="No colours.")] = False,
) -> None:
    """The options that every command has."""


def command(
    app: typer.Typer, name: str, *, access: Access | None, example: str
) -> Callable[[Command], Command]:
    """Registers a function of (Run, own options…) as a command with the common options and an example.

    `access` says what it asks AWS for at most, and so who may run it (ops/permissions.py); None: nothing.
    """

    def register(function: Command) -> Command:
        common = _parameters(_common)
        _, *own = _parameters(function)
        given_names = {parameter.name for parameter in own}
        added = [parameter for parameter in common if parameter.name not in given_names]

        def run(**given: Any) -> None:
            options = {parameter.name: given.get(parameter.name) for parameter in common}
            _run(function, options, {parameter.name: given[parameter.name] for parameter in own})

        run.__doc__ = function.__doc__
        run.access = access  # type: ignore[attr-defined]
        run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        app.command(name, cls=_Command, epilog=f"Example:  {example}")(run)
        return function

    return register


class _Command(TyperCommand):
    """Takes "-1" for the number that it is, not for an unknown option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # The parsers of numbers pass over the space.
        return super().parse_args(ctx, [f" {arg}" if _NEGATIVE.match(arg) else arg for arg in args])


_NEGATIVE = re.compile(r"-\.?\d|-(inf|nan)", re.IGNORECASE)


def _parameters(function: Command) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in inspect.signature(function).parameters.values()
    ]


def _run(function: Command, options: dict[str, Any], own: dict[str, Any]) -> None:
    screen = Screen(
        colour=settings.colour_wanted(options["no_color"]),
        machine=options["output"] == Output.JSON,
        verbose=options["verbose"],
    )
    choice = Choice(
        environment=options["env"],
        profile=options["profile"],
        region=options["region"],
        target={None: None, True: Target.LOCAL, False: Target.AWS}[options["local"]],
        config=options["config"],
    )
    try:
        function(Run(session=Session(choice), screen=screen), **own)
    except (Failure, AwsError, EngineError) as error:
        failure = for_a_person(error)
        screen.failure(failure)
        raise typer.Exit(failure.problem) from error
    except KeyboardInterrupt:
        interrupts.answered()
        screen.say("Interrupted.", style="yellow")
        raise typer.Exit(Problem.INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit from None


def for_a_person(error: Failure | AwsError | EngineError) -> Failure:
    """An error as a sentence with its exit code."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, EngineError):
        return Failure(Problem.UNREACHABLE, error.message, error.hint)
    said = str(error)
    return Failure(Problem.AWS, f"{said[0].upper()}{said[1:]}" if error.doing else said, remedy(error))
