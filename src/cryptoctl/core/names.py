"""The names of symbols and exchanges: what they may consist of, and the one form in which each is stored.

The form is Unicode's NFC, for a symbol in upper case. What could make two names look alike and be different,
or one name look like another, is refused: characters that are invisible, that change the direction or the
line, and those that Unicode's compatibility form (NFKC) writes with others, such as a full-width A.
"""

import re
import unicodedata

MAX_NAME_LENGTH = 64
MAX_MARKS = 4  # on one letter; Vietnamese has 2, pointed Hebrew 3
REFUSED_ASCII = '"<>\\`'

_PLAIN_SYMBOL = re.compile(r"[!#-;=?-\[\]-_a-z|~]+", re.ASCII)
_PLAIN_EXCHANGE = re.compile(r"[ !#-;=?-\[\]-_a-z|~]+", re.ASCII)
_VISIBLE = frozenset({"L", "M", "N", "P", "S"})
# Visible by their category, and yet nothing is seen of them (fillers, variation selectors), or no more than
# that something is missing (replacement characters).
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc\ufffd"
    "\U0001d159\U000e0100-\U000e01ef]"
)


class BadName(ValueError):
    """A text that is no name; the message says why and fits behind "symbol: "."""


def stored_symbol(text: str) -> str:
    """The symbol as it is stored. Raises BadName where it is none."""
    text = text.strip()
    if len(text) <= MAX_NAME_LENGTH and _PLAIN_SYMBOL.fullmatch(text):
        return text.upper()
    return _checked(folded_symbol(_checked(text, spaces=False, cased=True)), spaces=False, cased=False)


def stored_exchange(text: str) -> str:
    """The exchange as it is stored: as `stored_symbol`, with spaces, its case kept."""
    text = text.strip()
    if len(text) <= MAX_NAME_LENGTH and _PLAIN_EXCHANGE.fullmatch(text):
        return text
    return _checked(text, spaces=True, cased=False)


def folded_symbol(text: str) -> str:
    """What to look for when somebody types a symbol: the stored form, of any text."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).upper())


def _checked(text: str, *, spaces: bool, cased: bool) -> str:
    if not text:
        raise BadName("is empty")
    if len(text) > MAX_NAME_LENGTH:
        raise BadName(f"{len(text)} characters; at most {MAX_NAME_LENGTH} are taken")
    if "{{" in text:  # TradingView leaves a placeholder that it does not know as it stands
        raise BadName("has a placeholder that was not filled in: write it as the sender knows it")
    text = unicodedata.normalize("NFC", text)
    marks = MAX_MARKS  # before the first letter, and after a space, nothing can bear one
    for character in text:
        if spaces and character == " ":
            marks = MAX_MARKS
            continue
        _check(character, cased=cased)
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks > MAX_MARKS:
            raise BadName(f"has a combining mark where none can be: {_code(character)}")
    return text


def _check(character: str, *, cased: bool) -> None:
    if character in REFUSED_ASCII or character.isspace():
        raise BadName(f"has a character that is not allowed: {_code(character)}")
    if unicodedata.category(character)[0] not in _VISIBLE or INVISIBLE.match(character):
        raise BadName(f"has a character that cannot be seen or is not assigned: {_code(character)}")
    normalized = unicodedata.normalize("NFKC", character)
    if normalized != character:
        raise BadName(f"has {_code(character)}, which looks like another; write {_quoted(normalized)}")
    if cased and unicodedata.normalize("NFC", character.upper().lower()) != character.lower():
        # Its upper case is also that of another letter: ı and i, ß and ss.
        raise BadName(f"has {_code(character)}, whose capital is also another letter's; write the capital")


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


def _quoted(text: str) -> str:
    return repr(text) if text.isascii() and text.isprintable() else " ".join(map(_code, text))
