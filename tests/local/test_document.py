"""docs/embedded-engine.md says what the suite shows."""

from __future__ import annotations

from cryptoctl.local.ministack_adapter import VERSION
from cryptoctl.local.options import EngineOptions
from local.conformance.make_table import BEGIN, DOCUMENT, END, behaviours


def test_the_table_has_every_conformance_test_and_no_other() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    shown = {(row[0].removeprefix("| "), row[1].replace("\\|", "|")) for row in rows}
    assert shown == {(behaviour.topic, behaviour.behaviour) for behaviour in behaviours()}


def test_the_engine_behaves_as_aws_in_every_row() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    assert [row[1] for row in rows if row[2] != "as AWS"] == []


def test_the_pinned_version_is_the_one_installed_and_documented() -> None:
    from importlib.metadata import version

    assert version("ministack") == VERSION
    assert f"ministack {VERSION}" in DOCUMENT.read_text(encoding="utf-8")


def test_every_option_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in EngineOptions.__dataclass_fields__:
        assert f"`{name}`" in text
