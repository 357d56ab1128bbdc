"""JSON: a record a line, a list of records, or an object around the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.fields import exact
from cryptoctl.errors import Failure, Problem
from cryptoctl.files.json_scanner import JsonScanner, ScanError, enter, lists
from cryptoctl.files.records import Cells, Fault, Members, Record, quoted
from cryptoctl.files.sources import Source
from cryptoctl.files.text import chunks, lines

PRICE_MEMBERS = frozenset({"price", "p", "px", "close", "last", "rate"})


def looks_like_json(head: str) -> bool:
    """Whether a text begins as JSON does."""
    return head.lstrip()[:1] in ("{", "[")


def json_records(source: Source, encoding: str, head: str, chosen: str | None) -> JsonRecords:
    """The records of a JSON text; `chosen` is the path of the list. Raises Failure where it is unclear."""
    if chosen is None and _is_lines(head, whole=len(head) < 1000):
        return JsonRecords(source=source, encoding=encoding, layout="lines")
    if source.stream:
        layout = "list" if head.lstrip()[:1] == "[" else "values"
        return JsonRecords(source=source, encoding=encoding, layout=layout)
    try:
        layout, path = _layout(JsonScanner(chunks(source, encoding)), chosen, source.name)
    except ScanError as error:
        raise _not_json(source.name, error) from None
    return JsonRecords(source=source, encoding=encoding, layout=layout, path=path)


def _is_lines(head: str, *, whole: bool) -> bool:
    """Whether each line is a value of its own."""
    found = [line.strip() for line in head.split("\n") if line.strip()]
    first = found[0]
    if not first.endswith(("}", "]")):
        return len(found) > 1 and first.startswith('{"') and found[1].startswith('{"')
    value = _value(first)
    if len(found) == 1:
        # One record, unless it is a list, or an object around one.
        return isinstance(value, dict) and whole and bool(PRICE_MEMBERS & value.keys())
    if isinstance(value, Fault):
        return found[1][0] == first[0] and first[-1] == {"{": "}", "[": "]"}[first[0]]
    return found[1][0] in "{["


def _layout(scanner: JsonScanner, chosen: str | None, name: str) -> tuple[str, tuple[str, ...]]:
    first = scanner.peek()
    if first == "[":
        if chosen is not None:
            raise Failure(Problem.USAGE, f"{name} is itself a list: --records cannot apply.", "Leave it out.")
        return "list", ()
    found = list(lists(scanner))
    records = [path for path, inside in found if inside and inside in "{["]
    if chosen is not None:
        wanted = tuple(chosen.split("."))
        if wanted not in records:
            raise Failure(
                Problem.USAGE, f"{name} has no list of records at {quoted(chosen)}.", _choices(records)
            )
        return "list", wanted
    if any(len(path) == 1 and path[0] in PRICE_MEMBERS for path, inside in found if not inside):
        return "values", ()
    if scanner.peek():  # more than one value, one after the other
        return "values", ()
    if len(records) > 1:
        raise Failure(Problem.USAGE, f"{name} holds more than one list of records.", _choices(records))
    empty = [path for path, inside in found if inside == "]"]
    if not records and not empty:
        return "values", ()
    return "list", (records or empty)[0]


def _choices(records: Sequence[tuple[str, ...]]) -> str:
    known = [".".join(path) for path in records[:20]]
    return f"Choose one: {', '.join(f'--records {each}' for each in known)}." if known else "See --dry-run."


@dataclass(frozen=True, kw_only=True)
class JsonRecords:
    """The records of a JSON text: `lines`, `values` (one after the other), or a `list` at a path of keys."""

    source: Source
    encoding: str
    layout: str
    path: tuple[str, ...] = ()
    columns: Sequence[str] | None = None

    @property
    def counted_in(self) -> str:
        """Records of a list are counted as such: they may all be on one line."""
        return "line" if self.layout == "lines" else "record"

    @property
    def format(self) -> str:
        """Such as "JSON, the list at data"."""
        if self.layout == "list":
            return f"JSON, the list at {'.'.join(self.path)}" if self.path else "a JSON list"
        return {"lines": "JSON lines", "values": "JSON"}[self.layout]

    def with_columns(self, columns: Sequence[str]) -> JsonRecords:
        """The same, each record a list of so many cells with these names."""
        return JsonRecords(
            source=self.source, encoding=self.encoding, layout=self.layout, path=self.path, columns=columns
        )

    def raw_rows(self, most: int) -> Sequence[Sequence[str]]:
        """The first records as texts, where they are lists of cells and no objects; else nothing."""
        found: list[Sequence[str]] = []
        for _, value in islice(self._values(), most):
            if isinstance(value, list) and not any(isinstance(each, (list, dict)) for each in value):
                found.append(["" if each is None else str(each) for each in value])
        return found

    def __iter__(self) -> Iterator[Record]:
        for number, value in self._values():
            yield number, self._record(value)

    def _values(self) -> Iterator[tuple[int, Any]]:
        if self.layout == "lines":
            for number, line in lines(self.source, self.encoding):
                if line.strip():
                    yield number, _value(line)
            return
        scanner = JsonScanner(chunks(self.source, self.encoding))
        try:
            for number, text in enumerate(self._texts(scanner), start=1):
                yield number, _value(text)
        except ScanError as error:
            raise _not_json(self.source.name, error) from None

    def _texts(self, scanner: JsonScanner) -> Iterator[str]:
        if self.layout == "values":
            while scanner.peek():
                yield scanner.value()
            return
        if self.path:
            enter(scanner, self.path)
        for _, text in scanner.elements():
            yield text
        if not self.path and scanner.peek():
            scanner.fail("the end of the file is expected after the list")

    def _record(self, value: Any) -> Cells | Members | Fault:
        if isinstance(value, Fault):
            return value
        if self.columns is None:
            return (
                value if isinstance(value, dict) else Fault("must be a JSON object, as the first record is")
            )
        if not isinstance(value, list):
            return Fault("must be a JSON list, as the first record is")
        if len(value) != len(self.columns):
            return Fault(f"has {len(value)} elements where the first record has {len(self.columns)}")
        return value


def _value(text: str) -> Any:
    """The value, its numbers with all their digits; or why it is none."""
    try:
        document = json_text.Document(text, _number)
    except json_text.JsonError as error:
        return Fault(str(error))
    return Fault("; ".join(document.problems)) if document.problems else document.value


def _number(text: str) -> Any:
    """The number as expressions need it; NaN and Infinity as the texts that they are."""
    number = exact(text)
    return text if number is None else number


def _not_json(name: str, error: ScanError) -> Failure:
    return Failure(
        Problem.USAGE,
        f"{name} is not JSON: {error}.",
        "If it is cut short, download it again; JSON lines are read line by line.",
    )
