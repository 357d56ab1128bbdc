"""`logs`: what is shown, what is counted, and what is said of the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from cli.conftest import Cli
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.logs import Line
from kit.commands import CommandResult
from live import Live

NOTE = {"type": "platform.report", "record": {"requestId": "r", "status": "success"}}
Logs = Callable[..., CommandResult]
Written = Callable[[str, Sequence[dict[str, Any]]], Logs]


@pytest.fixture
def write_log(without_functions: Live, cli: Cli) -> Written:
    """Writes lines that have a word in them into a function's log; the command to read them with."""

    def write(word: str, lines: Sequence[dict[str, Any]]) -> Logs:
        group, now_ms = without_functions.stack.webhook.log_group.name, int(time.time() * 1000)
        where: dict[str, Any] = {"logGroupName": group, "logStreamName": word}
        without_functions.aws.call("logs", "CreateLogStream", **where)
        events = [
            {"timestamp": now_ms - len(lines) + number, "message": json.dumps({"word": word, **line})}
            for number, line in enumerate(lines)
        ]
        without_functions.aws.call("logs", "PutLogEvents", **where, logEvents=events)
        options = ("--local", "--env", without_functions.session.environment)

        return partial(cli, "logs", "webhook", "--grep", word, *options)

    return write


def test_where_every_line_is_hidden_it_is_said_how_many_and_how_to_see_them(write_log: Written) -> None:
    logs = write_log("unseen", [NOTE, NOTE, {"_aws": {}}])
    result = logs()
    assert (result.code, result.out) == (0, "")
    assert "3 lines are not shown" in result.err and "--verbose shows them" in result.err
    assert len(logs("--output", "json").json["lines"]) == 3
    verbose = logs("--verbose")
    assert len(verbose.out.splitlines()) >= 3 and "not shown" not in verbose.err
    assert "1 line is not shown" in write_log("alone", [NOTE])().err


def test_the_last_entries_are_the_same_ones_in_table_and_json(write_log: Written) -> None:
    def log_line(message: str, **more: Any) -> dict[str, Any]:
        return {"level": "WARNING", "message": message, "logger": "l", **more}

    logs = write_log(
        "both", [log_line("often"), log_line("once"), NOTE, log_line("often"), log_line("last"), NOTE, NOTE]
    )
    table = logs("--last", "2").out
    assert "once" not in table and table.index("often  × 2") < table.index("last")
    lines = logs("--last", "2", "--output", "json").json["lines"]
    assert [line["message"]["message"] for line in lines] == ["often", "often", "last"]
    assert len(logs("--output", "json").json["lines"]) == 7
    # With --verbose each line is an entry.
    assert len(logs("--last", "2", "--verbose", "--output", "json").json["lines"]) == 2


def test_an_end_before_the_beginning_is_refused(write_log: Written) -> None:
    result = write_log("ends", [NOTE])("--since", "1h", "--until", "2h")
    assert (result.code, "is not after --since" in result.err) == (2, True)


@pytest.mark.parametrize("output", ["table", "json"])
def test_where_aws_ends_it_the_logs_can_be_followed_from_the_last_line_on(
    cli: Cli, without_functions: Live, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    def two_lines(*_: Any) -> Iterator[Line]:
        for number in (1, 2):
            yield Line(
                id=str(number), time_ms=4_000_000_000_000 + number, function="f", text=f"line {number}"
            )
        raise Failure(ExitCode.CREDENTIALS, "The sign-in has expired.", "Sign in again.")

    monkeypatch.setattr("cryptoctl.cli.logs.follow", two_lines)
    options = ("--local", "--env", without_functions.session.environment, "--output", output)
    result = cli("logs", "--follow", *options)
    assert (result.code, "line 2" in result.out) == (ExitCode.CREDENTIALS, True)
    assert "Sign in again. Then go on from the last line with --since 4000000000002." in result.err
