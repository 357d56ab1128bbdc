"""Decimal numbers as DynamoDB holds them: exact, finite, at most 38 significant digits; never a float.

A number comes in as its text (`JsonNumber`), as a string, or, where a runtime has parsed the JSON before
us, as an int or a float. A float is read by its shortest text, so 0.1 is 0.1.
"""

import decimal
import re
from decimal import Decimal

SIGNIFICANT_DIGITS = 38
MIN_EXPONENT = -130  # 1E-130 is the smallest magnitude but zero
MAX_EXPONENT = 125  # 9.99…E+125 is the largest

# The grammar of JSON, which also keeps out what Decimal would take: "1_000", "٣", "Infinity", " 1".
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_MAX_TEXT_LENGTH = 500
_MAX_INT_BITS = 1000

EXACT = decimal.Context(prec=1000, rounding=decimal.ROUND_HALF_EVEN, traps=[decimal.InvalidOperation])


class JsonNumber(str):
    """A JSON number, still its text."""

    __slots__ = ()


class NumberError(ValueError):
    """A value that is no number for us; the message says why and fits behind "price: "."""


def decimal_from(value: object) -> Decimal:
    """The value as a Decimal, unrounded, without trailing zeros.

    Raises NumberError for anything that is no finite JSON number, that has more than 38 significant
    digits, or that lies outside DynamoDB's range.
    """
    text = _text(value)
    if len(text) > _MAX_TEXT_LENGTH:
        raise NumberError(f"more than {_MAX_TEXT_LENGTH} characters")
    if not _NUMBER.fullmatch(text):
        raise NumberError("not a finite decimal number")
    try:
        number = Decimal(text)
    except decimal.InvalidOperation:  # an exponent beyond what even Decimal holds
        raise NumberError(_OUT_OF_RANGE) from None
    if len(text) <= SIGNIFICANT_DIGITS + ("." in text) and "e" not in text and "E" not in text:  # in range
        if text[-1] != "0":  # nothing to normalize
            return number
        return EXACT.normalize(number) if number else Decimal(0)
    return _within_range(number)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise NumberError("must be a number")
    if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS:
        raise NumberError(_OUT_OF_RANGE)
    if isinstance(value, float):
        return repr(value)
    return str(value)


_OUT_OF_RANGE = "outside the range of 1E-130 to 9.99E+125"


def _within_range(number: Decimal) -> Decimal:
    if number.is_zero():
        return Decimal(0)
    if not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise NumberError(_OUT_OF_RANGE)
    number = EXACT.normalize(number)
    if len(number.as_tuple().digits) > SIGNIFICANT_DIGITS:
        raise NumberError(f"more than {SIGNIFICANT_DIGITS} significant digits")
    return number


def plain(number: Decimal) -> str:
    """The number's digits without an exponent and without trailing zeros: 1E-18 is 0.000000000000000001."""
    text = format(number, "f") if number else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text
