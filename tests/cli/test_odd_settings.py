"""Odd environment variables, editors and arguments: refused with a sentence before anything is done."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.conftest import Cli
from cryptoctl import env_vars
from cryptoctl.aws import Aws
from cryptoctl.aws_errors import without_password
from cryptoctl.cli import completion
from cryptoctl.cli.app import app
from cryptoctl.cli.command import as_failure
from cryptoctl.cli.dlq import _edited, _editor
from cryptoctl.cli.iam_policy import _older_parts
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.payloads import EditError
from cryptoctl.ui.screen import Screen

NO_HOME = "~nosuchuser/somewhere"


@pytest.mark.parametrize("name", ["CRYPTOCTL_CONFIG", "CRYPTOCTL_STATE_DIR"])
def test_a_home_directory_that_is_not_known_leads_to_the_variable(
    name: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, NO_HOME)
    result = cli("plan", "--env", "demo")
    assert result.code == ExitCode.USAGE
    assert f"{name} is '{NO_HOME}'" in result.err


def test_a_user_without_a_home_directory_is_led_to_the_variables(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("CRYPTOCTL_STATE_DIR")
    monkeypatch.setattr(env_vars, "user_state_path", unknown)
    result = cli("local", "status")
    assert result.code == ExitCode.USAGE
    assert "Set CRYPTOCTL_STATE_DIR, or HOME, to a directory" in result.err


WITHOUT_HOME = """
import pathlib, sys

def unknown(*_):
    raise RuntimeError("Could not determine home directory.")

