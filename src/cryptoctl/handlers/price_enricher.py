"""Gives each new price its ma_5, ma_20 and volatility, corrects those that follow it, and announces both.

AWS calls: dynamodb:Query and dynamodb:PartiQLUpdate on the table, sns:Publish on the success topic,
sqs:SendMessage on the function's dead-letter queue.
Environment: DYNAMODB_TABLE, ENVIRONMENT, SUCCESS_TOPIC_ARN, DLQ_URL.

A price is announced first and marked as processed afterwards. So `processed` says that both are done: a
record that comes again announces nothing, and one whose announcement failed is announced the next time.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cryptoctl.core.enrichment import Change
from cryptoctl.core.items import StoredPrice, UnusableError, stored_price
from cryptoctl.handlers import dead_letters, logs, metrics, table
from cryptoctl.handlers.announcing import announce
from cryptoctl.handlers.clients import Deadline
from cryptoctl.handlers.history import changes_of

_log = logs.logger("price_enricher")
_RESERVE_S = 6.0  # for saying which records are left, instead of being cut off
_MOST_PASSES = 3

Record = Mapping[str, Any]
Arrivals = dict[str, dict[Decimal, str]]  # symbol → key of a new price → sequence number of its record


class OutOfTimeError(RuntimeError):
    """The invocation has no time left for the rest of its records."""


@dataclass(kw_only=True)
class Outcome:
    """What an invocation may still do, and has done so far."""

    deadline: Deadline
    failed: dict[str, Exception] = field(default_factory=dict)  # by symbol, or by sequence number of a record
    done: list[Change] = field(default_factory=list)
    set_aside: int = 0


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Enriches a batch of stream records; gives those that must come again as `batchItemFailures`.

    Raises where none of the batch could be enriched, so that the failure shows as one.
    """
    logs.begin_request(context)
    outcome = Outcome(deadline=Deadline(context, _RESERVE_S))
    arrivals, poison = _sort(event.get("Records") or [])
    _enrich(arrivals, outcome)
    _set_aside(poison, arrivals, outcome)
    _report(arrivals, outcome)
    if outcome.failed and not outcome.done and len(outcome.failed) >= len(arrivals) and not outcome.set_aside:
        raise next(iter(outcome.failed.values()))
    return {
        "batchItemFailures": [{"itemIdentifier": number} for number in _failed_records(arrivals, outcome)]
    }


def _sort(records: Sequence[Record]) -> tuple[Arrivals, list[tuple[Record, str]]]:
    """The new prices of the batch, and the records that can never be enriched, each with the reason."""
    arrivals: Arrivals = defaultdict(dict)
    poison: list[tuple[Record, str]] = []
    for record in records:
        if record.get("eventName") != "INSERT":
            continue  # our own update, or a deletion: the mapping filters them out, and this is the guard
        try:
            price = stored_price(record["dynamodb"]["NewImage"])
        except (UnusableError, KeyError, TypeError, AttributeError) as error:
            poison.append((record, str(error) if isinstance(error, UnusableError) else "it has no image"))
            continue
        arrivals[price.symbol].setdefault(price.key, _sequence_number(record))
    return arrivals, poison


def _set_aside(poison: Sequence[tuple[Record, str]], arrivals: Arrivals, outcome: Outcome) -> None:
    """Sends the records to the dead-letter queue, but for those that Lambda will bring again."""
    first_failed = min(map(_order, _failed_records(arrivals, outcome)), default=None)
    for record, reason in poison:
        if first_failed is None or _order(_sequence_number(record)) < first_failed:
            _set_record_aside(record, reason, outcome)


def _set_record_aside(record: Record, reason: str, outcome: Outcome) -> None:
    symbol = _symbol(record)
    extra = {"reason": reason, "symbol": symbol, "sequence_number": _sequence_number(record)}
    attributes = {"Reason": ("String", reason), "Symbol": ("String", symbol)}
    try:
        dead_letters.send({"kind": "record", "reason": reason, "record": record}, attributes)
    except Exception as error:
        _log.exception("record can never be enriched, and could not be set aside", extra=extra)
        outcome.failed[_sequence_number(record)] = error
        return
    _log.error("record can never be enriched: set aside on the dead-letter queue", extra=extra)
    outcome.set_aside += 1


