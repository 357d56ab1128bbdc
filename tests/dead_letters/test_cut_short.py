"""A purge, an import or a replay that ends early says what it has done, and what to do about the rest."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError
from cryptoctl.errors import ExitCode
from cryptoctl.ops.dead_letters import replay
from cryptoctl.ops.dead_letters.replay import Replay
from dead_letters.command_line import CommandResult, run
from dead_letters.environment import WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine

Ending = Callable[[str], None]


def interrupted(operation: str) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def failed(operation: str) -> None:
    raise AwsError(service="sqs", operation=operation, code="AccessDenied", message="not any more")


@pytest.fixture
def at_the_third(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Ending], None]:
    """At its third call, an operation ends as it is said."""

    def patch(which: str, ending: Ending) -> None:
        real, count = Aws.call, 0

        def call(self: Aws, service: str, operation: str, **params: Any) -> Any:
            nonlocal count
            count += operation == which
            if operation == which and count == 3:
                ending(operation)
            return real(self, service, operation, **params)

        monkeypatch.setattr(Aws, "call", call)

    return patch


ENDINGS = [(interrupted, ExitCode.INTERRUPTED, 30, "interrupted"), (failed, ExitCode.AWS, 20, "failure")]


@pytest.fixture
def dlq(
    env: DeadLetterEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CommandResult]:
    """A command on 50 messages of the webhook processor's queue."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    env.send_events([env.price(number) for number in range(50)])
    return lambda *words: run("dlq", *words, environment=env.name)


@pytest.mark.parametrize(("ending", "code", "done", "outcome"), ENDINGS)
def test_a_purge(
    env: DeadLetterEnvironment,
    dlq: Callable[..., CommandResult],
    at_the_third: Callable[[str, Ending], None],
    ending: Ending,
    code: ExitCode,
    done: int,
    outcome: str,
) -> None:
    at_the_third("DeleteMessageBatch", ending)
    result = dlq("purge", "--yes", "--export-to", "f", "--output", "json")
    assert (result.code, result.json["outcome"]) == (code, outcome)
    document = {name: result.json[name] for name in ("found", "deleted", "file", "complete")}
    assert document == {"found": 50, "deleted": done, "file": "f", "complete": False}
    assert env.depths["webhook"] == (50 - done, 0)
    assert len(Path("f").read_text(encoding="utf-8").splitlines()) == 50

    at_the_third("DeleteMessageBatch", ending)
    result = dlq("purge", "--yes", "--export-to", "g")
    waiting = 50 - done
    deleted = min(waiting, done)
    assert result.out == f"{deleted} of {waiting} messages were deleted.\n"
    if deleted < waiting:
        assert f"g has all {waiting}, also the {waiting - deleted} messages that were kept" in result.err
        assert result.code == code


def test_a_purge_interrupted_before_it_asks_has_deleted_nothing(
    env: DeadLetterEnvironment, dlq: Callable[..., CommandResult], at_the_third: Callable[[str, Ending], None]
) -> None:
    at_the_third("ReceiveMessage", interrupted)
    result = dlq("purge", "--yes", "--export-to", "f", "--output", "json")
    document = {name: result.json[name] for name in ("found", "deleted", "file", "complete")}
    assert document == {"found": 0, "deleted": 0, "file": None, "complete": False}
    assert (result.code, Path("f").exists(), env.depths["webhook"]) == (130, False, (50, 0))


@pytest.mark.parametrize(("ending", "code", "done", "outcome"), ENDINGS)
@pytest.mark.parametrize("output", ["json", "table"])
def test_an_import(
    env: DeadLetterEnvironment,
    dlq: Callable[..., CommandResult],
    at_the_third: Callable[[str, Ending], None],
    ending: Ending,
    code: ExitCode,
    done: int,
    outcome: str,
    output: str,
) -> None:
    assert dlq("purge", "--yes", "--export-to", "f").code == 0
    at_the_third("SendMessageBatch", ending)
    result = dlq("import", "f", "--output", output)
    assert result.code == code
    if output == "json":
        document = {name: result.json[name] for name in ("outcome", "imported", "before", "file")}
        assert document == {"outcome": outcome, "imported": done, "before": 0, "file": "f"}
    else:
        assert result.out == f"{done} messages were put back.\n"
        assert "Run the same command again: it sends only what is not back yet." in result.err
    assert env.depths["webhook"] == (done, 0)
    assert dlq("import", "f").out == f"{50 - done} messages were put back.\n"


def test_an_import_of_everything_once_more_goes_on_without_again(
    env: DeadLetterEnvironment, dlq: Callable[..., CommandResult], at_the_third: Callable[[str, Ending], None]
) -> None:
    assert dlq("export", "f").code == 0
    assert dlq("import", "f").code == 0
    at_the_third("SendMessageBatch", failed)
    result = dlq("import", "f", "--again")
    assert result.out == "20 messages were put back.\n"
    assert "Run the same command without --again: it sends only what is not back yet." in result.err
    assert dlq("import", "f").out == "30 messages were put back.\n"
    assert env.depths["webhook"] == (150, 0)


def test_a_replay_that_aws_ends_says_how_far_it_came_and_that_it_can_be_gone_on_with(
    env: DeadLetterEnvironment,
    dlq: Callable[..., CommandResult],
    at_the_third: Callable[[str, Ending], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "DELETED_AT_ONCE", 3)
    env.send_events([env.price(number, "FEW") for number in range(12)])
    at_the_third("DeleteMessageBatch", failed)
    result = dlq("replay", "--symbol", "FEW")
    assert result.code == ExitCode.AWS
    assert "9 messages were tried by then; the same command goes on there" in result.err
    result = dlq("replay", "--symbol", "FEW")
    assert result.code == 0
    assert "replayed before and deleted." in result.err


def test_of_a_replay_that_aws_ends_only_what_was_tried_is_counted(
    env: DeadLetterEnvironment, dlq: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stop at failures leaves is reported, as not tried, before it is released."""
    env.send_events([env.price(number, "BAD", price=-1) for number in range(5)])
    monkeypatch.setattr(Replay, "_release", lambda _: failed("ChangeMessageVisibilityBatch"))
    result = dlq("replay", "--max-failures", "1", "--symbol", "BAD")
    assert result.code == ExitCode.AWS
    assert "1 message was tried by then" in result.err


def test_a_replay_that_stops_at_failures_counts_all_and_says_how_to_get_behind_them(
    env: DeadLetterEnvironment, dlq: Callable[..., CommandResult]
) -> None:
    """Run again as it is, it would meet the same ones first, and stop again."""
    env.send_events([env.price(number, "BAD", price=-1) for number in range(3)])
    env.send(WEBHOOK, "of no known shape", {})
    result = dlq("replay", "--max-failures", "1", "--where", "shape=='unknown' || contains(symbols, 'BAD')")
    assert "0 of 4 replayed; 1 failed again; 3 not tried. Stopped: 1 failure in a row." in result.err
    assert "With a larger --max-failures it goes on to those behind them." in result.err
    result = dlq("replay", "--where", "shape=='unknown' || contains(symbols, 'BAD')")
    assert "0 of 4 replayed; 3 failed again; 1 not replayable.\n" in result.err
    assert "--max-failures" not in result.err
