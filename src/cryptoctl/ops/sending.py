"""Sending prices to the webhook processor, one request after the other, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.core.prices import MAX_BYTES
from cryptoctl.files.outgoing import BadLine, OutgoingPrice
from cryptoctl.files.pipes import LivePipe
from cryptoctl.ops.invoking import invoke, unexpected_response
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.retry import RealClock

PRICES_A_BATCH = 200
BYTES_A_BATCH = MAX_BYTES - 1_000
MAX_FAILED_KEPT = 10_000
STORED, DUPLICATE = "stored", "duplicate"
DIFFERING = "duplicate, with another price or volume than is stored under its id"


@dataclass(kw_only=True)
class Tally:
    """The results of the prices so far; the first ten thousand lines that failed, with their reasons."""

    stored: int = 0
    duplicate: int = 0
    differing: int = 0
    """Of the duplicates, those whose id is stored with another price or volume."""
    refused: int = 0
    failed: list[BadLine] = field(default_factory=list)
    last_line: int = 0
    """The last line of the present file that is settled; what comes after it was not sent."""

    @property
    def handled(self) -> int:
        """How many prices were acknowledged or named as failed."""
        return self.stored + self.duplicate + self.refused

    def fail(self, lines: Iterable[BadLine]) -> None:
        """Notes lines that were not accepted."""
        for line in lines:
            self.refused += 1
            if len(self.failed) < MAX_FAILED_KEPT:
                self.failed.append(line)


def send_all(
    aws: Aws,
    function: Function,
    prices: Iterable[OutgoingPrice | BadLine],
    tally: Tally,
    *,
    rate_per_s: float | None,
    progress: Callable[[Tally], None],
    live: LivePipe | None = None,
) -> None:
    """Sends in batches, in the file's order, and keeps the tally after each.

    One batch after the other: the enricher then meets each symbol's prices in order, and has nothing to
    correct. What comes through a pipe (`live`) is sent whenever nothing more comes. Raises Failure where the
    function itself fails; the tally says how far it came.
    """
    clock = RealClock()
    begun_s, sent = clock.now_s(), 0

    def send(entries: Sequence[OutgoingPrice | BadLine]) -> None:
        nonlocal sent
        if rate_per_s is not None:
            clock.sleep(max(0.0, begun_s + sent / rate_per_s - clock.now_s()))
        outgoing = [entry for entry in entries if isinstance(entry, OutgoingPrice)]
        if outgoing:
            _count(tally, outgoing, send_batch(aws, function, outgoing))
        tally.fail(entry for entry in entries if isinstance(entry, BadLine))
        tally.last_line = max(entry.line for entry in entries)
        sent += len(entries)
        progress(tally)

    batch = PriceBatch(send, rate_per_s)
    if live is not None:
        live.call_when_quiet(batch.flush)
    for price in prices:
        batch.add(price)
    batch.flush()


class PriceBatch:
    """Gathers prices and bad lines, and sends them when there are as many as one request may have."""

    def __init__(
        self, send: Callable[[Sequence[OutgoingPrice | BadLine]], None], rate_per_s: float | None
    ) -> None:
        self._send = send
        self._most = PRICES_A_BATCH if rate_per_s is None else max(1, min(PRICES_A_BATCH, int(rate_per_s)))
        self._entries: list[OutgoingPrice | BadLine] = []
        self._bytes = 0

    def add(self, entry: OutgoingPrice | BadLine) -> None:
        """Takes another one; sends those before it if it does not fit."""
        length = len(entry.text.encode()) + 1 if isinstance(entry, OutgoingPrice) else 0
        if len(self._entries) >= self._most or self._bytes + length > BYTES_A_BATCH:
            self.flush()
        self._entries.append(entry)
        self._bytes += length

    def flush(self) -> None:
        """Sends what there is."""
        entries, self._entries, self._bytes = self._entries, [], 0
        if entries:
            self._send(entries)


def send_batch(aws: Aws, function: Function, prices: Sequence[OutgoingPrice]) -> list[str]:
    """Sends one request. Gives for each price STORED, DUPLICATE, DIFFERING, or why it was refused.

    Raises Failure where the function itself fails, AwsError where AWS refuses the request.
    """
    response = invoke(aws, function, f"[{','.join(price.text for price in prices)}]")
    results = response.body.get("results")
    if results is None:
        return [f"refused with status {response.status}: {response.body.get('message', '')}"] * len(prices)
    one_for_each = isinstance(results, list) and len(results) == len(prices)
    if not one_for_each or not all(isinstance(result, dict) and "status" in result for result in results):
        raise unexpected_response(function)
    return [_outcome(result) for result in results]


def _outcome(result: dict[str, Any]) -> str:
    if result.get("differs"):
        return DIFFERING
    if result["status"] in (STORED, DUPLICATE):
        return str(result["status"])
    return f"{result.get('field')}: {result.get('reason')}"


def _count(tally: Tally, sent: Sequence[OutgoingPrice], outcomes: Sequence[str]) -> None:
    for price, outcome in zip(sent, outcomes, strict=True):
        if outcome == STORED:
            tally.stored += 1
        elif outcome in (DUPLICATE, DIFFERING):
            tally.duplicate += 1
            tally.differing += outcome == DIFFERING
        else:
            tally.fail([BadLine(line=price.line, reason=outcome, file=price.file)])
