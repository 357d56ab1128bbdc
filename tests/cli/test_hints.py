"""A hint keeps the options that the person gave: followed word for word, it does what it says."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from cli.conftest import Cli
from cryptoctl.cli import trace
from cryptoctl.cli.app import app
from cryptoctl.cli.command import _policy_option, load
from cryptoctl.cli.commands import COMMANDS
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.permissions import ACCESS, Purpose
from cryptoctl.reconcile.permissions import Access
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from cryptoctl.ui.hints import command_about, with_aws_options, with_options
from cryptoctl.ui.json_output import write_document
from cryptoctl.ui.screen import Screen

GIVEN = {"--for": "read", "--env": "prod", "--region": "eu-west-1", "--aws": ""}


@pytest.mark.parametrize(
    ("hint", "completed"),
    [
        ("Run `cryptoctl plan` again.", "Run `cryptoctl plan --env prod --region eu-west-1 --aws` again."),
        ("`cryptoctl up --env dev`", "`cryptoctl up --env dev --region eu-west-1 --aws`"),
        ("`cryptoctl up --local`", "`cryptoctl up --local --env prod --region eu-west-1`"),
        ("`cryptoctl local start`", "`cryptoctl local start`"),
        ("`cryptoctl iam-policy`", "`cryptoctl iam-policy --for read --env prod --region eu-west-1 --aws`"),
        (
            "`cryptoctl iam-policy --for deploy`",
            "`cryptoctl iam-policy --for deploy --env prod --region eu-west-1 --aws`",
        ),
        ("`cryptoctl --version` and `aws sso login`", "`cryptoctl --version` and `aws sso login`"),
    ],
)
def test_each_command_of_a_hint_gets_the_options(hint: str, completed: str) -> None:
    assert with_options(hint, GIVEN) == completed


def test_a_hint_names_the_policy_that_what_a_command_does_needs_and_none_that_allows_more() -> None:
    smallest = [(Purpose.READ, ACCESS[Purpose.READ]), (Purpose.OPERATE, ACCESS[Purpose.OPERATE])]
    for access in Access:
        needed = next((purpose for purpose, allowed in smallest if access in allowed), Purpose.DEPLOY)
        assert _policy_option(access) == {"--for": needed.value}
    assert _policy_option(None) == {}


@given(st.from_regex(r"-{0,2}[-A-Z0-9/.' ]{1,9}", fullmatch=True), st.sampled_from(["5", "a -- b"]))
def test_whatever_the_symbol_the_command_is_read_as_it_is_meant(symbol: str, id: str) -> None:  # noqa: A002
    """With the person's options in it; a symbol that begins with a hyphen is none of them."""
    line = with_options(f"`{command_about('trace', symbol, '--id', id)}`", GIVEN).strip("`")
    context: Any = load("trace").make_context("trace", shlex.split(line)[2:])
    read = {name: value for name, value in context.params.items() if value is not None}
    expected = {"symbol": symbol, "id": id, "env": "prod", "region": "eu-west-1", "local": False}
    assert read == {**read, **expected}


def test_the_hint_to_look_further_back_than_1970_names_a_time_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trace, "oldest", lambda *_: SimpleNamespace(timestamp_ms=-5))
    run: Any = SimpleNamespace(session=SimpleNamespace(aws=None, stack=SimpleNamespace(prices=None)))
    selector = trace._selector("BTC", at=None, id="7", sort_key=None, since=None)
    assert selector is not None
    assert "--since 1970-01-01`" in trace._further_back(run, selector, 1)
    assert "`cryptoctl prices BTC`" in trace._further_back(run, selector, 0), "all were looked at"


@pytest.mark.parametrize("sort_key", [None, "none"])
def test_a_hint_about_a_symbol_is_read_as_it_is_meant(sort_key: str | None) -> None:
    with pytest.raises(Failure) as raised:
        trace._selector("btc&(usd)", at=None, id=None, sort_key=sort_key, since=None)
    [command] = re.findall("`(.*)`", raised.value.hint)
    assert shlex.split(command) == ["cryptoctl", "prices", "BTC&(USD)", "--output", "json"]
    assert shlex.quote("BTC&(USD)") in command


@given(st.text(st.characters(exclude_characters="`", exclude_categories=["Cs"]), min_size=1))
def test_whatever_the_path_a_shell_reads_it_back(path: str) -> None:
    [command] = re.findall("`(.*)`", with_options("`cryptoctl plan`", {"--config": path}), re.DOTALL)
    assert shlex.split(command) == ["cryptoctl", "plan", "--config", path]


def test_of_a_path_what_cannot_be_seen_is_shown_as_a_shell_reads_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {"--config": "it's a\u200c/b", "--env": "prod"}
    Screen(colour=False, options=options).failure(Failure(ExitCode.USAGE, "No.", "Run `cryptoctl plan`."))
    shown = """`cryptoctl plan --config 'it'"'"$'s a\\U0000200c/b' --env prod`"""
    assert shown in capsys.readouterr().err


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
    local, remote, flag, unknown = (
        Session(options).aws_cli_options
        for options in (
            SessionOptions(environment="here"),
            SessionOptions(environment="there", profile="mine"),
            SessionOptions(environment="there", target=Target.LOCAL, region="us-west-2"),
            SessionOptions(environment="no such", target=Target.LOCAL),
        )
    )
    assert local == {"--endpoint-url": "http://127.0.0.1:4999", "--region": "us-east-1"}
    assert remote == {"--region": "eu-west-1", "--profile": "mine"}
    assert flag == {"--endpoint-url": "http://127.0.0.1:4999", "--region": "us-west-2"}
    assert "--endpoint-url" in unknown


