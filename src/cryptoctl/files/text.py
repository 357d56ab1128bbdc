"""Bytes → lines of text, in an encoding that is certain."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from functools import partial

from cryptoctl.errors import InputError
from cryptoctl.files.compression import translate_errors
from cryptoctl.files.sources import Source

MAX_LINE_LENGTH = 1_000_000  # characters; what is longer has no line ends that we know

_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(head: bytes, name: str, option: str | None) -> str:
    """The encoding that a byte order mark tells, or that is given; else UTF-8. Raises Failure."""
    marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
    if option is not None:
        try:
            family = codecs.lookup(option).name.removesuffix("-le").removesuffix("-be")
            "".encode(option)
        except (LookupError, ValueError):
            raise InputError(
                f"{option!r} is not an encoding.", "Such as --encoding windows-1252, or utf-16-le."
            ) from None
        # Of the same family: the mark, which is no part of the text, is certain.
        return marked if marked is not None and marked.removesuffix("-sig") == family else option
    wide = None if marked is not None else _wide_encoding(head[:200])
    if wide is not None:
        raise InputError(
            f"{name} looks like {wide.upper()} without a byte order mark.",
            f"Save it as UTF-8, or add --encoding {wide}.",
        )
    return marked or "utf-8"


def _wide_encoding(head: bytes) -> str | None:
    """That of several bytes a character in which the beginning is a text, most of it ASCII."""
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        text = head.decode(encoding, "replace")
        if sum("\0" < character <= "~" for character in text) * 3 > len(text) * 2:
            return encoding
    return None


def head_text(head: bytes, encoding: str, name: str) -> str:
    """The beginning as text, as far as it can be decoded; line ends as \\n. Raises Failure."""
    try:
        text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    except UnicodeError as error:
        raise _undecodable(name, 0, error, encoding) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines(source: Source, encoding: str) -> Iterator[tuple[int, str]]:
    """The lines without their ends, numbered from 1. Raises Failure where the text is not in `encoding`."""
    number = 0
    with translate_errors(source.name):
        text = io.TextIOWrapper(source.open(), encoding=encoding, errors="strict", newline=None)
        try:
            for line in iter(partial(text.readline, MAX_LINE_LENGTH + 1), ""):
                number += 1
                if len(line) > MAX_LINE_LENGTH:
                    raise InputError(
                        f"Line {number} of {source.name} is longer than {MAX_LINE_LENGTH} characters.",
                        "A text file of prices has a line for each price, or is JSON.",
                    )
                yield number, line.removesuffix("\n")
        except UnicodeError as error:
            raise _undecodable(source.name, number, error, encoding) from error
        finally:
            text.close()


def chunks(source: Source, encoding: str) -> Iterator[str]:
    """The text in pieces, each as soon as it comes."""
    lines_before = 0
    with translate_errors(source.name), source.open() as stream:
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder(encoding)("strict"), translate=True
        )
        try:
            ended = False
            while not ended:
                block = stream.read1(1 << 16)
                ended = not block
                chunk = decoder.decode(block, final=ended)
                lines_before += chunk.count("\n")
                if chunk:
                    yield chunk
        except UnicodeError as error:
            raise _undecodable(source.name, lines_before, error, encoding) from error


def _undecodable(name: str, lines_before: int, error: UnicodeError, encoding: str) -> InputError:
    if not isinstance(error, UnicodeDecodeError):  # no mark where there has to be one, say
        hint = "Save it as UTF-8 and leave --encoding out; without a byte order mark, UTF-16 is utf-16-le."
        return InputError(f"{name} is not {encoding} text: {error}.", hint)
    line = lines_before + 1 + error.object[: error.start].count(b"\n")
    label = "UTF-8" if error.encoding.startswith("utf-8") else error.encoding
    hint = "Save it as UTF-8, or name its encoding: --encoding windows-1252 (gbk, where it is Chinese), say."
    return InputError(
        f"{name} is not {label} text: about line {line}, byte 0x{error.object[error.start]:02x}.",
        hint if label == "UTF-8" else "Save it as UTF-8 and leave --encoding out.",
    )