pathlib.Path.home = pathlib.Path.expanduser = unknown
from cryptoctl.__main__ import main
main()
"""


@pytest.mark.process
def test_completion_is_not_installed_for_a_user_without_a_home_directory() -> None:
    command = [sys.executable, "-c", WITHOUT_HOME, "--install-completion", "bash"]
    # Else it would be for the shell that the tests were started from, if any.
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: HOME names no absolute path")


@pytest.mark.parametrize(
    "name",
    ["CRYPTOCTL_CONFIG", "CRYPTOCTL_STATE_DIR", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"],
)
def test_a_home_directory_that_is_not_known_does_not_disturb_completion(
    name: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, NO_HOME)
    completion.environment_names(typer.Context(typer.main.get_command(app)))
    completion.profile_names()


def test_an_error_about_a_file_needs_no_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", NO_HOME)
    assert as_failure(OSError(13, "Permission denied", "x")).message == "x cannot be used: Permission denied."


@pytest.mark.parametrize("editor", ['vi "', " ", "no-such-editor --wait"])
def test_an_editor_that_cannot_be_started_is_refused_before_the_run(
    editor: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", editor)
    result = cli("dlq", "replay", "--edit", "--local", "--env", "demo")
    assert result.code == ExitCode.USAGE
    assert f"The editor {editor!r} cannot be started" in result.err


@pytest.mark.process
@pytest.mark.parametrize(
    ("script", "reason"),
    [("printf '\\351' > \"$1\"", "another encoding than UTF-8"), ('rm "$1"', "cannot be read")],
)
def test_an_editor_that_leaves_no_text_is_said(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    with pytest.raises(EditError, match=reason):
        _edited(Screen(colour=False), _editor(), "{}")


def test_after_two_hyphens_an_argument_is_taken_as_it_is(cli: Cli, elsewhere: Path) -> None:
    cli.ok("init", "--", "-1.toml")
    assert [path.name for path in elsewhere.glob("*.toml")] == ["-1.toml"]


def test_the_value_of_an_option_is_taken_as_it_is(cli: Cli) -> None:
    result = cli("plan", "--env", "-1")
    assert "'-1' is not a valid name for an environment" in result.err


@pytest.mark.parametrize(
    "arguments", [("BTC", "-1", "here"), ("BTC", "1", "here", "--volume", "-1"), ("BTC", "-.5", "here")]
)
def test_a_negative_number_is_no_option(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli("send-price", *arguments)
    assert result.code == ExitCode.USAGE
    assert "not a valid price" in result.err


@pytest.mark.parametrize(
    "text",
    [
        "https://user:pa/ss@host/",
        "https://user:pa/s@s@host/",
        "https://user:/pa:ss@host/",
        "proxy user:pa/ss@host",
        '"user:pa/ss@host"',
        "https://ss@host/",
    ],
)
def test_a_password_with_any_character_is_hidden(text: str) -> None:
    assert "ss@" not in without_password(text)
    assert "***@host" in without_password(text)


@pytest.mark.parametrize("character", ["#", "/", "?"])
def test_of_a_proxy_s_password_nothing_is_shown_where_it_ends_the_address(
    character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To urllib3 the host of such an address is what stands before the character."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter{character}2@127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(Failure, match="an address cannot be parsed") as raised:
        Aws(region="us-east-1", attempts=1).call("sts", "GetCallerIdentity")
    assert "hunter" not in f"{raised.value}{raised.value.hint}"
    assert "HTTPS_PROXY" in raised.value.hint


@pytest.mark.parametrize("word", ["a" * 500_000, "a:" * 250_000, "=" * 500_000, "://a" * 125_000])
def test_a_long_text_is_looked_through_at_once(word: str) -> None:
    """A search from each of its characters to its end would take hours."""
    assert without_password(f"{word} {word}@host") == f"{word} ***@host"


@pytest.mark.parametrize(
    "text", ["arn:aws:iam::1:user/me@example.com", "https://host/me@example.com", "a: b@c"]
)
def test_what_is_no_password_stays(text: str) -> None:
    assert without_password(text) == text


def test_following_that_is_interrupted_before_the_first_line_ends_with_one_line(
    capsys: Any,
) -> None:
    screen = Screen(colour=False, is_json=True)
    screen.one_line_each()
    screen.document({"command": "logs", "lines": []})
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_two_ways_to_choose_parts_of_a_policy_exclude_each_other(cli: Cli) -> None:
    result = cli("iam-policy", "--part", "1", "--output-dir", "there")
    assert result.code == ExitCode.USAGE
    assert "exclude each other" in result.err


def test_the_parts_of_an_earlier_longer_policy_are_found(tmp_path: Path) -> None:
    for name in ("dev-read-1", "dev-read-2", "dev-read-10", "dev-read-x", "dev-deploy-2"):
        (tmp_path / f"{name}.json").write_text("{}", encoding="utf-8")
    stems = {path.stem for path in _older_parts(tmp_path, "dev-read", 1)}
    assert stems == {"dev-read-2", "dev-read-10"}


def test_a_question_that_nobody_can_answer_refuses(capsys: Any) -> None:
    with pytest.raises(Failure, match="This deletes dev, and there is no terminal") as raised:
        Screen(colour=False).confirm("Delete dev?", "This deletes dev")
    assert (raised.value.exit_code, raised.value.hint) == (ExitCode.REFUSED, "Add --yes.")


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), (" YES ", True), ("", False), ("n", False)])
def test_only_yes_confirms(answer: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Screen, "can_ask", True)
    monkeypatch.setattr("builtins.input", lambda: answer)
    try:
        Screen(colour=False).confirm("Delete dev?", "This deletes dev")
    except Failure as failure:
        assert (failure.exit_code, goes_on) == (ExitCode.REFUSED, False)
    else:
        assert goes_on


@pytest.mark.parametrize("name", [r"\$(touch x)", "`touch x`", "a b", "';touch x;'", "é\x1b[2J"])
def test_completion_offers_nothing_that_a_shell_would_evaluate(name: str, elsewhere: Path) -> None:
    """zsh does, and the cryptoctl.toml may be that of whoever has filled the directory."""
    quoted = json.dumps(name)
    (elsewhere / "cryptoctl.toml").write_text(f"default_env = {quoted}\n[env.{quoted}]\n[env.prod]\n")
    context = typer.Context(typer.main.get_command(app))
    environments = completion.environment_names(context)
    assert "prod" in environments
    offered = [*environments, *completion.resource_names(context), *completion.function_names(context)]
    assert [word for word in offered if shlex.quote(word) != word] == []


def test_completion_offers_the_resources_of_the_environment(elsewhere: Path) -> None:
    (elsewhere / "cryptoctl.toml").write_text('default_env = "prod"\n')
    offered = completion.resource_names(typer.Context(typer.main.get_command(app)))
    assert {"crypto-prices-prod", "/aws/lambda/price-enricher-prod", "alias/lambda-env-prod"} <= set(offered)
