"""A pipe that somebody goes on writing to: what comes is stamped and sent when it comes."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.cli.send_files import _how_to_go_on
from cryptoctl.errors import Failure
from cryptoctl.files import pipes, sources
from cryptoctl.files.outgoing import OutgoingPrice
from cryptoctl.files.pipes import LivePipe, Pipe, has_record, with_head, with_magic
from cryptoctl.files.reader import open_files
from cryptoctl.ops import sending
from files.reading import MS, NOW_MS, PLAIN, options, rows
from files.test_pipes import Trickle


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12))
def test_nothing_is_lost_between_what_is_waited_for_and_the_rest(parts: list[bytes]) -> None:
    content = b"".join(parts)
    begun: list[Callable[[LivePipe], Pipe]] = [
        with_magic,
        lambda live: with_head(live, live, wait_s=1),
        lambda live: with_head(live, live, wait_s=0),
    ]
    for pipe_of in begun:
        stream: Any = io.BufferedReader(Trickle(*parts))
        with pipe_of(LivePipe(stream, closing=True)) as pipe:
            assert content.startswith(pipe.peek())
            assert len(pipe.peek()) >= min(1, len(content))
            assert pipe.read() == content
        assert stream.closed


NAMES = "price,timestamp\n"
QUIET_S = 0.02


class Written:
    """A pipe that somebody writes to, a path to it, and what was said to be waited for.

    What is waited for ends the pipe: a test then fails, and does not wait for ever.
    """

    def __init__(self) -> None:
        self.writing: int | None
        self.reading, self.writing = os.pipe()
        self.path = Path(f"/dev/fd/{self.reading}")
        self.waits: list[str] = []

    def write(self, text: str) -> None:
        assert self.writing is not None
        os.write(self.writing, text.encode())

    def waiting(self, reason: str) -> None:
        self.waits.append(reason)
        self.end()

    def end(self) -> None:
        if self.writing is not None:
            os.close(self.writing)
            self.writing = None


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    monkeypatch.setattr(pipes, "QUIET_S", QUIET_S)
    monkeypatch.setattr(sources, "QUIET_S", QUIET_S)
    pipe = Written()
    in_case = threading.Timer(20, pipe.end)  # what waits for ever then fails
    in_case.start()
    yield pipe
    in_case.cancel()
    pipe.end()
    os.close(pipe.reading)


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ("symbol,exchange,price\n", "S,x,{}\n"),
        ("", '{{"symbol": "S", "exchange": "x", "price": {}}}\n'),
        ("", '{{\n"symbol": "S", "exchange": "x",\n"price": {}}}\n'),
        ("", '{{"data": [{{"symbol": "S", "exchange": "x", "price": {}}}]}}\n'),
        ("sep=;\nsymbol;exchange;price\n", "S;x;{}\n"),
    ],
    ids=["csv", "lines", "pretty", "messages", "preamble"],
)
def test_a_line_of_a_stream_gets_the_time_at_which_it_came(written: Written, names: str, line: str) -> None:
    records = "data" if "data" in line else None
    written.write(names + line.format(1))
    [file] = open_files([written.path], options(now=True, records=records), written.waiting).files
    assert file.source.live is not None
    file.source.live.call_when_quiet(written.end)
    hour_ms = 3_600_000
    arrived = iter(range(NOW_MS, NOW_MS + 9 * hour_ms, hour_ms))
    prices = file.prices(lambda: next(arrived))
    lines = []
    for number in range(2, 6):
        lines.append(next(prices))
        assert written.writing is not None, "it waited for more before it gave what had come"
        written.write(line.format(number))
    written.end()
    lines += prices
    assert [row[0] for row in rows(lines)] == [NOW_MS + n * hour_ms for n in range(5)]
    assert written.waits == []


@pytest.mark.parametrize("content", [f"{NAMES}1,{MS}\n", f'{{"price": 1, "timestamp": {MS}}}\n'])
def test_a_stream_that_comes_to_rest_is_decided_by_what_it_has(written: Written, content: str) -> None:
    written.write(content)
    [file] = open_files([written.path], options(time_unit="ms")).files
    assert len(rows([next(file.prices(lambda: NOW_MS))])) == 1
    assert written.writing is not None


@pytest.mark.parametrize(("file_options", "count"), [({"now": True}, 0), ({"time_unit": "ms"}, 1)])
def test_a_time_of_sending_waits_for_no_more_than_the_first_record(
    written: Written, monkeypatch: pytest.MonkeyPatch, file_options: dict[str, Any], count: int
) -> None:
    waits: list[float] = []

    def nothing_comes(_: LivePipe, wait_s: float) -> bool:
        waits.append(wait_s)
        return False

    monkeypatch.setattr(LivePipe, "comes_within", nothing_comes)
    written.write(f"{NAMES}1,{MS}\n")
    open_files(
        [written.path], options(ignore=("timestamp",) if file_options.get("now") else (), **file_options)
    )
    assert len(waits) == count
    assert all(0 < wait <= QUIET_S for wait in waits)


def test_after_an_interruption_of_a_pipe_no_line_is_named_to_go_on_with(written: Written) -> None:
    written.write(f"{NAMES}1,{MS}\n")
    files = open_files([written.path], options(time_unit="ms"))
    hint = _how_to_go_on(files, sending.Tally(last_line=2))
    assert "after line 2 may not be stored" in hint
    assert "--from-line" not in hint


@pytest.mark.parametrize(
    ("file_options", "notice"), [({"now": True}, "Waiting for the first prices from"), ({}, "to its end")]
)
def test_what_a_pipe_is_waited_for_is_said(
    written: Written, file_options: dict[str, Any], notice: str
) -> None:
    written.write(NAMES)
    with suppress(Failure):  # without a row, a stream has none to be decided by
        open_files([written.path], options(**file_options), written.waiting)
    assert len(written.waits) == 1
    assert notice in written.waits[0]


@pytest.mark.parametrize(
    ("content", "whether"),
    [
        ("price,time\n1,2\n", True),
        ("price,time\n1,2", False),
        ("price,time\n", False),
        ("\ufeff\n \nprice,24h\n", False),
        ("BTC;1.5;2023-11-14\n", True),
        ('"BTC","1e5"\r', True),
        ('{"price": 1}', False),
        ('{"price": 1}\n', True),
        ("", False),
    ],
)
def test_how_much_tells_a_format(content: str, whether: bool) -> None:
    assert has_record(content.encode()) is whether


def test_what_came_through_a_pipe_is_sent_when_nothing_more_comes(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[int]] = []

    def sends(_aws: object, _function: object, prices: Sequence[OutgoingPrice]) -> list[str]:
        sent.append([price.line for price in prices])
        if written.writing is not None:
            written.write(f"4,{MS}\n" if len(sent) == 1 else "")
        if len(sent) == 2:
            written.end()
        return ["stored"] * len(prices)

    monkeypatch.setattr(sending, "send_batch", sends)
    written.write(f"{NAMES}1,{MS}\n2,{MS}\n")
    [file] = open_files([written.path], options(time_unit="ms")).files
    unused: Any = None
    sending.send_all(
        unused,
        unused,
        file.prices(lambda: NOW_MS),
        tally := sending.Tally(),
        rate_per_s=None,
        progress=lambda _: None,
        live=file.source.live,
    )
    assert sent == [[2, 3], [4]]
    assert (tally.stored, tally.last_line) == (3, 4)


def test_what_comes_slowly_is_put_together_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, waits = [0.0], []

    def nothing_comes(_: object, wait_s: float) -> bool:
        waits.append(wait_s)
        now_s[0] += wait_s
        return False

    monkeypatch.setattr("cryptoctl.files.pipes.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr(pipes._Incoming, "comes_within", nothing_comes)
    live = LivePipe(io.BufferedReader(Trickle(b"a", b"b", b"c")), closing=True)
    assert [live.read1(1) for _ in range(3)] == [b"a", b"b", b"c"]
    assert waits == [1, 1, 1]


def test_a_pipe_without_a_pause_is_not_quiet() -> None:
    called: list[None] = []
    live = LivePipe(io.BufferedReader(Trickle(*[b"x"] * 50)), closing=True)
    live.call_when_quiet(lambda: called.append(None))
    assert live.read() == b"x" * 50
    assert called == []


def test_standard_input_that_is_closed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Failure, match="Standard input is closed"):
        open_files([Path("-")], options())


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no files below /dev")
def test_a_file_below_dev_is_a_file() -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm", suffix=".csv") as file:
        file.write(PLAIN.encode())
        file.flush()
        [price_file] = open_files([Path(file.name)], options(time_unit="ms")).files
    assert price_file.source.path == Path(file.name)
    assert price_file.scan is not None
