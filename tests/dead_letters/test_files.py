"""Files of dead letters: whole or not there, and on the disk before anything is deleted for their sake."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.errors import Failure, InputError
from cryptoctl.ops.dead_letters import file_format, files
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
        status = os.fstat(descriptor)
        self._synced[status.st_dev, status.st_ino] = status.st_size

    def link(self, source: Path, target: Path) -> None:
        self._linked.append((Path(target), self.has(Path(source))))
        self._link(source, target)
        self._forget(Path(target).parent)

    def has(self, path: Path) -> bool:
        """Whether a power failure now would leave all of it."""
        status = path.stat()
        return self._synced.get((status.st_dev, status.st_ino), -1) == status.st_size

    def knew_before_naming(self, path: Path) -> bool:
        """Whether the content was on the disk before the file had its name."""
        return (path, True) in self._linked

    def _forget(self, directory: Path) -> None:
        status = directory.stat()
        self._synced.pop((status.st_dev, status.st_ino), None)


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


def test_an_export_to_an_impossible_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file/letters.jsonl", "no/such/directory/letters.jsonl", "n" * 300, f"new/{'n' * 300}"):
        with pytest.raises(Failure, match="cannot be written"):
            files.write(tmp_path / place, letters(1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


MESSAGE = {"queue": "webhook", "body": "x"}
TEXT = {"DataType": "String", "StringValue": "x"}
GOOD = '{"queue": "webhook", "body": "x"}'


@pytest.mark.parametrize(
    "line",
    [
        '{"queue": "webhook", "body": "x", "sent_ms": null}',
        '{"queue": "webhook", "body": "x", "sent_ms": [1]}',
        '{"queue": "webhook", "body": "x", "sent_ms": 1e999}',
        '{"queue": "webhook", "body": "x", "sent_ms": 1e999999999}',
        '{"queue": "webhook", "body": "x", "sent_ms": -1}',
        '{"queue": "webhook", "body": "x", "sent_ms": 99999999999999999999}',
        f'{{"queue": "webhook", "body": "x", "sent_ms": {"9" * 5000}}}',
        f'{{"queue": "webhook", "body": "x", "sent_ms": {"[" * 100_000}',
        '{"queue": "webhook", "body": "x", "receives": true}',
        '{"queue": "webhook", "body": "x", "receives": NaN}',
        '{"queue": "webhook", "body": "x", "id": {"a": 1}}',
        '{"queue": "webhook", "body": null}',
        '{"queue": ["webhook"], "body": "x"}',
        '{"queue": "webhook", "body": "x", "attributes": null}',
        '{"queue": "webhook", "body": "x", "attributes": {"a": null}}',
        '{"queue": "webhook", "body": "x", "attributes": {"a": {"DataType": null, "StringValue": "x"}}}',
        '{"queue": "webhook", "body": "x", "attributes": {"a": {"DataType": "S", "BinaryValue": "ü"}}}',
        json.dumps({**MESSAGE, "attributes": {"a": {**TEXT, "Foo": "b"}}}),
        json.dumps({**MESSAGE, "attributes": {"a": {**TEXT, "BinaryValue": "AA=="}}}),
        "null",
        "[]",
        '"x"',
        "\x00",
    ],
    ids=lambda line: line[:70].encode("unicode_escape").decode(),
)
def test_a_line_that_is_not_a_message_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text(f"{GOOD}\n{line}\n", encoding="utf-8")
    with pytest.raises(Failure, match="line 2") as raised:
        list(file_format.read(path))
    assert len(raised.value.message) < 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"attributes": {"a": {**TEXT, "StringValue": ""}}},
        {"attributes": {"a": {**TEXT, "StringValue": "\ud800"}}},
        {"attributes": {"a": {**TEXT, "StringValue": "\x1b"}}},
        {"attributes": {"\ud800": TEXT}},
        {"attributes": {f"a{number}": TEXT for number in range(11)}},
        {"attributes": {"a" * 1_048_570: TEXT}},
        {"body": ""},
        {"body": "\ud800"},
        {"body": "\x1b"},
        {"body": "\uffff"},
        {"body": "ü" * 600_000},
    ],
    ids=lambda wrong: str(wrong)[:50].encode("unicode_escape").decode(),
)
def test_what_sqs_would_refuse_is_a_message_and_told_by_its_reason(wrong: dict[str, object]) -> None:
    message = file_format.message_of(json.dumps({**MESSAGE, **wrong}))
    assert 0 < len(file_format.refusal(message)) < 200
    assert file_format.refusal(file_format.message_of(GOOD)) == ""


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4)
)
def test_no_value_in_any_place_is_a_traceback(value: object) -> None:
    for name in ("queue", "body", "id", "sent_ms", "receives", "attributes"):
        line = json.dumps({"queue": "webhook", "body": "x", name: value})
        try:
            message = file_format.message_of(line)
        except ValueError:
            continue
        decode(message).document(0)
        file_format.refusal(message)


def test_what_fills_a_message_of_sqs_to_the_last_byte_is_read_and_no_more() -> None:
    """Name, type and value of an attribute count, a binary value by its bytes."""
    binary = {"DataType": "Binary", "BinaryValue": base64.b64encode(b"y" * 100).decode()}
    room = 1_048_576 - len("a") - len("Binary") - 100
    line = json.dumps({**MESSAGE, "body": "x" * room, "attributes": {"a": binary}})
    assert file_format.message_of(line).attributes == {"a": binary}
    assert not file_format.refusal(file_format.message_of(line))
    more = file_format.message_of(
        json.dumps({**MESSAGE, "body": "x" * (room + 1), "attributes": {"a": binary}})
    )
    assert "1048577 bytes" in file_format.refusal(more)


def test_what_is_no_text_is_named_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_bytes(f"{GOOD}\n".encode() * 3 + b"\x1f\x8b\n")
    with pytest.raises(Failure, match=r"line 4: not UTF-8 text\. Nothing was sent\.") as raised:
        list(file_format.read(path))
    assert raised.value.hint.startswith("If the file is compressed, unpack it")


def test_where_a_line_is_no_json_is_told_by_its_characters_alone(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text('{\n  "body": "x"\n}\n')
    with pytest.raises(Failure, match=r"line 1: not JSON: [^:]* \(character \d+\)\. Nothing") as raised:
        list(file_format.read(path))
    assert "each has one message, as `cryptoctl dlq export` writes it" in raised.value.hint


@pytest.mark.parametrize("between", ["\n", "\r\n", "\r", "\n\u00a0\n"])
def test_any_line_end_and_lines_of_spaces_are_read(tmp_path: Path, between: str) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_bytes(f"{GOOD}{between}{GOOD}{between}".encode())
    assert len(list(file_format.read(path))) == 2


def test_a_byte_order_mark_is_not_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert [letter.message.body for letter in file_format.read(path)] == ["x"]


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_message_is_not_the_one_that_is_meant(tmp_path: Path, content: bytes) -> None:
    """As a file of prices that is empty, which `send-price` refuses."""
    path = tmp_path / "letters.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"letters\.jsonl is empty\. Nothing was sent\.") as raised:
        list(file_format.read(path))
    assert raised.value.hint.startswith("Is it the right file, and whole?")


@pytest.mark.parametrize("place", ["/", ".", "", "..", "directory"])
def test_a_directory_is_no_file_to_write(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "directory").mkdir()
    with pytest.raises(Failure, match=r"is a directory|exists"):
        files.write(Path(place), letters(1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["directory"]


def test_what_is_not_a_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("pipe", ".", "nothing"):
        with pytest.raises(Failure) as raised:
            list(file_format.read(tmp_path / place))
        assert raised.value.hint == "Name a file written by export."


def test_lines_without_an_id_are_messages_of_their_own_and_those_with_one_are_one(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    named = '{"queue": "webhook", "body": "x", "id": "i", "receives": %d}'
    path.write_text("\n".join([GOOD, GOOD, named % 1, named % 2]), encoding="utf-8")
    first, second, once, twice = (letter.key for letter in file_format.read(path))
    assert first != second
    assert once == twice, "it was received once more between two exports"
