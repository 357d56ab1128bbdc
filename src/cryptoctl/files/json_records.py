"""JSON: a record a line, a list of records, or an object around the list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cryptoctl.core import json_text
from cryptoctl.core.fields import exact_number
from cryptoctl.errors import InputError
from cryptoctl.files.json_scanner import JsonScanner, ScanError, lists, lists_at
from cryptoctl.files.records import Cells, Fault, Members, Record, quoted, shell_word
from cryptoctl.files.sources import Source
from cryptoctl.files.text import chunks, lines
from cryptoctl.wording import pluralize

PRICE_MEMBERS = frozenset({"price", "p", "px", "close", "last", "rate"})


def looks_like_json(head: str) -> bool:
    """Whether a text begins as JSON does."""
    return head.lstrip()[:1] in ("{", "[")


def json_records(source: Source, encoding: str, head: str, list_path: str | None) -> JsonRecords:
    """The records of a JSON text; `list_path` is the path of the list. Raises Failure where it is unclear."""
    layout, path = "list", list_path
    if list_path is None and _is_lines(head, whole=len(head) < 1000, stream=source.stream):
        layout = "lines"
    elif not source.stream:
        try:
            layout, path = _layout(JsonScanner(chunks(source, encoding)), list_path, source.name)
        except ScanError as error:
            raise _not_json(source.name, error) from None
    elif head.lstrip()[:1] == "[":
        _refuse_path(list_path, source.name)
    elif list_path is None:
        layout = "values"
    return JsonRecords(source=source, encoding=encoding, layout=layout, path=path)


def _is_lines(head: str, *, whole: bool, stream: bool) -> bool:
    """Whether each line is a value of its own."""
    filled = [line.strip() for line in head.split("\n") if line.strip()]
    first = filled[0]
    if not first.endswith(("}", "]")):
        if first.endswith(",") and not isinstance(_value(first[:-1]), Fault):
            return False
        return len(filled) > 1 and first.startswith('{"') and filled[1].startswith('{"')
    value = _value(first)
    if len(filled) == 1:
        # One record, unless it is a list, or an object around one, which no stream is taken for.
        return isinstance(value, dict) and (stream or (whole and bool(PRICE_MEMBERS & value.keys())))
    if isinstance(value, Fault):
        return filled[1][0] == first[0] and first[-1] == {"{": "}", "[": "]"}[first[0]]
    return filled[1][0] in "{["


def _layout(scanner: JsonScanner, list_path: str | None, name: str) -> tuple[str, str | None]:
    if scanner.peek() == "[":
        _refuse_path(list_path, name)
        return "list", None
    if list_path is not None:
        _refuse_no_list(scanner, list_path, name)
        return "list", list_path
    entries = list(lists(scanner))
    if any(path in PRICE_MEMBERS for path, inside in entries if not inside):
        return "values", None
    if scanner.peek():  # more than one value, one after the other
        return "values", None
    records = _record_lists(entries)
    if len(set(records)) < len(records):
        raise _duplicate_list(name, next(path for path in records if records.count(path) > 1), scanner.line)
    if len(records) > 1:
        raise InputError(f"{name} holds more than one list of records.", _choices(records))
    empty = [path for path, inside in entries if inside == "]"]
    if not records and not empty:
        return "values", None
    return "list", (records or empty)[0]


def _refuse_path(list_path: str | None, name: str) -> None:
    if list_path is not None:
        raise InputError(f"{name} is itself a list: --records cannot apply.", "Leave it out.")


def _refuse_no_list(scanner: JsonScanner, list_path: str, name: str) -> None:
    """Refuses a text none of whose values has a list of records there."""
    paths: dict[str, None] = {}
    while first := scanner.peek():
        if first != "{":
            scanner.value(keep=False)
            continue
        paths |= dict.fromkeys(_record_lists(lists(scanner)))
        if list_path in paths:
            return
    raise InputError(f"{name} has no list of records at {quoted(list_path)}.", _choices(list(paths)))


def _record_lists(lists_with_starts: Iterable[tuple[str, str]]) -> Sequence[str]:
    return [path for path, inside in lists_with_starts if inside and inside in "{["]


def _choices(paths: Sequence[str]) -> str:
    choices = [f"--records {shell_word(path)}" for path in paths[:20]]
    return f"Choose one: {', '.join(choices)}." if choices else "See --dry-run."


@dataclass(frozen=True, kw_only=True)
class JsonRecords:
    """The records of a JSON text: `lines`, `values` (one after the other), or a `list`.

    With a path, the elements of the lists there, in each of the values that come one after the other. With
    columns, each record is a list of so many cells with these names.
    """

    source: Source
    encoding: str
    layout: str
    path: str | None = None
    columns: Sequence[str] | None = None
    has_header: bool = False
    """the first record has the names, and is none"""

    @property
    def counted_in(self) -> str:
        """Records of a list are counted as such: they may all be on one line."""
        return "line" if self.layout == "lines" else "record"

    @property
    def format(self) -> str:
        """Such as "JSON, the list at data"."""
        if self.layout == "list":
            return "a JSON list" if self.path is None else f"JSON, the list at {self.path}"
        return {"lines": "JSON lines", "values": "JSON"}[self.layout]

    def raw_rows(self, limit: int) -> Sequence[Sequence[str]]:
        """The first records as texts, where they are lists of cells and no objects; else nothing."""
        rows: list[Sequence[str]] = []
        for _, value in islice(self._values(), limit):
            if isinstance(value, list) and not any(isinstance(cell, (list, dict)) for cell in value):
                rows.append(["" if cell is None else str(cell) for cell in value])
        return rows

    def __iter__(self) -> Iterator[Record]:
        for number, value in islice(self._values(), int(self.has_header), None):
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
                yield number, text if isinstance(text, Fault) else _value(text)
        except ScanError as error:
            raise _not_json(self.source.name, error) from None

    def _texts(self, scanner: JsonScanner) -> Iterator[str]:
        if self.layout == "values":
            while self._next(scanner):
                yield scanner.value()
            return
        if self.path is not None:
            while self._next(scanner):
                yield from self._list_texts(scanner, self.path)
            return
        for _, text in scanner.elements():
            yield text
        if self._next(scanner) == "[":
            raise _concatenated(
                self.source.name,
                f"another list begins in line {scanner.line}, after the end of the first",
                "Join them into one with a comma in place of `][`, or make a file of each.",
            )
        if scanner.peek():
            scanner.fail("the end of the file is expected after the list")

    def _next(self, scanner: JsonScanner) -> str:
        """What the next value begins with, if there is one. Raises Failure for a comma before it."""
        if scanner.peek() == ",":
            raise _concatenated(
                self.source.name,
                f"in line {scanner.line}, a comma stands where no list is open",
                "Take such commas out (where each record is a line, sed 's/,$//' does), or put [ before the "
                "first record and ] behind the last.",
            )
        return scanner.peek()

    def _list_texts(self, scanner: JsonScanner, path: str) -> Iterator[str]:
        """The texts in the list at a path of the next value; or, once, that it has none."""
        if scanner.peek() != "{":
            scanner.value(keep=False)
            yield Fault(f"has no list at {quoted(path)}")
            return
        count = 0
        for elements in lists_at(scanner, path):
            count += 1
            if count > 1:
                raise _duplicate_list(self.source.name, path, scanner.line)
            for _, text in elements:
                yield text
        if not count:
            yield Fault(f"has no list at {quoted(path)}")

    def _record(self, value: Any) -> Cells | Members | Fault:
        if isinstance(value, Fault):
            return value
        if self.columns is None:
            first = value[0] if isinstance(value, list) and value else None
            if self.layout == "lines" and isinstance(first, dict | list):
                return Fault("is a list of records: put all into one list, or each into a line")
            return (
                value if isinstance(value, dict) else Fault("must be a JSON object, as the first record is")
            )
        if not isinstance(value, list):
            return Fault("must be a JSON list, as the other records are")
        if len(value) != len(self.columns):
            return Fault(
                f"has {pluralize(len(value), 'element')} where the first record has {len(self.columns)}"
            )
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
    number = exact_number(text)
    return text if number is None else number


def _duplicate_list(name: str, path: str, line: int) -> InputError:
    return InputError(
        f"{name} has the list {quoted(path)} twice in one object, by line {line}.",
        "Give each list a name of its own.",
    )


def _concatenated(name: str, reason: str, hint: str) -> InputError:
    return InputError(f"{name} is not JSON: {reason}.", hint)


def _not_json(name: str, error: ScanError) -> InputError:
    return InputError(
        f"{name} is not JSON: {error}.",
        "If it is cut short, download it again; JSON lines are read line by line.",
    )
