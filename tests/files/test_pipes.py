"""What can be read only once is read as a file is, however its bytes come."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.cli.send_files import _how_to_go_on
from cryptoctl.errors import Failure
from cryptoctl.files import pipes, sources
from cryptoctl.files.outgoing import Outgoing
from cryptoctl.files.pipes import Live, Pipe, has_record, with_head, with_magic
from cryptoctl.files.reader import PriceFile, open_files
from cryptoctl.ops import sending
from files.reading import MS, NOW_MS, Found, opened, options, read, refusal, refused, rows
from files.test_reading import COMPRESSED, EXPECTED, PLAIN


class Trickle(io.RawIOBase):
    """Gives its parts one read after the other, as a pipe does."""

    def __init__(self, *parts: bytes) -> None:
        super().__init__()
        self._parts = [*filter(None, parts)]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._parts.pop(0) if self._parts else b""
        if part[len(buffer) :]:
            self._parts.insert(0, part[len(buffer) :])
        given = part[: len(buffer)]
        buffer[: len(given)] = given
        return len(given)


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads what comes through standard input in some parts."""

    def read_through(*parts: bytes, **given: Any) -> Found:
        stream = io.TextIOWrapper(io.BufferedReader(Trickle(*parts)))
        monkeypatch.setattr(sys, "stdin", stream)
        [file] = open_files([Path("-")], options(**given)).files
        found = list(file.prices(lambda: NOW_MS))
        assert not stream.closed
        return found

    return read_through


def through_a_pipe(content: bytes, **given: Any) -> PriceFile:
    """The file at a path behind which there is a pipe, as a shell's <( … ) makes one."""
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        [file] = open_files([Path(f"/dev/fd/{reading}")], options(**given)).files
    finally:
        os.close(reading)
    return file


@pytest.mark.parametrize("how", ["plain", *COMPRESSED])
@pytest.mark.parametrize("given", [{}, {"time_unit": "ms"}])
def test_a_pipe_as_a_path_is_read_as_a_file(how: str, given: dict[str, Any]) -> None:
    content = PLAIN.encode() if how == "plain" else COMPRESSED[how](PLAIN.encode())
    assert rows(list(through_a_pipe(content, **given).prices(lambda: NOW_MS))) == EXPECTED


def test_a_file_that_gives_less_than_when_it_was_read_through_fails(tmp_path: Path) -> None:
    file = opened(tmp_path, PLAIN)
    (tmp_path / "prices.csv").write_text(PLAIN[: PLAIN.index(f"{MS + 1}")], encoding="utf-8")
    given: list[Any] = []
    with pytest.raises(Failure, match="had 2 lines when it was read through, and 1 now"):
        given.extend(file.prices(lambda: NOW_MS))
    assert file.survey is not None
    again = replace(file, survey=replace(file.survey, records=1))
    assert rows(list(again.prices(lambda: NOW_MS))) == EXPECTED[:1]


@pytest.mark.parametrize("at", [1, 15, 37, 38, 39, 45])
def test_what_has_come_so_far_does_not_decide_the_columns(standard_input: Any, at: int) -> None:
    content = f"price,timestamp,exchange,symbol,volume,id\n1,{MS},x,S,5,7\n".encode()
    found = standard_input(content[:at], content[at:], time_unit="ms")
    assert rows(found) == [(MS, "7", 1, 5)]


@pytest.mark.parametrize("how", COMPRESSED)
def test_what_has_come_so_far_does_not_decide_the_format(standard_input: Any, how: str) -> None:
    content = COMPRESSED[how](PLAIN.encode())
    assert rows(standard_input(content[:1], content[1:2], content[2:], time_unit="ms")) == EXPECTED


ONE = f'{{"price": 1, "timestamp": {MS}}}\n'


@pytest.mark.parametrize("member", ["id", "volume", "qty", "trade_id", "Price"])
def test_a_member_that_a_stream_brings_late_and_that_may_be_a_field_is_no_longer_dropped(
    standard_input: Any, member: str
) -> None:
    late = ONE.replace("}", f', "{member}": 7}}')
    found = standard_input((ONE * 60).encode(), (late + ONE + late).encode(), time_unit="ms")
    assert list(refused(found)) == [61, 63]
    assert f"--ignore {member}" in refused(found)[61]
    ignored = standard_input((ONE * 60 + late).encode(), time_unit="ms", ignore=(member,))
    assert len(rows(ignored)) == 61


def test_a_member_that_a_stream_brings_late_and_that_is_no_field_may_come(standard_input: Any) -> None:
    late = ONE.replace("}", ', "side": "buy"}')
    assert len(rows(standard_input((ONE * 60 + late).encode(), time_unit="ms"))) == 61


