"""A journal is one environment's, in its present life, as it was written; any other is set aside and told."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cryptoctl.cli.command import CommandRun
from cryptoctl.cli.dlq import with_failures
from cryptoctl.errors import Failure
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.ops.dead_letters.journal import REMEMBERED_MS, Journal, MessageState
from cryptoctl.ops.dead_letters.journal_file import _set_aside, journal_path, private_directory
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.ops.dead_letters.queues import DeadLetterQueues
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.reconcile.scope import Scope
from cryptoctl.session import Session
from cryptoctl.ui.screen import Screen

OURS = "arn:aws:sqs:us-east-1:000000000000:q@1"


def message(body: str = '{"price": 1}', id: str = "i") -> Message:  # noqa: A002
    return Message(
        queue=QueueName.WEBHOOK, id=id, body=body, attributes={}, sent_ms=1, receives=1, receipt="r"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal of a replay that was killed with a step begun."""
    path = tmp_path / "j.sqlite"
    with Journal(path, OURS) as journal:
        journal.add([(message(), MessageState.CHOSEN)], extend_ms=0)
        journal.begin("webhook/i", {"payload": "x" * 100})
        journal.mark_failed("webhook/j", "no", now_ms=1)
        journal.write_time("collecting since", 1)
    return path


def _aside(path: Path) -> list[Path]:
    return [file for file in path.parent.iterdir() if ".aside-" in file.name]


def test_what_was_begun_is_found_again(path: Path) -> None:
    with Journal(path, OURS) as journal:
        assert [step.key for step, _ in journal.steps(MessageState.BEGUN)] == ["webhook/i"]
        assert journal.notice == ""


@pytest.mark.parametrize(
    "other",
    [
        OURS.replace("us-east-1", "eu-west-1"),
        OURS.replace("000000000000", "111111111111"),
        OURS.replace(":q@", ":other@"),
        OURS.replace("@1", "@2"),
    ],
    ids=["region", "account", "environment", "former life of the queue"],
)
def test_a_journal_of_other_queues_is_never_taken_for_ones_own(path: Path, other: str) -> None:
    with Journal(path, other) as journal:
        assert journal.count(*MessageState) == 0
        assert "set aside" in journal.notice and "queues that were deleted" in journal.notice
    with Journal(path, other) as journal:
        assert journal.notice == "", "told once"
    (aside,) = [file for file in _aside(path) if file.suffix == ".sqlite"]
    with Journal(aside, OURS) as journal:
        assert journal.count(MessageState.BEGUN) == 1, "nothing of it is lost"


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _scribbled(path: Path) -> None:
    path.write_bytes(b"scribble" * 1000)


def _payload_flipped(path: Path) -> None:
    content = path.read_bytes()
    assert b"xxxx" in content
    path.write_bytes(content.replace(b"xxxx", b"xxxy"))


def _body_flipped(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'{"price": 1}', b'{"price": 9}'))


