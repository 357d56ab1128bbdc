"""docs/json.md says what `--output json` writes: every command, every field. GOLDEN=1 writes it anew."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from cli.conftest import Cli
from cryptoctl.cli.commands import COMMANDS
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ui.documents import MODELS
from cryptoctl.ui.documents.document import CommandDocument
from cryptoctl.ui.json_output import write_document
from cryptoctl.ui.screen import Screen

FILE = Path(__file__).parents[2] / "docs" / "json.md"
INTRODUCTION = """# JSON output

With `--output json` a command writes one JSON document to stdout when it ends, of the same shape whatever
the outcome: what could not be found out is null or empty, and `failure` says why. Messages for people go to
stderr as ever. Only a command line that cannot be parsed at all (exit code 2) writes no document, nor does a
command that a signal ends while it is being loaded, or while its document is not read (130).

What goes on until it is stopped writes lines before that document: `logs --follow` one of JSON for each log
line, whose document at the end has no lines, `feed` one for each symbol every ten seconds, and `dashboard`
one with its address.

Times are ISO 8601 in UTC, such as `2026-11-26T09:30:00.000Z`; only a price's `timestamp` is in milliseconds
since 1970, because it is part of its key. Names that end in `_s` are seconds.

This page is made from the models in `src/cryptoctl/ui/documents`; a test compares.
"""


def made() -> str:
    """The page as the models have it."""
    parts = [
        INTRODUCTION,
        "## Every command\n",
        _table(CommandDocument, frozenset()),
        *_inner(CommandDocument, {}),
    ]
    models = dict.fromkeys(_models(CommandDocument))
    for name in COMMANDS:
        model = MODELS[name]
        parts += [f"## `{name}`\n", _table(model, frozenset(CommandDocument.model_fields))]
        parts += _inner(model, models)
    return "\n".join(parts)


def _table(model: type[BaseModel], but: frozenset[str]) -> str:
    rows = [
        f"| `{name}` | {_type(field.annotation)} | {field.description} |"
        for name, field in model.model_fields.items()
        if name not in but
    ]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows, ""])


def _inner(model: type[BaseModel], models: dict[type[BaseModel], None]) -> Iterator[str]:
    for part in _models(model):
        if part not in models:
            models[part] = None
            yield f"`{_name(part)}`: {(part.__doc__ or '').strip()}\n"
            yield _table(part, frozenset())


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if model is CommandDocument or name not in CommandDocument.model_fields:
            for part in _parts(field.annotation):
                yield part
                yield from _models(part)


def _parts(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for argument in get_args(annotation) for part in _parts(argument)]


def _name(model: type[BaseModel]) -> str:
    return model.__name__.removesuffix("Document")


def _type(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"`{_name(annotation)}`"
    inner = [_type(argument) for argument in get_args(annotation) if argument is not type(None)]
    origin = getattr(annotation, "__origin__", None)
    if origin is list:
        return f"list of {inner[0]}"
    if origin is dict:
        return "object"
    if inner:
        return " or ".join(inner) + (" or null" if type(None) in get_args(annotation) else "")
    names = {str: "text", int: "integer", float: "number", bool: "boolean", Any: "any"}
    return names.get(annotation, f'"{annotation}"')


def test_every_command_has_a_model() -> None:
    assert set(MODELS) == set(COMMANDS)


def test_the_page_documents_every_command_and_every_field() -> None:
    if os.environ.get("GOLDEN"):
        FILE.write_text(made(), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == made()


def test_every_field_has_a_meaning() -> None:
    models: list[type[BaseModel]] = [CommandDocument, *MODELS.values()]
    every = {part for model in models for part in (model, *_models(model))}
    for model in every:
        assert [name for name, field in model.model_fields.items() if not field.description] == [], model


WITHOUT_AWS = (
    ("init", "init"),
    ("config", "config"),
    ("local status", "local status"),
    ("local stop", "local stop"),
    ("plan", "plan --local"),
    ("up", "up --env prod/eu"),
    ("down", "down --aws --profile nosuch"),
    ("dlq list", "dlq list --local"),
    ("send-price", "send-price BTC abc here"),
    ("prices", "prices BTC --since yesterday"),
    ("local reset", "local reset"),
)


@pytest.mark.parametrize(("name", "line"), WITHOUT_AWS)
def test_the_document_has_its_shape_whatever_the_outcome(
    cli: Cli, name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "no state"))
    result = cli(*line.split(), "--output", "json")
    document = MODELS[name].model_validate(result.json)
    assert set(result.json) == set(MODELS[name].model_fields)
    assert document.command == name
    assert (document.outcome == "success") == (result.code == 0)
    assert (document.failure is None) == (result.code == 0)
    if document.failure is not None:
        assert ExitCode[document.failure.problem] == result.code
        assert document.failure.message in result.err


@pytest.mark.parametrize(
    ("configuration", "name"), [("broken = [", "life"), ("[env.dev]", "life"), ("", "no/name")]
)
def test_an_environment_that_cannot_be_told_is_null(
    cli: Cli, elsewhere: Path, configuration: str, name: str
) -> None:
    (elsewhere / "cryptoctl.toml").write_text(configuration, encoding="utf-8")
    document = cli("plan", "--env", name, "--output", "json").json
    assert (document["outcome"], document["environment"], document["target"]) == ("failure", None, None)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_that_is_written_item_by_item_ends_as_one_document(count: int, capsys: Any) -> None:
    screen = Screen(colour=False, is_json=True)
    for number in range(count):
        screen.item("results", {"id": number})
    where = {"environment": "e", "target": "aws", "account": "0" * 12, "region": "us-east-1"}
    failure = Failure(ExitCode.AWS, "sqs:DeleteMessage answered Throttling", "Run it again.")
    write_document(screen, "dlq replay", where, {}, failure)
    document = json.loads(capsys.readouterr().out)
    assert document["results"] == [{"id": number} for number in range(count)]
    assert set(document) == set(MODELS["dlq replay"].model_fields)
    assert (document["outcome"], document["failure"]["problem"]) == ("failure", "AWS")