COINBASE = f'{{"trade_id": 1, "price": 1, "size": 3, "time": {MS}, "side": "buy"}}\n'


@pytest.mark.parametrize("given", [{}, {"time_unit": "ms"}])
@pytest.mark.parametrize("late", ['"note": "x"', '"volume": null', '"exchange": ""'])
def test_a_recognised_shape_is_kept_whatever_comes_beside_it(
    standard_input: Any, late: str, given: dict[str, Any]
) -> None:
    content = COINBASE * 60 + COINBASE.replace("}", f", {late}}}") * 2
    assert rows(standard_input(content.encode(), **given)) == [(MS, "1", 1, 3)] * 62


@pytest.mark.parametrize("before", ["", ', "volume": null'])
def test_of_a_recognised_shape_too_no_late_member_that_may_be_a_field_is_dropped(
    standard_input: Any, before: str
) -> None:
    first = COINBASE.replace("}", f"{before}}}") * 60
    late = COINBASE.replace("}", ', "volume": 4}'), COINBASE.replace("}", ', "volume": null}')
    content = f"{first}{''.join(late)}".encode()
    assert set(refused(standard_input(content, time_unit="ms"))) == {61}
    with pytest.raises(Failure, match="whose volume is 'size', and 'volume': either"):
        standard_input(content)
    with pytest.raises(Failure, match="'qty' looks like a quantity and is used for nothing"):
        standard_input(content.replace(b"volume", b"qty"))


@pytest.mark.parametrize("given", [{}, {"time_unit": "ms"}])
def test_a_member_among_the_first_records_is_a_field_in_a_file_and_in_a_stream(
    standard_input: Any, given: dict[str, Any]
) -> None:
    late = ONE.replace("}", ', "id": 7, "volume": 3}')
    found = standard_input(ONE.encode(), (late).encode(), **given)
    assert rows(found) == [(MS, None, 1, 0), (MS, "7", 1, 3)]


@pytest.mark.parametrize("given", [{}, {"time_unit": "ms"}])
def test_a_row_in_a_field_with_line_breaks_is_no_row_of_a_stream_either(
    standard_input: Any, given: dict[str, Any]
) -> None:
    content = f'price,timestamp,note\n1,{MS},"a\n9,{MS},b\n2,{MS},c"\n3,{MS},"d"\n4,{MS},"e\n5,{MS},f\n'
    found = standard_input(content.encode(), **given)
    assert set(refused(found)) == {2, 3, 4, 6}
    assert [each.price.price for each in found if isinstance(each, Outgoing)] == [3, 5]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_that_the_sample_cuts_off_decides_nothing(tmp_path: Path, encoding: str) -> None:
    lines = [f"{'a,' * (500 + n)};{n};{MS}" for n in range(1, 61)]
    content = "\n".join(["note, more;price;timestamp", *lines]).encode(encoding)
    assert len(rows(read(tmp_path, content))) == 60


MESSAGES = [
    f'{{"topic": "t", "data": [{{"price": {n}, "timestamp": {MS}, "id": {n}}}, '
    f'{{"price": {n}, "timestamp": {MS}, "id": {n + 100}}}]}}\n'
    for n in range(1, 4)
]
IN_MESSAGES = [(MS, str(number), n, 0) for n in range(1, 4) for number in (n, n + 100)]


@pytest.mark.parametrize("given", [{}, {"time_unit": "ms"}])
def test_the_list_at_a_path_is_read_in_every_message(
    standard_input: Any, tmp_path: Path, given: dict[str, Any]
) -> None:
    content = "".join(MESSAGES)
    assert rows(read(tmp_path, content, records="data", **given)) == IN_MESSAGES
    assert rows(standard_input(content.encode(), records="data", **given)) == IN_MESSAGES


def test_a_message_without_the_list_is_its_own_fault(tmp_path: Path) -> None:
    others = '{"event": "subscribed"}\n', '{"data": null}\n', "7\n"
    content = "".join(f"{other}{message}" for other, message in zip(others, MESSAGES, strict=True))
    found = read(tmp_path, content, records="data")
    assert refused(found) == dict.fromkeys((1, 4, 7), "has no list at 'data'")
    assert len(found) == 9
    assert "no list of records at 'dato'. Choose one: --records data." in refusal(
        tmp_path, content, records="dato"
    )


@pytest.mark.parametrize("given", [{}, {"records": "data"}])
def test_a_path_that_occurs_twice_is_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    content = MESSAGES[0].replace('"topic": "t"', '"data": [{"price": 1}]')
    assert "has the list 'data' twice in one object" in refusal(tmp_path, content, **given)


