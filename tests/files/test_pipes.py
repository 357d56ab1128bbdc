"""What can be read only once is read as a file is, however its bytes come."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.errors import Failure
from cryptoctl.files.outgoing import OutgoingPrice
from cryptoctl.files.reader import PriceFile, open_files
from files.reading import EXPECTED, MS, NOW_MS, PLAIN, PriceLines, options, read, refusal, refused, rows
from files.test_compression import COMPRESSED


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
        chunk = part[: len(buffer)]
        buffer[: len(chunk)] = chunk
        return len(chunk)


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads what comes through standard input in some parts."""

    def read_through(*parts: bytes, **overrides: Any) -> PriceLines:
        stream = io.TextIOWrapper(io.BufferedReader(Trickle(*parts)))
        monkeypatch.setattr(sys, "stdin", stream)
        [file] = open_files([Path("-")], options(**overrides)).files
        lines = list(file.prices(lambda: NOW_MS))
        assert not stream.closed
        return lines

    return read_through


def through_a_pipe(content: bytes, **overrides: Any) -> PriceFile:
    """The file at a path behind which there is a pipe, as a shell's <( … ) makes one."""
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        [file] = open_files([Path(f"/dev/fd/{reading}")], options(**overrides)).files
    finally:
        os.close(reading)
    return file


@pytest.mark.parametrize("compression", ["plain", *COMPRESSED])
@pytest.mark.parametrize("file_options", [{}, {"time_unit": "ms"}])
def test_a_pipe_as_a_path_is_read_as_a_file(compression: str, file_options: dict[str, Any]) -> None:
    content = PLAIN.encode() if compression == "plain" else COMPRESSED[compression](PLAIN.encode())
    assert rows(list(through_a_pipe(content, **file_options).prices(lambda: NOW_MS))) == EXPECTED


@pytest.mark.parametrize("at", [1, 15, 37, 38, 39, 45])
def test_what_has_come_so_far_does_not_decide_the_columns(standard_input: Any, at: int) -> None:
    content = f"price,timestamp,exchange,symbol,volume,id\n1,{MS},x,S,5,7\n".encode()
    lines = standard_input(content[:at], content[at:], time_unit="ms")
    assert rows(lines) == [(MS, "7", 1, 5)]


@pytest.mark.parametrize("compression", COMPRESSED)
def test_what_has_come_so_far_does_not_decide_the_format(standard_input: Any, compression: str) -> None:
    content = COMPRESSED[compression](PLAIN.encode())
    assert rows(standard_input(content[:1], content[1:2], content[2:], time_unit="ms")) == EXPECTED


ONE = f'{{"price": 1, "timestamp": {MS}}}\n'


@pytest.mark.parametrize("member", ["id", "volume", "qty", "trade_id", "Price"])
def test_a_member_that_a_stream_brings_late_and_that_may_be_a_field_is_no_longer_dropped(
    standard_input: Any, member: str
) -> None:
    late = ONE.replace("}", f', "{member}": 7}}')
    lines = standard_input((ONE * 60).encode(), (late + ONE + late).encode(), time_unit="ms")
    assert list(refused(lines)) == [61, 63]
    assert f"--ignore {member}" in refused(lines)[61]
    ignored = standard_input((ONE * 60 + late).encode(), time_unit="ms", ignore=(member,))
    assert len(rows(ignored)) == 61


def test_a_member_that_a_stream_brings_late_and_that_is_no_field_may_come(standard_input: Any) -> None:
    late = ONE.replace("}", ', "side": "buy"}')
    assert len(rows(standard_input((ONE * 60 + late).encode(), time_unit="ms"))) == 61


COINBASE = f'{{"trade_id": 1, "price": 1, "size": 3, "time": {MS}, "side": "buy"}}\n'


@pytest.mark.parametrize("file_options", [{}, {"time_unit": "ms"}])
@pytest.mark.parametrize("late", ['"note": "x"', '"volume": null', '"exchange": ""'])
def test_a_recognised_shape_is_kept_whatever_comes_beside_it(
    standard_input: Any, late: str, file_options: dict[str, Any]
) -> None:
    content = COINBASE * 60 + COINBASE.replace("}", f", {late}}}") * 2
    assert rows(standard_input(content.encode(), **file_options)) == [(MS, "1", 1, 3)] * 62


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


@pytest.mark.parametrize("file_options", [{}, {"time_unit": "ms"}])
def test_a_member_among_the_first_records_is_a_field_in_a_file_and_in_a_stream(
    standard_input: Any, file_options: dict[str, Any]
) -> None:
    late = ONE.replace("}", ', "id": 7, "volume": 3}')
    lines = standard_input(ONE.encode(), (late).encode(), **file_options)
    assert rows(lines) == [(MS, None, 1, 0), (MS, "7", 1, 3)]


