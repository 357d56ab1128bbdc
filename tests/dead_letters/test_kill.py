"""kill -9 at any step of a replay: run again, nothing is lost and nothing is there twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.replay import COLLECTING
from dead_letters.environment import (
    ENRICHER,
    FROM_LAMBDA,
    NO_LONGER_THERE,
    WEBHOOK,
    DeadLetterEnvironment,
    ReplayRecorder,
    eventually,
)
from dead_letters.killed_replay import shorten_the_first_timeout

pytestmark = pytest.mark.engine

PROGRAM = Path(__file__).with_name("killed_replay.py")
# Steps of a replay of what `_fill` puts there; a kill after the last one is a replay that went through.
ABOUT = 95
SEEDS = 50


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the processes that are killed."""
    shorten_the_first_timeout(monkeypatch.setattr)


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_replay_is_finished_by_the_next(env: DeadLetterEnvironment, seed: int) -> None:
    _kill_and_finish(env, random.Random(seed))


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 100 + SEEDS))
def test_a_replay_killed_at_any_step_is_finished_by_the_next(env: DeadLetterEnvironment, seed: int) -> None:
    _kill_and_finish(env, random.Random(seed))


def test_the_time_that_was_chosen_is_kept_over_a_kill(env: DeadLetterEnvironment) -> None:
    """Without the journal, and the log line gone, it would take another time, and store the price twice."""
    request = env.logged_request()
    attributes = {**FROM_LAMBDA, "RequestID": {"DataType": "String", "StringValue": request}}
    env.send(WEBHOOK, '{"symbol": "LATE", "price": 1, "exchange": "kraken"}', attributes)
    assert _killed(env, "Invoke", "after") == -signal.SIGKILL
    (stored,) = env.items()
    env.forget_logs()
    listener = ReplayRecorder()
    summary = env.replay(listener=listener)
    assert (summary.complete, summary.resumed) == (True, 1)
    assert [item["timestamp"] for item in env.items()] == [stored["timestamp"]]
    assert "log line" in listener.results[0].way and listener.results[0].way.endswith("price duplicate")


def test_what_was_received_and_never_written_down_is_waited_for(env: DeadLetterEnvironment) -> None:
    """The other queue's messages, held and known, must not be taken for those that are missing."""
    env.send_events([env.price(number) for number in range(8)])
    env.send(ENRICHER, json.dumps({"Records": [NO_LONGER_THERE]}))
    assert _killed(env, "enricher received", "after") == -signal.SIGKILL
    assert env.depths["enricher"] == (0, 1)
    with Journal(env.journal) as journal:  # as where the messages before it have taken 3 s
        journal.write_time(COLLECTING, journal.read_time(COLLECTING) - 3000)
    assert env.replay().complete
    assert env.depths == {"webhook": (0, 0), "enricher": (0, 0)}


def _kill_and_finish(env: DeadLetterEnvironment, chance: random.Random) -> None:
    expected = _fill(env)
    for _ in range(chance.choice((1, 1, 2))):
        _killed(env, chance.randrange(1, ABOUT), chance.choice(("before", "after")))
    listener = ReplayRecorder()
    summary = env.replay(listener=listener)
    assert summary.complete, [result.document() for result in listener.results]
    prices = [(item["symbol"]["S"], item["price"]["N"]) for item in env.items()]
    assert sorted(prices) == sorted(expected)
    eventually(lambda: all(item["processed"]["BOOL"] for item in env.items()), what="enrichment")
    assert env.depths == {"webhook": (0, 0), "enricher": (0, 0)}


def _fill(env: DeadLetterEnvironment) -> list[tuple[str, str]]:
    """Some of everything: events with and without a time, HTTP events, and records of mended items."""
    env.send_events([env.price(number) for number in range(6)])
    for number in range(3):
        timeless = f'{{"symbol": "T{number}", "price": 1.5, "exchange": "kraken"}}'
        env.send(WEBHOOK, json.dumps({"body": timeless, "requestContext": {"timeEpoch": env.now_ms}}))
        env.send(WEBHOOK, timeless.replace("T", "Q"))
        item = env.put(f"R{number}", number)
        record = {
            "eventName": "INSERT",
            "dynamodb": {"Keys": {key: item[key] for key in ("symbol", "timestamp")}},
        }
        env.send(ENRICHER, json.dumps({"kind": "record", "reason": "was no price", "record": record}), {})
    events = [("BTC", str(100 + number)) for number in range(6)]
    others = [(f"{kind}{number}", "1.5") for kind in "TQ" for number in range(3)]
    return events + others + [(f"R{number}", str(100 + number)) for number in range(3)]


def _killed(env: DeadLetterEnvironment, step: int | str, when: str) -> int:
    """How a replay that is to be killed at that step ended."""
    command = [sys.executable, str(PROGRAM), env.name, str(env.journal), str(step), when]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode in (0, -signal.SIGKILL), result.stderr
    return result.returncode
