"""Dead letters as a file: one JSON object a line, bodies and attributes exactly; back into a queue; deleted.

What SQS assigns anew is in the file (id, sent_ms, receives) but not restored by an import.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.messages import DeadLetter, Message, QueueName, Shape, decode
from cryptoctl.ops.dead_letters.queues import DeadLetterQueues
from cryptoctl.ops.dead_letters.receiving import delete, reading
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.times import now_ms

SENT_AT_ONCE = 10
DELETED_AT_ONCE = 100


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
        found: Any = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("body"), str):
        raise ValueError("not an object with a text `body`")
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
            raise ValueError(f"attribute {name!r} must be an object of texts")
        if "DataType" not in value or len(value.keys() & {"StringValue", "BinaryValue"}) != 1:
            raise ValueError(f"attribute {name!r} needs DataType and one of StringValue, BinaryValue")
        try:
            base64.b64decode(value.get("BinaryValue", ""), validate=True)
        except binascii.Error:
            raise ValueError(f"attribute {name!r} is not base64") from None
    return found


def write(path: Path, letters: Iterable[DeadLetter]) -> int:
    """Writes a new file whole or not at all, and on the disk when it returns; how many messages it has.

    Raises Failure if the file exists or cannot be written.
    """
    if path.exists():
        raise Failure(Problem.REFUSED, f"{path} exists. Nothing was written.", "Name another file.")
    fresh = path.with_name(f"{path.name}.{os.getpid()}.part")
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _private(fresh) as file:
            for letter in letters:
                file.write(line_of(letter.message) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise Failure(Problem.FAILED, f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            fresh.unlink()
    return count


def _private(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")


def _sync_directory(path: Path) -> None:
    """The file's name is on the disk too, as far as the file system can do that."""
    with suppress(OSError):
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def read(path: Path) -> Iterator[tuple[int, Message]]:
    """Each line's number, from 1, and message. Raises Failure naming the first line that is wrong."""
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


def put_back(queues: DeadLetterQueues, path: Path, selection: Selection, journal: Journal) -> int:
    """Sends the file's messages as new ones; how many. An import that was killed goes on where it was.

    Every line is checked before the first is sent. Raises Failure if SQS does not take a message.
    """
    name = f"import {_digest(path)}"
    for _ in read(path):
        continue
    already = int(journal.noted(name) or 0)
    sent, batch = 0, list[tuple[int, Message]]()
    for number, message in read(path):
        if number <= already or not selection.matches(decode(message), now_ms()):
            continue
        if batch and (len(batch) == SENT_AT_ONCE or batch[-1][1].queue is not message.queue):
            sent += _send(queues, batch, path)
            journal.note(name, str(batch[-1][0]))
            batch = []
        batch.append((number, message))
    if batch:
        sent += _send(queues, batch, path)
    journal.note(name, "0")
    return sent


def _send(queues: DeadLetterQueues, batch: list[tuple[int, Message]], path: Path) -> int:
    taken = queues[batch[0][1].queue].send([(message.body, message.attributes) for _, message in batch])
    refused = [number for (number, _), done in zip(batch, taken, strict=True) if not done]
    if refused:
        raise Failure(
            Problem.FAILED,
            f"SQS did not take line {refused[0]} of {path}.",
            "What was sent before it is in the queue; fix or remove the line and import the rest.",
        )
    return len(batch)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Failure(Problem.USAGE, f"{path} cannot be read: {error.strerror}.") from error


@dataclass(kw_only=True)
class Purged:
    """How many messages were selected and deleted; `export` is the file that they are in."""

    found: int = 0
    deleted: int = 0
    unknown: int = 0
    """of no known shape and not selected by id: left"""
    export: Path | None = None

    @property
    def complete(self) -> bool:
        """Whether everything selected is deleted."""
        return self.deleted == self.found and not self.unknown

    def document(self) -> dict[str, Any]:
        """`purge --output json`: the counts, the file or null, and whether it is complete."""
        return {**vars(self), "complete": self.complete}


def purge(
    queues: DeadLetterQueues, selection: Selection, *, export: Path | None, confirm: Callable[[int], bool]
) -> Purged:
    """Receives what is selected, writes it to the file, asks, deletes exactly that; releases the rest."""
    purged = Purged(export=export)
    with reading(queues, selection) as (letters, journal):
        chosen = _deletable(letters, selection, journal, purged)
        purged.found = sum(1 for _ in chosen) if export is None else write(export, chosen)
        if export is not None and not purged.found:
            export.unlink()
            purged.export = None
        if purged.found and confirm(purged.found):
            purged.deleted = _delete(queues, journal)
    return purged


def _deletable(
    letters: Iterator[DeadLetter], selection: Selection, journal: Journal, purged: Purged
) -> Iterator[DeadLetter]:
    for letter in letters:
        if letter.shape is Shape.UNKNOWN and not selection.names(letter):
            journal.mark(letter.message.key, MessageState.ASIDE)
            purged.unknown += 1
        else:
            yield letter


def _delete(queues: DeadLetterQueues, journal: Journal) -> int:
    messages, deleted = journal.all(MessageState.CHOSEN), 0
    while page := list(islice(messages, DELETED_AT_ONCE)):
        deleted += len(page) - len(delete(queues, journal, page))
    return deleted
