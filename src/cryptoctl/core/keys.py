"""The table's range key: the millisecond, and below it a fraction that keeps prices apart.

The fraction has 24 digits, which with a millisecond of up to 14 makes DynamoDB's 38:

    00 nnnnnnnnnnnnnnnnnnnnnn   no id: place n in its millisecond, the first is 0, so the key is whole
    LL id… hash…                an id of LL (1 to 20) digits, then the hash of exchange and id
    99 hash…                    any other id

so within a millisecond prices without an id come first, then those with numeric ids in numeric order. An id
of 20 digits leaves room for 100 hashes: where those that it may take are held by other prices, it has a key
of the last kind, of which there are always enough.
"""

import hashlib
from decimal import Decimal

FRACTION_DIGITS = 24
MAX_NUMERIC_ID_LENGTH = 20
ATTEMPTS_IN_ORDER = 10  # keys that a numeric id may take among the others of its number
MAX_MILLISECOND = 10**14 - 1


def key_of_id(timestamp_ms: int, exchange: str, id: str, attempt: int = 0) -> str:  # noqa: A002 - it is an id
    """The key of a price that has an id: a function of millisecond, id and exchange alone.

    `attempt` counts the keys that other prices hold already: two ids may share a hash.
    """
    digits = (id.lstrip("0") or "0") if id.isascii() and id.isdigit() else ""
    in_order = 0 < len(digits) <= MAX_NUMERIC_ID_LENGTH and attempt < ATTEMPTS_IN_ORDER
    head = f"{len(digits):02}{digits}" if in_order else "99"
    width = FRACTION_DIGITS - len(head)
    digest = hashlib.sha256(f"{exchange}\n{id}\n{attempt}".encode()).digest()
    return _key(timestamp_ms, f"{head}{int.from_bytes(digest) % 10**width:0{width}}")


def key_of_place(timestamp_ms: int, place: int) -> str:
    """The key of a price without an id: its place among those of its millisecond, from 0."""
    return _key(timestamp_ms, f"{place:0{FRACTION_DIGITS}}")


def last_key_of_place(timestamp_ms: int) -> str:
    """The largest key that a price without an id can have in its millisecond."""
    return _key(timestamp_ms, "00" + "9" * (FRACTION_DIGITS - 2))


def place_of_key(key: Decimal) -> int:
    """The place that `key_of_place` wrote into the key."""
    return int((key - int(key)).scaleb(FRACTION_DIGITS))


def millisecond_of_key(key: Decimal) -> int:
    """The whole milliseconds since 1970-01-01 UTC in a key."""
    return int(key)


def _key(timestamp_ms: int, fraction: str) -> str:
    return f"{timestamp_ms}.{fraction}".rstrip("0").rstrip(".") if int(fraction) else str(timestamp_ms)
