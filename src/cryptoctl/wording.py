"""Words that depend on a number."""

from __future__ import annotations


def several(count: int, one: str, many: str | None = None) -> str:
    """The number and what there is of it: `1 price`, `2 prices`; `many` where it takes more than an s."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
