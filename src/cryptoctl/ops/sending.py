"""Sending prices to the webhook processor, one request after the other, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.core.prices import MOST_BYTES
from cryptoctl.files.outgoing import BadLine, Outgoing
from cryptoctl.ops.invoking import invoke, unexpected
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.retry import RealClock

PRICES_A_BATCH = 200
BYTES_A_BATCH = MOST_BYTES - 1_000
MOST_FAILED_KEPT = 10_000
STORED, DUPLICATE = "stored", "duplicate"


@dataclass(kw_only=True)
class Tally:
    """The results of the prices so far; the first ten thousand lines that failed, with their reasons."""

    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    failed: list[BadLine] = field(default_factory=list)
    last_line: int = 0
    """The last line of the present file that is settled; what comes after it was not sent."""

    @property
    def settled(self) -> int:
        """How many prices were acknowledged or named as failed."""
        return self.stored + self.duplicate + self.refused

    def fail(self, lines: Iterable[BadLine]) -> None:
        """Notes lines that were not accepted."""
        for each in lines:
            self.refused += 1
            if len(self.failed) < MOST_FAILED_KEPT:
                self.failed.append(each)


def send_all(
    aws: Aws,
    function: Function,
    prices: Iterable[Outgoing | BadLine],
    tally: Tally,
    *,
    rate_per_s: float | None,
    progress: Callable[[Tally], None],
) -> None:
    """Sends in batches, in the file's order, and keeps the tally after each.

    One batch after the other: the enricher then meets each symbol's prices in order, and has nothing to
    correct. Raises Failure where the function itself fails; the tally says how far it came.
    """
    clock = RealClock()
    begun_s, sent = clock.now_s(), 0
    for batch in _batches(prices, rate_per_s):
        if rate_per_s is not None:
            clock.sleep(max(0.0, begun_s + sent / rate_per_s - clock.now_s()))
        good = [each for each in batch if isinstance(each, Outgoing)]
        if good:
            _count(tally, good, send_batch(aws, function, good))
        tally.fail(each for each in batch if isinstance(each, BadLine))
        tally.last_line = max(each.line for each in batch)
        sent += len(batch)
        progress(tally)


def _batches(
    prices: Iterable[Outgoing | BadLine], rate_per_s: float | None
) -> Iterator[Sequence[Outgoing | BadLine]]:
    most = PRICES_A_BATCH if rate_per_s is None else max(1, min(PRICES_A_BATCH, int(rate_per_s)))
    batch: list[Outgoing | BadLine] = []
    size = 0
    for each in prices:
        length = len(each.text.encode()) + 1 if isinstance(each, Outgoing) else 0
        if batch and (len(batch) >= most or size + length > BYTES_A_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += length
    if batch:
        yield batch


def send_batch(aws: Aws, function: Function, prices: Sequence[Outgoing]) -> list[str]:
    """Sends one request. Gives what became of each price: "stored", "duplicate", or why it was refused.

    Raises Failure where the function itself fails, AwsError where AWS refuses the request.
    """
    answer = invoke(aws, function, f"[{','.join(each.text for each in prices)}]")
    results = answer.body.get("results")
    if results is None:
        return [f"refused with status {answer.status}: {answer.body.get('message', '')}"] * len(prices)
    if not _one_for_each(results, prices):
        raise unexpected(function)
    return [_outcome(each) for each in results]


def _one_for_each(results: Any, sent: Sequence[Outgoing]) -> bool:
    fitting = isinstance(results, list) and len(results) == len(sent)
    return fitting and all(isinstance(each, dict) and "status" in each for each in results)


def _outcome(result: dict[str, Any]) -> str:
    if result["status"] in (STORED, DUPLICATE):
        return str(result["status"])
    return f"{result.get('field')}: {result.get('reason')}"


def _count(tally: Tally, sent: Sequence[Outgoing], outcomes: Sequence[str]) -> None:
    for each, outcome in zip(sent, outcomes, strict=True):
        if outcome == STORED:
            tally.stored += 1
        elif outcome == DUPLICATE:
            tally.duplicate += 1
        else:
            tally.fail([BadLine(line=each.line, reason=outcome, file=each.file)])
