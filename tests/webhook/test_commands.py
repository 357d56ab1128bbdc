"""cryptoctl webhook, on an environment with senders."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.core.webhook_secrets import SenderSecret
from cryptoctl.errors import ExitCode
from cryptoctl.reconcile.retry import RealClock
from dead_letters.command_line import run
from kit.commands import FULL, onto_a_full_disk
from webhook.conftest import ROTATED, SENDERS, WORDED, Door

pytestmark = pytest.mark.engine

# They may not send from this machine.
ELSEWHERE = {"elsewhere": "52.89.214.238", "six": "2001:db8::/32"}


def test_each_sender_passes_the_test(door: Door, cli: Any) -> None:
    for name in SENDERS.keys() - {WORDED, *ROTATED}:
        result = cli("test", name, "--output", "json")
        document = json.loads(result.out)
        passed = [step["passed"] for step in document["steps"]]
        if name in ELSEWHERE:
            assert (result.code, passed) == (0, [True, True, True, None])
            assert ELSEWHERE[name] in document["steps"][-1]["answer"]
            assert "`cryptoctl webhook list" in result.err
        else:
            assert (result.code, passed) == (0, [True] * 4), result


def test_a_function_that_somebody_has_stopped_passes_no_step(door: Door, cli: Any) -> None:
    """Every request gets the same answer then, which refuses nobody."""
    webhook = door.live.stack.webhook
    concurrency = door.live.aws.call("lambda", "GetFunctionConcurrency", FunctionName=webhook.name)
    reserved = concurrency["ReservedConcurrentExecutions"]

    def reserve(runs: int) -> None:
        change: Any = {"FunctionName": webhook.name, "ReservedConcurrentExecutions": runs}
        door.live.aws.call("lambda", "PutFunctionConcurrency", **change)

    reserve(0)
    try:
        result = cli("test", "desk", "--output", "json")
    finally:
        reserve(reserved)
    document = json.loads(result.out)
    assert [step["passed"] for step in document["steps"]] == [False] * 4
    assert "`cryptoctl plan" in document["failure"]["next"]


def test_show_hides_the_secret_unless_asked(door: Door, cli: Any) -> None:
    for name in ("desk", "tradingview", "basic"):
        secret = door.secret(name)
        hidden = cli("show", name)
        assert hidden.code == 0, hidden
        assert secret not in hidden.out + hidden.err
        assert json.loads(cli("show", name, "--output", "json").out)["secret"] is None
        shown = json.loads(cli("show", name, "--reveal", "--output", "json").out)
        assert shown["secret"] == secret
        assert shown["url"].startswith(door.address + name)


def test_show_needs_no_message_of_a_sender_whose_words_are_not_known(door: Door, cli: Any) -> None:
    result = cli("show", WORDED, "--reveal")
    assert result.code == 0
    assert f"address  {door.address}{WORDED}" in result.out and door.secret(WORDED) in result.out
    assert "No curl command" in result.err and "--body FILE" in result.err
    document = json.loads(cli("show", WORDED, "--reveal", "--output", "json").out)
    assert (document["secret"], document["curl"]) == (door.secret(WORDED), None)
    assert cli("test", WORDED).code == ExitCode.USAGE


def test_list_counts_what_was_refused(door: Door, cli: Any) -> None:
    def refused() -> dict[str, int]:
        senders = json.loads(cli("list", "--output", "json").out)["senders"]
        return {sender["name"]: sender["refused"] for sender in senders}

    before = refused()
    door.post("basic", "{}")
    door.post("nobody-at-all", "{}")
    after = refused()
    assert (after["basic"], after["unknown"]) == (before["basic"] + 1, before["unknown"] + 1)
    assert set(after) == {*SENDERS, "unknown"}
    err = cli("list").err
    assert re.search(r"basic: the last refusal, at 20\S+Z, was because the header authorization is", err)
    assert re.search(r"unknown: the last refusal, at 20\S+Z, was because the address names no sender", err)


def test_list_tells_when_a_price_of_a_sender_was_last_stored(door: Door, cli: Any) -> None:
    def last() -> str | None:
        senders = json.loads(cli("list", "--output", "json").out)["senders"]
        time: str | None = next(
            sender["last_accepted"] for sender in senders if sender["name"] == "coinmarket"
        )
        return time

    path = f"coinmarket/{door.secret('coinmarket')}"
    before = last()
    assert door.post(path, '{"coin_abbreviation": "X", "usd_price": "no price"}').status == 400
    assert last() == before
    assert door.post(path, '{"coin_abbreviation": "X", "usd_price": "1"}').status == 200
    after = last()
    assert after is not None and after != before


def test_rotate_lets_both_secrets_in_for_the_grace(door: Door, cli: Any) -> None:
    old = door.secret("rotated")
    document = json.loads(
        cli("rotate", "rotated", "--grace", "1h", "--no-wait", "--reveal", "--output", "json").out
    )
    stored = door.store("rotated").read()
    assert (stored.secret, stored.previous) == (document["secret"], old)
    assert document["effective"] is False and document["previous_until"]
    plan = run("plan", "--exit-code", environment=door.live.session.environment)
    assert plan.code == 0, plan.out


def test_a_rotation_that_is_interrupted_while_it_waits_says_that_the_secret_is_another(
    door: Door, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(clock: RealClock, seconds: float) -> None:
        raise KeyboardInterrupt

    old = door.secret("replaced")
    monkeypatch.setattr(RealClock, "sleep", interrupted)
    result = cli("rotate", "replaced", "--grace", "0s")
    assert result.code == ExitCode.INTERRUPTED
    assert (
        "The secret of replaced is replaced" in result.err and "webhook show replaced --reveal" in result.err
    )
    assert door.store("replaced").read().secret != old


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_rotation_whose_output_cannot_be_written_is_not_to_be_done_again(door: Door, cli: Any) -> None:
    old, options = door.secret("replaced"), ("--local", "--env", door.live.session.environment)
    result = onto_a_full_disk("webhook", "rotate", "replaced", "--no-wait", "--grace", "0s", *options)
    assert door.store("replaced").read().secret != old
    assert result.code == ExitCode.FAILED
    assert "The secret of replaced is replaced. The output cannot be written" in result.err
    assert "Do not rotate again for it" in result.err


def test_a_secret_that_still_counts_is_not_dropped_by_rotating_twice(door: Door, cli: Any) -> None:
    old = door.secret("rotated-twice")
    assert cli("rotate", "rotated-twice", "--no-wait").code == 0
    again = cli("rotate", "rotated-twice", "--no-wait")
    assert again.code == ExitCode.REFUSED and "--grace 0s" in again.err
    assert door.store("rotated-twice").read().previous == old
    assert cli("rotate", "rotated-twice", "--no-wait", "--grace", "0s").code == 0
    assert old not in door.store("rotated-twice").read().text()


def test_a_secret_for_the_address_fits_into_it(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for sender, secret in (("tradingview", "a/b?c#d e%20" * 3), ("basic", "é" * 20)):
        file.write_text(secret, encoding="utf-8")
        refused = cli("rotate", sender, "--secret-file", str(file), "--no-wait")
        assert refused.code == ExitCode.USAGE and secret not in refused.err


def test_a_secret_written_by_hand_that_is_none_is_said_as_such(door: Door, cli: Any) -> None:
    store = door.store("desk")
    before = store.read()
    store.write(SenderSecret(secret="no base64, of nobody"))
    try:
        for words in (("show", "desk"), ("test", "desk"), ("rotate", "desk")):
            result = cli(*words)
            assert result.code == ExitCode.FAILED and "rotate desk --replace" in result.err
            assert "of nobody" not in result.out + result.err
        assert cli("rotate", "desk", "--replace", "--no-wait").code == 0
        assert store.read().previous is None
    finally:
        store.write(before)


def test_a_secret_that_the_sender_made(door: Door, cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a-secret-of-theirs-with-30-char\n", encoding="utf-8")
    assert cli("rotate", "theirs", "--secret-file", str(file), "--no-wait").code == 0
    assert door.secret("theirs") == "a-secret-of-theirs-with-30-char"
    file.write_text("short", encoding="utf-8")
    refused = cli("rotate", "theirs", "--secret-file", str(file), "--no-wait")
    assert refused.code == ExitCode.USAGE and "short" not in refused.err.replace("shorter", "")
    assert door.secret("theirs") == "a-secret-of-theirs-with-30-char"


def test_an_unknown_sender_is_named_with_those_there_are(cli: Any) -> None:
    for words in (("show", "nobody"), ("test", "nobody"), ("rotate", "nobody")):
        result = cli(*words)
        assert result.code == ExitCode.USAGE
        assert "'nobody'" in result.err and "desk" in result.err


def test_a_grace_that_is_none_is_refused_before_anything_is_changed(door: Door, cli: Any) -> None:
    before = door.store("desk").read()
    for grace in ("soon", "-1h", "400d"):
        assert cli("rotate", "desk", "--grace", grace).code == ExitCode.USAGE
    assert door.store("desk").read() == before
    assert before.rotated("x" * 20, now_ms=0, grace=timedelta(0)).accepted(0) == ("x" * 20,)
