"""Texts without secrets, however JSON, a form or an address spells them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlencode

from cryptoctl.core import json_text

MIN_REDACTED_LENGTH = 16  # a shorter text may stand in a price by chance
REDACTED = "(secret)"

_MAX_DEPTH = 3  # how many escapes are looked through, one in the other, such as JSON in a form in JSON
# Two halves of a surrogate pair, any other unit of UTF-16, or the character that stands for another.
_ESCAPE = re.compile(
    r"\\u([Dd][89ABab][0-9A-Fa-f]{2})\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\([\"\\/bfnrt])"
)
_CONTROLS = dict(zip("bfnrt", "\b\f\n\r\t", strict=True))


def redacted(text: str, secrets: Sequence[str]) -> str:
    """The text with REDACTED in place of each secret, and of all of it where one is spelled with escapes."""
    long_secrets = _long_enough(secrets)
    clean = text
    for secret in long_secrets:
        clean = clean.replace(secret, REDACTED)
    return REDACTED if _holds(clean, long_secrets) else clean


def holds(text: str, secrets: Sequence[str]) -> bool:
    """Whether a secret is in it, in whatever case and however spelled."""
    long_secrets = [secret.casefold() for secret in _long_enough(secrets)]
    return any(secret in reading.casefold() for reading in _readings(text) for secret in long_secrets)


def redacted_body(text: str, secrets: Sequence[str], *, form: bool = False) -> str:
    """A body's text without secrets: of JSON or a form, the names and values with one are changed.

    Such a text is written anew, with each number as it was; any other is as `redacted` makes it.
    """
    long_secrets = _long_enough(secrets)
    if not _holds(text, long_secrets):
        return text
    if form:
        return _redacted_form(text, long_secrets)
    try:
        document = json_text.Document(text)
    except json_text.JsonError:
        return redacted(text, long_secrets)
    if document.problems:  # a key that occurs twice: written anew, the text would be accepted
        return redacted(text, long_secrets)
    return redacted(json_text.dumps(_redacted_value(document.value, long_secrets)), long_secrets)


def _long_enough(secrets: Sequence[str]) -> list[str]:
    return [secret for secret in secrets if len(secret) >= MIN_REDACTED_LENGTH]


def _redacted_value(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {redacted(name, secrets): _redacted_value(member, secrets) for name, member in value.items()}
    if isinstance(value, list):
        return [_redacted_value(element, secrets) for element in value]
    if isinstance(value, str) and _holds(value, secrets):  # a number too, which is a text then
        return redacted(value, secrets)
    return value


def _redacted_form(text: str, secrets: Sequence[str]) -> str:
    members = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    clean = [(redacted(name, secrets), redacted(value, secrets)) for name, value in members]
    return redacted(urlencode(clean, safe="()", errors="surrogateescape"), secrets)


def _holds(text: str, secrets: Sequence[str]) -> bool:
    return any(secret in reading for reading in _readings(text) for secret in secrets)


def _readings(text: str) -> Iterator[str]:
    """The text, and what it may mean where it is JSON, a form or an address, or one in the other."""
    yield text
    seen = level = {text}
    for _ in range(_MAX_DEPTH):
        level = {nested for reading in level for nested in _read_once(reading)} - seen
        seen = seen | level
        yield from level


def _read_once(text: str) -> Iterator[str]:
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text)
    if "%" in text:
        yield unquote(text)
    if "+" in text:
        yield unquote_plus(text)


def _unescaped(match: re.Match[str]) -> str:
    high, low, unit, character = match.groups()
    if high:
        return bytes.fromhex(high + low).decode("utf-16-be")
    return chr(int(unit, 16)) if unit else _CONTROLS.get(character, character)
