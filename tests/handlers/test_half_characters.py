"""Half of a character, which JSON can write and no text can be: it costs no price that has no need of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cryptoctl.handlers import webhook_processor
from handlers.fake_aws import FakeAws, FaultError
from handlers.senders import BODIES, PRICE, SENDERS, honest


def answer(event: Any) -> dict[str, Any]:
    return webhook_processor.handler(event, None)


HALF = b'"note": "\\ud83d", '


@pytest.mark.parametrize("name", [sender for sender in SENDERS if sender != "coinmarket"])
def test_half_a_character_in_a_member_that_nobody_uses_costs_no_price(door: FakeAws, name: str) -> None:
    def down(operation: str, moment: str) -> None:
        if operation == "PutItem":
            raise FaultError("InternalServerError")

    body = BODIES.get(name, json.dumps(PRICE).encode())
    old = b'"s"' if name == "mapped" else b'"exchange"'
    request = honest(name, body.replace(old, HALF + old))
    door.fault = down
    assert answer(request)["statusCode"] == 503
    door.fault = lambda operation, moment: None
    event = json.loads(door.queue[0]["MessageBody"])
    assert answer(event)["statusCode"] == 200
    assert answer(request)["statusCode"] == 200
    (item,) = door.items.values()
    assert json.loads(item["raw_data"]["S"])["note"] == "\ud83d"


@pytest.mark.parametrize("name", ["tradingview", "mapped", "header"])
@pytest.mark.parametrize("field", ["symbol", "price", "exchange", "timestamp", "id"])
def test_half_a_character_in_a_field_is_refused(door: FakeAws, name: str, field: str) -> None:
    price = {**PRICE, field: "\ud83d"}
    short = {"symbol": "s", "price": "p", "timestamp": "t"}
    record = (
        {short.get(member, member): value for member, value in price.items()} if name == "mapped" else price
    )
    response = answer(honest(name, json.dumps({"data": [record]} if name == "mapped" else record).encode()))
    accepted = name == "mapped" and field in ("exchange", "id")  # which it has from elsewhere, or not at all
    assert response["statusCode"] == (200 if accepted else 400)
    assert not door.queue
