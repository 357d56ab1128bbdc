"""Reading what AWS knows of a price: its item, the lines that name it, whole requests, dead letters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from cryptoctl.aws import Aws
from cryptoctl.core.items import StoredPrice, UnusableError, stored_price
from cryptoctl.core.keys import MAX_MILLISECOND
from cryptoctl.core.numbers import plain
from cryptoctl.core.webhook_messages import is_message
from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters.enriching import created_at, is_enriched
from cryptoctl.ops.dead_letters.lookups import REQUEST_ID, TRIED_FOR_MS, read_stream_keys
from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName, Shape, epoch_ms
from cryptoctl.ops.dead_letters.queues import dead_letter_queues
from cryptoctl.ops.dead_letters.receiving import selected_messages
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import Unreceived, unreceived
from cryptoctl.ops.log_entries import entries
from cryptoctl.ops.logs import Line
from cryptoctl.ops.logs import lines as read_lines
from cryptoctl.ops.prices import LAST_FRACTION
from cryptoctl.ops.table_items import symbol_query, table_items
from cryptoctl.ops.times import DAY_MS
from cryptoctl.ops.trace.events import Item, Stage, Subject, Timeline
from cryptoctl.ops.trace.price_selector import KnownPrice, PriceSelector, is_about, keys_in
from cryptoctl.ops.trace.timeline import requests_naming, timeline
from cryptoctl.stack import Stack

AHEAD_MS = 300_000
MAX_ITEMS = 1000
# As many as fit into a filter pattern of CloudWatch Logs (1024 characters).
MAX_REQUESTS = 20
MAX_POINTERS = 10
NO_LINES = (
    "No log line names it: the newest ones take a few seconds, a log level above INFO leaves them out, "
    "and an item that was written by hand or by an earlier version has none."
)


@dataclass(frozen=True, kw_only=True)
class TraceResult:
    """A price's way, and what it was read from."""

    selector: PriceSelector | None = None
    item: Item | None = None
    timeline: Timeline
    lines: Sequence[Line]
    letters: Sequence[DeadLetter]
    notes: Sequence[str] = ()

    @property
    def price(self) -> StoredPrice | None:
        """None also where the item is no price."""
        return _price(self.item)


