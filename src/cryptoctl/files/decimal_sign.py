"""The decimal sign of a table's numbers: they tell it themselves, or the file is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from cryptoctl.errors import InputError
from cryptoctl.files.delimited import DelimitedTable
from cryptoctl.files.records import Fault, Record, quoted
from cryptoctl.files.values import NUMBERS, FieldReader, ungrouped

DOUBTFUL = "?"  # the sign of 65.000: whether it is a point or stands between thousands nobody can tell

_NUMBER = re.compile(r"[+-]?([0-9.,]+)([eE][+-]?[0-9]+)?", re.ASCII)
# Behind an apostrophe too: it stands between thousands, or where they have another mark, millions.
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:['’][0-9]{3})*([.,])[0-9]{3}(\1[0-9]{3})*", re.ASCII)


def sign_in(text: str) -> str:
    """The decimal sign that the text of a number proves, or DOUBTFUL; "" where it has no mark."""
    number = _NUMBER.fullmatch(ungrouped(text))
    marks = re.findall("[.,]", number[1]) if number is not None else []
    if number is None or not marks:
        return ""
    last, count = marks[-1], marks.count(marks[-1])
    if len({*marks}) > 1:
        return last if count == 1 else ""
    if not _THOUSANDS.fullmatch(text):
        return last if count == 1 else ""
    if count > 1:
        return "," if last == "." else "."
    return DOUBTFUL if last == "." else ""


def decimal_sign(table: DelimitedTable, first: Sequence[Record], fields: FieldReader) -> str | None:
    """The decimal sign of a table's prices and volumes; None where they have none.

    Raises Failure where they leave it open. Of a stream, the `first` records decide.
    """
    signs, name = _signs(first, fields), table.source.name
    commas = table.separator == ","  # there one inside of a number is quoted, and points are decimal signs
    if commas and "," not in signs and set(signs) != {DOUBTFUL}:
        return "."
    signs = signs if table.source.stream else _signs(table, fields)
    if "," in signs and "." in signs:
        (line, comma), (other_line, point) = signs[","], signs["."]
        raise InputError(
            f"The numbers of {name} have two decimal signs: {quoted(comma)} in line {line}, and "
            f"{quoted(point)} in line {other_line}.",
            "Correct the file; or say with --decimal which one is right: lines with the other are refused.",
        )
    if set(signs) == {DOUBTFUL} and not commas:
        line, text = signs[DOUBTFUL]
        raise InputError(
            f"The point of {quoted(text)} in line {line} of {name} may be the decimal sign, or stand between "
            "thousands: no number of the file tells.",
            "If it is the decimal sign, add --decimal . (else take the points out of the numbers).",
        )
    return next(iter(signs.keys() - {DOUBTFUL}), "." if commas else None)


def without_doubtful(records: Iterable[Record], fields: FieldReader) -> Iterator[Record]:
    """The records of a stream whose first ones tell no decimal sign.

    Until others tell that it is a point, a number such as 65.000 is its line's fault.
    """
    signs: set[str] = set()
    for number, record in records:
        record_signs = _signs([(number, record)], fields) if signs != {"."} else {}
        signs |= record_signs.keys() - {DOUBTFUL}
        if DOUBTFUL in record_signs and signs != {"."}:
            yield number, _doubtful(record_signs[DOUBTFUL][1])
        else:
            yield number, record


def _doubtful(text: str) -> Fault:
    return Fault(
        f"the point of {quoted(text)} may be the decimal sign, or stand between thousands: if it is the "
        "decimal sign, add --decimal . (else take it out)"
    )


def _signs(records: Iterable[Record], fields: FieldReader) -> dict[str, tuple[int, str]]:
    """The decimal signs that prices and volumes show, each with its first line and the number there."""
    signs: dict[str, tuple[int, str]] = {}
    finders = [find for name, find in fields.finders.items() if name in NUMBERS]
    for number, record in records:
        for text in () if isinstance(record, Fault) else (find(record) for find in finders):
            if not _has_known_sign(text, signs) and (sign := sign_in(text)):
                signs.setdefault(sign, (number, text))
    return signs


def _has_known_sign(text: str, signs: Collection[str]) -> bool:
    """Whether a number tells no other decimal sign than one that is found: most of a file tell the same."""
    if "," not in text:
        return "." not in text or ("." in signs and text.count(".") == 1)
    return "," in signs and "." not in text and text.count(",") == 1
