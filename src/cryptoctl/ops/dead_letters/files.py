"""Dead letters as a file: one JSON object a line, bodies and attributes exactly; back into a queue; deleted.

What SQS assigns anew is in the file (id, sent_ms, receives) but not restored by an import.
"""

from __future__ import annotations

import os
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from cryptoctl import interrupts
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.ops.dead_letters.file_format import ImportLine, line_of, read, refusal
from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName, Shape, decode
from cryptoctl.ops.dead_letters.queues import DeadLetterQueues, by_queue
from cryptoctl.ops.dead_letters.receiving import (
    delete,
    ids_text,
    release,
    selected_messages,
)
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import Unreceived, unreceived
from cryptoctl.ops.times import now_ms

SENT_AT_ONCE = 10
DELETED_AT_ONCE = 10  # as in one call of SQS, so that what is counted is what was done


def write(path: Path, letters: Iterable[DeadLetter]) -> int:
    """Writes a new file whole or not at all, and on the disk when it returns; how many messages it has.

    Raises Failure if the file exists or cannot be written.
    """
    if not path.name:  # /, ., or nothing at all
        raise InputError(f"{str(path)!r} is a directory. Nothing was written.", "Name a new file.")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    count = 0
    try:
        if path.exists():
            raise Failure(ExitCode.REFUSED, f"{path} exists. Nothing was written.", "Name another file.")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for letter in letters:
                file.write(line_of(letter.message) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise Failure(
            ExitCode.FAILED,
            f"{path} cannot be written: {error.strerror}. Nothing is left of it.",
            "Name a file in a directory that exists and can be written.",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return count


def _sync_directory(path: Path) -> None:
    """The file's name is on the disk too, as far as the file system can do that."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@dataclass(kw_only=True)
class ImportResult:
    """How many messages were put back, how many were before, and the lines that SQS does not take.

    `reasons` says of such a line why, where that is known.
    """

    sent: int = 0
    imported_before: int = 0
    refused: list[int] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)

    def document(self, path: Path) -> dict[str, Any]:
        """`import --output json`: counts of messages, `refused` (line numbers) and the file."""
        return {
            "imported": self.sent,
            "before": self.imported_before,
            "refused": self.refused,
            "file": str(path),
        }


def put_back(
    queues: DeadLetterQueues,
    path: Path,
    selection: Selection,
    journal: Journal,
    result: ImportResult,
    *,
    forget_imported: bool = False,
) -> None:
    """Sends the file's selected messages as new ones, but for those that were put back before.

    `result` counts, and is right also where it ends early: by KeyboardInterrupt after a signal, or by
    AwsError.

    What was put back is journaled message by message, for as long as SQS could keep it; `forget_imported`
    forgets it first. What SQS does not take is left out. Raises Failure, before anything is sent, if a line
    is not a message, or if none that is selected has an id of the selection.
    """
    missing = set(selection.ids)
    for line in _selected(read(path), selection):
        missing.discard(line.message.id)
    if missing:
        raise Failure(
            ExitCode.FAILED,
            f"No message of {path} that the filters select has {ids_text(missing)}. Nothing was sent.",
            "Each line of the file has its message's `id`.",
        )
    if forget_imported:
        journal.forget_imported(line.key for line in _selected(read(path), selection))
    with interrupts.deferred() as interrupted:
        for batch in _batches(_acceptable(_selected(read(path), selection), result)):
            if interrupted():
                raise KeyboardInterrupt
            unique = {line.key: line for line in batch}.values()
            fresh = [line for line in unique if not journal.is_imported(line.key)]
            result.imported_before += len(batch) - len(fresh)
            taken = queues[batch[0].message.queue].send(
                [(line.message.body, line.message.attributes) for line in fresh]
            )
            for fresh_line, ok in zip(fresh, taken, strict=True):  # one batch may be several calls
                if ok:
                    journal.remember_imported(fresh_line.key, now_ms())
                    result.sent += 1
                else:
                    insort(result.refused, fresh_line.number)


def _selected(lines: Iterable[ImportLine], selection: Selection) -> Iterator[ImportLine]:
    return (line for line in lines if selection.matches(decode(line.message), now_ms()))


def _acceptable(lines: Iterable[ImportLine], result: ImportResult) -> Iterator[ImportLine]:
    """The messages, without those that SQS is known to refuse."""
    for line in lines:
        if reason := refusal(line.message):
            insort(result.refused, line.number)
            result.reasons[line.number] = reason
        else:
            yield line


def _batches(lines: Iterable[ImportLine]) -> Iterator[Sequence[ImportLine]]:
    """The messages by ten at most, each batch for one queue."""
    batches: dict[QueueName, list[ImportLine]] = {name: [] for name in QueueName}
    for line in lines:
        batch = batches[line.message.queue]
        batch.append(line)
        if len(batch) == SENT_AT_ONCE:
            yield tuple(batch)
            batch.clear()
    yield from filter(None, batches.values())


@dataclass(kw_only=True)
class PurgeResult:
    """How many messages were selected and deleted; `export` is the file that all those selected are in."""

    found: int = 0
    deleted: int = 0
    unknown: int = 0
    """of no known shape and not selected by id: left"""
    unreceived: Unreceived = field(default_factory=Unreceived)
    export: Path | None = None
    confirmed: bool = False
    """the person wants them deleted: from here on some may be"""
    ended: bool = False
    """neither interrupted nor failed"""

    @property
    def complete(self) -> bool:
        """Whether everything selected is deleted."""
        return self.ended and self.deleted == self.found and not self.unknown and not self.unreceived

    def document(self) -> dict[str, Any]:
        """`purge --output json`: the counts, the file or null, and whether it is complete."""
        file = None if self.export is None else str(self.export)
        counts = {"found": self.found, "deleted": self.deleted, "unknown": self.unknown}
        return {**counts, **self.unreceived.document(), "file": file, "complete": self.complete}


def purge(
    queues: DeadLetterQueues,
    selection: Selection,
    purged: PurgeResult,
    *,
    export: Path | None,
    confirm: Callable[[int], bool],
) -> None:
    """Receives what is selected, writes it to the file, asks, deletes exactly that; releases the rest.

    `purged` counts, and is right also where it ends early: by KeyboardInterrupt, Failure or AwsError. A file
    for a purge that is not made is removed.
    """
    with selected_messages(queues, selection) as (letters, journal):
        deletable = _deletable(letters, selection, journal, purged)
        purged.found = sum(1 for _ in deletable) if export is None else write(export, deletable)
        purged.export = export
        try:
            purged.unreceived = unreceived(queues, selection, journal)
            purged.confirmed = bool(purged.found) and confirm(purged.found)
        finally:
            if not purged.confirmed and purged.export is not None:
                purged.export.unlink()
                purged.export = None
        if purged.confirmed:
            _delete(queues, journal, purged)
    purged.ended = True


def _deletable(
    letters: Iterator[DeadLetter], selection: Selection, journal: Journal, purged: PurgeResult
) -> Iterator[DeadLetter]:
    for letter in letters:
        if letter.shape is Shape.UNKNOWN and letter.message.id not in selection.ids:
            journal.mark(letter.message.key, MessageState.ASIDE)
            purged.unknown += 1
        else:
            yield letter


def _delete(queues: DeadLetterQueues, journal: Journal, purged: PurgeResult) -> None:
    messages = journal.messages(MessageState.CHOSEN)
    with interrupts.deferred() as interrupted:
        while page := list(islice(messages, DELETED_AT_ONCE)):
            if interrupted():
                release(queues, journal, *MessageState)  # here, where another signal still ends it
                raise KeyboardInterrupt
            for _, queue_messages in by_queue(page):
                purged.deleted += len(queue_messages) - len(delete(queues, journal, queue_messages))
