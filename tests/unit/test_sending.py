"""What becomes of prices that are sent: each is counted once, and no answer passes for another."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError
from cryptoctl.botocore_errors import translate_errors
from cryptoctl.cli.send_files import _how_to_go_on
from cryptoctl.core.prices import MAX_BYTES
from cryptoctl.errors import Failure
from cryptoctl.files.outgoing import BadLine, OutgoingPrice, outgoing
from cryptoctl.files.reader import PriceFiles
from cryptoctl.ops import sending
from cryptoctl.ops.invoking import may_be_stored
from cryptoctl.ops.sending import MAX_FAILED_KEPT, PRICES_A_BATCH, Tally, send_all
from kit.clocks import FakeClock
from unit.answers import STACK, Answers

Processor = Callable[[list[Any]], Any]


class Lambda(Answers):
    """A webhook processor that answers as `processor` says; `bodies` is what it was given."""

    def __init__(self, processor: Processor, error: str = "") -> None:
        super().__init__(responses={})
        self.processor, self.error, self.bodies = processor, error, list[str]()
        self.endpoint_url = None

    def call(self, service: str, operation: str, **params: Any) -> Any:
        body = json.loads(params["Payload"])["body"]
        self.bodies.append(body)
        answer = self.processor(json.loads(body))
        if isinstance(answer, AwsError):
            raise answer
        payload = answer if self.error else {"statusCode": 200, "body": json.dumps(answer)}
        response = {"Payload": io.BytesIO(json.dumps(payload).encode())}
        return response | ({"FunctionError": self.error} if self.error else {})


def stored(prices: list[Any]) -> Any:
    return {"results": [{"status": "stored"} for _ in prices]}


def price(line: int, symbol: str = "BTC") -> OutgoingPrice:
    fields = {"symbol": symbol, "price": "1", "exchange": "x", "timestamp": "1700000000"}
    price = outgoing(fields, now_ms=1_700_000_000_000)
    return OutgoingPrice(line=line, text=price.text, price=price.price)


def sent(
    aws: Lambda, lines: Sequence[OutgoingPrice | BadLine], rate_per_s: float | None = None
) -> tuple[Tally, list[int]]:
    """The tally at the end, and the last line that was settled after each request."""
    tally, settled = Tally(), list[int]()

    def progress(tally: Tally) -> None:
        settled.append(tally.last_line)

    send_all(cast("Aws", aws), STACK.webhook, lines, tally, rate_per_s=rate_per_s, progress=progress)
    return tally, settled


def test_all_are_sent_in_order_in_requests_that_the_processor_takes() -> None:
    aws = Lambda(stored)
    tally, settled = sent(aws, [price(line) for line in range(1, 2 * PRICES_A_BATCH + 8)])
    assert (tally.stored, tally.handled, tally.failed) == (2 * PRICES_A_BATCH + 7,) * 2 + ([],)
    assert [len(json.loads(body)) for body in aws.bodies] == [PRICES_A_BATCH, PRICES_A_BATCH, 7]
    assert settled == [PRICES_A_BATCH, 2 * PRICES_A_BATCH, 2 * PRICES_A_BATCH + 7]


def test_no_request_is_longer_than_the_processor_takes() -> None:
    aws, long = Lambda(stored), price(1)
    prices = [OutgoingPrice(line=n, text=json.dumps("x" * 29_000), price=long.price) for n in range(1, 101)]
    assert sent(aws, prices)[0].stored == 100
    assert len(aws.bodies) > 1 and max(len(body.encode()) for body in aws.bodies) <= MAX_BYTES


def test_each_answer_is_counted_as_what_it_says() -> None:
    answers = [
        {"status": "stored"},
        {"status": "duplicate"},
        {"status": "duplicate", "differs": True},
        {"status": "rejected", "field": "price", "reason": "must be greater than 0"},
    ]
    lines: list[OutgoingPrice | BadLine] = [
        price(1),
        BadLine(line=2, reason="no price"),
        price(3),
        price(4),
        price(7),
    ]
    tally, settled = sent(Lambda(lambda _: {"results": answers}), lines)
    assert (tally.stored, tally.duplicate, tally.differing, tally.refused) == (1, 2, 1, 2)
    assert (tally.handled, settled) == (5, [7])
    reasons = {failure.line: failure.reason for failure in tally.failed}
    assert reasons == {2: "no price", 7: "price: must be greater than 0"}


def test_a_request_that_is_refused_as_a_whole_stores_nothing() -> None:
    tally, _ = sent(Lambda(lambda _: {"message": "too much"}), [price(1), price(2)])
    assert (tally.stored, [failure.reason for failure in tally.failed]) == (
        0,
        ["refused with status 200: too much"] * 2,
    )


@pytest.mark.parametrize("results", [[{"status": "stored"}], [{"status": "stored"}, {}], "all well", [1, 2]])
def test_an_answer_that_does_not_name_each_price_acknowledges_none(results: Any) -> None:
    tally = Tally()
    with pytest.raises(Failure, match="Whether the price is stored is not known"):
        send_all(
            cast("Aws", Lambda(lambda _: {"results": results})),
            STACK.webhook,
            [price(1), price(2)],
            tally,
            rate_per_s=None,
            progress=lambda _: None,
        )
    assert (tally.handled, tally.last_line) == (0, 0)


def test_a_function_that_fails_acknowledges_nothing_and_its_log_is_named() -> None:
    failed = Lambda(lambda _: {"errorType": "KeyError", "errorMessage": "'x'"}, error="Unhandled")
    with pytest.raises(Failure, match="webhook-processor-dev failed: KeyError: 'x'") as raised:
        sent(failed, [price(1)])
    assert raised.value.hint == "See `cryptoctl logs webhook-processor-dev`. Nothing was acknowledged."


def test_only_a_function_that_is_not_there_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))  # where `up` was last is noted there

    def refusing(code: str) -> Lambda:
        error = AwsError(service="lambda", operation="Invoke", code=code, message="")
        return Lambda(lambda _: error)

    with pytest.raises(Failure, match="no environment dev"):
        sent(refusing("ResourceNotFoundException"), [price(1)])
    with pytest.raises(AwsError, match="TooManyRequestsException"):
        sent(refusing("TooManyRequestsException"), [price(1)])


def test_no_more_are_sent_in_a_time_than_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, begun = FakeClock(), list[tuple[float, int]]()

    def record_batch(prices: list[Any]) -> Any:
        begun.append((round(clock.now_s(), 6), len(prices)))
        clock.time_s += 0.25  # a request takes its time, which is none that is added
        return stored(prices)

    monkeypatch.setattr(sending, "RealClock", lambda: clock)
    sent(Lambda(record_batch), [price(line) for line in range(1, 41)], rate_per_s=10)
    assert begun == [(0, 10), (1, 10), (2, 10), (3, 10)]


def test_of_very_many_that_fail_all_are_counted_and_some_are_kept() -> None:
    tally = Tally()
    tally.fail(BadLine(line=line, reason="no price") for line in range(MAX_FAILED_KEPT + 5))
    assert (tally.refused, len(tally.failed)) == (MAX_FAILED_KEPT + 5, MAX_FAILED_KEPT)


@pytest.mark.parametrize(
    ("stamped_now", "files", "message", "absent_text"),
    [
        (True, 1, "send only what is not stored: --from-line 8 or later", "send it all again"),
        (True, 2, "send only what is not stored", "again"),
        (False, 1, "--from-line 8, or send it all again: nothing is stored twice", "time of sending"),
        (False, 2, "Send it all again", "--from-line"),
    ],
)
def test_what_would_be_stored_twice_is_not_sent_again_by_whoever_follows_the_hint(
    stamped_now: bool, files: int, message: str, absent_text: str
) -> None:
    file = SimpleNamespace(source=SimpleNamespace(stream=False), records=SimpleNamespace(counted_in="line"))
    price_files = SimpleNamespace(files=[file] * files, stamped_now=stamped_now)
    hint = _how_to_go_on(cast("PriceFiles", price_files), Tally(last_line=7))
    assert message in hint and absent_text not in hint


def test_of_a_request_that_was_refused_for_certain_it_is_not_said_that_its_prices_may_be_stored() -> None:
    file = SimpleNamespace(source=SimpleNamespace(stream=False), records=SimpleNamespace(counted_in="line"))
    price_files = cast("PriceFiles", SimpleNamespace(files=[file], stamped_now=True))
    hint = _how_to_go_on(price_files, Tally(last_line=7), under_way=False)
    assert "not known" not in hint and hint.endswith("--from-line 8.")


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ExpiredTokenException", "TooManyRequestsException"]
)
def test_a_request_that_was_sent_again_before_it_was_refused_may_be_stored(code: str, retries: int) -> None:
    """Its first answer may have been lost."""
    metadata: Any = {"RetryAttempts": retries}
    with pytest.raises((AwsError, Failure)) as raised, translate_errors("lambda", "Invoke"):
        raise ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": metadata}, "Invoke")
    assert may_be_stored(cast("Failure | AwsError", raised.value)) is bool(retries)
