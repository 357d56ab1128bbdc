"""What is not there is told: no message that matches, an id that none has (unless it was replayed)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dead_letters.command_line import CommandResult, run
from dead_letters.environment import WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine

Dlq = Callable[..., CommandResult]
WRONG = "6a1c5a7e-0000-4000-8000-000000000000"
TOLD = f"No message that the filters select has the id {WRONG}. Nothing was changed."


@pytest.fixture
def dlq(env: DeadLetterEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dlq:
    """A command on the queues, of which one has a message."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    env.send_events([env.price(1)])
    return lambda *words: run("dlq", *words, environment=env.name)


@pytest.fixture
def message_id(env: DeadLetterEnvironment, dlq: Dlq) -> str:
    """The id of the message."""
    (message,) = env.queues[WEBHOOK].receive(visibility_s=600, wait_s=0)
    env.queues[WEBHOOK].set_visibility([message], 0)
    return message.id


@pytest.mark.parametrize(
    "command",
    ["replay", "replay --dry-run", "purge --yes --export-to file", "export file", "peek", "list"],
)
def test_one_that_no_message_has_is_told_and_nothing_is_done(
    env: DeadLetterEnvironment, dlq: Dlq, message_id: str, tmp_path: Path, command: str
) -> None:
    result = dlq(*command.split(), "--id", message_id, "--id", WRONG)
    assert result.code == 1 and TOLD in result.err
    assert not (tmp_path / "file").exists()
    assert env.depths["webhook"] == (1, 0)


def test_the_messages_that_are_found_are_shown_to_a_machine_too(dlq: Dlq, message_id: str) -> None:
    result = dlq("peek", "--output", "json", "--id", message_id, "--id", WRONG)
    assert result.code == 1 and [message["id"] for message in result.json["messages"]] == [message_id]


def test_that_none_matches_is_told(dlq: Dlq) -> None:
    assert dlq("peek", "--error", "nothing like it").err == "No message matches.\n"
    assert dlq("peek").err == ""


def test_those_beyond_a_limit_are_not_looked_for(dlq: Dlq, message_id: str) -> None:
    assert dlq("peek", "--limit", "1", "--id", message_id, "--id", WRONG).code == 0


def test_one_may_be_that_of_a_message_in_flight(
    env: DeadLetterEnvironment, dlq: Dlq, message_id: str
) -> None:
    received = env.queues[WEBHOOK].receive(visibility_s=600, wait_s=0)
    result = dlq("peek", "--id", message_id)
    assert result.code == 0 and "1 more message is in flight" in result.err
    env.queues[WEBHOOK].set_visibility(received, 0)


def test_one_that_was_replayed_before_is_done(dlq: Dlq, message_id: str) -> None:
    assert dlq("replay", "--id", message_id).code == 0
    assert dlq("replay", "--id", message_id).err == "0 of 0 replayed; 1 replayed before and deleted.\n"
    result = dlq("replay", "--id", message_id, "--id", WRONG)
    assert result.code == 1 and TOLD in result.err


def test_an_import_sends_nothing_where_the_file_has_not_every_id(
    env: DeadLetterEnvironment, dlq: Dlq, message_id: str
) -> None:
    assert dlq("purge", "--yes", "--export-to", "file").code == 0
    result = dlq("import", "file", "--id", message_id, "--id", WRONG)
    assert (
        result.code == 1 and f"No message of file that the filters select has the id {WRONG}." in result.err
    )
    assert env.depths["webhook"] == (0, 0)
    assert dlq("import", "file", "--id", message_id).out == "1 message was put back.\n"
