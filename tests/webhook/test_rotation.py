"""A rotation while its sender sends ten requests a second, as the command does it: with its wait."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

import pytest

from live import WITH_A_SENDER, Connect
from webhook.conftest import Door

pytestmark = [pytest.mark.engine, pytest.mark.torture]

GRACE_S = 150


def test_none_is_refused_within_the_grace_and_none_let_in_after_it(door: Door, cli: Any) -> None:
    maker, old = door.maker("svix"), door.secret("svix")
    current, over, refused = [old], threading.Event(), list[int]()

    def send(secret: str) -> int:
        body = json.dumps({"symbol": "ROTATE", "price": 1, "exchange": "x"})
        request = maker.request(secret, body, now_s=time.time(), message_id=uuid.uuid4().hex)
        return door.post("svix", request.body, **dict(request.headers)).status

    def traffic() -> None:
        while not over.wait(0.1):
            status = send(current[0])
            if status != 200:
                refused.append(status)

    sender = threading.Thread(target=traffic)
    sender.start()
    try:
        result = cli("rotate", "svix", "--grace", f"{GRACE_S}s", "--reveal", "--output", "json")
        assert result.code == 0, result.err
        assert send(old) == 200, "the grace is not over"
        current[0] = json.loads(result.out)["secret"]
        until_ms = door.store("svix").read().until_ms
        while time.time() * 1000 <= until_ms:
            over.wait(1)
    finally:
        over.set()
        sender.join()
    assert refused == []
    assert send(old) == 401
    assert send(current[0]) == 200


def test_two_environments_side_by_side_have_nothing_in_common(door: Door, connect: Connect) -> None:
    from cryptoctl.ops.webhook.secrets import SecretStore
    from cryptoctl.ops.webhook.senders import webhook_address

    other = connect(f"w{uuid.uuid4().hex[:8]}", WITH_A_SENDER)
    other.up()
    try:
        address = webhook_address(other.aws, other.stack)
        secrets = {
            door.address: door.secret("desk"),
            address: SecretStore(aws=other.aws, stack=other.stack, sender="desk").read().secret,
        }
        assert len(secrets) == len(set(secrets.values())) == 2
        maker = door.maker("desk")
        for to in secrets:
            for of, secret in secrets.items():
                request = maker.request(
                    secret, maker.sample(), now_s=time.time(), message_id=uuid.uuid4().hex
                )
                forwarded = Door(live=door.live, address=to)
                status = forwarded.post("desk", request.body, **dict(request.headers)).status
                assert status == (200 if of == to else 401)
    finally:
        other.down()
