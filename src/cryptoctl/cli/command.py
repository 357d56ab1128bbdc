"""What every command has: the common options, a session, a screen, and errors that end as one sentence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from cryptoctl import settings
from cryptoctl.errors import Failure, Problem
from cryptoctl.session import Choice, Session
from cryptoctl.settings import Target
from cryptoctl.ui.screen import Screen


class Output(StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a command: what it works with and what it prints with."""

    session: Session
    screen: Screen

    @property
    def machine(self) -> bool:
        """Whether the answer is JSON."""
        return self.screen.machine


_PANEL = "Common options"
_COMMON: dict[str, tuple[Any, Any]] = {
    "env": (
        Annotated[
            str | None,
            typer.Option("--env", "-e", help="The environment. [default: dev]", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "local": (
        Annotated[
            bool | None,
            typer.Option(
                "--local/--aws", help="On this machine, or on AWS.", show_default=False, rich_help_panel=_PANEL
            ),
        ],
        None,
    ),
    "profile": (
        Annotated[str | None, typer.Option(help="The AWS profile.", rich_help_panel=_PANEL)],
        None,
    ),
    "region": (
        Annotated[str | None, typer.Option(help="The AWS region.", rich_help_panel=_PANEL)],
        None,
    ),
    "config": (
        Annotated[
            Path | None, typer.Option(help="The configuration file.", rich_help_panel=_PANEL)
        ],
        None,
    ),
    "output": (
        Annotated[Output, typer.Option("--output", "-o", help="How to answer.", rich_help_panel=_PANEL)],
        Output.TABLE,
    ),
    "verbose": (
        Annotated[bool, typer.Option("--verbose", "-v", help="Show each call.", rich_help_panel=_PANEL)],
        False,
    ),
    "no_color": (
        Annotated[bool, typer.Option("--no-color", help="No colours.", rich_help_panel=_PANEL)],
        False,
    ),
}


def command(app: typer.Typer, name: str, *, example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function of (Run, own options…) as a command with the common options and an example."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function)
        hints = get_type_hints(function, include_extras=True)
        names = list(own.parameters)[1:]

        def run(**given: Any) -> None:
            common = {key: given.pop(key) for key in _COMMON if key not in names}
            _run(function, common, given)

        run.__doc__, run.__name__ = function.__doc__, function.__name__
        parameters = [
            inspect.Parameter(
                each, inspect.Parameter.KEYWORD_ONLY, default=own.parameters[each].default, annotation=hints[each]
            )
            for each in names
        ] + [
            inspect.Parameter(
                each, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
            for each, (annotation, default) in _COMMON.items()
            if each not in names
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        app.command(name, epilog=f"Example:  {example}")(run)
        return function

    return register


def _run(function: Callable[..., None], common: dict[str, Any], own: dict[str, Any]) -> None:
    screen = Screen(
        colour=settings.colour_wanted(common["no_color"]),
        machine=common.get("output", own.get("output")) == Output.JSON,
        verbose=common["verbose"],
    )
    target = {None: None, True: Target.LOCAL, False: Target.AWS}[common["local"]]
    choice = Choice(
        environment=common["env"],
        profile=common["profile"],
        region=common["region"],
        target=target,
        config=common["config"],
    )
    try:
        function(Run(session=Session(choice), screen=screen), **own)
    except Failure as failure:
        screen.failure(failure)
        raise typer.Exit(failure.problem) from failure
    except KeyboardInterrupt:
        screen.say("Interrupted.", style="yellow")
        raise typer.Exit(Problem.INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except Exception as error:
        known = _known(error)
        if known is None:
            raise
        screen.failure(known)
        raise typer.Exit(known.problem) from error


def _known(error: Exception) -> Failure | None:
    from cryptoctl.aws import AwsError
    from cryptoctl.local.engine import EngineError

    if isinstance(error, EngineError):
        return Failure(Problem.UNREACHABLE, error.message, error.hint)
    if not isinstance(error, AwsError):
        return None
    hint = "Add --verbose to see the calls."
    if error.code in ("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"):
        hint = "These credentials lack a right; docs/permissions.md lists what each command needs."
    return Failure(Problem.AWS, f"AWS refused {error.service}:{error.operation} ({error.code}): {error.message}", hint)
