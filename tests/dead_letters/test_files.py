"""Files of dead letters: whole or not there, and on the disk before anything is deleted for their sake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters import files
from cryptoctl.ops.dead_letters.messages import DeadLetter, Message, QueueName, decode


def letters(count: int) -> list[DeadLetter]:
    return [
        decode(Message(queue=QueueName.WEBHOOK, id=str(n), body=f"{n}", attributes={}, sent_ms=n, receives=1))
        for n in range(count)
    ]


class Disk:
    """What is on the disk for sure: of each file that was synced, how much."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._synced: dict[tuple[int, int], int] = {}
        self._linked: list[tuple[Path, bool]] = []
        self._sync, self._link = os.fsync, os.link
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "link", self.link)

    def fsync(self, descriptor: int) -> None:
        self._sync(descriptor)
        found = os.fstat(descriptor)
        self._synced[found.st_dev, found.st_ino] = found.st_size

    def link(self, source: Path, target: Path) -> None:
        self._linked.append((Path(target), self.has(Path(source))))
        self._link(source, target)
        self._forget(Path(target).parent)

    def has(self, path: Path) -> bool:
        """Whether a power failure now would leave all of it."""
        found = path.stat()
        return self._synced.get((found.st_dev, found.st_ino), -1) == found.st_size

    def knew_before_naming(self, path: Path) -> bool:
        """Whether the content was on the disk before the file had its name."""
        return (path, True) in self._linked

    def _forget(self, directory: Path) -> None:
        found = directory.stat()
        self._synced.pop((found.st_dev, found.st_ino), None)


def test_a_file_is_on_the_disk_with_its_name_once_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, path = Disk(monkeypatch), tmp_path / "letters.jsonl"
    assert files.write(path, letters(3)) == 3
    assert disk.knew_before_naming(path), "else a power failure leaves a name with nothing behind it"
    assert disk.has(path), "else a power failure leaves less than what purge then deletes"
    assert disk.has(tmp_path), "else a power failure leaves a file that nobody finds"


def test_an_interrupted_export_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[DeadLetter]:
        yield from letters(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write(tmp_path / "letters.jsonl", interrupted())
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(Failure, match="exists"):
        files.write(path, letters(1))
    assert path.read_text(encoding="utf-8") == "mine"
