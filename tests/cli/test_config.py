"""`config` shows what is set, by what, and what each key means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from cryptoctl.errors import ExitCode
from cryptoctl.settings import documented_keys


def keys(cli: Cli, *arguments: str) -> dict[str, Any]:
    rows = cli.ok("config", *arguments, "--output", "json").json["keys"]
    return {row["key"]: (row["value"], row["source"]) for row in rows}


def test_a_value_names_its_source(cli: Cli, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = elsewhere / "cryptoctl.toml"
    file.write_text("[env.prod]\nlog_retention_days = 30\nregion = 'eu-west-1'\n", encoding="utf-8")
    monkeypatch.setenv("CRYPTOCTL_ENV", "prod")
    values = keys(cli, "--region", "us-west-2")
    assert values["default_env"] == ("prod", "CRYPTOCTL_ENV")
    assert values["env.prod.log_retention_days"] == (30, str(file))
    assert values["env.prod.region"] == ("us-west-2", "command line")
    assert values["env.prod.dead_letter_retention_s"] == (345_600, "default")


def test_every_key_is_shown_with_its_meaning(cli: Cli) -> None:
    text = cli.ok("config").out
    for key in documented_keys():
        assert key.name.replace("NAME", "dev") in text
        assert key.meaning in text


def test_the_keys_of_each_sender_are_shown(cli: Cli, elsewhere: Path) -> None:
    (elsewhere / "cryptoctl.toml").write_text(
        "[env.dev.webhook.senders.desk]\npreset = 'standard-webhooks'\n"
        "[env.dev.webhook.senders.other]\nscheme = 'basic'\n",
        encoding="utf-8",
    )
    values = keys(cli)
    assert values["env.dev.webhook.senders.desk.preset"][0] == "standard-webhooks"
    assert values["env.dev.webhook.senders.other.scheme"][0] == "basic"
    assert not any("SENDER" in key for key in values)


def test_a_wrong_file_does_not_hide_the_keys(cli: Cli, elsewhere: Path) -> None:
    (elsewhere / "cryptoctl.toml").write_text("[env.dev]\nlog_retention_day = 3\n", encoding="utf-8")
    result = cli("config")
    assert result.code == ExitCode.USAGE
    assert "unknown key `env.dev.log_retention_day`" in result.err
    assert "env.NAME.log_retention_days" in result.out


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08", b"#" * 1_000_001, None])
def test_a_file_that_is_no_configuration_at_all_is_not_answered_with_the_keys(
    cli: Cli, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "of.another.kind"
    if content is not None:
        file.write_bytes(content)
    result = cli("plan", "--config", str(file))
    assert result.code == ExitCode.USAGE
    assert result.err.endswith("hint:  Name a TOML file in UTF-8 with --config or CRYPTOCTL_CONFIG.\n")
