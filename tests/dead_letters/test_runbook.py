"""Every command in the runbook is run, as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from cryptoctl.core.webhook_messages import INVOCATIONS, Arrival, message_item
from dead_letters.command_line import run
from dead_letters.environment import ENRICHER, FROM_LAMBDA, WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


def commands() -> list[str]:
    """The lines of the document's shell blocks, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_runbook_leads_from_an_alarm_to_empty_queues(
    env: DeadLetterEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VISUAL", "true")
    env.send_events([env.price(number) for number in range(6)])
    env.send(WEBHOOK, '{"body": "{}"}', FROM_LAMBDA)
    env.put("BAD", 1, price={"S": "five"})
    env.letters(ENRICHER, 1)
    message = message_item(Arrival(ms=1, sender=INVOCATIONS, message_id="m"))  # by an older enricher
    env.aws.call("dynamodb", "PutItem", TableName=env.stack.prices.name, Item=message)
    stream = {"Keys": {name: message[name] for name in ("symbol", "timestamp")}, "NewImage": message}
    record = {"kind": "record", "reason": "it has no price", "record": {"dynamodb": stream}}
    env.send(ENRICHER, json.dumps(record))
    for line in commands():
        words = shlex.split(line)
        assert words[0] == "cryptoctl"
        result = run(*words[1:], environment=env.name)
        # What is no price in a message is refused again; what is named as left is no surprise.
        refused_again = "replay" in line and "failed again" in result.out
        assert result.code == 0 or refused_again, f"{line}\n{result.out}{result.err}"
        if line == "cryptoctl dlq list":
            last = result
        if "--edit" in line:
            edited = result
    assert "symbol: is missing" in edited.out, "it failed so before, and is selected by that"
    assert "price-enricher-dlq" in last.out and "0 waiting" in last.out
    assert env.waiting(ENRICHER) == 0
    assert env.waiting(WEBHOOK) == 1, "too young for the purge of the runbook"
    assert all(item["processed"]["BOOL"] for item in env.items())
    table = env.stack.prices.name
    assert env.aws.call("dynamodb", "GetItem", TableName=table, Key=stream["Keys"])["Item"] == message


def test_every_dlq_command_is_in_the_runbook() -> None:
    from cryptoctl.cli.commands import names

    named = {words[2] for words in map(shlex.split, commands()) if words[1] == "dlq"}
    assert named == set(names("dlq"))
