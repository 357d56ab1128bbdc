"""Deleting dead letters for good: exported first, then asked for, then exactly those."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cryptoctl.ops.dead_letters import files
from cryptoctl.ops.dead_letters.journal import Journal, State
from cryptoctl.ops.dead_letters.messages import Letter, QueueName, Shape
from cryptoctl.ops.dead_letters.overview import looking
from cryptoctl.ops.dead_letters.receiving import Boxes, delete
from cryptoctl.ops.dead_letters.selection import Filter

AT_ONCE = 100


@dataclass(kw_only=True)
class Purged:
    """What was deleted, and what was not."""

    found: int = 0
    deleted: int = 0
    unknown: int = 0
    """of no known shape and not named by id: left"""
    export: Path | None = None

    @property
    def complete(self) -> bool:
        """Whether all that was meant is gone."""
        return self.deleted == self.found and not self.unknown


def purge(
    boxes: Boxes,
    queues: Collection[QueueName],
    chosen: Filter,
    *,
    export: Path | None,
    confirm: Callable[[int], bool],
) -> Purged:
    """Holds what is meant, writes it to the file, asks, deletes. What nobody confirms goes back."""
    purged = Purged(export=export)
    with looking(boxes, queues, chosen) as (letters, journal):
        meant = _meant(letters, chosen, journal, purged)
        purged.found = sum(1 for _ in meant) if export is None else files.write(export, meant)
        if export is not None and not purged.found:
            export.unlink()
            purged.export = None
        if purged.found and confirm(purged.found):
            purged.deleted = _delete(boxes, journal)
    return purged


def _meant(letters: Iterator[Letter], chosen: Filter, journal: Journal, purged: Purged) -> Iterator[Letter]:
    for letter in letters:
        if letter.shape is Shape.UNKNOWN and not chosen.names(letter):
            journal.mark(letter.message.key, State.ASIDE)
            purged.unknown += 1
            continue
        yield letter


def _delete(boxes: Boxes, journal: Journal) -> int:
    messages, deleted = journal.all(State.CHOSEN), 0
    while page := list(islice(messages, AT_ONCE)):
        deleted += len(page) - len(delete(boxes, journal, page))
    return deleted
