"""A dry run shows the very steps that a replay then runs, and changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.payloads import Edits
from cryptoctl.ops.dead_letters.planning import ReplayStep
from cryptoctl.ops.dead_letters.replay import Replay
from cryptoctl.ops.dead_letters.replayer import Replayer, StepAttempt
from cryptoctl.ops.dead_letters.results import Outcome, ReplayOptions
from dead_letters.command_line import run
from dead_letters.environment import ENRICHER, FROM_LAMBDA, NO_LONGER_THERE, WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine

PROGRAM = Path(__file__).with_name("killed_replay.py")


def _steps(env: DeadLetterEnvironment, options: ReplayOptions) -> list[dict[str, Any]]:
    """What a dry run has for each message."""
    with (
        Journal(env.journal) as journal,
        Replay(env.replayer, env.queues, journal, options).planned() as steps,
    ):
        return [_as_journaled(step) for step in steps]


def _as_journaled(step: ReplayStep) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(step.document()))
    return {"message": step.letter.message.key, "problem": step.problem, **document}


def _fill(env: DeadLetterEnvironment) -> None:
    """Some of every shape, with and without a time, and some that cannot be replayed."""
    env.send_events([env.price(number) for number in range(3)])
    env.send(WEBHOOK, '{"symbol": "LATE", "price": 1.50, "exchange": "kraken"}')
    item = env.put("R", 1)
    keys = {name: item[name] for name in ("symbol", "timestamp")}
    record = {"kind": "record", "reason": "x", "record": {"dynamodb": {"Keys": keys}}}
    env.send(ENRICHER, json.dumps(record), {})
    info = {
        "shardId": "shardId-00000001500000000000-00000001",
        "startSequenceNumber": "100000000000000000000",
        "endSequenceNumber": "100000000000000000000",
        "streamArn": env.stream,
    }
    env.send(ENRICHER, json.dumps({"DDBStreamBatchInfo": info}), {})
    env.send(ENRICHER, json.dumps({"Records": [NO_LONGER_THERE]}))
    env.send(ENRICHER, "scribble", {})


@pytest.mark.parametrize(
    "options",
    [
        ReplayOptions(),
        ReplayOptions(limit=2),
        ReplayOptions(edits=Edits(changes={"price": "7"})),
    ],
    ids=["all", "limit", "set"],
)
def test_a_replay_runs_the_steps_that_the_dry_run_shows(
    env: DeadLetterEnvironment, options: ReplayOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(env)
    before = env.depths
    shown = _steps(env, options)
    assert env.depths == before, "receivable again at once"
    assert shown == _steps(env, options)
    ran: list[dict[str, Any]] = []
    real = Replayer.attempt

    def attempt(replayer: Replayer, step: ReplayStep) -> StepAttempt:
        ran.append(_as_journaled(step))
        return real(replayer, step)

    monkeypatch.setattr(Replayer, "attempt", attempt)
    env.replay(options)
    assert sorted(ran, key=json.dumps) == sorted(shown, key=json.dumps)


def test_a_dry_run_leaves_nothing_in_the_journal_and_stores_nothing(env: DeadLetterEnvironment) -> None:
    env.send_events([env.price(number) for number in range(3)])
    _steps(env, ReplayOptions())
    with Journal(env.journal) as journal:
        assert journal.count(*MessageState) == 0
    assert env.items() == []


ONLY_PURGE = "`cryptoctl dlq purge --id ID --env {name} --local` deletes what is not replayable."


def test_a_dry_run_ends_as_the_replay_would_where_a_step_cannot_be_worked_out(
    env: DeadLetterEnvironment,
) -> None:
    env.send(ENRICHER, "scribble", FROM_LAMBDA)
    dry, done = (run("dlq", "replay", *how, environment=env.name) for how in (["--dry-run"], []))
    assert (dry.code, done.code) == (1, 1)
    purge = ONLY_PURGE.format(name=env.name)
    assert dry.err.splitlines()[-1] == done.err.splitlines()[-1] == f"hint:  {purge}"
    env.send(ENRICHER, json.dumps({"DDBStreamBatchInfo": {"streamArn": "elsewhere"}}), {})
    result = run("dlq", "replay", "--dry-run", environment=env.name)
    assert result.code == 1
    assert "cannot be replayed: it points at another stream" in result.out
    assert "2 messages cannot be replayed." in result.err
    assert f"run the same command again. {purge}" in result.err
    answer = run("dlq", "replay", "--dry-run", "--output", "json", environment=env.name)
    assert answer.code == 1 and [step["action"] for step in answer.json["steps"]] == ["none", "none"]


# As it stands in the event's body. The number alone may stand in a timestamp too.
EDITED = r"\"price\": 999"


def test_what_a_killed_replay_had_begun_is_shown_as_it_was_begun_and_stays_begun(
    env: DeadLetterEnvironment,
) -> None:
    env.send_events([env.price(number) for number in range(2)])
    command = [sys.executable, str(PROGRAM), env.name, str(env.journal), "Invoke", "before"]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    options = ReplayOptions(edits=Edits(changes={"price": "999"}))
    begun, other = _steps(env, options)
    assert EDITED not in begun["payload"] and EDITED in other["payload"]
    assert (begun, other) == tuple(_steps(env, options)), "a dry run does not end what was begun"
    summary = env.replay()
    assert (summary.resumed, summary.outcomes) == (1, {Outcome.REPLAYED: 2})
    assert sorted(item["price"]["N"] for item in env.items()) == ["100", "101"]


def test_edits_that_failed_are_gone_with_the_replay_that_had_them(env: DeadLetterEnvironment) -> None:
    """`--set price=999 --set exchange=typo` fails for another reason; the next replay has no `--set`."""
    env.send_events([env.price(1)])
    edits = Edits(changes={"price": "999", "exchange": '"typo"'})
    with env.broken(env.stack.webhook, DYNAMODB_TABLE="nowhere"):
        assert env.replay(ReplayOptions(edits=edits)).outcomes == {Outcome.FAILED: 1}
    (step,) = _steps(env, ReplayOptions())
    assert EDITED not in step["payload"] and "typo" not in step["payload"]
    assert env.replay().complete
    (item,) = env.items()
    assert (item["price"]["N"], item["exchange"]["S"]) == ("101", "kraken")


def test_the_commands_dry_run_shows_each_step_and_says_that_nothing_was_changed(
    env: DeadLetterEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env.send_events([env.price(1)])
    env.send(ENRICHER, "scribble", FROM_LAMBDA)
    result = run("dlq", "replay", "--dry-run", "--set", "price=7", environment=env.name)
    assert result.code == 1 and result.err.startswith("Nothing was changed.\nerror: 1 message cannot")
    assert "store it at its own time" in result.out and '\\"price\\": 7' in result.out
    assert "cannot be replayed: it has none of the shapes that can be replayed" in result.out
    steps = run("dlq", "replay", "--dry-run", "--output", "json", environment=env.name).json["steps"]
    assert [step["action"] for step in steps] == ["store", "none"]
    assert env.depths == {"webhook": (1, 0), "enricher": (1, 0)}
    nothing = run("dlq", "replay", "--dry-run", "--symbol", "NOPE", environment=env.name)
    assert (nothing.code, nothing.err) == (0, "No message matches.\n")
