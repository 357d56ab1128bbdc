"""A record's cells or members → the fields of a price, each read strictly from its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from typing import Any

from cryptoctl.core.fields import FieldMapping
from cryptoctl.core.numbers import JsonNumber
from cryptoctl.core.prices import Price, Rejected, TimeLimits, parse_price
from cryptoctl.errors import InputError
from cryptoctl.expressions import compile_expression, inexact_part
from cryptoctl.files.layout import Layout
from cryptoctl.files.records import Cells, FileOptions, Members, listing, quoted
from cryptoctl.files.sample import is_none
from cryptoctl.files.times import TimeReader, in_exponents

EARLIEST_MS = 10**11  # below, a number would be taken for seconds
MAX_EXACT_FLOAT = 2**53
TEXTS, NUMBERS = ("symbol", "exchange", "id"), ("price", "volume")
OPTION_FIELDS = ("symbol", "exchange")  # by an option of that name, for lines that say none
NULLS = frozenset(("nan", "NaN", "null", "NULL", "None", "<NA>", "NaT", "N/A", "#N/A", "\\N", "-nan"))

# What programs write where there is no id, whatever its case; a symbol may be called NIL.
NO_ID = frozenset(
    (
        *(text.casefold() for text in NULLS),
        *("na", "#na", "#n/a n/a", "nil", "-nan(ind)", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
        *("undefined", "(null)", "-", "--", "?", "#value!", "#ref!", "#name?", "#num!", "#null!", "#div/0!"),
    )
)

_FLOAT_ID = {mark: re.compile(rf"([0-9]+){re.escape(mark)}0*", re.ASCII) for mark in ".,"}
# As a spreadsheet shows a number, or keeps it from being one: in a trade's own id neither occurs.
_FORMATTED_ID = re.compile(r"[0-9]{1,3}(?:(,[0-9]{2,3})*,|('[0-9]{3})*')[0-9]{3}|=\"[0-9]+\"", re.ASCII)
_POINTED_ID = re.compile(r"[0-9]+(?:\.[0-9]*)+", re.ASCII)
# With a mark or a sign: 12e5 may as well be hexadecimal. Without a mark no program writes more than three
# digits (engineering notation): 20231114E-001 is an order's number.
_EXPONENT_ID = re.compile(
    r"[+-]?(?:[0-9]+[.,][0-9]*|[.,][0-9]+)[eE][+-]?[0-9]+|[+-]?[0-9]{1,3}[eE][+-][0-9]+", re.ASCII
)
# As ccxt makes it of a trade's members, where the exchange gives none: time, side, amount, price.
_MADE_ID = re.compile(r"[0-9]{13}-(?:buy|sell)(?:-[0-9.]+){2}(?:-taker|-maker)?", re.ASCII)

# Beyond doubt between thousands: no decimal sign is a space, an apostrophe, or a mark before another one.
_GROUPED = re.compile(
    r"[+-]?[0-9]{1,3}(?:([ \u00a0\u202f'’])[0-9]{3}(?:\1[0-9]{3})*(?:[.,][0-9]*)?"
    r"|(?:(\.)[0-9]{3})+,[0-9]*|(?:(,)[0-9]{3})+\.[0-9]*)",
    re.ASCII,
)

Find = Callable[[Any], Any]
ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class FieldReader:
    """Reads the fields of a price from records of one layout."""

    finders: Mapping[str, Find] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    decimal: str | None = None
    exported: bool = False
    guarded: bool = False
    absolute: bool = False
    now: bool = False

    def text(self, field: str, record: Cells | Members) -> str | None:
        """The text of one of the record's fields; None where it has no plain one, or its expression fails."""
        value = self._value(field, record)
        none = value is None or value is ABSENT or isinstance(value, (list, dict))
        return None if none else str(value).strip()

    def leaves_out(self, field: str, record: Cells | Members) -> bool:
        """Whether a record has no such member, where others may have one."""
        return self._value(field, record) is ABSENT

    def _value(self, field: str, record: Cells | Members) -> Any:
        find = self.finders.get(field)
        try:
            return None if find is None else find(record)
        except Rejected:
            return None

    def time_text(self, record: Cells | Members) -> str | None:
        """The text of the record's time; None where it has none."""
        text = self.text("timestamp", record)
        return None if text is None else self._with_decimal_point(text)

    def takes_id(self, text: str) -> bool:
        """Whether a text may be an id; a line with any other is refused."""
        try:
            self._text("id", text)
        except Rejected:
            return False
        return True

    def price(self, record: Cells | Members, times: TimeReader, now_ms: int) -> Price:
        """The price in a record, checked as the webhook processor will. Raises Rejected."""
        values: dict[str, Any] = dict(self.constants)
        faults: list[Rejected] = []
        for name, find in self.finders.items():
            try:
                value = find(record)
                if value is ABSENT or (name in self.constants and is_none(value)):
                    continue
                text = self._text(name, value)
                if name == "timestamp":
                    values[name] = times.milliseconds(self._with_decimal_point(text))
                    if values[name] < EARLIEST_MS:
                        raise Rejected(name, "lies before 1973")
                elif text is not None:
                    values[name] = text
            except Rejected as rejected:
                faults.append(rejected)
        if faults:
            raise _combined(faults)
        if "timestamp" not in values and not self.now:
            raise Rejected("timestamp", "is missing")
        return _checked(values, now_ms)

    def _text(self, name: str, value: Any) -> Any:
        """The value's text; None for an id that is absent in what `cryptoctl prices` writes."""
        if self.exported and name == "id" and value in (None, ""):
            return None
        if self.exported and name in TEXTS and isinstance(value, str) and value.strip():
            # Written as it is stored, so that nothing is guessed; in a column, behind an apostrophe.
            return value.strip().removeprefix("'" if self.guarded else "")
        if value is None:
            raise Rejected(name, f"is null{_absence_hint(name)}")
        if isinstance(value, (bool, dict, list)):
            raise Rejected(name, "must be a number" if name in NUMBERS else "must be text")
        text = str(value).strip()
        if not text:
            raise Rejected(name, f"is empty{_absence_hint(name) if name in OPTION_FIELDS else ''}")
        if text in NULLS:
            raise Rejected(name, f"is empty ({text})")
        if name in NUMBERS:
            return self._number(name, text)
        if name == "id":
            number = isinstance(value, JsonNumber | Decimal)
            return _id(text, "." if number or self.decimal is None else self.decimal, number=number)
        return text

    def _number(self, name: str, text: str) -> str:
        number = ungrouped(text)
        if self.decimal == ",":
            if "." in number:
                raise Rejected(
                    name,
                    f"{quoted(text)} has a point, though the decimal sign is a comma: take it out, if it "
                    "stands between thousands",
                )
            if number.count(",") > 1:
                raise Rejected(name, f"{quoted(text)} has more than one comma")
            number = number.replace(",", ".")
        if "," in number:
            raise Rejected(
                name,
                f"{quoted(text)} has a comma: if it is the decimal sign, add --decimal , (else take it out)",
            )
        number = number.removeprefix("+").removesuffix(".")
        if number.startswith("."):
            number = f"0{number}"
        return number.removeprefix("-") if self.absolute and name == "volume" else number

    def _with_decimal_point(self, text: str) -> str:
        return text.replace(",", ".", 1) if self.decimal == "," else text


