"""Which messages are meant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters.messages import Letter


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What every filter given must say of a message. Moments are milliseconds since 1970."""

    error: str | None = None
    symbol: str | None = None
    exchange: str | None = None
    sent_before_ms: int | None = None
    sent_after_ms: int | None = None
    ids: Collection[str] = ()
    where: str | None = None

    def __post_init__(self) -> None:
        if self.where is not None:
            _ = self._expression

    def matches(self, letter: Letter, now_ms: int) -> bool:
        """Whether the message is meant."""
        message = letter.message
        return (
            (not self.ids or message.id in self.ids)
            and _contains(letter.error, self.error)
            and _among(letter.symbols, self.symbol)
            and _among(letter.exchanges, self.exchange)
            and (self.sent_before_ms is None or message.sent_ms < self.sent_before_ms)
            and (self.sent_after_ms is None or message.sent_ms >= self.sent_after_ms)
            and self._where(letter, now_ms)
        )

    def names(self, letter: Letter) -> bool:
        """Whether the message is meant by its own id."""
        return letter.message.id in self.ids

    @cached_property
    def _expression(self) -> Any:
        import jmespath

        try:
            return jmespath.compile(self.where)
        except jmespath.exceptions.JMESPathError as error:
            raise Failure(
                Problem.USAGE,
                f"--where {self.where!r} is no JMESPath: {' '.join(str(error).split())}.",
                "Such as --where \"shape=='event' && contains(symbols, 'BTC')\"; "
                "`cryptoctl dlq peek --output json` shows the fields.",
            ) from None

    def _where(self, letter: Letter, now_ms: int) -> bool:
        if self.where is None:
            return True
        import jmespath

        try:
            found = self._expression.search(letter.document(now_ms))
        except jmespath.exceptions.JMESPathError:  # such as the length of a number: it does not say so
            return False
        return found not in (None, False, "", [], {})


def _contains(text: str, part: str | None) -> bool:
    return part is None or part.casefold() in text.casefold()


def _among(names: Collection[str], wanted: str | None) -> bool:
    return wanted is None or wanted.strip().casefold() in (each.casefold() for each in names)
