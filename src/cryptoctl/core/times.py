"""ISO 8601, no more of it than has one meaning: what Python reads otherwise is no time."""

import re
from datetime import datetime

# Date, T or a space, time of day, offset. Python itself takes any character for the T, so that an offset
# behind a date becomes a time of day, and the fraction of a minute or an hour for one of a second.
_ISO_8601 = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})"
    r"(?:[Tt ][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?|[0-9]{2}(?:[0-9]{2}(?:[.,][0-9]+)?)?)?"
    r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)?)?",
    re.ASCII,
)


def parse_iso_8601(text: str) -> datetime:
    """The time, to the microsecond, naive where it says no offset from UTC. Raises ValueError."""
    if not _ISO_8601.fullmatch(text):
        raise ValueError("not ISO 8601")
    return datetime.fromisoformat(text.upper())