def ungrouped(text: str) -> str:
    """A number without what stands between its thousands beyond doubt."""
    grouped = _GROUPED.fullmatch(text)
    return text if grouped is None else text.replace(grouped[1] or grouped[2] or grouped[3], "")


def _checked(values: Mapping[str, Any], now_ms: int) -> Price:
    """The price of these fields. Raises Rejected, with the number that is at fault."""
    try:
        return parse_price(values, "{}", TimeLimits(now_ms=now_ms, arrival_ms=now_ms))
    except Rejected as rejected:
        if rejected.field not in NUMBERS or rejected.field not in values:
            raise
        reason = f"{rejected.reason}: {quoted(values[rejected.field])}"
        raise Rejected(rejected.field, reason) from None


def _absence_hint(name: str) -> str:
    """What to do where a line has no such field."""
    if name in OPTION_FIELDS:
        return f": add --{name} for the lines that say none"
    return ": leave it out where there is none" if name in ("id", "volume") else ""


def _combined(faults: Sequence[Rejected]) -> Rejected:
    """All that is wrong with a line, so that it need be corrected only once."""
    first, *others = faults
    return Rejected(first.field, "; ".join([first.reason, *map(str, others)]))


def _id(text: str, mark: str, *, number: bool) -> str:
    if text.casefold() in NO_ID:
        raise Rejected("id", f"is empty ({text})")
    if _EXPONENT_ID.fullmatch(text) or (number and "e" in text.lower()):
        raise Rejected("id", in_exponents(text))
    if _FORMATTED_ID.fullmatch(text):
        raise Rejected(
            "id", f"{quoted(text)} is a number as a spreadsheet shows it; export its digits and nothing else"
        )
    if _MADE_ID.fullmatch(text):
        raise Rejected(
            "id",
            f"{quoted(text)} is made of the trade's time, side, amount and price, so that two that are alike "
            "in these would be one: leave such ids out, with --ignore",
        )
    if mark == "," and _POINTED_ID.fullmatch(text):
        raise Rejected("id", f"{quoted(text)} has a point, though the decimal sign is a comma")
    match = _FLOAT_ID[mark].fullmatch(text)
    if match is None:
        return text
    if int(match[1][:40]) > MAX_EXACT_FLOAT:
        raise Rejected(
            "id", f"{quoted(text)} went through a float and lost digits; export it as whole number"
        )
    return match[1]


def field_reader(names: Sequence[str], layout: Layout, options: FileOptions, *, objects: bool) -> FieldReader:
    """The reader for rows with these columns or, where the records are `objects`, with these members."""
    preset = layout.shape.preset if layout.shape is not None else None
    finders = {
        name: _member(name, column, names) if objects else itemgetter(names.index(column))
        for name, column in layout.fields.items()
    }
    return FieldReader(
        finders=finders,
        constants=layout.constants,
        decimal=options.decimal,
        exported=preset is not None and preset.exported,
        guarded=not objects,
        absolute=preset is not None and preset.absolute,
        now=options.now,
    )


def _member(field: str, path: str, members: Sequence[str]) -> Find:
    from cryptoctl.handlers.exact_jmespath import ExactExpression

    if path in members:
        return lambda record: record.get(path, ABSENT)
    try:
        expression = compile_expression(path)
    except ValueError as error:
        raise InputError(
            f"{quoted(path)} is neither a member of the records nor a JMESPath expression: {error}.",
            f"The members: {listing(members)}.",
        ) from None
    inexact = inexact_part(expression)
    if inexact is not None:
        raise InputError(
            f"{quoted(path)} uses {inexact}, which would lose digits of a number.",
            "A text that is a number is taken as one without it; else compute the values and send that file.",
        )
    mapping = FieldMapping(fields={field: ExactExpression(path)})
    return lambda record: mapping.values(record).get(field)
