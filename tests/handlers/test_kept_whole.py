"""Whatever is accepted fits into dead letters, and each of them is taken in again as the same prices."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core import webhook_prices
from cryptoctl.core.occurrences import with_occurrences
from cryptoctl.core.prices import MAX_BYTES, ParsedRequest, Price, TimeLimits, parse_request
from cryptoctl.core.redaction import REDACTED
from cryptoctl.core.webhook_messages import Arrival, is_message
from cryptoctl.core.webhook_prices import dead_letters_of
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.handlers import sender_secrets, webhook_processor
from cryptoctl.handlers.logs import RetryError
from cryptoctl.ops.dead_letters.messages import Attributes, QueueName
from cryptoctl.ops.dead_letters.planning import ReplayStep
from dead_letters.test_planning import letter, plan_one
from handlers.conftest import connect_directly
from handlers.events import ARRIVED_MS, PARAMETERS, TOKEN, http, send
from handlers.fake_aws import FakeAws, FaultError
from handlers.senders import PRICE, honest, parameters, variable

MAX_SQS_BYTES = 1_048_576
MAPPED = {
    "scheme": "token",
    "token_in_path": True,
    "fields": {"symbol": "s", "price": "p", "id": "i"},
    "constants": {"exchange": "\U0001f600" * 64},
}


def down(operation: str, moment: str) -> None:
    if operation == "PutItem":
        raise FaultError("InternalServerError")


def replays(aws: FakeAws) -> list[ReplayStep]:
    """The steps for all that is on the queue, which is empty then."""
    letters = [
        letter(message["MessageBody"], _attributes(message), QueueName.WEBHOOK) for message in aws.queue
    ]
    aws.queue.clear()
    return [plan_one(dead_letter) for dead_letter in letters]


def _attributes(message: dict[str, Any]) -> Attributes:
    attributes: Attributes = message["MessageAttributes"]
    return attributes


def prices(aws: FakeAws) -> list[Any]:
    return [item for item in aws.items.values() if not is_message(item)]


LARGEST: dict[str, Callable[[int], dict[str, Any]]] = {
    "without times": lambda n: {"symbol": "BTC", "price": 5 + n, "exchange": "x", "note": "x" * 434},
    "with ids and times": lambda n: {
        "symbol": "BTC",
        "price": 5,
        "exchange": "x",
        "id": n,
        "timestamp": ARRIVED_MS,
        "note": "x" * 395,
    },
    "in characters that SQS refuses": lambda n: {
        "symbol": "BTC",
        "price": 5 + n,
        "exchange": "x",
        "note": "\uffff" * 142,
    },
    "of many bytes each": lambda n: {
        "s": "\U0001f601" * 20 + str(n),
        "p": "1e-130",
        "i": "\\" * 120 + f"{n:04}",
    },
}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", LARGEST)
def test_the_largest_requests_are_kept_and_come_back(
    environment: None, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "WEBHOOK_SENDERS",
        json.dumps({"desk": {"scheme": "token", "token_in_path": True}, "mapped": MAPPED}),
    )
    aws = connect_directly(FakeAws(fault=down))
    aws.parameters["/cryptoctl/test/webhook/mapped"] = PARAMETERS["/cryptoctl/test/webhook/desk"]
    name = "mapped" if kind == "of many bytes each" else "desk"
    body = json.dumps([LARGEST[kind](n) for n in range(1000)], separators=(",", ":"), ensure_ascii=False)
    assert 300_000 < len(body.encode()) <= MAX_BYTES
    status, answer = send({**http(body), "rawPath": f"/{name}/{TOKEN}"})
    assert (status, "but kept" in answer["message"]) == (503, True)
    for message in aws.queue:
        size = len(message["MessageBody"].encode()) + len(json.dumps(message["MessageAttributes"]))
        assert size <= MAX_SQS_BYTES
        assert len(json.loads(message["MessageBody"])["body"].encode()) <= MAX_BYTES
    aws.fault = lambda operation, moment: None
    for step in replays(aws):
        assert send(json.loads(step.payload))[0] == 200
    assert len(prices(aws)) == 1000
    sender_secrets.forget()


def test_equal_trades_stay_as_many_where_they_are_divided(
    environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_prices, "MAX_BYTES", 100)
    aws = connect_directly(FakeAws(fault=down))
    trade = {"symbol": "BTC", "price": 1, "exchange": "x", "timestamp": ARRIVED_MS}
    request = http(json.dumps([trade, trade, {**trade, "occurrence": 7}, trade]))
    assert send(request)[0] == 503
    assert len(aws.queue) == 4
    aws.fault = lambda operation, moment: None
    for step in reversed(replays(aws)):
        assert send(json.loads(step.payload))[1]["message"] == "1 stored"
    assert sorted(item.get("occurrence", {}).get("N", "1") for item in prices(aws)) == ["1", "2", "4", "7"]
    assert send(request)[1]["message"] == "4 duplicate"


texts = st.text(max_size=20)
raws = st.dictionaries(
    st.sampled_from(["id", "occurrence", "prices", "timestamp", "note", "volume", "price"]),
    st.recursive(texts | st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=20),
).map(lambda raw: json.dumps(raw, ensure_ascii=False))
kept = st.builds(
    Price,
    symbol=st.sampled_from(["BTC", "\U0001f601" * 64]),
    exchange=st.sampled_from(["x", "\U0001f600" * 64]),
    price=st.decimals(min_value="1e-9", max_value="1e28", places=9),  # 38 digits
    volume=st.integers(0, 1).map(Decimal),
    timestamp_ms=st.sampled_from([1, 10**11 - 1, 10**11, ARRIVED_MS]),
    id=st.none() | st.sampled_from(["7", "\\" * 128]),
    raw=raws | st.just("[" * 16 + "]" * 16) | st.just('{"a": ' + "[" * 15 + "]" * 15 + "}"),
    occurrence=st.none() | st.integers(1, 3),
)


@pytest.mark.thorough
@given(st.lists(kept, min_size=1, max_size=6), st.booleans())
def test_a_dead_letter_is_read_as_the_prices_that_it_keeps(prices: list[Price], several: bool) -> None:
    request = ParsedRequest(prices=tuple(prices if several else prices[:1]), is_list=several)
    limits = TimeLimits(now_ms=ARRIVED_MS, arrival_ms=1, max_behind=timedelta(days=40_000))
    read = [
        price
        for event in dead_letters_of(request, Arrival(ms=5))
        for price in parse_request(event["body"], limits).prices
        if isinstance(price, Price)
    ]
    prices = [price for price in request.prices if isinstance(price, Price)]
    assert [_meaning(price) for price in with_occurrences(read)] == [
        _meaning(price) for price in with_occurrences(prices)
    ]


def _meaning(price: Price) -> tuple[Any, ...]:
    number = None if price.id is not None else price.occurrence or 1
    return (
        *(price.symbol, price.exchange, price.price, price.volume, price.timestamp_ms),
        *(price.id, number),
    )


def test_what_was_accepted_is_not_too_old_after_it_had_to_wait(
    environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_AGE_DAYS", "30")
    aws = connect_directly(FakeAws(fault=down))
    now_s = 1_800_000_000.0
    monkeypatch.setattr("time.time_ns", lambda: int(now_s * 1e9))
    event = http(json.dumps({"symbol": "BTC", "price": 1, "exchange": "x", "timestamp": now_s - 29 * 86_400}))
    event["requestContext"]["timeEpoch"] = int(now_s * 1000)
    assert send(event)[0] == 503
    aws.fault = lambda operation, moment: None
    now_s += 3 * 86_400
    (step,) = replays(aws)
    assert send(json.loads(step.payload))[0] == 200


def test_where_only_some_dead_letters_could_be_sent_the_sender_hears_it(
    environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK_SENDERS", json.dumps({"desk": {"scheme": "token", "token_in_path": True}}))
    sent: list[str] = []

    def second_fails(operation: str, moment: str) -> None:
        down(operation, moment)
        if operation == "SendMessage" and moment == "before":
            sent.append(operation)
            if len(sent) == 2:
                raise FaultError("InternalError")

    aws = connect_directly(FakeAws(fault=second_fails))
    body = json.dumps([LARGEST["without times"](n) for n in range(1000)], separators=(",", ":"))
    status, answer = send({**http(body), "rawPath": f"/desk/{TOKEN}"})
    assert status == 503 and answer["message"] == "not stored and not kept, or only in part: send it again"
    assert len(aws.queue) == len(sent) - 1 > 0
    assert f'"DeadLettered":{len(aws.queue)}' in capsys.readouterr().out.replace(" ", "")


def test_each_attempt_of_an_invocation_logs_the_keys_that_its_prices_get(
    environment: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nows = count(ARRIVED_MS * 10**6, 10**9)
    monkeypatch.setattr("cryptoctl.handlers.webhook_processor.time.time_ns", lambda: next(nows))
    context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 30_000)

    puts = count(1)

    def each_second_put_fails(operation: str, moment: str) -> None:
        if operation == "PutItem" and moment == "before" and next(puts) % 2 == 0:
            raise FaultError("InternalServerError")  # the price's, behind its message's

    aws = connect_directly(FakeAws(fault=each_second_put_fails))
    price = {"symbol": "BTC", "price": 1, "exchange": "x"}
    for _ in range(3):
        with pytest.raises(RetryError):
            webhook_processor.handler(price, context)
    logged = [line for line in capsys.readouterr().out.splitlines() if "tried again" in line]
    aws.fault = lambda operation, moment: None
    webhook_processor.handler(price, context)
    [key] = [item["timestamp"]["N"] for item in prices(aws)]
    assert [key in line for line in logged] == [True, True, True]


@pytest.mark.parametrize("form", ["{}", "token={}", '{{"token": {}}}'])
def test_a_secret_is_taken_out_however_a_body_writes_it(form: str) -> None:
    secret = 'p@ss"w/rd of the sender'
    written = {"{}": secret, "token={}": quote_plus(secret)}.get(form, json.dumps(secret))
    request = WebhookRequest(headers={}, body=form.format(written).encode())
    text = json.dumps(webhook_prices.unread_event(request, [secret], Arrival(ms=1)))
    assert "rd" not in text and REDACTED in text


@pytest.mark.parametrize("body", ['{"data":[{"s":"BTC","p":1,"note":"ü"}]}', None])
def test_what_could_not_be_read_is_read_again_as_its_sender_s(
    environment: None, body: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> ParsedRequest:
        raise RuntimeError("ours")

    monkeypatch.setenv("WEBHOOK_SENDERS", variable())
    aws = connect_directly(FakeAws(parameters=parameters()))
    content = body.encode() if body is not None else _of_quotes()
    with monkeypatch.context() as patch:
        patch.setattr(webhook_processor, "prices_in_request", broken)
        status, answer = send(honest("mapped", content))
        assert (status, "but kept" in answer["message"]) == (503, True)
    assert len(aws.queue[0]["MessageBody"].encode()) <= MAX_SQS_BYTES
    (step,) = replays(aws)
    assert send(json.loads(step.payload))[0] == 200
    assert send(honest("mapped", content))[1]["message"] == "1 duplicate"
    assert len(prices(aws)) == 1
    sender_secrets.forget()


def _of_quotes() -> bytes:
    """A body that is twice as long in a dead letter, were it kept as text."""
    price: dict[str, Any] = {"s": "BTC", "p": 1}
    return json.dumps({"data": [price], "odd": '"' * 240_000}).encode()


def test_a_body_whose_secret_is_taken_out_may_be_as_long_as_any_other(door: FakeAws) -> None:
    """Written anew without it, such a body is longer: by a space behind each name and each member."""
    members = {f"é{number}": number for number in range(42)}
    prices = [{**PRICE, "id": number, **members} for number in range(1000)]
    body = json.dumps({"prices": prices}, separators=(",", ":"), ensure_ascii=False).encode()
    assert 490_000 < len(body) <= 500_000
    answer = webhook_processor.handler(honest("member", body), None)
    assert json.loads(answer["body"])["message"] == "1000 stored"
