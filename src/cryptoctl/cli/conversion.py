"""Turns what was typed into values without pydantic, which Typer otherwise imports and asks for every option.

Only what is plainly right is converted here; Typer converts or refuses the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

_NUMBERS: Mapping[type, re.Pattern[str]] = {
    int: re.compile(r"\d{1,18}"),
    float: re.compile(r"\d{1,18}(\.\d{1,18})?"),
}


class PlainConversion:
    """For a Typer command or group: its parameters try the plain conversion first."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, also those that Typer adds itself (--help, --install-completion)."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            # Typer offers no hook for this; without the attribute Typer converts as usual.
            if getattr(param, "_runtime_param", self) is None:
                param._runtime_param = _PlainFirst(param.get_runtime_param)  # noqa: SLF001
        return params


class _PlainFirst:
    """Stands where Typer keeps a parameter's converter."""

    def __init__(self, typers_own: Any) -> None:
        self._typers_own = typers_own

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the function takes it. Raises Typer's own error for what is not valid."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        try:
            return _convert(value, param.type_descriptor.annotation, param)
        except _NotPlainError:
            param._runtime_param = None  # noqa: SLF001
            try:
                return self._typers_own().coerce(value, param=param, ctx=ctx)
            except typer.BadParameter as error:
                error.message = error.message.removeprefix("Value error, ")
                raise


class _NotPlainError(Exception):
    """The value is for Typer to convert or to refuse."""


def _convert(value: Any, annotation: Any, param: Any) -> Any:
    if get_origin(annotation) is list and isinstance(value, list | tuple):
        return [_convert(member, get_args(annotation)[0], param) for member in value]
    if annotation is Path and isinstance(value, str | Path):
        return Path(value)
    if isinstance(annotation, type) and isinstance(value, annotation):
        return value
    if isinstance(value, str):
        return _from_text(value, annotation, param)
    raise _NotPlainError


def _from_text(text: str, annotation: Any, param: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        for member in annotation:
            if member.value == text:
                return member
    if annotation in _NUMBERS and _NUMBERS[annotation].fullmatch(text):
        number = annotation(text)
        if (param.min is None or number >= param.min) and (param.max is None or number <= param.max):
            return number
    raise _NotPlainError
