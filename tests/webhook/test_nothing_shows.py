"""The secrets of a day's use are nowhere but in the parameters and in what was asked to show them."""

from __future__ import annotations

import json

import pytest

from webhook.conftest import SENDERS, Door

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
    said = door.logged()
    assert "stranger" not in said.lower()
    assert '"Unauthorized":1' in said


def test_the_secrets_are_not_in_the_logs_or_in_the_functions_configuration(door: Door) -> None:
    for name in SENDERS:
        maker = door.maker(name)
        right = maker.request(door.secret(name), maker.sample(), now_s=1.0, message_id="msg_old")
        door.post(right.url.removeprefix(door.address), right.body, **dict(right.headers))
    secrets = {door.secret(name) for name in SENDERS}
    name = door.live.stack.webhook.name
    configuration = door.live.aws.call("lambda", "GetFunctionConfiguration", FunctionName=name)
    everything = (
        door.logged()
        + json.dumps(configuration, default=str)
        + json.dumps(
            door.live.aws.call("dynamodb", "Scan", TableName=door.live.stack.prices.name), default=str
        )
    )
    assert not [each for each in secrets if each in everything]
