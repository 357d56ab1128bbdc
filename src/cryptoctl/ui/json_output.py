"""A command's answer as one JSON document, the same shape whatever the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ui.documents import MODELS
from cryptoctl.ui.documents.document import Part
from cryptoctl.ui.screen import Screen

HINTING = ("notes", "obstacles")


def write_document(
    screen: Screen,
    command: str,
    location: Mapping[str, Any],
    answer: Mapping[str, Any],
    failure: Failure | None,
) -> None:
    """Writes the document of a command that has ended."""
    document = MODELS[command].model_validate(
        {
            "command": command,
            "outcome": _outcome(failure),
            **location,
            "failure": None if failure is None else _failure_members(screen, failure),
            **_followable(screen, answer),
        }
    )
    try:
        members = document.model_dump(mode="json")
    except ValueError:  # pydantic writes nothing that is nested very deeply; a dead letter may be
        members = {name: _as_it_is(getattr(document, name)) for name in type(document).model_fields}
    try:
        screen.document(members)
    except RecursionError as error:
        raise Failure(
            ExitCode.FAILED, "The answer is nested too deeply to be written as JSON.", "Use --output table."
        ) from error


def _followable(screen: Screen, members: Mapping[str, Any]) -> dict[str, Any]:
    """The members, the commands named in notes and obstacles as this person would have to type them."""
    return {
        name: [screen.hint(text) for text in value]
        if name in HINTING
        else _followable(screen, value)
        if name == "plan"
        else value
        for name, value in members.items()
    }


def _as_it_is(value: Any) -> Any:
    return value.model_dump() if isinstance(value, Part) else value


def _outcome(failure: Failure | None) -> str:
    if failure is None:
        return "success"
    return "interrupted" if failure.exit_code is ExitCode.INTERRUPTED else "failure"


def _failure_members(screen: Screen, failure: Failure) -> dict[str, str]:
    return {
        "problem": failure.exit_code.name,
        "message": screen.hint(failure.message),
        "next": screen.hint(failure.hint),
    }
