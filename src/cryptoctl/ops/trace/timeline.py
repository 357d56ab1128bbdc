"""A price's way as a list of events, from what its item, the log lines and the dead letters say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from cryptoctl.core.items import UnusableError, stored_price
from cryptoctl.core.numbers import plain
from cryptoctl.ops.dead_letters.enriching import is_enriched
from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName, epoch_ms
from cryptoctl.ops.log_entries import LogEntry, entries
from cryptoctl.ops.logs import Line
from cryptoctl.ops.trace.events import Item, Stage, Subject, Timeline, TraceEvent
from cryptoctl.stack import Stack

_STAGE_ORDER = {stage: number for number, stage in enumerate(Stage)}


def timeline(
    subject: Subject,
    stack: Stack,
    item: Item | None,
    lines: Sequence[Line],
    letters: Iterable[DeadLetter],
) -> Timeline:
    """The price's way. `lines` are whole requests, in order of time; `letters` are the price's own."""
    unordered = [
        *_item_events(stack, item),
        *_line_events(subject, stack, item, lines),
        *(_letter_event(stack, letter) for letter in letters),
    ]
    stages = {event.stage for event in unordered if event.request}
    if Stage.ENRICHED not in stages and Stage.CORRECTED not in stages:
        unordered += _item_enrichment_events(stack, item)
    ordered = sorted(unordered, key=lambda event: (event.time_ms, _STAGE_ORDER[event.stage]))
    events = [
        replace(event, lag_ms=None if before is None else event.time_ms - before.time_ms)
        for before, event in zip([None, *ordered], ordered, strict=False)
    ]
    return Timeline(
        events=tuple(events),
        arrival_ms=_between(events, Stage.TRADED, Stage.RECEIVED),
        storing_ms=_between(events, Stage.RECEIVED, Stage.STORED),
        enriching_ms=_between(events, Stage.STORED, Stage.ENRICHED),
        total_ms=_between(events, Stage.RECEIVED, Stage.ANNOUNCED),
        requests=tuple(dict.fromkeys(event.request for event in events if event.request)),
    )


def requests_naming(subject: Subject, lines: Iterable[Line]) -> list[str]:
    """The requests whose lines name the price, in order of time."""
    requests = [entry.request for entry in entries(lines) if entry.request and subject.field_naming(entry)]
    return list(dict.fromkeys(requests))


def _between(events: Sequence[TraceEvent], start: Stage, end: Stage) -> int | None:
    first_ms = next((event.time_ms for event in events if event.stage is start), None)
    last_ms = next((event.time_ms for event in events if event.stage is end), None)
    return None if first_ms is None or last_ms is None else last_ms - first_ms


def _item_events(stack: Stack, item: Item | None) -> Iterator[TraceEvent]:
    if item is None:
        return
    price, exchange = _value(item, "price"), _value(item, "exchange")
    traded = " ".join(part for part in (price, "on" if exchange else "", exchange) if part)
    try:
        own_ms = int(Decimal(_value(item, "timestamp")))
    except InvalidOperation:
        own_ms = 0
    yield TraceEvent(own_ms, exchange or "?", Stage.TRADED, traded)
    created_ms = epoch_ms(_value(item, "created_at"))
    if created_ms is not None:
        key = f"{_value(item, 'symbol')} {_value(item, 'timestamp')}"
        yield TraceEvent(created_ms, stack.prices.name, Stage.STORED, key)


def _item_enrichment_events(stack: Stack, item: Item | None) -> Iterator[TraceEvent]:
    """Of an enrichment that no line tells of any more, its time in the item."""
    at_ms = epoch_ms(_value(item or {}, "enriched_at"))
    if item is not None and at_ms is not None and is_enriched(item):
        yield TraceEvent(at_ms, stack.success.name, Stage.ANNOUNCED, "before it was written")
        yield TraceEvent(at_ms, stack.prices.name, Stage.ENRICHED, indicators_text(item))


def indicators_text(item: Item) -> str:
    """The indicators of an item in one line."""
    try:
        indicators = stored_price(item).indicators
    except UnusableError as error:
        return f"no price any more: {error}"
    pairs = (("ma_5", indicators.ma_5), ("ma_20", indicators.ma_20), ("volatility", indicators.volatility))
    shown = (f"{name}={plain(Decimal(f'{value:.8g}'))}" for name, value in pairs if value is not None)
    return " ".join(shown) or "too little history"


def _letter_event(stack: Stack, letter: DeadLetter) -> TraceEvent:
    of_webhook = letter.message.queue is QueueName.WEBHOOK
    queue = stack.webhook_dead_letters if of_webhook else stack.enricher_dead_letters
    sent_ms, error = letter.message.sent_ms, letter.error or letter.cause
    return TraceEvent(sent_ms, queue.name, Stage.DEAD_LETTER, error, letter.request_id)


def _line_events(
    subject: Subject, stack: Stack, item: Item | None, lines: Sequence[Line]
) -> Iterator[TraceEvent]:
    starts: dict[str, list[Line]] = {}
    by_request: dict[str, list[LogEntry]] = {}
    for line in lines:
        if line.fields.get("type") == "platform.start":
            starts.setdefault(_request_of_start(line), []).append(line)
    for entry in entries(lines):
        by_request.setdefault(entry.request, []).append(entry)
    last_request = _last_pass(subject, stack, by_request)
    for request in dict.fromkeys((*starts, *by_request)):
        request_entries = by_request.get(request, [])
        if request not in subject.requests and not any(map(subject.field_naming, request_entries)):
            continue
        function = next((logged.function for logged in (*starts.get(request, ()), *request_entries)), "")
        start_times_ms = [logged.time_ms for logged in starts.get(request) or request_entries[:1]]
        if function == stack.webhook.name:
            yield from _arrival_events(stack, request, start_times_ms, request_entries)
        else:
            yield from (
                TraceEvent(at_ms, function, Stage.STARTED, request=request) for at_ms in start_times_ms
            )
        for entry in request_entries:
            item_of_pass = (
                item if request == last_request and not _written_before(item, start_times_ms) else None
            )
            yield from _entry_events(subject, stack, entry, item_of_pass)


def _arrival_events(
    stack: Stack, request: str, start_times_ms: Sequence[int], request_entries: Sequence[LogEntry]
) -> Iterator[TraceEvent]:
    sender = next(
        (str(entry.other_fields["sender"]) for entry in request_entries if "sender" in entry.other_fields),
        None,
    )
    if sender is not None:
        source = f"from sender {sender} over HTTPS"
    elif any("Unauthorized" in line.fields for entry in request_entries for line in entry.lines):
        source = "over HTTPS"
    else:
        source = "by an invocation: send-price, a replay, another client"
    for number, at_ms in enumerate(start_times_ms, start=1):
        attempt = f"; Lambda's attempt {number}" if number > 1 else ""
        yield TraceEvent(at_ms, stack.webhook.name, Stage.RECEIVED, source + attempt, request)


def _last_pass(subject: Subject, stack: Stack, by_request: Mapping[str, Sequence[LogEntry]]) -> str | None:
    """The request that wrote the indicators that the item has now."""
    passes = [
        (entry.time_ms, request)
        for request, request_entries in by_request.items()
        for entry in request_entries
        if entry.function == stack.enricher.name and not entry.failed and subject.field_naming(entry)
    ]
    return max(passes)[1] if passes else None


def _written_before(item: Item | None, start_times_ms: Sequence[int]) -> bool:
    """Whether the item was read before the pass that began then wrote to it: the logs are read later."""
    written_ms = epoch_ms(_value(item or {}, "enriched_at"))
    return written_ms is not None and bool(start_times_ms) and written_ms < min(start_times_ms)


def _entry_events(subject: Subject, stack: Stack, entry: LogEntry, item: Item | None) -> Iterator[TraceEvent]:
    """`item` is given where the entry's pass wrote what it has now."""
    field = subject.field_naming(entry)
    if field is None and (entry.prices or not (entry.failed or entry.level == "WARNING")):
        return  # about other prices, or about none

    if field is None or entry.failed:
        stage = Stage.ANSWERED if entry.level == "WARNING" and not entry.error else Stage.FAILED
        yield TraceEvent(entry.time_ms, entry.function, stage, _message(entry), entry.request)
    elif entry.function == stack.webhook.name:
        stage = Stage.ANSWERED if field == "keys" else Stage.DUPLICATE
        yield TraceEvent(entry.time_ms, entry.function, stage, _response(entry, field), entry.request)
    else:
        written_ms = epoch_ms(_value(item or {}, "enriched_at"))
        at_ms = entry.time_ms if written_ms is None else min(entry.time_ms, written_ms)
        correction = field == "corrections"
        announced = "a correction; before it was written" if correction else "before it was written"
        yield TraceEvent(at_ms, stack.success.name, Stage.ANNOUNCED, announced, entry.request)
        values = "" if item is None else indicators_text(item)
        stage = Stage.CORRECTED if correction else Stage.ENRICHED
        yield TraceEvent(at_ms, stack.prices.name, stage, values, entry.request)


def _response(entry: LogEntry, field: str) -> str:
    status = 207 if entry.other_fields.get("rejected") else 200
    counts = ", ".join(
        f"{entry.other_fields[name]} {name}"
        for name in ("stored", "duplicate", "rejected")
        if entry.other_fields.get(name)
    )
    outcome = "stored" if field == "keys" else "was stored before"
    return f"{status}: {outcome}" + (f" (of {counts})" if entry.other_fields.get("received", 1) != 1 else "")


def _message(entry: LogEntry) -> str:
    reasons = entry.other_fields.get("reasons")
    return f"{entry.text}: {'; '.join(map(str, reasons))}" if isinstance(reasons, list) else entry.text


def _request_of_start(line: Line) -> str:
    record = line.fields.get("record")
    return str(record.get("requestId") or "") if isinstance(record, dict) else ""


def _value(item: Item, name: str) -> str:
    """The text of a string or a number; empty where there is none."""
    value = item.get(name, {})
    text = value.get("S", value.get("N", ""))
    return text if isinstance(text, str) else ""