def test_a_path_may_have_a_point_in_a_key(tmp_path: Path) -> None:
    content = MESSAGES[0].replace("data", "BTC.D").replace('"t"', f"[{ONE}]")
    assert "--records topic, --records BTC.D" in refusal(tmp_path, content)
    assert rows(read(tmp_path, content, records="BTC.D")) == IN_MESSAGES[:2]


def test_records_cannot_apply_to_a_stream_that_is_a_list(standard_input: Any) -> None:
    with pytest.raises(Failure, match="--records cannot apply"):
        standard_input(f" [{ONE}]".encode(), records="data", time_unit="ms")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12))
def test_nothing_is_lost_between_what_is_waited_for_and_the_rest(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    begun: list[Callable[[Live], Pipe]] = [
        with_magic,
        lambda live: with_head(live, live, wait_s=1),
        lambda live: with_head(live, live, wait_s=0),
    ]
    for pipe_of in begun:
        stream: Any = io.BufferedReader(Trickle(*parts))
        with pipe_of(Live(stream, closing=True)) as pipe:
            assert whole.startswith(pipe.peek())
            assert len(pipe.peek()) >= min(1, len(whole))
            assert pipe.read() == whole
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
        self.said: list[str] = []

    def write(self, text: str) -> None:
        assert self.writing is not None
        os.write(self.writing, text.encode())

    def waiting(self, said: str) -> None:
        self.said.append(said)
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
    yield pipe
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
    found = []
    for number in range(2, 6):
        found.append(next(prices))
        assert written.writing is not None, "it waited for more before it gave what had come"
        written.write(line.format(number))
    written.end()
    found += prices
    assert [row[0] for row in rows(found)] == [NOW_MS + n * hour_ms for n in range(5)]
    assert written.said == []


@pytest.mark.parametrize("content", [f"{NAMES}1,{MS}\n", f'{{"price": 1, "timestamp": {MS}}}\n'])
def test_a_stream_that_comes_to_rest_is_decided_by_what_it_has(written: Written, content: str) -> None:
    written.write(content)
    [file] = open_files([written.path], options(time_unit="ms")).files
    assert len(rows([next(file.prices(lambda: NOW_MS))])) == 1
    assert written.writing is not None


@pytest.mark.parametrize(("given", "asked"), [({"now": True}, 0), ({"time_unit": "ms"}, 1)])
def test_a_time_of_sending_waits_for_no_more_than_the_first_record(
    written: Written, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], asked: int
) -> None:
    waits: list[float] = []

    def nothing_comes(_: Live, wait_s: float) -> bool:
        waits.append(wait_s)
        return False

    monkeypatch.setattr(Live, "comes_within", nothing_comes)
    written.write(f"{NAMES}1,{MS}\n")
    open_files([written.path], options(ignore=("timestamp",) if given.get("now") else (), **given))
    assert len(waits) == asked
    assert all(0 < each <= QUIET_S for each in waits)


def test_after_an_interruption_of_a_pipe_no_line_is_named_to_go_on_with(written: Written) -> None:
    written.write(f"{NAMES}1,{MS}\n")
    found = open_files([written.path], options(time_unit="ms"))
    hint = _how_to_go_on(found, sending.Tally(last_line=2))
    assert "after line 2 may not be stored" in hint
    assert "--from-line" not in hint


@pytest.mark.parametrize(
    ("given", "said"), [({"now": True}, "Waiting for the first prices from"), ({}, "to its end")]
)
def test_what_a_pipe_is_waited_for_is_said(written: Written, given: dict[str, Any], said: str) -> None:
    written.write(NAMES)
    with suppress(Failure):  # without a row, a stream has none to be decided by
        open_files([written.path], options(**given), written.waiting)
    assert len(written.said) == 1
    assert said in written.said[0]


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

    def sends(_aws: object, _function: object, prices: Sequence[Outgoing]) -> list[str]:
        sent.append([each.line for each in prices])
        if written.writing is not None:
            written.write(f"4,{MS}\n" if len(sent) == 1 else "")
        if len(sent) == 2:
            written.end()
        return ["stored"] * len(prices)

    monkeypatch.setattr(sending, "send_batch", sends)
    written.write(f"{NAMES}1,{MS}\n2,{MS}\n")
    [file] = open_files([written.path], options(time_unit="ms")).files
    in_case = threading.Timer(20, written.end)
    in_case.start()
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
    in_case.cancel()
    assert sent == [[2, 3], [4]]
    assert (tally.stored, tally.last_line) == (3, 4)


def test_a_pipe_without_a_pause_is_not_quiet() -> None:
    called: list[None] = []
    live = Live(io.BufferedReader(Trickle(*[b"x"] * 50)), closing=True)
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
        [found] = open_files([Path(file.name)], options(time_unit="ms")).files
    assert found.source.path == Path(file.name)
    assert found.survey is not None
