"""The journal's file: where it is, whose it is, one process at a time, and what happens if it is damaged."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptoctl import env_vars
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local.private_files import exposure
from cryptoctl.reconcile.scope import Scope

VERSION = 2
# Beside the file itself, in the journal mode that is used.
COMPANIONS = ("", "-wal", "-shm")
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)

_SCHEMA = """
CREATE TABLE messages (
  key TEXT PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
  sent_ms INTEGER NOT NULL, receives INTEGER NOT NULL, receipt TEXT NOT NULL, extend_ms INTEGER NOT NULL,
  state TEXT NOT NULL, step TEXT, seal TEXT
);
CREATE INDEX in_order ON messages (state, queue DESC, sent_ms, key);
CREATE INDEX by_extension ON messages (extend_ms);
CREATE TABLE settled (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL);
CREATE TABLE failures (
  key TEXT PRIMARY KEY, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, step TEXT, seal TEXT
);
CREATE TABLE imported (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_SEALED = """
SELECT key, queue, id, body, attributes, sent_ms, receives, step, state, seal FROM messages
"""


class MessageState(StrEnum):
    """How far a replay has come with a message."""

    ASIDE = "aside"
    """received so that it does not hide others; not selected"""
    CHOSEN = "chosen"
    BEGUN = "begun"
    """its step is journaled, and may have been run or not"""
    TRIMMED = "trimmed"
    """a pointer whose records have left the stream: to be recovered from the table"""
    DONE = "done"
    """replayed; to be deleted"""
    FAILED = "failed"
    """it stays in the queue"""


def private_directory(*names: str) -> Path:
    """The directory for journals and purged messages, or one below it; made for its owner alone.

    Raises Failure if it cannot be made, or others can put files there: a replay goes on as its journal says.
    """
    path = env_vars.state_directory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        for name in ("dead-letters", *names):
            path = path / name
            path.mkdir(mode=0o700, exist_ok=True)
            if exposed := exposure(path, owner_counts=False):
                raise Failure(
                    ExitCode.FAILED,
                    f"The directory {path} is not safe to use: {exposed.reason}. Nothing was changed.",
                    exposed.hint,
                )
    except OSError as error:
        raise Failure(
            ExitCode.FAILED,
            f"The directory {path} cannot be made: {error.strerror}. Nothing was changed.",
            "Set CRYPTOCTL_STATE_DIR to a directory that can be written.",
        ) from error
    return path


def journal_path(scope: Scope) -> Path:
    """The journal of an environment in its account and region."""
    return private_directory() / f"{scope.environment}-{scope.account}-{scope.region}.sqlite"


def open_database(path: Path | None, identity: str) -> tuple[sqlite3.Connection, str]:
    """The journal's database, locked; and what the person must know, empty if nothing.

    `identity` identifies the queues; it differs once one is recreated. A file of others, or one that is
    damaged, is set aside and a new one begun. Raises Failure if another process has it.
    """
    if path is None:
        return _create(sqlite3.connect("", isolation_level=None, check_same_thread=False), identity), ""
    inode = path.stat().st_ino if path.exists() else None
    try:
        db, fresh = _open(path, identity)
        return db, _notice(path, "was empty") if fresh and inode is not None else ""
    except _UnusableJournal as unusable:
        aside = _set_aside(path, inode, str(unusable))
        try:
            return _open(path, identity)[0], _notice(path, f"{unusable}; it was set aside as {aside.name}")
        except _UnusableJournal as error:
            raise _failure(path, str(error)) from error


class _UnusableJournal(Exception):
    """A journal that is not ours to use; the message says why, to be read behind "the journal"."""


def _notice(path: Path, reason: str) -> str:
    return (
        f"The journal {path} {reason}. A new one is begun: what a killed replay has left becomes visible in "
        "its queue within ten minutes, and is replayed from there. Only a price without a time of its own "
        "whose log line is gone could then be stored a second time, at another time. What `import` has put "
        "back is forgotten too: importing the same file again would send all of it again."
    )


def _open(path: Path, identity: str) -> tuple[sqlite3.Connection, bool]:
    """The database, locked, and whether it is new."""
    try:
        with ExitStack() as on_error:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
            on_error.callback(db.close)
            # The lock is taken with the first write and kept for the life of the connection.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = WAL")
            # A commit survives the end of the process at once, that of the machine all but the last moment.
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            db.execute("COMMIT")
            fresh = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if fresh:
                _create(db, identity)
            else:
                _check(db, identity)
            on_error.pop_all()
            return db, fresh
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise Failure(
                ExitCode.REFUSED,
                "Another replay or import of this environment runs on this machine. Nothing was changed.",
                "Wait for it, or stop it; the same again finishes what it leaves.",
            ) from error
        raise _UnusableJournal(f"cannot be read ({error})") from error
    except OSError as error:
        raise _UnusableJournal(f"cannot be opened ({error.strerror})") from error


def _create(db: sqlite3.Connection, identity: str) -> sqlite3.Connection:
    db.row_factory = sqlite3.Row
    db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    db.execute("INSERT INTO notes VALUES ('identity', ?)", (identity,))
    return db


def _check(db: sqlite3.Connection, identity: str) -> None:
    """Raises _UnusableJournal for what is not this environment's, or not as it was written."""
    db.row_factory = sqlite3.Row
    damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise _UnusableJournal(f"is damaged ({damage})")
    if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        raise _UnusableJournal("is of another version of cryptoctl")
    if _tables(db) != _tables_as_created():
        raise _UnusableJournal("is damaged (a table is not as it was created)")
    notes = dict(db.execute("SELECT name, value FROM notes").fetchall())
    joined = _merge_identities(str(notes.pop("identity", "")), identity)
    if joined is None:
        raise _UnusableJournal("is of another account, another region, or queues that were deleted since")
    if not all(isinstance(value, str) and _NUMBER.fullmatch(value) for value in notes.values()):
        raise _UnusableJournal("is damaged (a note is not as it was written)")
    for row in db.execute(_SEALED):
        if row["seal"] != row_digest(*row[:-2]) or row["state"] not in list(MessageState):
            raise _UnusableJournal("is damaged (a message is not as it was written)")
    for row in db.execute("SELECT key, reason, step, seal FROM failures"):
        if row["seal"] != row_digest(*row[:-1]):
            raise _UnusableJournal("is damaged (a failure is not as it was written)")
    db.execute("UPDATE notes SET value = ? WHERE name = 'identity'", (joined,))


def _merge_identities(recorded: str, current: str) -> str | None:
    """The queues of both; None where they have none in common, or one of them was made again since.

    A queue that is missing says nothing against what the journal has of the other one.
    """
    before, now = (dict(queue.rpartition("@")[::2] for queue in text.split()) for text in (recorded, current))
    common = before.keys() & now.keys()
    if recorded != current and (not common or any(before[arn] != now[arn] for arn in common)):
        return None
    return " ".join(f"{arn}@{created}" for arn, created in (before | now).items())


def _tables(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    return [tuple(row) for row in db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")]


def _tables_as_created() -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_SCHEMA)
        return _tables(db)


def row_digest(*parts: str | int | None) -> str:
    """A row's checksum: over a message's constant columns, or all of a failure's columns."""
    return hashlib.sha256(json.dumps(parts, default=repr).encode()).hexdigest()


def _set_aside(path: Path, inode: int | None, reason: str) -> Path:
    """Renames the file. Raises Failure if that cannot be, or another process has done so meanwhile."""
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.stem}.aside-{moment}{path.suffix}")
    try:
        if path.stat().st_ino != inode:
            raise Failure(
                ExitCode.REFUSED,
                f"Another process has replaced the journal {path}. Nothing was changed.",
                "Run the same command again.",
            )
        for companion in COMPANIONS:
            with suppress(FileNotFoundError):
                path.with_name(path.name + companion).rename(aside.with_name(aside.name + companion))
    except OSError as error:
        raise _failure(path, f"{reason}, and cannot be set aside ({error.strerror})") from error
    return aside


def _failure(path: Path, reason: str) -> Failure:
    return Failure(
        ExitCode.FAILED,
        f"The journal {path} {reason}. Nothing was changed.",
        "Move it away, or set CRYPTOCTL_STATE_DIR to a directory that can be written.",
    )
