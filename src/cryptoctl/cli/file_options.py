"""The options of files of prices: which, how they are read, and what their columns are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

from cryptoctl.cli.options import option
from cryptoctl.core.names import BadName, stored_exchange, stored_symbol
from cryptoctl.errors import InputError
from cryptoctl.files.layout import parse_mapping
from cryptoctl.files.records import FileOptions, quoted


class TimeUnit(StrEnum):
    """What the times of a file count."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"
    ISO = "iso"


class DecimalSign(StrEnum):
    """What stands before the decimals."""

    POINT = "."
    COMMA = ","


@dataclass(frozen=True, kw_only=True)
class GivenFiles:
    """The options as given; no path means that no file is sent."""

    paths: tuple[Path, ...] = ()
    options: FileOptions = FileOptions()  # noqa: RUF009 - frozen, and empty
    dry_run: bool = False
    rate_per_s: float | None = None
    from_line: int = 1

    def refuse_without_file(self) -> None:
        """Raises Failure where an option is given that only a file can use."""
        plain = FileOptions(symbol=self.options.symbol, exchange=self.options.exchange)
        names = [
            field.name
            for field in fields(plain)
            if getattr(self.options, field.name) != getattr(plain, field.name)
        ]
        names += ["dry_run"] if self.dry_run else []
        names += ["rate"] if self.rate_per_s is not None else []
        names += ["from_line"] if self.from_line != 1 else []
        if names:
            name = {"mapping": "map"}.get(names[0], names[0]).replace("_", "-")
            raise InputError(
                f"--{name} goes with --file only.",
                "For example `cryptoctl send-price --file trades.csv --symbol ETH --exchange binance`.",
            )


def _stored_name(name: str, text: str | None, stored: Callable[[str], str], example: str) -> str | None:
    """The symbol or exchange of an option. Raises Failure for what is none, which no line of a file mends."""
    try:
        return None if text is None else stored(text)
    except BadName as bad:
        message = f"{name} {quoted(text)}: {bad}. Nothing was sent."
        raise InputError(message, f"Such as {name} {example}.") from None


_file = partial(option, panel="Files of prices")


def given_files(
    *,
    file: Annotated[
        list[Path] | None,
        _file(
            shown="CSV, JSON, JSON lines, Parquet or Feather, compressed or not; a directory, or - for "
            "standard input. May be repeated.",
        ),
    ] = None,
    file_symbol: Annotated[str | None, _file("--symbol", shown="Symbol of the lines that say none.")] = None,
    file_exchange: Annotated[
        str | None, _file("--exchange", shown="Exchange of the lines that say none.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        _file(
            "--map",
            metavar="FIELD=COLUMN,…",
            shown="Which column (in JSON, which member or JMESPath) is which field.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        _file(
            metavar="NAME,…",
            shown="Names of the columns of a file without a header; - for one that does not matter.",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None, _file(metavar="COLUMN,…", shown="Columns that do not matter.")
    ] = None,
    preset: Annotated[
        str | None, _file(shown="The kind of dump, such as kraken, where it is not recognised.")
    ] = None,
    now: Annotated[
        bool, _file("--now", shown="Prices have no time: store them as of the time of sending.")
    ] = False,
    time_unit: Annotated[TimeUnit | None, _file(shown="Unit of the times.", default="recognised")] = None,
    time_zone: Annotated[
        str | None,
        _file(metavar="ZONE", shown="Zone of times without an offset, such as UTC."),
    ] = None,
    decimal: Annotated[
        DecimalSign | None, _file(shown="Decimal sign of a CSV file.", default="recognised")
    ] = None,
    separator: Annotated[
        str | None, _file(shown="Separator of a CSV file's columns.", default="recognised")
    ] = None,
    encoding: Annotated[
        str | None, _file(shown="Encoding of the text.", default="UTF-8, or as its byte order mark says")
    ] = None,
    records: Annotated[
        str | None,
        _file(metavar="PATH", shown="Where the list is in a JSON object, such as data.list."),
    ] = None,
    dry_run: Annotated[bool, _file("--dry-run", shown="Show what would be sent, and send nothing.")] = False,
    rate: Annotated[float | None, _file(min=0.01, shown="Prices a second, at most.")] = None,
    from_line: Annotated[
        int, _file(min=1, shown="First line to send, to continue after an interruption.")
    ] = 1,
) -> GivenFiles:
    """The options of files."""
    return GivenFiles(
        paths=tuple(file or ()),
        options=FileOptions(
            symbol=_stored_name("--symbol", file_symbol, stored_symbol, "ETH"),
            exchange=_stored_name("--exchange", file_exchange, stored_exchange, "binance"),
            mapping=parse_mapping(map_ or ()),
            columns=() if columns is None else tuple(name.strip() for name in columns.split(",")),
            ignore=tuple(ignore or ()),
            preset=preset,
            separator=separator,
            decimal=None if decimal is None else decimal.value,
            encoding=encoding,
            records=records,
            time_unit=None if time_unit is None else time_unit.value,
            time_zone=time_zone,
            now=now,
        ),
        dry_run=dry_run,
        rate_per_s=rate,
        from_line=from_line,
    )
