"""What the webhook processor cannot store is kept or tried again, in the time that it has, and never lost."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cryptoctl.handlers import clients, logs
from handlers.events import ARRIVED_MS, GOOD, Context, SlowAws, http, send, send_prices
from handlers.fake_aws import FakeAws, FaultError

BODY = json.dumps(GOOD)
MS = 1_675_329_600_138


def down(operation: str, moment: str) -> None:
    if operation == "PutItem":
        raise FaultError("InternalServerError")


def test_what_an_http_event_cannot_store_goes_whole_to_the_queue_and_is_a_503(aws: FakeAws) -> None:
    aws.fault = down
    event = http(json.dumps({**GOOD, "note": "ünïcödé 😀"}, ensure_ascii=False))
    status, answer = send(event, Context(60_000))
    assert (status, answer["error"]) == (503, "unavailable")
    assert "dead-letter queue" in answer["message"]
    (letter,) = aws.queue
    queued = json.loads(letter["MessageBody"])
    assert queued["requestContext"] == {"timeEpoch": ARRIVED_MS} and set(queued) == {"body", "requestContext"}
    body = {**GOOD, "note": "ünïcödé 😀", "price": "50000", "volume": "0", "timestamp": ARRIVED_MS}
    assert json.loads(queued["body"]) == body
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["RequestID"] == Context().aws_request_id
    assert attributes["ErrorCode"] == "503" and "InternalServerError" in attributes["ErrorMessage"]


def test_the_event_from_the_queue_is_stored_under_the_time_it_first_arrived(aws: FakeAws) -> None:
    aws.fault = down
    send(http(BODY))
    aws.fault = lambda operation, moment: None
    queued = json.loads(aws.queue[0]["MessageBody"])
    assert send(queued)[1]["timestamp"] == ARRIVED_MS
    assert send(queued)[1]["status"] == "duplicate"


def test_a_503_says_so_where_even_the_queue_is_out_of_reach(
    aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    def all_down(operation: str, moment: str) -> None:
        if operation != "GetParameter":
            raise FaultError("InternalServerError")

    aws.fault = all_down
    status, answer = send(http(BODY))
    assert (status, answer["message"]) == (503, "not stored and not kept: send it again")
    # Somebody is told of it: nothing has the price any more.
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert errors[-1] == "request neither stored nor put on the dead-letter queue"


@pytest.mark.parametrize("event", [GOOD, {"body": BODY}])
def test_what_a_direct_invocation_cannot_store_raises_so_that_lambda_tries_again(
    aws: FakeAws, event: Any
) -> None:
    aws.fault = down
    with pytest.raises(logs.RetryError):
        send(event)
    assert not aws.queue


def failing(failing_write: int, moment: str) -> Callable[[str, str], None]:
    """A fault at the n-th write, before it is done or after, when only its answer is lost."""
    count = 0

    def fault(operation: str, now: str) -> None:
        nonlocal count
        if operation == "PutItem" and now == moment:
            count += 1
            if count == failing_write:
                raise FaultError("InternalServerError")

    return fault


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("failing_write", [1, 4, 9])
def test_a_request_that_failed_halfway_is_completed_when_it_comes_again(
    aws: FakeAws, moment: str, ids: bool, failing_write: int
) -> None:
    prices = [
        {"timestamp": MS + n // 4, "price": n // 2 + 1, **({"id": n} if ids else {})} for n in range(10)
    ]
    aws.fault = failing(failing_write, moment)
    with pytest.raises(logs.RetryError):
        send_prices(*prices)
    assert send_prices(*prices)[0] == 200
    assert sorted(int(item["price"]["N"]) for item in aws.items_of("BTC")) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_one_symbol_that_cannot_be_stored_holds_back_no_other(aws: FakeAws) -> None:
    aws.fault = failing(1, "before")
    with pytest.raises(logs.RetryError):
        send_prices(*({"symbol": f"S{n}"} for n in range(10)))
    assert len(aws.items) == 9


def test_when_the_time_runs_out_the_event_is_kept_instead_of_cut_off(aws: FakeAws) -> None:
    assert send(http(BODY), Context(remaining_ms=0))[0] == 503
    assert len(aws.queue) == 1 and not aws.items


def test_an_http_request_leaves_time_for_a_write_under_way_and_the_dead_letter(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowAws("PutItem", 9)
    monkeypatch.setattr(clients, "time", slow)
    aws.fault = slow
    prices = [{**GOOD, "id": n} for n in range(20)]
    status, _ = send(http(json.dumps(prices)), Context(remaining_ms=60_000))
    assert (status, len(aws.queue)) == (503, 1)
    assert aws.calls["PutItem"] == 4  # a fifth would begin with less than 26 of the 60 seconds left
    assert slow.now <= 1000 + 60 - 24


def test_with_little_time_half_of_it_is_used(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowAws("PutItem", 1)
    monkeypatch.setattr(clients, "time", slow)
    aws.fault = slow
    send(http(json.dumps([{**GOOD, "id": n} for n in range(20)])), Context(remaining_ms=10_000))
    assert aws.calls["PutItem"] == 5
