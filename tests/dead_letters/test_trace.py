"""`trace` follows a price over the whole path: failed, replayed, enriched, repeated, corrected."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from dead_letters.command_line import run
from dead_letters.environment import ENRICHER, WEBHOOK, DeadLetterEnvironment
from kit.commands import Cli
from kit.waiting import eventually

pytestmark = pytest.mark.engine


def trace(env: DeadLetterEnvironment, *words: str, code: int = 0) -> dict[str, Any]:
    result = run("trace", *words, "-o", "json", environment=env.name)
    assert result.code == code, result.out + result.err
    document: dict[str, Any] = json.loads(result.out)
    return document


def stages(document: dict[str, Any]) -> list[str]:
    return [event["what"] for event in document["events"]]


def test_a_price_is_followed_from_its_failure_over_its_replay_to_its_correction(
    env: DeadLetterEnvironment,
) -> None:
    text = env.price(5, symbol="TRACED", id=77)
    with env.broken(env.stack.webhook, DYNAMODB_TABLE="nowhere"):
        env.invoke(env.stack.webhook, {"body": text}, kind="Event")
        env.letters(WEBHOOK, 1)

    dead_letter_traced = trace(env, "traced", "--id", "77")
    assert dead_letter_traced["price"]["outcome"] == "not stored"
    assert stages(dead_letter_traced) == ["received", "failed", "dead letter"]
    assert "ResourceNotFoundException" in dead_letter_traced["events"][1]["detail"]
    ((letter,), (request,)) = dead_letter_traced["dead_letters"], dead_letter_traced["requests"]
    assert letter["request_id"] == request
    assert trace(env, "--request", request)["price"]["outcome"] == "not stored"

    replayed = run("dlq", "replay", "--id", letter["id"], environment=env.name)
    assert replayed.code == 0, replayed.out
    env.enriched()  # of which the logs tell a moment later

    def announced() -> dict[str, Any] | None:
        document = trace(env, "TRACED", "--id", "77")
        finished = {"answered", "enriched"} <= set(stages(document)) and len(document["requests"]) == 3
        return document if finished else None

    traced = eventually(announced, "the whole way in the logs")
    assert traced["price"]["outcome"] == "announced"
    # The enricher may begin, and end, while the webhook processor still answers.
    answered = stages(traced).index("answered")
    assert answered > stages(traced).index("stored")
    assert [stage for stage in stages(traced) if stage != "answered"] == [
        *("price's own time", "received", "failed", "received", "stored"),
        *("pass began", "announced", "enriched"),
    ]
    assert [event["lag_ms"] is None for event in traced["events"]] == [True] + [False] * 8
    until = stages(traced).index("announced") + 1
    assert traced["lags"]["total_ms"] == sum(event["lag_ms"] for event in traced["events"][2:until])
    assert traced["item"]["id"] == "77" and not traced["dead_letters"]
    assert any(line["message"].get("message") == "prices enriched" for line in traced["lines"])

    env.store(text)
    # Four late ones before it: now it has an ma_5.
    env.store(f"[{','.join(env.price(number, symbol='TRACED', id=number) for number in range(4))}]")

    eventually(lambda: all("ma_5" in item for item in env.items()[-1:]), "the correction")

    def corrected() -> dict[str, Any] | None:
        document = trace(env, "TRACED", "--sort-key", traced["item"]["timestamp"])
        return document if {"duplicate", "corrected"} <= set(stages(document)) else None

    after = eventually(corrected, "the repeat and the correction in the logs")
    assert stages(after)[:9] == stages(traced)
    # Each late one may have a pass of its own, of which the last may still be under way.
    end = stages(after).index("corrected") + 1
    assert stages(after)[end - 3 : end] == ["pass began", "announced", "corrected"]
    assert "corrected since" in after["price"]["message"]
    result = run("trace", "TRACED", "--at", str(env.now_ms - 600_000 + 5), environment=env.name)
    assert result.code == 0 and "corrected" in result.out, result.out + result.err


def test_what_cannot_be_traced_is_a_sentence(env: DeadLetterEnvironment) -> None:
    env.store(env.price(1, symbol="TWO", id=1))
    env.store(env.price(1, symbol="TWO", id=2))
    at = str(env.now_ms - 600_000 + 1)
    several = trace(env, "TWO", "--at", at, code=2)
    assert len(several["named"]) == 2 and "2 prices of TWO" in several["failure"]["message"]
    none = trace(env, "TWO", "--id", "3", code=1)["failure"]
    assert "no dead letter" in none["message"] and "`cryptoctl prices TWO" in none["next"]
    # One that is older than what was looked at: the hint, typed as it stands, finds it.
    env.store(
        json.dumps({"symbol": "TWO", "price": 1, "exchange": "here", "id": 9, "timestamp": 1675329600138})
    )
    missed = trace(env, "TWO", "--id", "9", code=1)["failure"]["next"]
    assert "--id 9 --since 2023-02-02" in missed
    assert "stored" in stages(trace(env, "TWO", "--id", "9", "--since", "1970-01-01"))
    (command,) = re.findall("`cryptoctl (.*)`", missed)
    assert Cli()(*shlex.split(command)).code == 0
    assert "the last one before" in trace(env, "TWO", "--at", "0m", code=1)["failure"]["message"]
    assert "there is none of NOSUCH" in trace(env, "NOSUCH", "--at", at, code=1)["failure"]["message"]
    assert "there is none" in trace(env, "TWO", "--at", "1970-01-01", code=1)["failure"]["message"]
    assert "is before 1970" in trace(env, "TWO", "--at", "1960-01-01", code=2)["failure"]["message"]
    future = trace(env, "TWO", "--id", "1", "--since", "2090-01-01", code=1)["failure"]
    assert "since 2090-01-01" in future["message"]
    unknown = trace(env, "--request", "0" * 8 + "-0000", code=1)["failure"]
    assert "No log line and no dead letter" in unknown["message"]
    for words in (["TWO"], [], ["TWO", "--request", "1" * 8], ["TWO", "--sort-key", "x"], ["--request", "?"]):
        assert trace(env, *words, code=2)["failure"]["next"]


def test_a_poisoned_item_is_traced_to_its_dead_letter(env: DeadLetterEnvironment) -> None:
    item = env.put("POISON", 1, price={"S": "five"})
    key = item["timestamp"]["N"]
    env.letters(ENRICHER, 1)

    def dead_letter_traced() -> dict[str, Any] | None:
        document = trace(env, "POISON", "--sort-key", key)
        return document if "failed" in stages(document) and document["dead_letters"] else None

    traced = eventually(dead_letter_traced, "the dead letter")
    assert traced["price"]["outcome"] == "not enriched"
    assert traced["item"]["price"] == "five"
    assert "dead letter" in stages(traced)

    # The dead letter names the key, whether or not the item is still there.
    table = env.stack.prices.name
    env.aws.call(
        "dynamodb", "DeleteItem", TableName=table, Key={"symbol": {"S": "POISON"}, "timestamp": {"N": key}}
    )
    later = trace(env, "POISON", "--sort-key", f"{key}.0")
    assert later["price"]["outcome"] == "deleted" and len(later["dead_letters"]) == 1
    assert "a dead letter about it is left" in later["price"]["message"]
    result = run("trace", "POISON", "--sort-key", key, environment=env.name)
    (hint,) = re.findall("`cryptoctl (dlq replay .*?)`", result.out.replace("\n", " "))
    assert run(*shlex.split(hint), environment=env.name).code == 0
    assert "no dead letter" in trace(env, "POISON", "--sort-key", key, code=1)["failure"]["message"]