@pytest.mark.parametrize("file_options", [{}, {"time_unit": "ms"}])
def test_a_row_in_a_field_with_line_breaks_is_no_row_of_a_stream_either(
    standard_input: Any, file_options: dict[str, Any]
) -> None:
    content = f'price,timestamp,note\n1,{MS},"a\n9,{MS},b\n2,{MS},c"\n3,{MS},"d"\n4,{MS},"e\n5,{MS},f\n'
    lines = standard_input(content.encode(), **file_options)
    assert set(refused(lines)) == {2, 3, 4, 6}
    assert [price.price.price for price in lines if isinstance(price, OutgoingPrice)] == [3, 5]


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


@pytest.mark.parametrize("file_options", [{}, {"time_unit": "ms"}])
def test_the_list_at_a_path_is_read_in_every_message(
    standard_input: Any, tmp_path: Path, file_options: dict[str, Any]
) -> None:
    content = "".join(MESSAGES)
    assert rows(read(tmp_path, content, records="data", **file_options)) == IN_MESSAGES
    assert rows(standard_input(content.encode(), records="data", **file_options)) == IN_MESSAGES


def test_a_message_without_the_list_is_its_own_fault(tmp_path: Path) -> None:
    others = '{"event": "subscribed"}\n', '{"data": null}\n', "7\n"
    content = "".join(f"{other}{message}" for other, message in zip(others, MESSAGES, strict=True))
    lines = read(tmp_path, content, records="data")
    assert refused(lines) == dict.fromkeys((1, 4, 7), "has no list at 'data'")
    assert len(lines) == 9
    assert "no list of records at 'dato'. Choose one: --records data." in refusal(
        tmp_path, content, records="dato"
    )


@pytest.mark.parametrize("file_options", [{}, {"records": "data"}])
def test_a_path_that_occurs_twice_is_refused(tmp_path: Path, file_options: dict[str, Any]) -> None:
    content = MESSAGES[0].replace('"topic": "t"', '"data": [{"price": 1}]')
    assert "has the list 'data' twice in one object" in refusal(tmp_path, content, **file_options)


def test_a_path_may_have_a_point_in_a_key(tmp_path: Path) -> None:
    content = MESSAGES[0].replace("data", "BTC.D").replace('"t"', f"[{ONE}]")
    assert "--records topic, --records BTC.D" in refusal(tmp_path, content)
    assert rows(read(tmp_path, content, records="BTC.D")) == IN_MESSAGES[:2]


def test_records_cannot_apply_to_a_stream_that_is_a_list(standard_input: Any) -> None:
    with pytest.raises(Failure, match="--records cannot apply"):
        standard_input(f" [{ONE}]".encode(), records="data", time_unit="ms")


def test_one_nested_price_that_comes_first_is_its_records_fault(standard_input: Any) -> None:
    lines = standard_input(b'{"price":{"amount":1}}\n', b'{"price":2}\n', now=True)
    assert refused(lines[:1]) == {1: "price: must be a number"}
    assert rows(lines[1:]) == [(NOW_MS, None, 2, 0)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(("end", "may_be_cut"), [("\n", False), ("\r\n", False), ("", True)])
def test_whether_the_last_value_of_a_pipe_may_be_cut_short_is_known_at_its_end(
    monkeypatch: pytest.MonkeyPatch, end: str, may_be_cut: bool, encoding: str
) -> None:
    long = f"timestamp,price\n{f'{MS},1666.80{chr(10)}' * 10_000}{MS},16"
    content = f"{long}{end}".encode(encoding)
    stream = io.TextIOWrapper(io.BufferedReader(Trickle(content[:99], content[99:])))
    monkeypatch.setattr(sys, "stdin", stream)
    [file] = open_files([Path("-")], options(time_unit="ms")).files
    prices = file.prices(lambda: NOW_MS)
    next(prices)
    assert not file.may_be_cut  # a chunk of it may end anywhere
    assert len(list(prices)) == 10_000
    assert file.may_be_cut == may_be_cut


@pytest.mark.parametrize("compression", COMPRESSED)
def test_what_is_compressed_tells_by_itself_where_it_ends(compression: str) -> None:
    file = through_a_pipe(COMPRESSED[compression](PLAIN.rstrip().encode()), time_unit="ms")
    assert rows(list(file.prices(lambda: NOW_MS))) == EXPECTED
    assert not file.may_be_cut