def test_a_failure_names_commands_of_the_aws_cli_that_go_there(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(colour=False, aws_options=lambda: {"--endpoint-url": "http://127.0.0.1:4999"})
    screen.failure(Failure(ExitCode.AWS, "It is refused.", "Run `aws logs tail`."))
    assert "`aws logs tail --endpoint-url http://127.0.0.1:4999`" in capsys.readouterr().err


def test_the_notes_and_obstacles_of_a_document_get_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    text = "run `cryptoctl up`"
    cost = {"fixed_usd_a_month": 0, "fixed": [], "by_use": False, "prices_of": "2026-11"}
    plan = {
        "goal": "present",
        "fingerprint": "f",
        "obstacles": [text],
        "notes": [text],
        "steps": [],
        "cost": cost,
    }
    where = {"environment": "e", "target": "aws", "account": None, "region": None}
    screen = Screen(colour=False, is_json=True, options={"--env": "prod"})
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
    result = cli("status", "--local", "--env", "demo", "--config", str(file))
    assert result.code == ExitCode.UNREACHABLE
    assert f"`cryptoctl local start --config '{file}'`" in result.err
    assert f"`cryptoctl up --local --env demo --config '{file}'`" in result.err


def test_a_wrong_file_leads_to_the_keys_of_that_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("no = 1\n", encoding="utf-8")
    hint = cli("plan", "--config", str(file)).err
    [command] = re.findall("`cryptoctl (config[^`]*)`", hint)
    assert "env.NAME.target" in cli(*shlex.split(command)).out


SOURCE = Path(__file__).parents[2] / "src" / "cryptoctl"
NAMED = re.compile(r"cryptoctl ((?:local|dlq) [a-z-]+|[a-z-]+)((?: [^\s`;,)]+)*)")
TARGET = {"--env": "prod", "--profile": "work", "--region": "eu-west-1", "--config": "my.toml", "--local": ""}
PLACEHOLDER = "NAME"


@cache
def texts() -> list[tuple[str, str]]:
    """Every text of the source, with where it stands; the parts of an f-string as one.

    Docstrings and help are no messages. The handlers' own texts are not printed by a command that knows a
    target, but the engine's errors are.
    """
    messages = []
    for file in sorted(SOURCE.rglob("*.py")):
        if file.is_relative_to(SOURCE / "handlers"):
            continue
        tree = ast.parse(file.read_text("utf-8"))
        skipped = {id(node) for part in ast.walk(tree) for node in _not_messages(part)}
        for node in ast.walk(tree):
            if id(node) not in skipped and (text := _text(node)):
                skipped |= {id(inner) for inner in ast.iter_child_nodes(node)}
                messages.append((f"{file.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}", text))
    return messages


@cache
def hints() -> list[tuple[str, str]]:
    """The texts that name a command."""
    return [(place, text) for place, text in texts() if NAMED.search(text) and _is_command(text)]


def _not_messages(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
        yield node.body[0].value  # type: ignore[attr-defined]
    if isinstance(node, ast.Expr):  # a field's docstring
        yield node.value
    if isinstance(node, ast.keyword) and node.arg in ("example", "help"):
        yield from ast.walk(node.value)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else PLACEHOLDER
            for part in node.values
        )
    return ""


def _is_command(text: str) -> bool:
    return any(match[1] in COMMAND_NAMES for match in NAMED.finditer(text))


COMMAND_NAMES = set(COMMANDS)


def test_the_source_names_commands() -> None:
    assert len(hints()) > 40


def test_no_message_sends_a_person_to_a_file_that_an_installation_lacks() -> None:
    missing = {
        place for place, text in texts() if re.search(r"\bdocs/[a-z-]+\.md", text) and "claims/" not in place
    }
    assert missing == set()


def test_every_command_that_the_source_names_exists_and_gets_the_target() -> None:
    root: Any = get_command(app)
    faults = [fault for place, text in hints() for fault in _faults(root, place, text)]
    assert faults == []


def _faults(root: Any, place: str, text: str) -> Iterator[str]:
    completed = with_options(text, TARGET)
    for match in NAMED.finditer(completed):
        name, words = match[1], shlex.split(match[2])
        if name not in COMMAND_NAMES:
            continue
        if completed[: match.start()].count("`") % 2 == 0:
            yield f"{place}: `cryptoctl {name}` is not in backquotes, so it would lose the target"
        command: Any = root
        for part in name.split():
            command = command.commands[part]
        options = {"--help"} | {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        if unknown := {word for word in words if word.startswith("--")} - options:
            yield f"{place}: {name} has no {unknown}"
        required = {"--config"} if name.split()[0] in ("local", "init") else set(TARGET)
        if "--aws" in words:
            required -= {"--local"}
        if lost := required - set(words):
            yield f"{place}: {name} loses {lost}"
