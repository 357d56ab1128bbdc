"""Recognising the shape of a file: by its header, or by the kinds of its cells where those leave no doubt."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

from cryptoctl.errors import InputError
from cryptoctl.files.outgoing import FIELDS
from cryptoctl.files.presets import Preset, presets
from cryptoctl.files.records import listing
from cryptoctl.files.times import UNITS, kind_of

_WHOLE = re.compile(r"[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)

_KINDS: Mapping[str, Callable[[str], bool]] = {
    "i": lambda text: bool(_WHOLE.fullmatch(text)),
    "t": lambda text: kind_of(text) in UNITS,
    "d": lambda text: bool(_DECIMAL.fullmatch(text)),
    "n": lambda text: bool(_DECIMAL.fullmatch(text.removeprefix("-"))),
    "b": lambda text: text.lower() in ("true", "false"),
    "s": lambda text: text.lower() in ("buy", "sell", "b", "s"),
    "m": lambda text: text.lower() in ("m", "l", "market", "limit"),
    "-": lambda text: text.lower() in ("market", "limit", "none", ""),
    "*": lambda _: True,
}


@dataclass(frozen=True, kw_only=True)
class PresetMatch:
    """A recognised shape: the preset, and which column of this file is which field."""

    preset: Preset
    fields: Mapping[str, str]


def preset_named(name: str) -> Preset:
    """The preset. Raises Failure where there is none of this name."""
    preset = next((preset for preset in presets() if preset.name == name), None)
    if preset is None:
        names = ", ".join(preset.name for preset in presets())
        raise InputError(f"There is no preset {name!r}.", f"There are: {names}.")
    return preset


def match_header(names: Sequence[str], symbols: Collection[str]) -> PresetMatch | None:
    """The shape whose columns these are, in whatever case; None where there is none.

    `symbols` are some of the file's, so that of two volumes the one of what is traded is found.
    """
    for preset in presets():
        plain = all(field == column for field, column in preset.fields.items())
        if not plain or preset.exported:
            match = _match_exactly(preset, [name for name in names if name], symbols)
            if match is not None:
                return match
    return None


def match_preset(preset: Preset, names: Sequence[str], symbols: Collection[str]) -> PresetMatch | None:
    """The columns of a preset that a person has named, among whatever others; None where some are missing."""
    fields: dict[str, str] = {}
    for field, pattern in preset.fields.items():
        column = _column(pattern, names, symbols)
        if column is None:
            return None
        fields[field] = column
    for field in ("symbol", "exchange"):
        if field not in fields and (own := _column(field, names)) is not None:
            fields[field] = own
    return PresetMatch(preset=preset, fields=fields)


def _match_exactly(preset: Preset, names: Sequence[str], symbols: Collection[str]) -> PresetMatch | None:
    """The shape, where the names are those of the preset, its others and those of fields alone."""
    shape = match_preset(preset, names, symbols)
    if shape is None or (preset.exported and "sort_key" not in names):
        return None
    used = set(shape.fields.values())
    unused = [name for name in names if name not in used]
    known = all(
        name.lower() in FIELDS or any(_matches_pattern(pattern, name, names) for pattern in preset.optional)
        for name in unused
    )
    return shape if known else None


def mismatch_reason(preset: Preset, names: Sequence[str], symbols: Collection[str]) -> str:
    """Why `match_preset` finds not all columns, as it follows the file's name in a sentence."""
    for pattern in preset.fields.values():
        matches = [name for name in names if "*" in pattern and _matches_pattern(pattern, name, names)]
        if matches and _column(pattern, names, symbols) is None:
            return (
                f"has {listing(matches)}, and its symbols ({listing(sorted(symbols)) or 'none'}) do not tell "
                f"which is the {pattern} of {preset.title}"
            )
    return f"has not the columns of {preset.title}: {', '.join(preset.fields.values())}"


def _column(pattern: str, names: Sequence[str], symbols: Collection[str] = ()) -> str | None:
    """The column of this name: exactly, or the only one in another case; of a pattern, the symbols'."""
    if pattern in names:
        return pattern
    matches = [name for name in names if _matches_pattern(pattern, name, names)]
    if "*" in pattern:
        matches = _base_columns(pattern.index("*"), matches, symbols)
    return matches[0] if len(matches) == 1 else None


