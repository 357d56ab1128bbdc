"""Words that depend on a number, and the beginning of a sentence."""

from __future__ import annotations


def pluralize(count: int, one: str, many: str | None = None) -> str:
    """The number and what there is of it: `1 price`, `2 prices`; `many` where it takes more than an s."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def capitalised(text: str) -> str:
    """The text as a sentence begins; a first word that may be a name to copy, an ARN say, stays as it is."""
    first = text.partition(" ")[0].rstrip(",;:.").replace("'", "")
    return f"{text[0].upper()}{text[1:]}" if first.isalpha() else text
