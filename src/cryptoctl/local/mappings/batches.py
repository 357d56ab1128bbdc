"""What becomes of a batch after its function has answered: AWS's rules, and nothing that waits or calls.

Rules from "How Lambda processes records from stream and queue-based event sources" and the pages on error
handling for DynamoDB streams in the Lambda developer guide: the batch is tried again from the lowest
sequence number reported; splitting a batch does not count as a retry; a batch that used up its retries is
given up whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records that go to the function together. `failures` counts the tries that failed."""

    records: tuple[Record, ...]
    failures: int = 0


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """How an invocation ended: an error, or the JSON text the function returned."""

    error: bool
    payload: str
    request_id: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchDecision:
    """The first `done` records are finished; `to_retry` are tried next, in order; `given_up` is discarded."""

    done: int = 0
    to_retry: tuple[Batch, ...] = ()
    given_up: Batch | None = None


@dataclass(frozen=True, kw_only=True)
class FailureRules:
    """The settings of a mapping that decide about failures. -1 retries is without end."""

    retries: int
    bisect: bool
    reports_failures: bool


def sequence_number(record: Record) -> str:
    """A record's place in its shard."""
    return str(record["dynamodb"]["SequenceNumber"])


def decide(batch: Batch, result: BatchResult, rules: FailureRules) -> BatchDecision:
    """What to do with a batch after this result."""
    failed_from = _failed_from(batch.records, result, rules)
    if failed_from is None:
        return BatchDecision(done=len(batch.records))
    remaining = batch.records[failed_from:]
    failures = batch.failures + 1
    if rules.bisect and failed_from > 0:
        # The function itself has said where to split.
        return BatchDecision(done=failed_from, to_retry=(Batch(records=remaining, failures=batch.failures),))
    if rules.bisect and len(remaining) > 1:
        middle = (len(remaining) + 1) // 2
        halves = (remaining[:middle], remaining[middle:])
        return BatchDecision(to_retry=tuple(Batch(records=half, failures=batch.failures) for half in halves))
    failed_batch = Batch(records=remaining, failures=failures)
    if 0 <= rules.retries < failures:
        return BatchDecision(done=failed_from, given_up=failed_batch)
    return BatchDecision(done=failed_from, to_retry=(failed_batch,))


def split_aged(batch: Batch, horizon_s: float) -> tuple[Batch, Batch]:
    """The records at the beginning that were written before a moment (Unix time), and the others.

    A clock that was set back leaves an old record behind a young one: it stays with the others, since a
    position says of a stream that everything up to a record is done.
    """
    aged = tuple(
        takewhile(lambda record: record["dynamodb"]["ApproximateCreationDateTime"] < horizon_s, batch.records)
    )
    remaining = batch.records[len(aged) :]
    return Batch(records=aged, failures=batch.failures), Batch(records=remaining, failures=batch.failures)


def _failed_from(records: Sequence[Record], result: BatchResult, rules: FailureRules) -> int | None:
    """The index of the first record that failed, or None where none did."""
    if result.error:
        return 0
    if not rules.reports_failures:
        return None
    reported = _reported(result.payload)
    if reported is None:
        return 0
    if not reported:
        return None
    numbers = [sequence_number(record) for record in records]
    if not all(number in numbers for number in reported):
        return 0
    return min(numbers.index(number) for number in reported)


def _reported(payload: str) -> list[str] | None:
    """The sequence numbers the function reported; None where its answer makes the whole batch a failure."""
    try:
        content = json.loads(payload or "null")
    except (ValueError, RecursionError):
        return None
    failures = content.get("batchItemFailures") if isinstance(content, dict) else None
    if failures is None:
        return []
    if not isinstance(failures, list):
        return None
    numbers = [failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures]
    return [str(number) for number in numbers] if all(numbers) else None
