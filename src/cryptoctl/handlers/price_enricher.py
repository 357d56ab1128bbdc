"""Gives each new price its ma_5, ma_20 and volatility, corrects those that follow it, and announces both.

AWS calls: dynamodb:Query and dynamodb:PartiQLUpdate on the table, sns:Publish on the success topic,
sqs:SendMessage on the function's dead-letter queue.
Environment: DYNAMODB_TABLE, ENVIRONMENT, SUCCESS_TOPIC_ARN, DLQ_URL.

A price is announced first and marked as processed afterwards. So `processed` says that both are done: a
record that comes again announces nothing, and one whose announcement failed is announced the next time.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cryptoctl.core.enrichment import Announcement, Enrichment
from cryptoctl.core.items import UnusableError, stored_price
from cryptoctl.core.numbers import plain
from cryptoctl.core.webhook_messages import is_message
from cryptoctl.handlers import clients, dead_letters, logs, metrics, table
from cryptoctl.handlers.announcing import announce
from cryptoctl.handlers.clients import Deadline, OutOfTimeError
from cryptoctl.handlers.history import enrichments_of

_log = logs.logger("price_enricher")
clients.prepare("dynamodb", "sns")

_MAX_SEQUENCE_NUMBER_LENGTH = 100  # digits; AWS's have up to 40
_MAX_PASSES = 10  # each but the last is overtaken by another pass that has written
_MAX_REPEATS = 2  # after failures, of a symbol of which something is announced and not written
_MAX_SYMBOLS = 1000  # of which it is remembered what is not written
_MAX_REMEMBERED = 1000  # prices of one symbol

Record = Mapping[str, Any]
Arrivals = dict[str, dict[Decimal, str]]  # symbol → key of a new price → sequence number of its record


# What was announced and is not known to be written, by symbol and key. It outlives an invocation that fails:
# Lambda's retry, or another batch of the symbol, then announces what became of those prices.
unwritten: dict[str, dict[Decimal, Announcement]] = {}


@dataclass(kw_only=True)
class BatchProgress:
    """What an invocation may still do, and has done so far.

    Each step keeps time for the next, so that what is read can be announced, what is announced be written,
    and what is left be given back, instead of being cut off.
    """

    reading: Deadline
    announcing: Deadline
    writing: Deadline
    failed: dict[str, Exception] = field(default_factory=dict)  # by symbol, or by sequence number of a record
    repeats: Counter[str] = field(default_factory=Counter)  # by symbol
    written: list[Enrichment] = field(default_factory=list)
    set_aside: int = 0


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Enriches a batch of stream records; gives those that must come again as `batchItemFailures`.

    Raises RetryError where none of the batch could be enriched, so that the failure shows as one.
    """
    logs.begin_request(context)
    progress = BatchProgress(
        reading=Deadline(context, 18.0, at_least=0.4),
        announcing=Deadline(context, 6.0, at_least=0.75),
        writing=Deadline(context, 3.0, at_least=0.85),
    )
    arrivals, poison = _parse_records(event.get("Records") or [])
    _enrich(arrivals, progress)
    _forget_oldest_announcements()
    _set_aside(poison, arrivals, progress)
    all_failed = bool(
        progress.failed
        and not progress.written
        and len(progress.failed) >= len(arrivals)
        and not progress.set_aside
    )
    _report(arrivals, progress, all_failed=all_failed)
    if all_failed:
        error = next(iter(progress.failed.values()))
        raise logs.RetryError(str(error) or type(error).__name__) from error
    return {
        "batchItemFailures": [{"itemIdentifier": number} for number in _failed_records(arrivals, progress)]
    }


def _parse_records(records: Sequence[Record]) -> tuple[Arrivals, list[tuple[Record, str]]]:
    """The new prices of the batch, and the records that can never be enriched, each with the reason."""
    arrivals: Arrivals = defaultdict(dict)
    poison: list[tuple[Record, str]] = []
    for record in records:
        if record.get("eventName") != "INSERT":
            continue  # our own update, or a deletion: the mapping filters them out, and this is the guard
        keys = _at(record, "dynamodb", "Keys")
        if isinstance(keys, Mapping) and is_message(keys):
            continue
        try:
            price = stored_price(record["dynamodb"]["NewImage"])
        except (UnusableError, KeyError, TypeError, AttributeError) as error:
            poison.append((record, str(error) if isinstance(error, UnusableError) else "it has no image"))
            continue
        arrivals[price.symbol].setdefault(price.key, _sequence_number(record))
    return arrivals, poison


