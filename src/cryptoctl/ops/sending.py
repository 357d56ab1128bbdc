"""Sending prices: checked here by the same rules, stamped with a time, one or many at once."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from cryptoctl.aws import Aws
from cryptoctl.core import json_text
from cryptoctl.core.numbers import plain
from cryptoctl.core.prices import MOST_BYTES, Price, Rejected, TimeLimits, parse_price
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.invoking import Answer, invoke, unexpected
from cryptoctl.provisioners.function import Function
from cryptoctl.reconcile.retry import RealClock

STANDARD_INPUT = Path("-")
PRICES_A_BATCH = 200
BYTES_A_BATCH = MOST_BYTES - 1_000
FIELDS = ("symbol", "price", "exchange", "volume", "timestamp", "id")
NUMBERS = ("price", "volume", "timestamp")


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One price on its way: the line of the file it came from (0 on the command line) and its JSON text."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """A line that is no price, and why."""

    line: int
    reason: str


def outgoing(fields: Mapping[str, Any], *, now_ms: int, line: int = 0) -> Outgoing:
    """A price checked as the webhook processor will check it, with a timestamp. Raises Rejected."""
    given = {name: value for name, value in fields.items() if name in FIELDS and value not in (None, "")}
    price = parse_price(given, "{}", TimeLimits(now_ms=now_ms, arrival_ms=now_ms))
    return Outgoing(line=line, text=_text(price))


def _text(price: Price) -> str:
    # Written by hand: json.dumps knows no Decimal, and a float on the way would change the digits.
    members = [
        f'"symbol": {json.dumps(price.symbol)}',
        f'"price": {plain(price.price)}',
        f'"exchange": {json.dumps(price.exchange, ensure_ascii=False)}',
        f'"volume": {plain(price.volume)}',
        f'"timestamp": {price.timestamp_ms}',
    ]
    if price.id is not None:
        members.append(f'"id": {json.dumps(price.id)}')
    return "{" + ", ".join(members) + "}"


def read(
    path: Path, defaults: Mapping[str, str | None], *, now_ms: Callable[[], int], first_line: int = 1
) -> Iterator[Outgoing | BadLine]:
    """The prices of a CSV file with a header, or of a file with a JSON object a line; "-" is standard input.

    Columns override `defaults`. Lines before `first_line` are passed over; a line that is no price is
    given as a BadLine. Raises Failure where the file cannot be read at all.
    """
    try:
        with _opened(path) as file:
            for line, fields in _rows(file):
                if line < first_line:
                    continue
                if isinstance(fields, str):
                    yield BadLine(line=line, reason=fields)
                    continue
                known = {name: fields[name] for name in FIELDS if fields.get(name) not in (None, "")}
                try:
                    yield outgoing({**defaults, **known}, now_ms=now_ms(), line=line)
                except Rejected as rejected:
                    yield BadLine(line=line, reason=str(rejected))
    except OSError as error:
        raise Failure(Problem.USAGE, f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise Failure(Problem.USAGE, f"{path} is not UTF-8 text: {error.reason}.") from error


def _opened(path: Path) -> TextIO:
    if path == STANDARD_INPUT:
        return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(file: TextIO) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    # A pipe cannot be sought in: what is read to see the format is put before the rest.
    first = next(file, "")
    every = chain([first], file) if first else iter(())
    return _json_rows(every) if first.startswith("{") else _csv_rows(every)


def _json_rows(lines: Iterator[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            document = json_text.Document(text)
        except json_text.JsonError as error:
            yield line, str(error)
            continue
        if document.problems:
            yield line, "; ".join(document.problems)
        else:
            yield line, document.value if isinstance(document.value, dict) else "must be a JSON object"


def _csv_rows(lines: Iterator[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    reader = csv.DictReader(lines)
    names = _names(reader)
    if "price" not in names:
        raise Failure(
            Problem.USAGE,
            f"The first line names no column `price` (it has: {', '.join(names) or 'nothing'}).",
            f"A CSV file begins with a line of column names, among {', '.join(FIELDS)}.",
        )
    reader.fieldnames = names
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, str(error)
            continue
        if row is None:
            return
        if None in row:  # what DictReader has no name for
            yield reader.line_num, f"has more columns than the first line's {len(names)}"
        else:
            yield reader.line_num, {key: value.strip() for key, value in row.items() if value is not None}


def _names(reader: csv.DictReader[str]) -> list[str]:
    try:
        return [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise Failure(Problem.USAGE, f"The first line is no line of a CSV file: {error}.") from error


@dataclass(kw_only=True)
class Tally:
    """The results of the prices so far, and each line that failed."""

    stored: int = 0
    duplicate: int = 0
    failed: list[BadLine] = field(default_factory=list)
    last_line: int = 0
    """The last line that is settled; what comes after it was not sent."""

    @property
    def settled(self) -> int:
        """How many prices were acknowledged or named as failed."""
        return self.stored + self.duplicate + len(self.failed)


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
            answer = invoke(aws, function, f"[{','.join(each.text for each in good)}]")
            _count(tally, good, answer, function)
        tally.failed += [each for each in batch if isinstance(each, BadLine)]
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


def _one_for_each(results: Any, sent: Sequence[Outgoing]) -> bool:
    fitting = isinstance(results, list) and len(results) == len(sent)
    return fitting and all(isinstance(each, dict) and "status" in each for each in results)


def _count(tally: Tally, sent: Sequence[Outgoing], answer: Answer, function: Function) -> None:
    results = answer.body.get("results")
    if results is not None and not _one_for_each(results, sent):
        raise unexpected(function)
    if results is None:
        reason = f"refused with status {answer.status}: {answer.body.get('message', '')}"
        tally.failed += [BadLine(line=each.line, reason=reason) for each in sent]
        return
    for each, result in zip(sent, results, strict=True):
        if result["status"] == "stored":
            tally.stored += 1
        elif result["status"] == "duplicate":
            tally.duplicate += 1
        else:
            reason = f"{result.get('field')}: {result.get('reason')}"
            tally.failed.append(BadLine(line=each.line, reason=reason))
