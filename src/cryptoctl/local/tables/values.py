"""Attribute values: checked, brought into DynamoDB's normal form, measured, and put in order.

Limits from "Quotas in Amazon DynamoDB" and "Supported data types" in the DynamoDB developer guide.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any, Final

from cryptoctl.local.http import ServiceError

Value = dict[str, Any]
Item = dict[str, Value]

SETS: Final[frozenset[str]] = frozenset({"SS", "NS", "BS"})
ITEM_BYTES: Final[int] = 409_600
_DIGITS: Final[int] = 38
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
EXACT: Final = Context(prec=200, Emax=MAX_EMAX, Emin=MIN_EMIN)
_MAX_DEPTH: Final[int] = 32


def invalid(message: str) -> ServiceError:
    """DynamoDB's refusal of a request that cannot be right."""
    return ServiceError("ValidationException", message)


def key_is_updated(name: str) -> ServiceError:
    """DynamoDB's refusal of an update that names a key attribute."""
    return invalid(
        "One or more parameter values were invalid: "
        f"Cannot update attribute {name}. This attribute is part of the key"
    )


def number(text: Any) -> Decimal:
    """A number as DynamoDB keeps it. Raises ServiceError for what it cannot keep exactly."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    try:
        value = Decimal(text).normalize(EXACT)
    except ArithmeticError:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    if len(value.as_tuple().digits) > _DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    if value and value.adjusted() > 125:
        raise invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        )
    if value and value.adjusted() < -130:
        raise invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    return value


def number_text(value: Decimal) -> str:
    """A number as DynamoDB writes it: all digits, no exponent, nothing needless."""
    return format(value.normalize(EXACT), "f") if value else "0"


def normal(value: Any, depth: int = 0) -> Value:
    """An attribute value in normal form. Raises ServiceError for one DynamoDB refuses."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if depth > _MAX_DEPTH:
        raise invalid("Nesting Levels have exceeded supported limits")
    ((kind, content),) = value.items()
    if kind == "N":
        return {"N": number_text(number(content))}
    if kind in SETS:
        return {kind: _normal_set(kind, content)}
    if kind == "L":
        return {"L": [normal(element, depth + 1) for element in content]}
    if kind == "M":
        return {"M": {str(name): normal(member, depth + 1) for name, member in content.items()}}
    return {kind: _plain(kind, content)}


def _plain(kind: str, content: Any) -> Any:
    if kind == "S" and isinstance(content, str):
        return content
    if kind == "B" and isinstance(content, str):
        _bytes(content)
        return content
    if kind == "BOOL" and isinstance(content, bool):
        return content
    if kind == "NULL" and content is True:
        return True
    raise invalid(f"One or more parameter values were invalid: {kind} does not take {content!r}")


def _normal_set(kind: str, content: Any) -> list[str]:
    if not isinstance(content, list) or not content:
        raise invalid("One or more parameter values were invalid: An string set  may not be empty")
    members = (
        [number_text(number(member)) for member in content]
        if kind == "NS"
        else [str(member) for member in content]
    )
    if len(set(members)) != len(members):
        raise invalid("One or more parameter values were invalid: Input collection contains duplicates.")
    return members


def _bytes(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise ServiceError("SerializationException", "A binary value is not valid base64.") from None


def size(value: Value) -> int:
    """How many bytes DynamoDB counts for a value."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(number(content).as_tuple().digits) // 2 + 2
    if kind == "B":
        return len(_bytes(content))
    if kind in ("BOOL", "NULL"):
        return 1
    if kind in SETS:
        return sum(size({kind[0]: member}) for member in content)
    if kind == "L":
        return 3 + sum(1 + size(element) for element in content)
    return 3 + sum(1 + len(name.encode()) + size(member) for name, member in content.items())


def item_size(item: Item) -> int:
    """How many bytes DynamoDB counts for an item: names and values."""
    return sum(len(name.encode()) + size(value) for name, value in item.items())


def sortable(value: Value) -> bytes:
    """A key's value as bytes that stand in DynamoDB's order: text by its bytes, numbers by their size."""
    ((kind, content),) = value.items()
    if kind == "S":
        return str(content).encode()
    if kind == "B":
        return _bytes(content)
    return _sortable_number(number(content))


def _sortable_number(value: Decimal) -> bytes:
    """Sign, exponent, digits. For numbers below zero all of it is complemented, so that more is less."""
    if not value:
        return b"\x01"
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
    exponent = value.adjusted() + 1000
    if value > 0:
        return b"\x02" + exponent.to_bytes(2, "big") + digits.encode()
    complement = "".join(str(9 - int(digit)) for digit in digits)
    return b"\x00" + (9999 - exponent).to_bytes(2, "big") + complement.encode() + b"\xff"