def _base_columns(start: int, columns: Sequence[str], symbols: Collection[str]) -> list[str]:
    """Those that name, from there on, what all symbols begin with; else all but what the one ends with.

    Of XBT/USD, `Volume BTC` is left beside `Volume USD`.
    """
    folded = {symbol.lower() for symbol in symbols}
    suffixes = {column: column[start:].lower() for column in columns}
    base = [column for column in columns if all(symbol.startswith(suffixes[column]) for symbol in folded)]
    quote = [column for column in columns if all(symbol.endswith(suffixes[column]) for symbol in folded)]
    if folded and base:
        return base
    return [column for column in columns if column not in quote] if quote and len(folded) == 1 else []


def _matches_pattern(pattern: str, name: str, names: Sequence[str]) -> bool:
    if len(pattern) == 1 or pattern == name:  # one letter is another in another case
        return pattern == name
    return fnmatchcase(name.lower(), pattern.lower()) and (pattern not in names or "*" in pattern)


def match_cells(rows: Sequence[Sequence[str]]) -> PresetMatch | None:
    """The shape of rows without names, where only one arrangement of their fields fits; else None."""
    fitting = [preset for preset in presets() if preset.kinds and preset.certain and fits(preset, rows)]
    readings = {tuple(sorted(field_indexes(preset).items())) for preset in fitting}
    return PresetMatch(preset=fitting[0], fields=fitting[0].fields) if len(readings) == 1 else None


def field_indexes(preset: Preset) -> Mapping[str, int]:
    """Which column of a dump without a header is which field."""
    return {field: preset.order.index(column) for field, column in preset.fields.items()}


def likely_presets(rows: Sequence[Sequence[str]]) -> list[Preset]:
    """The presets that rows without names may be of, certain or not."""
    return [preset for preset in presets() if preset.kinds and fits(preset, rows, certain=False)]


def fits(preset: Preset, rows: Sequence[Sequence[str]], *, certain: bool = True) -> bool:
    """Whether all the rows have the kinds of cells that the preset's dump has, and pass its check."""
    if not rows or any(len(row) != len(preset.kinds) for row in rows):
        return False
    for column, kind in enumerate(preset.kinds):
        if not all(_KINDS[kind](row[column]) for row in rows):
            return False
        if certain and kind == "n" and not any(row[column].startswith("-") for row in rows):
            return False
    return all(_passes_check(preset, row) for row in rows)


def contradicting_row(preset: Preset, rows: Sequence[Sequence[str]]) -> Sequence[str] | None:
    """A row whose numbers the preset's check forbids, where most do; None where most may be of its dump."""
    numeric = [row for row in rows if all(_DECIMAL.fullmatch(row[place]) for place in _numbers(preset))]
    contradictions = [row for row in numeric if not _passes_check(preset, row)]
    return contradictions[0] if len(contradictions) * 2 > len(numeric) else None


def _numbers(preset: Preset) -> Sequence[int]:
    return [place for place, kind in enumerate(preset.kinds) if kind == "d"]


def _passes_check(preset: Preset, row: Sequence[str]) -> bool:
    """Whether the numbers of a row fulfil what the preset's `check` demands."""
    cells = dict(zip(preset.order, row, strict=True))
    if preset.check == "candle":
        prices = [Decimal(cells[name]) for name in ("open", "close", "vwap") if name in cells]
        if "vwap" in cells and prices[-1] == Decimal(cells["volume"]) == 0:
            prices.pop()  # nothing was traded, so there is no average
        return all(Decimal(cells["low"]) <= price <= Decimal(cells["high"]) for price in prices)
    if preset.check == "product":
        cost = Decimal(cells["cost"] if "cost" in cells else cells["quote_qty"])
        product = Decimal(cells[preset.fields["price"]]) * Decimal(cells[preset.fields["volume"]])
        # Binance's futures have a cost that is cut off at cents.
        last_place = min(Decimal(1).scaleb(int(cost.as_tuple().exponent)), Decimal("0.01"))
        return abs(product - cost) <= max(abs(cost) / 10**5, last_place)
    return True
