"""Options: before or after the command, with their defaults in the help, converted as Typer would."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.columns import Columns
from rich.table import Table

from cli.conftest import Cli
from cryptoctl.errors import ExitCode


def environment_of(cli: Cli, *arguments: str) -> str:
    keys = cli.ok(*arguments, "--output", "json").json["keys"]
    return str(next(row["value"] for row in keys if row["key"] == "default_env"))


def test_common_options_stand_before_the_command_or_after_it(cli: Cli) -> None:
    assert environment_of(cli, "--env", "demo", "config") == "demo"
    assert environment_of(cli, "config", "--env", "demo") == "demo"


def test_the_option_after_the_command_wins(cli: Cli) -> None:
    assert environment_of(cli, "--env", "before", "config", "--env", "after") == "after"


def test_a_choice_before_the_command_can_be_taken_back_after_it(cli: Cli) -> None:
    result = cli("--local", "plan", "--aws")
    assert result.code == ExitCode.CREDENTIALS


def test_options_stand_before_a_command_of_a_group(cli: Cli) -> None:
    result = cli("--aws", "--profile", "nosuch", "dlq", "list")
    assert result.code == ExitCode.CREDENTIALS
    assert "nosuch" in result.err


def test_options_stand_behind_a_groups_name_too_and_the_nearest_to_the_command_wins(cli: Cli) -> None:
    assert "nosuch" in cli("--aws", "dlq", "--profile", "nosuch", "list").err
    assert (
        "mine"
        in cli("--aws", "--profile", "first", "dlq", "--profile", "nosuch", "list", "--profile", "mine").err
    )
    assert "nosuch" in cli("--aws", "--profile", "first", "dlq", "--profile", "nosuch", "list").err


def test_only_prices_are_written_as_csv(cli: Cli) -> None:
    result = cli("--output", "csv", "config")
    assert (result.code, "`config` has no output as csv" in result.err) == (ExitCode.USAGE, True)


@pytest.mark.parametrize("shown", ["[default: dev]", "[default: table]", "[default: 20]"])
def test_the_help_shows_the_defaults(cli: Cli, shown: str) -> None:
    text = cli.ok("prices", "--help").out.replace("│", "")
    assert shown in " ".join(text.split())


@pytest.mark.parametrize("words", [(), ("prices",), ("dlq",), ("dlq", "replay")], ids=" ".join)
def test_on_a_narrow_terminal_nothing_of_the_help_is_cut_off(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = cli.ok(*words, "--help").out
    assert "…" not in text
    assert max(map(len, text.splitlines())) == 40


@pytest.mark.parametrize("width", ["80", "120"])
def test_where_there_is_room_the_help_is_as_typer_writes_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    folded = [cli.ok(command, "--help").out for command in ("up", "cost", "candles")]
    monkeypatch.setattr("cryptoctl.cli.help._fold_cells", lambda: None)
    monkeypatch.setattr("typer.rich_utils.Table", Table)
    monkeypatch.setattr("typer.rich_utils.Columns", Columns)
    assert folded == [cli.ok(command, "--help").out for command in ("up", "cost", "candles")]


@pytest.mark.parametrize("last", ["0", "100001", "many", "1.5"])
def test_a_number_outside_its_range_is_refused_by_name(cli: Cli, last: str) -> None:
    result = cli("prices", "BTC", "--last", last)
    assert result.code == ExitCode.USAGE
    assert "--last" in result.err


def test_a_choice_that_does_not_exist_is_refused(cli: Cli) -> None:
    result = cli("config", "--output", "xml")
    assert result.code == ExitCode.USAGE
    assert "xml" in result.err
    assert "'-o': 'xml' is not one of" in cli("prices", "BTC", "-o", "xml").err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("destroy", "No such command 'destroy'. Did you mean 'down'?"),
        ("dlq lst", "No such command 'lst'. Did you mean 'list'?"),
        ("xyzzy", "No such command 'xyzzy'."),
    ],
)
def test_a_command_that_does_not_exist_is_refused_with_the_nearest(cli: Cli, line: str, message: str) -> None:
    refused = cli(*line.split())
    assert refused.code == ExitCode.USAGE
    assert message in refused.err
    assert ("Did you mean" in refused.err) == ("Did you mean" in message)


@pytest.mark.parametrize("option", ["--no-open", "--port=8080"])
def test_a_page_that_is_saved_is_not_served(cli: Cli, tmp_path: Path, option: str) -> None:
    result = cli("dashboard", "--save", str(tmp_path / "page.html"), option)
    assert result.code == ExitCode.USAGE
    assert "--save serves no page." in result.err