def _enrich(arrivals: Arrivals, outcome: Outcome) -> None:
    """Reads, announces, writes; again for a symbol whose prices somebody else changed meanwhile."""
    symbols = list(arrivals)
    for _ in range(_MOST_PASSES):
        changes = _read(symbols, arrivals, outcome)
        _note(changes, announce(changes), outcome)
        changes = [change for change in changes if change.price.symbol not in outcome.failed]
        symbols = _write(changes, outcome)
        if not symbols:
            return
    for symbol in symbols:
        outcome.failed[symbol] = table.OvertakenError(
            f"the prices of {symbol} change faster than they are enriched"
        )


def _read(symbols: Sequence[str], arrivals: Arrivals, outcome: Outcome) -> list[Change]:
    changes: list[Change] = []
    for symbol in symbols:
        try:
            if outcome.deadline.passed():
                raise OutOfTimeError("the time was up before every symbol was read")
            changes += changes_of(symbol, arrivals[symbol])
        except Exception as error:  # whatever it is, the other symbols go on and this one comes again
            outcome.failed[symbol] = error
    return changes


def _write(changes: Sequence[Change], outcome: Outcome) -> list[str]:
    """Writes the changes, and gives the symbols that must be read again."""
    if not changes:
        return []
    try:
        errors = table.update(changes, logs.iso_utc(time.time()))
    except Exception as error:
        _note(changes, [error] * len(changes), outcome)
        return []
    overtaken = {
        change.price.symbol
        for change, error in zip(changes, errors, strict=True)
        if isinstance(error, table.OvertakenError)
    }
    _note(changes, [None if isinstance(error, table.OvertakenError) else error for error in errors], outcome)
    outcome.done += [change for change, error in zip(changes, errors, strict=True) if error is None]
    return [symbol for symbol in overtaken if symbol not in outcome.failed]


def _note(changes: Sequence[Change], errors: Sequence[Exception | None], outcome: Outcome) -> None:
    for change, error in zip(changes, errors, strict=True):
        if error is not None:
            outcome.failed.setdefault(change.price.symbol, error)


def _failed_records(arrivals: Arrivals, outcome: Outcome) -> list[str]:
    """The sequence numbers to report: the first of each failed symbol, for Lambda goes on from the lowest."""
    return [min(arrivals[name].values(), key=_order) if name in arrivals else name for name in outcome.failed]


def _report(arrivals: Arrivals, outcome: Outcome) -> None:
    new = [change for change in outcome.done if not change.correction]
    counts = {
        "Enriched": len(new),
        "Corrected": len(outcome.done) - len(new),
        "DeadLettered": outcome.set_aside,
        "Failed": len(outcome.failed),
    }
    extra = {name.lower(): number for name, number in counts.items()} | {"symbols": sorted(arrivals)[:20]}
    for name, error in outcome.failed.items():
        _log.error("enrichment failed, and will be tried again", exc_info=error, extra={"symbol": name})
    _log.info("prices enriched", extra=extra)
    metrics.emit({**counts, "Lag": [_lag_ms(change.price) for change in new]})


def _lag_ms(price: StoredPrice) -> int:
    return max(0, time.time_ns() // 1_000_000 - price.timestamp_ms)


def _sequence_number(record: Record) -> str:
    stream = record.get("dynamodb")
    return str(stream.get("SequenceNumber", "")) if isinstance(stream, Mapping) else ""


def _order(sequence_number: str) -> int:
    return int(sequence_number) if sequence_number.isdecimal() else 0


def _symbol(record: Record) -> str:
    """The symbol of a record that may have any shape, as far as it can be told."""
    found: Any = record
    for name in ("dynamodb", "Keys", "symbol", "S"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
