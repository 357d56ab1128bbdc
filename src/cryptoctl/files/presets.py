"""The shapes that files can have (presets.toml): which column is which field, and how a shape is recognised.

A file with a header is of a shape when it has all columns of `fields` and no others but `optional` and those
that have a field's own name. One without a header is when its width and the kinds of its cells fit, and the
shape is `certain` by them: nobody is known to write the same kinds of cells in another order.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One shape; presets.toml says what each member means."""

    name: str
    title: str
    fields: Mapping[str, str]
    optional: Sequence[str] = ()
    exchange: str = ""
    order: Sequence[str] = ()
    kinds: str = ""
    check: str = ""
    preamble: str = ""
    certain: bool = True
    absolute: bool = False
    exported: bool = False


@cache
def presets() -> Sequence[Preset]:
    """All of them, in the order in which they are tried."""
    text = resources.files(__package__).joinpath("presets.toml").read_text(encoding="utf-8")
    return tuple(_preset(name, table) for name, table in tomllib.loads(text).items())


def _preset(name: str, table: Mapping[str, Any]) -> Preset:
    parts = {key: table[key].split(",") for key in ("optional", "order") if key in table}
    lists = {key: tuple(map(str.strip, names)) for key, names in parts.items()}
    return Preset(name=name, **{**table, **lists})
