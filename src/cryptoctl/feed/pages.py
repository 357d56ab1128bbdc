"""Pages of an exchange's past: what they keep to, and which one is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class TapeRules:
    """What an exchange keeps to."""

    consecutive: bool = False
    """ids are whole numbers, each one more than the trade before"""
    from_id: bool = False
    """a page can be asked for from an id on; goes with `consecutive`"""
    reaches_back: bool = False
    """a page since some time begins at that time, however long ago it is"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetch:
    """The page to ask for: from an id on, since a time, or, with neither, the newest trades."""

    from_id: int | None = None
    since_ms: int | None = None