def _set_aside(poison: Sequence[tuple[Record, str]], arrivals: Arrivals, progress: BatchProgress) -> None:
    """Sends the records to the dead-letter queue, but for those that Lambda will bring again."""
    first_failed = min(map(_order, _failed_records(arrivals, progress)), default=None)
    for record, reason in poison:
        if first_failed is None or _order(_sequence_number(record)) < first_failed:
            _set_record_aside(record, reason, progress)


def _set_record_aside(record: Record, reason: str, progress: BatchProgress) -> None:
    symbol, key = _key(record, "symbol", "S"), _key(record, "timestamp", "N")
    extra: dict[str, Any] = {"reason": reason, "symbol": symbol, "sequence_number": _sequence_number(record)}
    extra |= {"keys": {symbol: [key]}} if symbol and key else {}
    attributes = {"Reason": ("String", reason), "Symbol": ("String", symbol)}
    try:
        dead_letters.send({"kind": "record", "reason": reason, "record": record}, attributes)
    except Exception as error:
        _log.warning("record cannot be enriched, and not be set aside yet", exc_info=error, extra=extra)
        progress.failed[_sequence_number(record)] = error
        return
    _log.error("record set aside, because %s; it is on the dead-letter queue", reason, extra=extra)
    progress.set_aside += 1


def _enrich(arrivals: Arrivals, progress: BatchProgress) -> None:
    """Reads, announces, writes; again for a symbol whose prices another pass has written meanwhile.

    Also after a failure where something is announced and not written: another pass may have written it.
    """
    symbols = list(arrivals)
    for _ in range(_MAX_PASSES):
        enrichments = _announce(_read(symbols, arrivals, progress), progress)
        symbols = _write(enrichments, progress) + _symbols_to_repeat(progress)
        if not symbols:
            return
    for symbol in symbols:
        progress.failed[symbol] = table.OvertakenError(
            f"the prices of {symbol} change faster than they are enriched"
        )


def _read(symbols: Sequence[str], arrivals: Arrivals, progress: BatchProgress) -> list[Enrichment]:
    enrichments: list[Enrichment] = []
    for symbol in symbols:
        try:
            if progress.reading.passed():
                raise OutOfTimeError("the time was up before every symbol was read")
            of_symbol = enrichments_of(symbol, arrivals[symbol], unwritten.get(symbol, {}))
        except Exception as error:  # whatever it is, the other symbols go on and this one comes again
            progress.failed[symbol] = error
            continue
        enrichments += of_symbol
        for key in unwritten.get(symbol, {}).keys() - {enrichment.price.key for enrichment in of_symbol}:
            _forget_announcement(symbol, key)  # it was deleted, or the table has what was announced
    return enrichments


def _symbols_to_repeat(progress: BatchProgress) -> list[str]:
    """The symbols that have failed and are to be read again at once."""
    if progress.reading.passed():
        return []
    symbols = [
        symbol
        for symbol in progress.failed
        if symbol in unwritten and progress.repeats[symbol] < _MAX_REPEATS
    ]
    progress.repeats.update(symbols)
    for symbol in symbols:
        del progress.failed[symbol]
    return symbols


def _announce(enrichments: Sequence[Enrichment], progress: BatchProgress) -> list[Enrichment]:
    """Announces what must be, and gives the enrichments of the symbols of which nothing failed."""
    to_announce = [enrichment for enrichment in enrichments if enrichment.announce]
    for enrichment, result in zip(to_announce, announce(to_announce, progress.announcing), strict=True):
        if result.published is not False:
            indicators = enrichment.indicators if result.published else None
            announcement = Announcement(indicators=indicators, revision=enrichment.price.revision)
            unwritten.setdefault(enrichment.price.symbol, {})[enrichment.price.key] = announcement
        if result.error is not None:
            progress.failed.setdefault(enrichment.price.symbol, result.error)
    return [enrichment for enrichment in enrichments if enrichment.price.symbol not in progress.failed]


