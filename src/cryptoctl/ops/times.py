"""Times as people write them on a command line, and as JSON documents do."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from cryptoctl.core.times import parse_iso_8601
from cryptoctl.errors import InputError
from cryptoctl.wording import number_text, shortened

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_UNITS = "milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w"
_PART = re.compile(rf"(\d{{1,12}})\s*({_UNITS})(?![a-z])\s*", re.ASCII | re.IGNORECASE)
_SPAN = re.compile(rf"(?:{_PART.pattern})+(?:ago)?", re.ASCII | re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_EPOCH = re.compile(r"\d{1,15}", re.ASCII)
_YEAR_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_10000_MS = 253_402_300_800_000
MAX_SHOWN_LENGTH = 40
MAX_SPAN_YEARS = 100
_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond: how every JSON document writes a time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_of_ms(milliseconds: int) -> str:
    """The same for milliseconds since 1970; of a time before the year 1 or after 9999, their number."""
    utc = _utc(milliseconds)
    return str(milliseconds) if utc is None else iso(utc)


def iso_of_text(text: str) -> str:
    """The same for a time that is stored as ISO 8601 with an offset; any other text as it is."""
    try:
        moment = parse_iso_8601(text)
        return iso(moment) if moment.tzinfo else text
    except (ValueError, OverflowError):  # in UTC it would be before the year 1 or after 9999
        return text


def time_text(
    milliseconds: int, precision: Literal["milliseconds", "seconds", "minutes"] = "milliseconds"
) -> str:
    """A time in UTC as it is shown to a person; of one before the year 1 or after 9999, its number."""
    utc = _utc(milliseconds)
    return (
        f"{number_text(Decimal(milliseconds))} ms"
        if utc is None
        else utc.isoformat(" ", precision).removesuffix("+00:00")
    )


def _utc(milliseconds: int) -> datetime | None:
    try:
        return _YEAR_1970 + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def parse_time_ms(text: str, now: int | None = None) -> int:
    """Milliseconds since 1970 of "1h30m" (ago), "14:30" (UTC, the last one), of epoch seconds or
    milliseconds, or of ISO 8601. Raises Failure (USAGE), also for a time before 1970."""
    now = now_ms() if now is None else now
    if _SPAN.fullmatch(text.strip()):
        return max(0, now - _length_ms(text))
    if time_of_day := _TIME_OF_DAY.fullmatch(text.strip()):
        hours, minutes, seconds = (int(part or 0) for part in time_of_day.groups())
        moment = now - now % DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000
        return moment if moment <= now else moment - DAY_MS
    try:
        milliseconds = _epoch_ms(text.strip())
    except (ValueError, OverflowError):
        raise InputError(
            f"{_shown(text)} is not a valid time.",
            "Write 90s, 10m, 1h30m or 3d for so long ago, 14:30 (UTC), epoch seconds or milliseconds, "
            "or ISO 8601.",
        ) from None
    if milliseconds < 0:  # AWS counts from 1970 and refuses what is before it
        raise InputError(
            f"{_shown(text)} is before 1970: nothing is stored or logged from then.",
            "1970-01-01 is the earliest time.",
        )
    return milliseconds


def duration_text(milliseconds: int) -> str:
    """A short span of time: 12 ms, 1.25 s, 3 min 5 s, 2 h 4 min."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.3g} s"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {seconds} s"
    days = number_text(Decimal(hours // 24))
    return f"{hours} h {minutes} min" if hours < 48 else f"{days} d {hours % 24} h"


def parse_duration(text: str) -> timedelta:
    """The length of time "24h". Raises Failure (USAGE), also for one of more than 100 years."""
    hint = "Write 90s, 10m, 24h or 3d."
    if not _SPAN.fullmatch(text.strip()):
        raise InputError(f"{_shown(text)} is not a length of time.", hint)
    length_ms = _length_ms(text)
    if length_ms > MAX_SPAN_YEARS * 365 * DAY_MS:
        raise InputError(f"{_shown(text)} is longer than {MAX_SPAN_YEARS} years.", hint)
    return timedelta(milliseconds=length_ms)


def _shown(text: str) -> str:
    return repr(shortened(text, MAX_SHOWN_LENGTH))


def _length_ms(text: str) -> int:
    return sum(int(number) * _MS[_unit(name)] for number, name in _PART.findall(text))


def _unit(name: str) -> str:
    name = name.lower()
    return "ms" if name.startswith(("ms", "milli")) else name[0]


def _epoch_ms(text: str) -> int:
    if _EPOCH.fullmatch(text):
        number = int(text)
        milliseconds = number * 1000 if number < 10**11 else number
    else:
        moment = parse_iso_8601(text)
        milliseconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    if milliseconds >= _YEAR_10000_MS:
        raise ValueError(text)
    return milliseconds
