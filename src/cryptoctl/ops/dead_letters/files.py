"""Dead letters as a file: one JSON object a line, bodies and attributes exactly, and back into the queues.

What SQS assigns anew stands in the file (id, sent_ms, receives) and is not pretended on import.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.messages import Letter, Message, QueueName, decode
from cryptoctl.ops.dead_letters.receiving import Boxes
from cryptoctl.ops.dead_letters.selection import Filter
from cryptoctl.ops.times import now_ms

AT_ONCE = 10


def line_of(message: Message) -> str:
    """A message as a line; text keeps every character, control characters as JSON escapes."""
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
        found: Any = json.loads(line)
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("body"), str):
        raise ValueError("no object with a text `body`")
    if found.get("queue") not in list(QueueName):
        raise ValueError(f"`queue` must be one of {', '.join(QueueName)}")
    return Message(
        queue=QueueName(found["queue"]),
        id=str(found.get("id", "")),
        body=found["body"],
        attributes=_attributes(found.get("attributes", {})),
        sent_ms=int(found.get("sent_ms", 0)),
        receives=int(found.get("receives", 0)),
    )


def _attributes(found: Any) -> dict[str, dict[str, str]]:
    if not isinstance(found, dict):
        raise ValueError("`attributes` must be an object")
    for name, value in found.items():
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise ValueError(f"attribute {name!r} must hold texts")
        if "DataType" not in value or len(value.keys() & {"StringValue", "BinaryValue"}) != 1:
            raise ValueError(f"attribute {name!r} needs DataType and one of StringValue, BinaryValue")
        try:
            base64.b64decode(value.get("BinaryValue", ""), validate=True)
        except binascii.Error:
            raise ValueError(f"attribute {name!r} is no base64") from None
    return found


def write(path: Path, letters: Iterable[Letter], told: Callable[[Letter], None] = lambda _: None) -> int:
    """Writes the file whole or not at all, and on the disk for sure; gives how many. Never over another."""
    if path.exists():
        raise Failure(Problem.REFUSED, f"{path} exists. Nothing was written.", "Name another file.")
    fresh = path.with_name(f"{path.name}.{os.getpid()}.part")
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _private(fresh) as file:
            for letter in letters:
                file.write(line_of(letter.message) + "\n")
                told(letter)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except OSError as error:
        raise Failure(Problem.FAILED, f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            fresh.unlink()
    return count


def _private(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")


def read(path: Path) -> Iterator[tuple[int, Message]]:
    """Each line's number, from 1, and message. Raises Failure, which names the line, before it is used."""
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                number += 1
                if line.strip():
                    yield number, message_of(line)
    except OSError as error:
        raise Failure(Problem.USAGE, f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Failure(Problem.USAGE, f"{path}, line {max(number, 1)}: {error}.") from error


def put_back(boxes: Boxes, path: Path, chosen: Filter, queues: Iterable[QueueName], journal: Journal) -> int:
    """Sends the file's messages as new ones; gives how many. An import that was killed goes on where it was.

    Every line is checked before the first is sent. Raises Failure where SQS does not take a message.
    """
    wanted = set(queues)
    name = f"import {_digest(path)}"
    for _ in read(path):
        continue
    already = int(journal.noted(name) or 0)
    sent, batch = 0, list[tuple[int, Message]]()
    for number, message in read(path):
        meant = message.queue in wanted and chosen.matches(decode(message), now_ms())
        if number <= already or not meant:
            continue
        if batch and (len(batch) == AT_ONCE or batch[-1][1].queue is not message.queue):
            sent += _send(boxes, batch, path)
            journal.note(name, str(batch[-1][0]))
            batch = []
        batch.append((number, message))
    if batch:
        sent += _send(boxes, batch, path)
    journal.note(name, "0")
    return sent


def _send(boxes: Boxes, batch: list[tuple[int, Message]], path: Path) -> int:
    taken = boxes[batch[0][1].queue].send([(message.body, message.attributes) for _, message in batch])
    refused = [number for (number, _), done in zip(batch, taken, strict=True) if not done]
    if refused:
        raise Failure(
            Problem.FAILED,
            f"SQS did not take line {refused[0]} of {path}.",
            "What was sent before it is in the queue; mend or remove the line and import the rest.",
        )
    return len(batch)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Failure(Problem.USAGE, f"{path} cannot be read: {error.strerror}.") from error
