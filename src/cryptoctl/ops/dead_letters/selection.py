"""Which messages of which queues a command works on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cryptoctl.errors import InputError
from cryptoctl.expressions import compile_expression
from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName
from cryptoctl.wording import shortened

MAX_SHOWN_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The messages of `queues` for which every given filter holds. Times are milliseconds since 1970.

    Raises Failure (USAGE) if `where` is not a JMESPath expression.
    """

    queues: Collection[QueueName] = tuple(QueueName)
    error: str | None = None
    symbol: str | None = None
    exchange: str | None = None
    sent_before_ms: int | None = None
    sent_after_ms: int | None = None
    ids: Collection[str] = ()
    where: str | None = None
    failures: Mapping[str, str] = field(default_factory=dict)
    """why messages failed again when they were last replayed, by their keys: an error too"""

    def __post_init__(self) -> None:
        if self.where is not None:
            _ = self._expression

    def matches(self, letter: DeadLetter, now_ms: int) -> bool:
        """Whether the message is selected."""
        message = letter.message
        return (
            message.queue in self.queues
            and (not self.ids or message.id in self.ids)
            and self._matches_error(letter)
            and _is_among(letter.symbols, self.symbol)
            and _is_among(letter.exchanges, self.exchange)
            and (self.sent_before_ms is None or message.sent_ms < self.sent_before_ms)
            and (self.sent_after_ms is None or message.sent_ms >= self.sent_after_ms)
            and self._matches_where(letter, now_ms)
        )

    @cached_property
    def _expression(self) -> Any:
        where = self.where or ""
        try:
            return compile_expression(where)
        except ValueError as error:
            shown = shortened(where, MAX_SHOWN_LENGTH)
            raise InputError(
                f"--where {shown!r} is not a JMESPath expression: {error}.",
                "For example --where \"shape=='event' && contains(symbols, 'BTC')\"; "
                "`cryptoctl dlq peek --output json` shows the fields.",
            ) from None

    def _matches_error(self, letter: DeadLetter) -> bool:
        if self.error is None:
            return True
        reasons = (letter.error, self.failures.get(letter.message.key, ""))
        return any(self.error.casefold() in reason.casefold() for reason in reasons)

    def _matches_where(self, letter: DeadLetter, now_ms: int) -> bool:
        if self.where is None:
            return True
        try:
            value = self._expression.search(letter.document(now_ms))
        except (ValueError, ArithmeticError, TypeError):  # the length of a number, say: it is not true
            return False
        return value not in (None, False, "", [], {})


def _is_among(names: Collection[str], name: str | None) -> bool:
    return name is None or name.strip().casefold() in (other.casefold() for other in names)
