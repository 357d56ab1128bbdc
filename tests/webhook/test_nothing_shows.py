"""The secrets of a day's use are nowhere but in the parameters and in what was asked to show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cryptoctl import env_vars
from dead_letters.command_line import run
from webhook.conftest import SENDERS, WORDED, WORDED_BODY, Door

pytestmark = pytest.mark.engine


def test_a_request_that_is_refused_leaves_nothing_but_a_number(door: Door) -> None:
    body = json.dumps({"symbol": "STRANGER", "price": 1, "exchange": "of-a-stranger"})
    answers = {
        door.post("desk", body, webhook_signature="v1,of-a-stranger").text,
        door.post("nobody", body).text,
        door.post(f"alerts/{door.secret('alerts')}", body).text,
        door.post(f"tradingview/{door.secret('alerts')}", body).text,
    }
    assert len(answers) == 1
    assert not door.stored("STRANGER")
    log = door.log_text()
    assert "stranger" not in log.lower()
    assert '"Unauthorized":1' in log


def test_the_secrets_are_not_in_the_logs_or_in_the_functions_configuration(door: Door) -> None:
    for name in SENDERS:
        maker = door.maker(name)
        body = WORDED_BODY if name == WORDED else maker.sample()
        right = maker.request(door.secret(name), body, now_s=1.0, message_id="msg_old")
        door.post(right.url.removeprefix(door.address), right.body, **dict(right.headers))
    secrets = {door.secret(name) for name in SENDERS}
    name = door.live.stack.webhook.name
    configuration = door.live.aws.call("lambda", "GetFunctionConfiguration", FunctionName=name)
    everything = (
        door.log_text()
        + json.dumps(configuration, default=str)
        + json.dumps(
            door.live.aws.call("dynamodb", "Scan", TableName=door.live.stack.prices.name), default=str
        )
    )
    assert not [secret for secret in secrets if secret in everything]


def test_after_a_day_of_use_no_file_and_no_command_shows_a_secret(
    door: Door, cli: Any, tmp_path: Path
) -> None:
    name = door.live.session.environment
    for sender in ("svix", "basic"):  # whose secrets no other test rotates
        assert cli("test", sender).code == 0
    results = [
        run(*words, environment=name)
        for words in (
            ("plan", "--verbose"),
            ("up", "--yes", "--verbose"),
            ("status", "--output", "json"),
            ("doctor", "--output", "json"),
            ("outputs", "--output", "json"),
            ("config", "--output", "json"),
            ("logs", "--since", "1h", "--output", "json"),
            ("webhook", "list", "--output", "json"),
            ("webhook", "show", "desk"),
            ("webhook", "show", "nobody"),
            ("dlq", "export", str(tmp_path / "letters.jsonl")),
            ("local", "logs"),
        )
    ]
    secrets = {door.secret(sender) for sender in SENDERS}
    for result in results:
        assert not [secret for secret in secrets if secret in result.out + result.err]
    state = env_vars.state_directory()
    holding = {
        file.relative_to(state)
        for file in [*state.rglob("*"), *tmp_path.rglob("*")]
        if file.is_file() and any(secret.encode() in file.read_bytes() for secret in secrets)
    }
    assert holding <= {Path("engine") / "state" / "ssm.json"}, holding
