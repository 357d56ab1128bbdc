"""A hint keeps the options that the person gave: followed word for word, it does what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.conftest import Cli
from cryptoctl.errors import Problem
from cryptoctl.ui.hints import with_options

GIVEN = {"--env": "prod", "--region": "eu-west-1", "--aws": ""}


@pytest.mark.parametrize(
    ("hint", "completed"),
    [
        ("Run `cryptoctl plan` again.", "Run `cryptoctl plan --env prod --region eu-west-1 --aws` again."),
        ("`cryptoctl up --env dev`", "`cryptoctl up --env dev --region eu-west-1 --aws`"),
        ("`cryptoctl up --local`", "`cryptoctl up --local --env prod --region eu-west-1`"),
        ("`cryptoctl local start`", "`cryptoctl local start`"),
        ("`cryptoctl --version` and `aws sso login`", "`cryptoctl --version` and `aws sso login`"),
    ],
)
def test_each_command_of_a_hint_gets_the_options(hint: str, completed: str) -> None:
    assert with_options(hint, GIVEN) == completed


@given(st.text(st.characters(exclude_characters="`", exclude_categories=["Cs"]), min_size=1))
def test_whatever_the_path_a_shell_reads_it_back(path: str) -> None:
    [command] = re.findall("`(.*)`", with_options("`cryptoctl plan`", {"--config": path}), re.DOTALL)
    assert shlex.split(command) == ["cryptoctl", "plan", "--config", path]


def test_without_options_a_hint_stays_as_it_is() -> None:
    assert with_options("`cryptoctl plan`", {}) == "`cryptoctl plan`"


def test_a_hint_of_a_command_can_be_followed(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "state"))
    file = tmp_path / "my settings.toml"
    file.write_text("default_env = 'x'\n", encoding="utf-8")
    said = cli("status", "--local", "--env", "demo", "--config", str(file))
    assert said.code == Problem.UNREACHABLE
    assert f"`cryptoctl local start --config '{file}'`" in said.err
    assert f"`cryptoctl up --local --env demo --config '{file}'`" in said.err


def test_a_wrong_file_leads_to_the_keys_of_that_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("no = 1\n", encoding="utf-8")
    hint = cli("plan", "--config", str(file)).err
    [command] = re.findall("`cryptoctl (config[^`]*)`", hint)
    assert "env.NAME.target" in cli(*shlex.split(command)).out
