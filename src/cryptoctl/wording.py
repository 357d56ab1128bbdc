"""Text for a person: numbers, words that depend on one, long texts, sentences, and what no eye sees."""

from __future__ import annotations

from decimal import Decimal

from cryptoctl.core.names import INVISIBLE
from cryptoctl.core.numbers import EXACT, plain

MAX_NUMBER_LENGTH = 24  # characters; what is longer would take the room of other columns
MIN_POWER, MAX_POWER = -10, 20  # of ten; nothing is traded at prices beyond them


def number_text(number: Decimal) -> str:
    """The number with all its digits; where only its size makes it long, with an exponent: `9.99E+125`."""
    text = plain(number)
    if len(text) <= MAX_NUMBER_LENGTH or MIN_POWER < number.adjusted() < MAX_POWER:
        return text
    digits, _, power = f"{EXACT.normalize(number):E}".partition("E")
    room = MAX_NUMBER_LENGTH - len(f"E{power}")
    return f"{digits if len(digits) <= room else f'{digits[: room - 1]}…'}E{power}"


def pluralize(count: int, singular: str, plural: str | None = None) -> str:
    """The number and what there is of it: `1 price`, `2 prices`; `plural` where it takes more than an s."""
    return f"{count} {singular if count == 1 else plural or f'{singular}s'}"


def shortened(text: str, max_length: int) -> str:
    """The text, or its first `max_length` characters and an ellipsis."""
    return text if len(text) <= max_length else f"{text[:max_length]}…"


def capitalised(text: str) -> str:
    """The text as a sentence begins; a first word that may be a name to copy, an ARN say, stays as it is."""
    first = text.partition(" ")[0].rstrip(",;:.").replace("'", "")
    return f"{text[0].upper()}{text[1:]}" if first.isalpha() else text


def is_seen(text: str) -> bool:
    """Whether an eye sees each of its characters, and as what it is: none is a control or invisible one."""
    return text.isprintable() and (text.isascii() or not INVISIBLE.search(text))
