"""Temporary files for which there is no room: what cannot be done is said, and where they may go instead."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.files.occurrences import Occurrences
from cryptoctl.files.outgoing import outgoing
from cryptoctl.files.reader import open_files
from files.reading import NOW_MS, PLAIN, options

resource = pytest.importorskip("resource")
HINT = "Set TMPDIR to a directory that has room for it."
ENOUGH = 200_000  # prices that fit into no cache


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can become larger meanwhile, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_has_to_be_copied_to_be_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PLAIN.encode() * 2000)))
    with room_for(100_000), pytest.raises(Failure, match="input cannot be copied to a temp") as raised:
        open_files([Path("-")], options())
    assert (raised.value.exit_code, raised.value.hint) == (ExitCode.FAILED, HINT)


def test_what_may_have_no_end_leaves_room_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PLAIN.encode() * 100_000)))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100_000))
    with pytest.raises(Failure, match="it has taken nine tenths of the room there") as raised:
        open_files([Path("-")], options())
    assert (raised.value.exit_code, raised.value.hint) == (ExitCode.FAILED, HINT)


@pytest.mark.parametrize("begun", [b"\0", b"price,timestamp,", b"\xff"])
def test_what_has_no_lines_is_not_copied(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    content = begun * ((1 << 22) // len(begun) + 1)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(Failure, match="standard input has no line end in its first 4 MiB"):
        open_files([Path("-")], options())


@pytest.mark.thorough
def test_a_list_of_prices_needs_no_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '{"price": 1, "timestamp": 1675329600138},' * 110_000
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"[{text[:-1]}]".encode())))
    assert len(open_files([Path("-")], options()).files) == 1


def test_equal_prices_that_have_to_be_counted() -> None:
    fields = {"symbol": "A", "exchange": "x", "price": 1, "timestamp": NOW_MS}
    price = outgoing(fields, now_ms=NOW_MS).price
    refused = pytest.raises(Failure, match="Prices without ids cannot be counted in a temp")
    with room_for(100_000), closing(Occurrences(1)) as occurrences, refused as raised:
        for after in range(ENOUGH):
            occurrences.number(replace(price, timestamp_ms=NOW_MS - after * 7919))
    assert (raised.value.exit_code, raised.value.hint) == (ExitCode.FAILED, HINT)
