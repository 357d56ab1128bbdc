"""Options are declared in groups: a function or a class of annotated options, which gives what they mean.

Every command has the common group; a command may name further ones. This is the only place that turns such
declarations into what Typer reads.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from cryptoctl.cli import completion
from cryptoctl.core.names import folded_symbol
from cryptoctl.errors import InputError

Group: TypeAlias = Callable[..., Any]
MAX_KEY_BYTES = 2048  # DynamoDB's limit for a partition key


class OutputFormat(StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def option(*names: str, shown: str, panel: str, default: str = "", **more: Any) -> Any:
    """An option. `default` is shown where the value comes from elsewhere when it is not given."""
    # Typer shows no default for None; the backslash keeps Rich from taking the text for markup.
    text = rf"{shown} \[default: {default}]" if default else shown
    return typer.Option(*names, help=text, rich_help_panel=panel, **more)


Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Only this resource and what it depends on; may be repeated.",
        autocompletion=completion.resource_names,
    ),
]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Take over resources that have our names but not our tags.")
]


def refuse_empty(name: str, value: str, hint: str) -> None:
    """Raises Failure for what is given and empty: a script's variable that is not set."""
    if not value.strip():
        raise InputError(f"{name} is empty.", hint)


def stored_as(symbol: str) -> str:
    """The symbol to look for, as it is stored. Raises Failure where nothing can be stored so."""
    hint = "Name one, such as BTC; `cryptoctl symbols` lists them."
    refuse_empty("The symbol", symbol, hint)
    folded = folded_symbol(symbol)
    try:
        size = len(folded.encode())
    except UnicodeEncodeError as error:  # a byte that Python could not read stands there as half of a pair
        raise InputError(f"The symbol is no text in UTF-8: {symbol!a}.", hint) from error
    if size > MAX_KEY_BYTES:
        message = f"The symbol has {size} bytes, and what is stored has {MAX_KEY_BYTES} at most."
        raise InputError(message, hint)
    return folded


_common = partial(option, panel="Common options")


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """What every command can be told, before its name or after it; None is "not given"."""

    env: Annotated[
        str | None,
        _common(
            "--env", "-e", shown="Environment.", default="dev", autocompletion=completion.environment_names
        ),
    ] = None
    local: Annotated[
        bool | None,
        _common(
            "--local/--aws", shown="On this machine, or on AWS.", default="where `up` last put it, or AWS"
        ),
    ] = None
    profile: Annotated[
        str | None, _common("--profile", shown="AWS profile.", autocompletion=completion.profile_names)
    ] = None
    region: Annotated[
        str | None, _common(shown="AWS region.", default="the AWS configuration's, or us-east-1")
    ] = None
    config: Annotated[
        Path | None,
        _common(shown="Configuration file.", default="the nearest cryptoctl.toml upwards"),
    ] = None
    output: Annotated[
        OutputFormat | None,
        _common(
            "--output",
            "-o",
            shown="Format: `json` for programs, `csv` for prices and candles, `markdown` for plans.",
            default="table",
        ),
    ] = None
    verbose: Annotated[
        bool | None, _common("--verbose", "-v", shown="Show more: each API call of a plan.")
    ] = None
    no_color: Annotated[bool | None, _common("--no-color", shown="No colours.")] = None

    @property
    def target_options(self) -> dict[str, str]:
        """The options that lead to this environment and AWS account: name → value, "" for a flag."""
        target = {None: {}, True: {"--local": ""}, False: {"--aws": ""}}[self.local]
        values = {
            "--env": self.env,
            "--profile": self.profile,
            "--region": self.region,
            "--config": None if self.config is None else str(self.config),
        }
        return {**{name: value for name, value in values.items() if value is not None}, **target}

    def check(self) -> None:
        """Raises Failure for one that is given and empty: the default would be another account or region."""
        # To pathlib an empty path is the working directory.
        config = "" if self.config == Path() else None
        texts = {"--env": self.env, "--profile": self.profile, "--region": self.region, "--config": config}
        for name, value in texts.items():
            if value is not None:
                refuse_empty(name, value, "Name one, or leave the option out.")

    def with_defaults(self, defaults: CommonOptions) -> CommonOptions:
        """These, and `defaults` where these are not given."""
        return replace(defaults, **{name: value for name, value in vars(self).items() if value is not None})


def options_before(context: typer.Context) -> CommonOptions:
    """The common options that were given before the command's name."""
    return context.obj if isinstance(context.obj, CommonOptions) else CommonOptions()


class Declaration:
    """The options of a command: its own, and those of its groups."""

    def __init__(self, function: Callable[..., Any], groups: Sequence[Group], *, leading: int) -> None:
        self._groups = {group: _parameters(group) for group in groups}
        self._own = _parameters(function)[leading:]

    @property
    def signature(self) -> inspect.Signature:
        """What Typer reads: the command's context, its own options, then each group's."""
        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        grouped = [parameter for parameters in self._groups.values() for parameter in parameters]
        return inspect.Signature([context, *self._own, *grouped])

    def value(self, group: Group, arguments: Mapping[str, Any]) -> Any:
        """What a group makes of the values that were given."""
        return group(**{parameter.name: arguments[parameter.name] for parameter in self._groups[group]})

    def own_values(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The command's own options, by parameter name."""
        return {parameter.name: arguments[parameter.name] for parameter in self._own}


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name in hints
    ]
