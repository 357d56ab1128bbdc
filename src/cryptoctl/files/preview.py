"""What would be sent of a file, without sending it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptoctl.files.outgoing import BadLine, OutgoingPrice

SHOWN_ROWS = 3
MAX_REASONS = 100

_QUOTATION = re.compile(r"""'[^']*'|"[^"]*["]""")  # of either kind, as repr writes them


@dataclass(kw_only=True)
class RefusedLines:
    """Lines that would be refused for one reason: how many, and the first of them."""

    count: int
    first_line: BadLine


@dataclass(kw_only=True)
class Preview:
    """The prices of some files: how many, the first and the last, their times, and what would be refused.

    Times are milliseconds since 1970, None where there is no price.
    """

    prices: int = 0
    refused: int = 0
    first: list[OutgoingPrice] = field(default_factory=list)
    last: deque[OutgoingPrice] = field(default_factory=lambda: deque(maxlen=SHOWN_ROWS))
    from_ms: int | None = None
    to_ms: int | None = None
    reasons: dict[str, RefusedLines] = field(default_factory=dict)

    def add(self, prices: Iterable[OutgoingPrice | BadLine]) -> None:
        """Counts in the prices of a file."""
        for price in prices:
            if isinstance(price, BadLine):
                self._refuse(price)
                continue
            self.prices += 1
            if len(self.first) < SHOWN_ROWS:
                self.first.append(price)
            else:
                self.last.append(price)
            moment = price.price.timestamp_ms
            self.from_ms = moment if self.from_ms is None else min(self.from_ms, moment)
            self.to_ms = moment if self.to_ms is None else max(self.to_ms, moment)

    def _refuse(self, line: BadLine) -> None:
        self.refused += 1
        kind = _QUOTATION.sub("…", line.reason)
        if kind in self.reasons:
            self.reasons[kind].count += 1
        elif len(self.reasons) < MAX_REASONS:
            self.reasons[kind] = RefusedLines(count=1, first_line=line)
