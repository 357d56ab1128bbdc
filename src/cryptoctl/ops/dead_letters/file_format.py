"""Dead letters as the lines of a file, and back; and what SQS would not take of one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptoctl.errors import InputError
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.provisioners.queue import MAX_MESSAGE_BYTES
from cryptoctl.wording import shortened

LARGEST = 253_402_300_799_999  # the end of the year 9999, in milliseconds since 1970
MAX_ATTRIBUTES = 10
MAX_QUOTE_LENGTH = 60
MEMBERS = ("DataType", "StringValue", "BinaryValue")
# Any but the characters that SQS takes (SendMessage, MessageBody).
_NOT_TAKEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def line_of(message: Message) -> str:
    """A message as a line of ASCII; text keeps every character."""
    return json.dumps(
        {
            "queue": message.queue.value,
            "id": message.id,
            "sent_ms": message.sent_ms,
            "receives": message.receives,
            "attributes": message.attributes,
            "body": message.body,
        }
    )


def message_of(line: str) -> Message:
    """The message of a line. Raises ValueError, which says what is wrong with it."""
    try:
        document: Any = json.loads(line)
    except json.JSONDecodeError as error:  # the line is named by who reads it
        raise ValueError(f"not JSON: {error.msg} (character {error.pos + 1})") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    except RecursionError:
        raise ValueError("not JSON: nested too deeply") from None
    if not isinstance(document, dict) or not isinstance(document.get("body"), str):
        raise ValueError("not an object with a text `body`")
    if document.get("queue") not in list(QueueName):
        raise ValueError(f"`queue` must be one of {', '.join(QueueName)}")
    return Message(
        queue=QueueName(document["queue"]),
        id=_text(document, "id"),
        body=document["body"],
        attributes=_attributes(document.get("attributes", {})),
        sent_ms=_count(document, "sent_ms"),
        receives=_count(document, "receives"),
    )


@dataclass(frozen=True, kw_only=True)
class ImportLine:
    """A message of a file: the line that it stands in, from 1, and what no other message has as its key."""

    number: int
    key: str
    message: Message


def read(path: Path) -> Iterator[ImportLine]:
    """The messages of a file. Raises InputError where it has none, or naming the first line that is wrong."""
    number, messages, copies = 0, 0, Counter[str]()
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a regular file.", "Name a file written by export.")
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for line in file:
                number += 1
                if line.strip():
                    line.encode()
                    message = message_of(line)
                    key = _key(message)
                    if not message.id:  # two lines without an id are two messages, however alike
                        copies[key] += 1
                        key = f"{key}/{copies[key]}"
                    messages += 1
                    yield ImportLine(number=number, key=key, message=message)
        if not messages:
            raise InputError(
                f"{path} is empty. Nothing was sent.",
                "Is it the right file, and whole? Where no message matches, export writes an empty one.",
            )
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", "Name a file written by export."
        ) from error
    except UnicodeEncodeError:
        raise InputError(
            f"{path}, line {number}: not UTF-8 text. Nothing was sent.",
            "If the file is compressed, unpack it; if another program wrote it, save it as UTF-8.",
        ) from None
    except ValueError as error:
        raise InputError(
            f"{path}, line {max(number, 1)}: {error}. Nothing was sent.",
            "Correct the line: each has one message, as `cryptoctl dlq export` writes it.",
        ) from error


def _key(message: Message) -> str:
    """The same for the same message, in whichever file and however often it was received."""
    parts = [message.queue, message.id, message.sent_ms, message.body, message.attributes]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def refusal(message: Message) -> str:
    """Why SQS would not take the message; empty where it takes it, or where only SQS can tell."""
    try:
        _check(message.body, message.attributes)
    except ValueError as error:
        return str(error)
    return ""


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"`{name}` must be a text")
    return value


def _count(document: dict[str, Any], name: str) -> int:
    value = document.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise ValueError(f"`{name}` must be a whole number from 0 to {LARGEST}")
    return value


def _attributes(attributes: Any) -> dict[str, dict[str, str]]:
    if not isinstance(attributes, dict):
        raise ValueError("`attributes` must be an object")
    for name, value in attributes.items():
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise ValueError(f"attribute {_quoted(name)} must be an object of texts")
        if "DataType" not in value or len(value) != 2 or not value.keys() <= set(MEMBERS):
            raise ValueError(f"attribute {_quoted(name)} needs DataType and one of StringValue, BinaryValue")
        try:
            base64.b64decode(value.get("BinaryValue", ""), validate=True)
        except ValueError:
            raise ValueError(f"attribute {_quoted(name)} is not base64") from None
    return attributes


def _check(body: str, attributes: Mapping[str, Mapping[str, str]]) -> None:
    if not body:
        raise ValueError("`body` is empty, which SQS does not take")
    if len(attributes) > MAX_ATTRIBUTES:
        raise ValueError(f"SQS takes at most {MAX_ATTRIBUTES} attributes, not {len(attributes)}")
    size = _bytes("`body`", body)
    for name, value in attributes.items():
        size += _bytes("the name of an attribute", name)
        for text in value.values():
            if not text:
                raise ValueError(f"attribute {_quoted(name)} is empty, which SQS does not take")
            size += _bytes(f"attribute {_quoted(name)}", text)
        if "BinaryValue" in value:  # it is sent as its bytes
            size += len(base64.b64decode(value["BinaryValue"])) - len(value["BinaryValue"])
    if size > MAX_MESSAGE_BYTES:
        raise ValueError(f"{size} bytes with its attributes, and SQS takes at most {MAX_MESSAGE_BYTES}")


def _bytes(place: str, text: str) -> int:
    match = _NOT_TAKEN.search(text)
    if match is not None:
        raise ValueError(f"{place} has a character that SQS does not take: {match[0]!a}")
    return len(text.encode())


def _quoted(name: str) -> str:
    return ascii(shortened(name, MAX_QUOTE_LENGTH))