def _write(enrichments: Sequence[Enrichment], progress: BatchProgress) -> list[str]:
    """Writes the enrichments, and gives the symbols that must be read again."""
    errors = table.update(enrichments, logs.iso_utc(time.time()), progress.writing)
    overtaken: dict[str, None] = {}
    for enrichment, error in zip(enrichments, errors, strict=True):
        if error is None:
            progress.written.append(enrichment)
            _forget_announcement(enrichment.price.symbol, enrichment.price.key)
        elif isinstance(error, table.OvertakenError):
            overtaken[enrichment.price.symbol] = None
        else:
            progress.failed.setdefault(enrichment.price.symbol, error)
    return [symbol for symbol in overtaken if symbol not in progress.failed]


def _forget_oldest_announcements() -> None:
    for symbol in list(unwritten)[:-_MAX_SYMBOLS]:
        del unwritten[symbol]
    for announcements in unwritten.values():
        for key in list(announcements)[:-_MAX_REMEMBERED]:
            del announcements[key]


def _forget_announcement(symbol: str, key: Decimal) -> None:
    announcements = unwritten.get(symbol, {})
    announcements.pop(key, None)
    if not announcements:
        unwritten.pop(symbol, None)


def _failed_records(arrivals: Arrivals, progress: BatchProgress) -> list[str]:
    """The sequence numbers to report: the first of each failed symbol, for Lambda goes on from the lowest."""
    return [
        min(arrivals[name].values(), key=_order) if name in arrivals else name for name in progress.failed
    ]


def _report(arrivals: Arrivals, progress: BatchProgress, *, all_failed: bool) -> None:
    new = [enrichment for enrichment in progress.written if not enrichment.correction]
    corrections = [
        enrichment for enrichment in progress.written if enrichment.correction and enrichment.changes
    ]
    counts = {
        "Enriched": len(new),
        "Corrected": len(corrections),
        "DeadLettered": progress.set_aside,
        "Failed": len(progress.failed),
    }
    keys = {
        "keys": logs.by_symbol((enrichment.price.symbol, enrichment.price.sort_key) for enrichment in new),
        "corrections": logs.by_symbol(
            (enrichment.price.symbol, enrichment.price.sort_key) for enrichment in corrections
        ),
    }
    for name, error in progress.failed.items():
        # Where all of it has failed, the invocation ends with an error that says so.
        message = "the batch failed, and will be tried again" if all_failed else logs.RETRY_MESSAGE
        waiting = logs.by_symbol((name, plain(key)) for key in arrivals.get(name, ()))
        _log.warning(message, exc_info=error, extra={"symbol": name} | ({"keys": waiting} if waiting else {}))
    extra = {
        **{name.lower(): count for name, count in counts.items()},
        "symbols": sorted(arrivals)[:20],
        **{name: by_symbol for name, by_symbol in keys.items() if by_symbol},
    }
    _log.info("prices enriched", extra=extra)
    now_ms = time.time_ns() // 1_000_000
    metrics.emit({**counts, "Lag": [max(0, now_ms - enrichment.price.timestamp_ms) for enrichment in new]})


def _sequence_number(record: Record) -> str:
    number = _at(record, "dynamodb", "SequenceNumber")
    return "" if number is None else str(number)


def _order(sequence_number: str) -> int:
    usable = sequence_number.isdecimal() and len(sequence_number) <= _MAX_SEQUENCE_NUMBER_LENGTH
    return int(sequence_number) if usable else 0


def _key(record: Record, attribute: str, kind: str) -> str:
    """An attribute of the record's key; empty where it has none."""
    text = _at(record, "dynamodb", "Keys", attribute, kind)
    return text if isinstance(text, str) else ""


def _at(record: Record, *path: str) -> Any:
    """What is there in a record, which may have any shape; None where nothing is."""
    value: Any = record
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
