"""Damaged files of the engine are kept aside and named, and the engine starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cryptoctl.local import launch
from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.durability import keep_damaged_state_aside
from cryptoctl.local.engine import Engine, EngineError
from local.clients import workbench
from local.conftest import QUICK
from local.starting import restart, start


def test_damaged_state_is_kept_aside_and_named_and_a_damaged_record_stops_nobody(engine: Engine) -> None:
    bench = start(engine)
    bench.queue()
    table, _ = bench.table()
    bench.put(table, 1)
    engine.stop()
    state = engine.status().home / "state"
    broken = (state / "sqs.json").read_text()[:-20]
    (state / "sqs.json").write_text(broken)
    (state / "dynamodb.json").write_text("{")
    (engine.status().home / "engine.json").write_text("{")
    status = engine.start(port=0, options=QUICK)
    assert status.running
    for name, content in (("sqs.json", broken), ("dynamodb.json", "{")):
        backup = state / f"{name}.damaged-1"
        assert any(f"{name} was damaged" in note and backup.name in note for note in status.notes)
        assert backup.read_text() == content
    with pytest.raises(ClientError) as raised:
        workbench(engine).put(table, 2)
    code = raised.value.response["Error"]["Code"]
    assert code == "ResourceNotFoundException", "a table nobody describes any more is gone"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("null", "no state in it"),
        ("[]", "no state in it"),
        ("{}", "no state in it"),
        ('{"__ministack_format__": 2}', "no state in it"),
        ('{"__ministack_format__": 2, "payload": null}', "no state in it"),
        ('{"__ministack_format__": 3, "payload": {}}', "another version"),
        ('{"__ministack_format__": "2", "payload": {}}', "another version"),
        ('{"__ministack_format__": true, "payload": {}}', "another version"),
        ('{"__ministack_format__": 0, "payload": {}}', "another version"),
        ('{"payload": {}}', "another version"),
        ("[" * 100_000, "damaged"),
    ],
)
@pytest.mark.parametrize("name", ["sqs.json", "lambda.json"])
def test_a_state_file_that_would_not_be_read_is_kept_aside(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    (tmp_path / "kms.json").write_text('{"__ministack_format__": 3, "payload": {}}')
    (tmp_path / name).write_text(content)
    [note] = keep_damaged_state_aside(tmp_path)
    assert note.startswith(f"{name} was ") and reason in note
    assert sorted(file.name for file in tmp_path.iterdir()) == ["kms.json", f"{name}.damaged-1"]
    assert (tmp_path / f"{name}.damaged-1").read_text() == content
    assert keep_damaged_state_aside(tmp_path) == []
    (tmp_path / name).write_text("{")
    keep_damaged_state_aside(tmp_path)
    assert (tmp_path / f"{name}.damaged-1").read_text() == content
    assert (tmp_path / f"{name}.damaged-2").read_text() == "{"


def test_a_damaged_store_is_kept_aside_and_named(engine: Engine) -> None:
    bench = start(engine)
    table, _ = bench.table()
    bench.put(table, 1)
    bench.client("logs").create_log_group(logGroupName="kept")
    engine.stop()
    store = engine.status().home / "store.sqlite3"
    store.write_bytes(b"no database at all " * 100)
    notes = restart(engine).notes
    assert any("store.sqlite3 was damaged" in note for note in notes)
    assert (store.parent / "store.sqlite3.damaged-1").read_bytes().startswith(b"no database")
    bench.put(table, 2)
    assert bench.client("dynamodb").scan(TableName=table)["Items"][0]["at"] == {"N": "2"}
    bench.client("logs").create_log_stream(logGroupName="kept", logStreamName="one")


FULL = """
import errno, os, sqlite3, sys
sys.path.insert(0, sys.argv[1])
from cryptoctl.local import boot, server

def full():
    if {store}:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

server.load_app = full
boot.main()
"""


@pytest.mark.parametrize("store", [False, True])
def test_where_the_disk_is_full_at_the_start_the_hint_is_to_make_room(
    engine: Engine, store: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "boot.py"
    script.write_text(FULL.format(store=store))
    monkeypatch.setattr(launch, "BOOT_SCRIPT", script)
    data = DataDirectory(engine.status().home)
    with pytest.raises(EngineError, match=r"is full\.|no space left") as raised:
        engine.start(port=0)
    assert raised.value.hint.startswith("Make room on the disk")
    assert not data.unclean(), "nothing was begun that could be missing"


def test_an_engine_that_is_killed_as_it_starts_is_not_told_of_by_the_log_of_an_earlier_one(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataDirectory(engine.status().home)
    data.create()
    data.forget_holder()  # where one has been
    data.log_file.write_text("Traceback of yesterday\n")
    script = tmp_path / "boot.py"
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(launch, "BOOT_SCRIPT", script)
    with pytest.raises(EngineError, match=r"it died silently\.$") as raised:
        engine.start(port=0)
    assert raised.value.hint.endswith("may have killed it. Start it again.")