@dataclass(frozen=True, kw_only=True)
class Tracer:
    """Looks for prices in an environment."""

    aws: Aws
    stack: Stack
    retention_days: int | None
    """how long the log groups keep their lines; None is for ever"""
    now_ms: int

    def items(self, selector: PriceSelector, since_ms: int) -> list[Item]:
        """The items that are meant, in key order; with an id alone, of prices since then. At most 1000."""
        first_ms, last_ms = selector.between_ms or (since_ms, self.now_ms + AHEAD_MS)
        last_ms = min(last_ms, MAX_MILLISECOND)
        if selector.sort_key is None and last_ms < max(first_ms, 0):
            return []  # no price is there, and DynamoDB refuses bounds in the wrong order
        bounds = {"first": str(first_ms), "last": f"{last_ms}.{LAST_FRACTION}"}
        if selector.sort_key is not None:
            bounds = dict.fromkeys(bounds, selector.sort_key)
        request = symbol_query(selector.symbol, "BETWEEN :first AND :last", **bounds)
        if selector.id is not None:
            request["FilterExpression"] = "#id = :id"
            request["ExpressionAttributeNames"]["#id"] = "id"
            request["ExpressionAttributeValues"][":id"] = {"S": selector.id}
        items = table_items(self.aws, self.stack.prices, "Query", **request)
        return list(islice((item for item in items if not is_message(item)), MAX_ITEMS))

    def trace(self, selector: PriceSelector, item: Item | None) -> TraceResult:
        """The way of a price that is stored, or of one that is not and may be a dead letter."""
        price = _price(item)
        # A dead letter of the enricher names the key, also of an item that is gone.
        gone_key = None if selector.id else selector.sort_key  # beside an id, the item may be another one's
        sort_key = gone_key if item is None else item["timestamp"]["N"]
        key = None if sort_key is None else (selector.symbol, Decimal(sort_key))
        between = None if item is not None else selector.between_ms
        exact = None if key is None else plain(key[1])
        sort_keys = set() if exact is None else {exact}
        subject = Subject(symbol=selector.symbol, sort_keys=sort_keys, between_ms=between)
        notes: list[str] = []
        # What is not stored has no key yet; its failure names the one that it would have.
        pattern = '"request not stored"' if item is None else f'"{exact}"'
        since_ms = self._since_ms(item)
        hits, letters = self.aws.gather(lambda: self._lines(since_ms, pattern), lambda: self._letters(notes))
        requests = requests_naming(subject, hits)
        matcher = KnownPrice(item=price) if price else selector
        related = [letter for letter in letters if is_about(letter, matcher, key, requests)]
        if key is not None and not (item and is_enriched(item)):
            related += self._pointers_at(key, [letter for letter in letters if letter not in related])
        requests = list(
            dict.fromkeys([*requests, *(letter.request_id for letter in related if letter.request_id)])
        )
        if item is None:
            subject = replace(subject, sort_keys=sort_keys | keys_in(related, selector))
        usable = [request for request in requests if REQUEST_ID.fullmatch(request)]
        if len(usable) > MAX_REQUESTS:
            notes.append(f"{len(usable)} requests name it; the last {MAX_REQUESTS} are shown.")
            usable = usable[-MAX_REQUESTS:]
        lines = self._lines(since_ms, " ".join(f'?"{request}"' for request in usable)) if usable else []
        subject = replace(subject, requests=usable)
        result = timeline(subject, self.stack, item, lines, related)
        if item is not None and not is_enriched(item) and result.first(Stage.ENRICHED):
            # It was enriched between the two readings.
            item = next(iter(self.items(replace(selector, sort_key=exact), 0)), item)
            result = timeline(subject, self.stack, item, lines, related)
        notes += self._missing_lines_note(item, lines)
        return TraceResult(
            selector=selector, item=item, timeline=result, lines=lines, letters=related, notes=notes
        )

    def request(self, request: str) -> TraceResult:
        """What a request of either function did."""
        notes: list[str] = []
        since_ms, pattern = self._since_ms(None), f'"{request}"'
        lines, letters = self.aws.gather(lambda: self._lines(since_ms, pattern), lambda: self._letters(notes))
        related = [letter for letter in letters if letter.request_id == request]
        result = timeline(Subject(requests=(request,)), self.stack, None, lines, related)
        return TraceResult(timeline=result, lines=lines, letters=related, notes=notes)

    def _missing_lines_note(self, item: Item | None, lines: Sequence[Line]) -> list[str]:
        """Why no line names a stored price."""
        if lines or item is None:
            return []
        created_ms = epoch_ms(created_at(item))
        retention_ms = None if self.retention_days is None else self.retention_days * DAY_MS
        if created_ms is not None and retention_ms is not None and created_ms < self.now_ms - retention_ms:
            return [f"Its log lines are gone: the log groups keep {self.retention_days} days."]
        return [NO_LINES]

    def _since_ms(self, item: Item | None) -> int:
        """From when on lines are looked for: no price comes before its time, and no retry much later."""
        retention_ms = DAY_MS * (self.retention_days or 30)
        oldest_ms = self.now_ms - retention_ms
        if item is None:
            return oldest_ms
        own_ms = int(Decimal(item["timestamp"]["N"])) - AHEAD_MS
        created_ms = epoch_ms(created_at(item))
        waited_ms = TRIED_FOR_MS + self.stack.webhook_dead_letters.retention_s * 1000
        first_ms = own_ms if created_ms is None else max(own_ms, created_ms - waited_ms)
        return max(0, oldest_ms, min(first_ms, self.now_ms))

    def _lines(self, since_ms: int, pattern: str) -> list[Line]:
        return read_lines(self.aws, (self.stack.webhook, self.stack.enricher), since_ms, pattern=pattern)

    def _letters(self, notes: list[str]) -> list[DeadLetter]:
        """All dead letters; an empty queue is not received from."""
        try:
            queues = dead_letter_queues(self.aws, self.stack, required=())
        except Failure as failure:
            notes.append(f"The dead letters were not read: {failure.message}")
            return []
        notes += [
            f"The dead letters of the {name} were not read: its queue is missing."
            for name in QueueName
            if name not in queues
        ]
        depths = {name: queue.depth() for name, queue in queues.items()}
        waiting = tuple(name for name, depth in depths.items() if depth.visible)
        rest = Unreceived()
        received: list[DeadLetter] = []
        if waiting:
            selection = Selection(queues=waiting)
            with selected_messages(queues, selection) as (letters, journal):
                received = list(letters)
                rest = unreceived(queues, selection, journal)
        elsewhere = sum(depth.in_flight for name, depth in depths.items() if name not in waiting)
        if rest := replace(rest, in_flight=rest.in_flight + elsewhere):
            notes.append(f"Not all dead letters were read. {rest} Trace it again later.")
        return received

    def _pointers_at(self, key: tuple[str, Decimal], letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """The pointers into the stream that span the item, as long as the stream has it."""
        pointers = [letter for letter in letters if letter.shape is Shape.POINTER][:MAX_POINTERS]
        return [pointer for pointer in pointers if key in self._spanned_keys(pointer)]

    def _spanned_keys(self, letter: DeadLetter) -> Collection[tuple[str, Decimal]]:
        try:
            return read_stream_keys(self.aws, self.stack.prices, letter.content["DDBStreamBatchInfo"]).keys
        except ValueError:
            return ()


def prices_of(traced: TraceResult) -> list[tuple[str, str, str]]:
    """Symbol, sort key and what became of it, for each price that a request's lines name, in their order."""
    outcomes: dict[tuple[str, str], str] = {}
    for entry in entries(traced.lines):
        for name, symbols in entry.prices.items():
            for symbol, keys in symbols.items():
                for key in keys if isinstance(keys, list) else ():
                    outcomes[str(symbol), str(key)] = "failed" if entry.failed else _OUTCOMES[name]
    return [(symbol, sort_key, outcome) for (symbol, sort_key), outcome in outcomes.items()]


_OUTCOMES: Mapping[str, str] = {"keys": "done", "repeated": "stored before", "corrections": "corrected"}


def _price(item: Item | None) -> StoredPrice | None:
    try:
        return None if item is None else stored_price(item)
    except UnusableError:
        return None