def _a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _of_another_version(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE letters (key TEXT)")
    database.close()


def _of_a_later_version(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def _sql(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with sqlite3.connect(path) as database:
            changed = database.execute(statement).rowcount
        database.close()
        assert changed

    damage.__name__ = statement
    return damage


DAMAGES: list[Callable[[Path], None]] = [
    _truncated,
    _emptied,
    _scribbled,
    _payload_flipped,
    _body_flipped,
    _a_directory,
    _of_another_version,
    _of_a_later_version,
    *map(
        _sql,
        [
            "DROP TABLE settled",
            "DROP TABLE imported",
            "DROP TABLE notes",
            "DROP TABLE failures",
            "ALTER TABLE settled RENAME COLUMN at_ms TO then_ms",
            "UPDATE notes SET value = 'x' WHERE name = 'collecting since'",
            "UPDATE notes SET value = x'00' WHERE name = 'collecting since'",
            "UPDATE messages SET sent_ms = 'x'",
            "UPDATE messages SET state = 'lost'",
            "UPDATE messages SET body = x'00'",
            "UPDATE messages SET key = 'webhook/k'",
            "UPDATE failures SET step = '{'",
            "UPDATE failures SET reason = 'another'",
        ],
    ),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_told_and_the_work_goes_on_without_it(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    with Journal(path, OURS) as journal:
        assert str(path) in journal.notice and "A new one is begun" in journal.notice
        assert journal.count(*MessageState) == 0
        journal.add([(message(), MessageState.CHOSEN)], extend_ms=0)
    with Journal(path, OURS) as journal:
        assert (journal.notice, journal.count(MessageState.CHOSEN)) == ("", 1)
    assert bool(_aside(path)) is (damage is not _emptied), "what may hold something is kept"


def test_any_truncation_is_told_or_harmless(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 997):
        part = tmp_path / f"{length}" / "j.sqlite"
        part.parent.mkdir()
        part.write_bytes(content[:length])
        with Journal(part, OURS) as journal:
            assert journal.notice
        shutil.rmtree(part.parent)


def test_any_page_that_is_scribbled_over_is_told(path: Path, tmp_path: Path) -> None:
    content, size = path.read_bytes(), 4096
    assert len(content) > 8 * size
    for start in range(0, len(content), size):
        part = tmp_path / f"{start}" / "j.sqlite"
        part.parent.mkdir()
        part.write_bytes(content[:start] + b"\xff" * size + content[start + size :])
        with Journal(part, OURS) as journal:
            assert journal.notice, f"page {start // size}"


def test_a_journal_that_another_process_has_replaced_meanwhile_is_not_set_aside(path: Path) -> None:
    with pytest.raises(Failure, match="Another process has replaced"):
        _set_aside(path, path.stat().st_ino + 1, "is damaged")
    assert _aside(path) == []


def test_a_journal_that_another_process_has_is_not_set_aside(path: Path) -> None:
    with Journal(path, OURS):
        for identity in (OURS, "other"):
            with pytest.raises(Failure, match="Another replay or import"):
                Journal(path, identity)
    assert _aside(path) == []


def test_while_one_of_the_queues_is_missing_the_journal_goes_on_with_the_other(path: Path) -> None:
    both = f"{OURS} arn:aws:sqs:us-east-1:000000000000:r@1"
    for present, remembered in (
        (both, True),
        (OURS, True),
        (both, True),
        (both.replace("r@1", "r@2"), False),
    ):
        with Journal(path, present) as journal:
            assert (journal.notice == "") is remembered, present
    path.unlink()
    for present, remembered in ((OURS, True), (both, True), (both.replace("r@1", "r@2"), False)):
        with Journal(path, present) as journal:
            assert (journal.notice == "") is remembered, present


def test_where_nothing_can_be_made_it_says_where_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "file" / "state"))
    with pytest.raises(Failure, match="cannot be made") as raised:
        private_directory()
    assert "CRYPTOCTL_STATE_DIR" in raised.value.hint


def test_of_a_message_that_comes_twice_the_latest_receipt_counts_and_the_state_stays(path: Path) -> None:
    with Journal(path, OURS) as journal:
        journal.add([(replace(message(), receipt="later"), MessageState.ASIDE)], extend_ms=0)
        assert [(begun.receipt, step["payload"]) for begun, step in journal.steps(MessageState.BEGUN)] == [
            ("later", "x" * 100)
        ]
        assert journal.count(*MessageState) == 1


def test_what_sqs_can_still_deliver_is_remembered_and_nothing_older(path: Path) -> None:
    with Journal(path, OURS) as journal:
        now_ms = 2 * REMEMBERED_MS
        for key, at_ms in (("old", now_ms - REMEMBERED_MS - 1), ("kept", now_ms - REMEMBERED_MS)):
            journal.mark_replayed([f"webhook/{key}"], at_ms)
            journal.remember_imported(key, at_ms)
            journal.mark_failed(f"enricher/{key}", "no", at_ms)
        journal.prune(now_ms)
        assert [journal.is_replayed(f"webhook/{key}") for key in ("old", "kept")] == [False, True]
        assert [journal.is_imported(key) for key in ("old", "kept")] == [False, True]
        assert journal.failures() == {"enricher/kept": "no"}


def test_a_full_disk_is_told(path: Path) -> None:
    with Journal(path, OURS) as journal:
        journal._db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(Failure, match="full") as raised:
            journal.add([(message("y" * 1_000_000, "j"), MessageState.CHOSEN)], extend_ms=0)
    assert "disk space" in raised.value.hint


@pytest.mark.parametrize("first", ["dlq", "the engine"])
def test_our_directories_are_for_their_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    state = tmp_path / "made" / "state"
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(state))
    before = os.umask(0)
    try:
        if first == "the engine":
            DataDirectory(state / "engine").create()
        directories = [
            journal_path(Scope(environment="e", account="1", region="r")).parent,
            private_directory("purged"),
        ]
    finally:
        os.umask(before)
    assert directories == [state / "dead-letters", state / "dead-letters" / "purged"]
    assert [stat.S_IMODE(directory.stat().st_mode) for directory in (state, *directories)] == [0o700] * 3


@pytest.mark.parametrize("names", [(), ("purged",)])
def test_a_directory_in_which_others_may_put_a_journal_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """A replay goes on with the steps that stand there as begun."""
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    directory = private_directory(*names)
    directory.chmod(0o777)
    with pytest.raises(Failure, match=f"others may write to {directory}") as raised:
        private_directory(*names)
    assert "CRYPTOCTL_STATE_DIR" in raised.value.hint
    directory.chmod(0o700)
    user = os.geteuid()
    if user == 0:  # which takes what is whose ever, as in a container with a user's files
        os.chown(directory, 65534, -1)
        assert private_directory(*names) == directory
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(Failure, match="belongs to"):
        private_directory(*names)


def test_while_a_replay_runs_error_says_that_it_looks_at_first_failures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cryptoctl.cli.dlq.journal_path", lambda _: tmp_path / "journal")
    monkeypatch.setattr("cryptoctl.cli.dlq.identity", lambda _: "queues")
    session = cast("Session", SimpleNamespace(scope=None))
    run = CommandRun(session=session, screen=Screen(colour=False))
    queues = cast("DeadLetterQueues", None)
    with Journal(tmp_path / "journal", "queues") as journal:
        journal.mark_failed("webhook/1", "refused with status 400", 1)
        assert not with_failures(run, Selection(error="status 400"), queues).failures
        assert not with_failures(run, Selection(), queues).failures
    assert len(re.findall("first failures alone: .*replay", capsys.readouterr().err)) == 1
    assert list(with_failures(run, Selection(error="status 400"), queues).failures) == ["webhook/1"]
    assert not capsys.readouterr().err
