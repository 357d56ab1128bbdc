"""What CloudWatch Logs refuses of a PutLogEvents: all of it, or the events that are too old or too new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptoctl.local.http import ServiceError

Line = tuple[int, str]
"""An event: when, in milliseconds since 1970, and its message."""

MAX_EVENTS: Final[int] = 10_000
MAX_BYTES: Final[int] = 1_048_576
EVENT_BYTES: Final[int] = 26
"""What counts for each event besides its message."""
HOUR_MS: Final[int] = 3_600_000
SPAN_MS: Final[int] = 24 * HOUR_MS
TOO_OLD_MS: Final[int] = 14 * 24 * HOUR_MS
TOO_NEW_MS: Final[int] = 2 * HOUR_MS


def check_put(lines: Sequence[Line]) -> None:
    """Raises ServiceError for events that are not taken together, whatever the time is."""
    if not 1 <= len(lines) <= MAX_EVENTS:
        raise _invalid(f"A put has 1 to {MAX_EVENTS} events.")
    size = sum(EVENT_BYTES + len(message.encode()) for _, message in lines)
    if size > MAX_BYTES:
        raise _invalid(f"Upload too large: {size} bytes exceeds limit of {MAX_BYTES}")
    times = [timestamp for timestamp, _ in lines]
    if times != sorted(times):
        raise _invalid("Log events in a single PutLogEvents request must be in order.")
    if times[-1] - times[0] > SPAN_MS:
        raise _invalid("Log events in a single PutLogEvents request cannot span more than 24 hours.")


def split_rejected(lines: Sequence[Line], now_ms: int) -> tuple[Sequence[Line], dict[str, int]]:
    """The events, in order, that are taken, and where those end and begin that are not, by AWS's names."""
    old = sum(timestamp < now_ms - TOO_OLD_MS for timestamp, _ in lines)
    new = sum(timestamp > now_ms + TOO_NEW_MS for timestamp, _ in lines)
    end = len(lines) - new
    rejected = {"tooOldLogEventEndIndex": old} if old else {}
    return lines[old:end], {**rejected, **({"tooNewLogEventStartIndex": end} if new else {})}


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)
