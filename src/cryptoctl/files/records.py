"""What every format gives: records with the line they are on, and faults that are one line's alone."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from cryptoctl.wording import is_seen, shortened

MAX_QUOTE_LENGTH = 40  # characters
MAX_LISTED = 20

Cells: TypeAlias = Sequence[str | None]
Members: TypeAlias = Mapping[str, Any]


class Fault(str):
    """Why a line is no record."""

    __slots__ = ()


Record: TypeAlias = tuple[int, Cells | Members | Fault]


class Records(Protocol):
    """The records of one file, as often as they are asked for."""

    @property
    def columns(self) -> Sequence[str] | None:
        """The names of the cells; None where each record names its own members."""

    @property
    def counted_in(self) -> str:
        """What the numbers count: "line" or "record"."""

    @property
    def format(self) -> str:
        """For people: "CSV with ;", "JSON lines"."""

    def __iter__(self) -> Iterator[Record]: ...


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """What a person can say of files. Each None or empty is "not said"."""

    symbol: str | None = None
    exchange: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    ignore: Sequence[str] = ()
    preset: str | None = None
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    records: str | None = None
    time_unit: str | None = None
    time_zone: str | None = None
    now: bool = False

    def for_columns(self, names: Collection[str]) -> FileOptions:
        """The same, each text in `ignore` taken apart at its commas, but for those in a column's name."""
        return replace(self, ignore=[name for text in self.ignore for name in _names_in(text, names)])

    @property
    def constants(self) -> Mapping[str, str]:
        """The fields that every record has by an option, unless it says its own."""
        fields = {"symbol": self.symbol, "exchange": self.exchange}
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def one_pass(self) -> bool:
        """Whether a stream can be read as it comes: nothing has to be decided over the whole of it."""
        return self.now or self.time_unit is not None


def _names_in(text: str, names: Collection[str]) -> Iterator[str]:
    """The names in a list with commas: at each place the longest one that is known, or up to the comma."""
    parts = text.split(",")
    max_parts = 1 + max((name.count(",") for name in names), default=0)
    while parts:
        lengths = range(min(max_parts, len(parts)), 0, -1)
        prefixes = [(length, ",".join(parts[:length])) for length in lengths]
        spellings = (
            (length, spelling) for length, joined in prefixes for spelling in (joined, joined.strip())
        )
        length, name = next((pair for pair in spellings if pair[1] in names), (1, parts[0].strip()))
        yield name
        parts = parts[length:]


def quoted(text: object) -> str:
    """A short quotation of something in a file."""
    shown = str(text)
    return repr(shortened(shown, MAX_QUOTE_LENGTH))


def shell_word(text: str) -> str:
    """The text as one word of a shell's line; with bash's and zsh's $'…' where it has a line break, say."""
    if is_seen(text):
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, text))}'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    return character if is_seen(character) else f"\\U{ord(character):08x}"


def listing(names: Iterable[str]) -> str:
    """Some of the names of columns, each as far as it can be read."""
    readable = (name if name.isprintable() else repr(name)[1:-1] for name in names if name)
    shown = [shortened(name, MAX_QUOTE_LENGTH) for name in readable]
    more = f" and {len(shown) - MAX_LISTED} more" if len(shown) > MAX_LISTED else ""
    return f"{', '.join(shown[:MAX_LISTED])}{more}"
