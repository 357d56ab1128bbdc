"""The options by which every dlq command says which messages are meant."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, get_type_hints

import typer

from cryptoctl.cli.command import Run, command
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters.messages import QueueName
from cryptoctl.ops.dead_letters.selection import Filter
from cryptoctl.ops.times import moment_ms
from cryptoctl.reconcile.permissions import Access


class Queues(StrEnum):
    """Which queues."""

    WEBHOOK = "webhook"
    ENRICHER = "enricher"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Meant:
    """Which messages of which queues."""

    chosen: Filter
    queues: tuple[QueueName, ...]


def _filter(*names: str, shown: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=shown, metavar=metavar, rich_help_panel="Which messages")


def _options(
    *,
    queue: Annotated[Queues, _filter("--queue", shown="Whose dead letters.")] = Queues.ALL,
    error: Annotated[
        str | None, _filter("--error", metavar="TEXT", shown="The reason contains this.")
    ] = None,
    symbol: Annotated[str | None, _filter("--symbol", metavar="S", shown="It is about this symbol.")] = None,
    exchange: Annotated[
        str | None, _filter("--exchange", metavar="X", shown="It is about this exchange.")
    ] = None,
    older_than: Annotated[
        str | None, _filter("--older-than", metavar="T", shown="Queued before: 2h (ago), or a moment.")
    ] = None,
    newer_than: Annotated[
        str | None, _filter("--newer-than", metavar="T", shown="Queued since: 10m (ago), or a moment.")
    ] = None,
    id: Annotated[  # noqa: A002
        list[str] | None, _filter("--id", metavar="ID", shown="Its message id; may be repeated.")
    ] = None,
    where: Annotated[
        str | None, _filter("--where", metavar="JMESPATH", shown="This is true of it, as peek shows it.")
    ] = None,
) -> Meant:
    return Meant(
        chosen=Filter(
            error=error,
            symbol=symbol,
            exchange=exchange,
            sent_before_ms=_moment("--older-than", older_than),
            sent_after_ms=_moment("--newer-than", newer_than),
            ids=frozenset(id or ()),
            where=where,
        ),
        queues=tuple(QueueName) if queue is Queues.ALL else (QueueName(queue.value),),
    )


def _moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return moment_ms(text)
    except Failure as failure:
        raise Failure(Problem.USAGE, f"{option}: {failure.message}", failure.hint) from None


Letters = Callable[..., None]


def letters_command(app: typer.Typer, name: str, *, example: str) -> Callable[[Letters], Letters]:
    """Registers a function of (Run, Meant, own options…) as a command with the filters added."""

    def register(function: Letters) -> Letters:
        filters = _parameters(_options)
        _, _, *own = _parameters(function)

        def run(run: Run, **given: Any) -> None:
            meant = _options(**{each.name: given[each.name] for each in filters})
            function(run, meant, **{each.name: given[each.name] for each in own})

        first = inspect.Parameter("run", inspect.Parameter.KEYWORD_ONLY, annotation=Run)
        every = [first, *own, *filters]
        run.__doc__ = function.__doc__
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in every}
        command(app, name, access=Access.OPERATE, example=example)(run)
        return function

    return register


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[each.name])
        for each in inspect.signature(function).parameters.values()
    ]
