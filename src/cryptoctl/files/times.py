"""Times in files: epoch numbers in one unit, told by their digits, or ISO 8601."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cryptoctl.core.prices import Rejected
from cryptoctl.core.times import parse_iso_8601
from cryptoctl.errors import InputError
from cryptoctl.extras import install_command
from cryptoctl.files.records import quoted
from cryptoctl.wording import pluralize

ISO = "ISO 8601"
# From 2001 to 2286 the number of digits tells the unit.
UNIT_OF_DIGITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,]?[0-9]*)", re.ASCII)
_EXPONENT = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+", re.ASCII)
_TIME_OF_DAY = re.compile(
    r"[0-2]?[0-9]:[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?|[0-2][0-9]([0-5][0-9]){2}", re.ASCII
)
_COMPACT = re.compile(r"(?:19|20)[0-9]{6}(?:[0-9]{4}(?:[0-9]{2})?)?", re.ASCII)
_DAYS_SINCE_1900 = re.compile(r"[2-6][0-9]{4}(?:[.,][0-9]*)?", re.ASCII)
_YEAR_LAST = re.compile(r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{2,4}(?![0-9])", re.ASCII)
# Each has one meaning: as Ruby and Go write an offset, and as exchanges in Japan write a day.
_APART = re.compile(r"(?<=[0-9]) ([+-][0-9]{2}:?[0-9]{2})( UTC)?$", re.ASCII)
_SLASHES = re.compile(r"^([0-9]{4})/([0-9]{2})/([0-9]{2})(?![0-9])", re.ASCII)
_KDB_DATE = re.compile(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})D", re.ASCII)  # as kdb+ writes it, and so BitMEX


def kind_of(text: str) -> str | None:
    """The unit of an epoch number, or ISO; None of what is no time."""
    whole = text.partition(".")[0]
    if whole.isascii() and whole.isdigit():
        return UNIT_OF_DIGITS.get(len(whole)) if whole[0] != "0" else None
    return ISO if len(text) > 7 and text[:4].isdigit() and not _EXPONENT.fullmatch(text) else None


def is_time_of_day(text: str) -> bool:
    """Whether a text says a time, but not of which day."""
    return bool(_TIME_OF_DAY.fullmatch(text))


def zone(name: str | None) -> tzinfo | None:
    """The time zone by its name. Raises Failure where there is none."""
    if name is None:
        return None
    if name == "UTC":  # a machine without time zone data has it too
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "Such as --time-zone UTC, or Europe/Berlin."
        if not available_timezones():
            hint = f"This machine has no time zone data: `{install_command('tzdata')}` gives it some."
        raise InputError(f"{name!r} is not a time zone.", hint) from None


@dataclass(frozen=True, kw_only=True)
class TimeReader:
    """Reads the times of one file: all in `unit` (s, ms, us, ns or ISO)."""

    unit: str = ISO
    zone: tzinfo | None = None

    def milliseconds(self, text: str) -> int:
        """Milliseconds since 1970-01-01 UTC; what is finer is cut off. Raises Rejected."""
        kind = kind_of(text)
        if kind is None:
            raise Rejected("timestamp", _time_problem(text))
        if kind != self.unit:
            raise Rejected(
                "timestamp", f"{quoted(text)} is not in {name_of(self.unit)} as the file's times are"
            )
        if kind == ISO:
            return self._iso(text)
        whole, _, fraction = text.partition(".")
        if fraction and not (fraction.isascii() and fraction.isdigit()):
            raise Rejected("timestamp", _time_problem(text))
        if kind == "s":
            return int(whole) * 1000 + int(f"{fraction}000"[:3])
        return int(whole[:13])

    def _iso(self, text: str) -> int:
        iso = _APART.sub(r"\1", text)
        iso = iso[:-4] + "+00:00" if iso.endswith((" UTC", " GMT")) else iso
        iso = _SLASHES.sub(r"\1-\2-\3", iso)
        iso = _KDB_DATE.sub(r"\1T", iso)
        try:
            moment = parse_iso_8601(iso)
        except ValueError:
            raise Rejected("timestamp", f"{quoted(text)} is not ISO 8601 (2024-01-31T09:20:00Z)") from None
        if moment.tzinfo is None:
            moment = self._in_zone(moment, text)
        return (moment - _EPOCH) // timedelta(milliseconds=1)

    def _in_zone(self, moment: datetime, text: str) -> datetime:
        if self.zone is None:
            raise Rejected(
                "timestamp", f"{quoted(text)} says no offset from UTC: add --time-zone UTC, if it is in UTC"
            )
        early, late = (moment.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        if early.utcoffset() != late.utcoffset():
            raise Rejected("timestamp", f"{quoted(text)} exists twice or not at all in {self.zone}")
        return early


def name_of(unit: str) -> str:
    """For people."""
    return UNITS.get(unit, unit)


def in_exponents(text: str) -> str:
    """Why a number in scientific notation is no time and no id."""
    return (
        f"{quoted(text)} is in scientific notation, in which digits are lost; export the column in full "
        "(in a spreadsheet, format it as a number without decimals)"
    )


def _time_problem(text: str) -> str:
    if _EXPONENT.fullmatch(text):
        return in_exponents(text)
    if _COMPACT.fullmatch(text):
        return f"{quoted(text)} may be a day without its marks: write it as ISO 8601 (2024-01-31T09:20:00Z)"
    if _DAYS_SINCE_1900.fullmatch(text):
        return (
            f"{quoted(text)} may be a day as a spreadsheet counts them: export the column as dates, such as "
            "2024-01-31 09:20:00"
        )
    if _NUMBER.fullmatch(text):
        digits = len(re.split("[.,]", text.lstrip("+-"))[0])
        return (
            f"{quoted(text)} has {pluralize(digits, 'digit')}; a time since 1970 has 10 in seconds, 13 in "
            "milliseconds, 16 in microseconds, 19 in nanoseconds"
        )
    if _YEAR_LAST.match(text):
        return (
            f"{quoted(text)} has its year last, so that day and month may be mixed up: write it as ISO 8601 "
            "(2024-01-31T09:20:00Z)"
        )
    return f"{quoted(text)} is neither a number since 1970 nor ISO 8601 (2024-01-31T09:20:00Z)"
