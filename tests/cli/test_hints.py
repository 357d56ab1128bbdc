"""A hint keeps the options that the person gave: followed word for word, it does what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.conftest import Cli
from cryptoctl.errors import Failure, Problem
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from cryptoctl.ui.hints import with_aws_options, with_options
from cryptoctl.ui.json_output import write_document
from cryptoctl.ui.screen import Screen

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


AWS_OPTIONS = {"--region": "eu-west-1", "--profile": "my own"}


@pytest.mark.parametrize(
    ("hint", "completed"),
    [
        (
            "`aws lambda delete-function` and `aws sso login`",
            (
                "`aws lambda delete-function --region eu-west-1 --profile 'my own'` "
                "and `aws sso login --profile 'my own'`"
            ),
        ),
        ("`aws logs tail --region us-east-1`", "`aws logs tail --region us-east-1 --profile 'my own'`"),
        ("`aws configure list-profiles`", "`aws configure list-profiles`"),
        ("`cryptoctl plan`", "`cryptoctl plan`"),
    ],
)
def test_each_command_of_the_aws_cli_gets_its_options(hint: str, completed: str) -> None:
    assert with_aws_options(hint, lambda: AWS_OPTIONS) == completed


def test_a_command_of_the_aws_cli_goes_where_the_environment_is(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(elsewhere / "state"))
    (elsewhere / "cryptoctl.toml").write_text(
        "[engine]\nport = 4999\n[env.here]\ntarget = 'local'\n"
        "[env.there]\nregion = 'eu-west-1'\nprofile = 'work'\n",
        encoding="utf-8",
    )
    here, there, flag, unknown = (
        Session(options).aws_cli_options
        for options in (
            SessionOptions(environment="here"),
            SessionOptions(environment="there", profile="mine"),
            SessionOptions(environment="there", target=Target.LOCAL, region="us-west-2"),
            SessionOptions(environment="no such", target=Target.LOCAL),
        )
    )
    assert here == {"--endpoint-url": "http://127.0.0.1:4999", "--region": "us-east-1"}
    assert there == {"--region": "eu-west-1", "--profile": "mine"}
    assert flag == {"--endpoint-url": "http://127.0.0.1:4999", "--region": "us-west-2"}
    assert "--endpoint-url" in unknown


def test_a_failure_names_commands_of_the_aws_cli_that_go_there(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(colour=False, aws_options=lambda: {"--endpoint-url": "http://127.0.0.1:4999"})
    screen.failure(Failure(Problem.AWS, "It is refused.", "Run `aws logs tail`."))
    assert "`aws logs tail --endpoint-url http://127.0.0.1:4999`" in capsys.readouterr().err


def test_the_notes_and_obstacles_of_a_document_get_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    text = "run `cryptoctl up`"
    plan = {"goal": "present", "fingerprint": "f", "obstacles": [text], "notes": [text], "steps": []}
    where = {"environment": "e", "target": "aws", "account": None, "region": None}
    screen = Screen(colour=False, machine=True, given={"--env": "prod"})
    write_document(screen, "plan", where, {"plan": plan}, None)
    write_document(screen, "down", where, {"notes": [text]}, None)
    assert capsys.readouterr().out.count("`cryptoctl up --env prod`") == 3


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
