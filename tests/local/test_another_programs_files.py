"""An engine does not begin where another program's files lie: a reset would delete them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.engine import Engine, EngineError


@pytest.mark.parametrize("name", ["state/of/pistons.txt", "scratch/notes", "engine.log", "running"])
def test_an_engine_is_not_begun_among_files_of_another_program(tmp_path: Path, name: str) -> None:
    data, file = DataDirectory(tmp_path / "engine"), tmp_path / "engine" / name
    file.parent.mkdir(mode=0o700, parents=True)
    data.directory.chmod(0o700)
    file.write_text("four")
    engine = Engine(data.directory)
    engine.credentials("dev")  # as a command may that is for an engine that does not run
    for begin in (engine.start, lambda: engine.check_start(None)):
        with pytest.raises(EngineError, match=f"it has {name.partition('/')[0]} of another program"):
            begin()
    assert not engine.reset()
    assert file.read_text() == "four"


@pytest.mark.parametrize("own", ["start.lock", "engine.lock", "store.sqlite3"])
def test_an_engine_goes_on_where_one_has_been(tmp_path: Path, own: str) -> None:
    data = DataDirectory(tmp_path / "engine")
    data.create()
    (data.state / "sqs.json").write_text("{}")
    (data.directory / own).touch()
    data.create()


def test_an_engine_begins_where_one_was_killed_before_it_began(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "engine")
    for _ in range(2):
        data.create()
