"""The options by which every dlq command selects messages."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Annotated

from cryptoctl.cli.command import command
from cryptoctl.cli.options import option, refuse_empty
from cryptoctl.errors import Failure, InputError
from cryptoctl.ops.dead_letters.messages import QueueName
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.times import parse_time_ms
from cryptoctl.reconcile.permissions import Access


class QueueChoice(StrEnum):
    """Which queue; all is both."""

    WEBHOOK = "webhook"
    ENRICHER = "enricher"
    ALL = "all"


_filter = partial(option, panel="Which messages")


def _options(
    *,
    queue: Annotated[QueueChoice, _filter(shown="Which queue.")] = QueueChoice.ALL,
    error: Annotated[
        str | None,
        _filter(metavar="TEXT", shown="The error, or the last replay's, contains this text."),
    ] = None,
    symbol: Annotated[str | None, _filter(metavar="S", shown="Concerns this symbol.")] = None,
    exchange: Annotated[str | None, _filter(metavar="X", shown="Concerns this exchange.")] = None,
    older_than: Annotated[str | None, _filter(metavar="T", shown="Sent before: 2h (ago), or a time.")] = None,
    newer_than: Annotated[str | None, _filter(metavar="T", shown="Sent since: 10m (ago), or a time.")] = None,
    id: Annotated[  # noqa: A002
        list[str] | None, _filter(metavar="ID", shown="Has this message id; may be repeated.")
    ] = None,
    where: Annotated[
        str | None,
        _filter(
            metavar="JMESPATH",
            shown="This JMESPath is true of the message, as `peek --output json` shows it.",
        ),
    ] = None,
) -> Selection:
    texts = {"--error": [error], "--symbol": [symbol], "--exchange": [exchange], "--id": id or ()}
    for name, values in texts.items():
        for text in values:
            if text is not None:  # an empty one would be the same as none, and select everything
                refuse_empty(name, text, "Give it a value, or leave the option out.")
    return Selection(
        queues=tuple(QueueName) if queue is QueueChoice.ALL else (QueueName(queue.value),),
        error=error,
        symbol=symbol,
        exchange=exchange,
        sent_before_ms=_time_ms("--older-than", older_than),
        sent_after_ms=_time_ms("--newer-than", newer_than),
        ids=frozenset(id or ()),
        where=where,
    )


def _time_ms(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_time_ms(text)
    except Failure as failure:
        raise InputError(f"{option}: {failure.message}", failure.hint) from None


Selecting = Callable[..., None]


def selecting_command(name: str, *, example: str) -> Callable[[Selecting], Selecting]:
    """Declares a function of (CommandRun, Selection, own options…) as a dlq command with these filters."""
    return command("dlq", name, access=Access.OPERATE, example=example, groups=[_options])
