"""The price path end to end on the embedded engine: real trades, late ones, poisoned ones."""

from __future__ import annotations

import csv
import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.core.indicators import indicators
from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.logs import lines
from cryptoctl.ops.prices import Query, enriched_prices, prices
from cryptoctl.ops.sending import Outgoing, Tally, outgoing, send_all
from cryptoctl.reconcile.retry import RealClock, Retry
from cryptoctl.settings import Environment, Stream
from live import Connect, Live

pytestmark = pytest.mark.engine
DATA = Path(__file__).parents[1] / "data" / "eth_usdt_trades.csv"
NOW_MS = 1_700_000_000_000


@pytest.fixture
def pipeline(connect: Connect) -> Iterator[Live]:
    """An environment that is up, and that waits for no batch to fill."""
    live = connect(f"p{uuid.uuid4().hex[:8]}", Environment(stream=Stream(window_s=0)))
    live.up()
    yield live
    live.down()


class Listener:
    """A queue subscribed to the success topic."""

    def __init__(self, live: Live) -> None:
        self.aws, name = live.aws, f"listener-{live.session.environment}"
        self.url = live.aws.call("sqs", "CreateQueue", QueueName=name)["QueueUrl"]
        arn = live.session.scope.arn("sqs", name)
        live.aws.call("sns", "Subscribe", TopicArn=live.stack.success.arn, Protocol="sqs", Endpoint=arn)
        self.heard: list[dict[str, Any]] = []

    def listen(self) -> list[dict[str, Any]]:
        """Everything announced so far."""
        while messages := self.aws.call(
            "sqs", "ReceiveMessage", QueueUrl=self.url, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                self.heard.append(json.loads(json.loads(message["Body"])["Message"]))
                self.aws.call(
                    "sqs", "DeleteMessage", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
        return self.heard


def trades() -> list[Outgoing]:
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = [{**row, "symbol": "ETH", "exchange": "binance"} for row in csv.DictReader(file)]
    return [outgoing(row, now_ms=NOW_MS) for row in rows]


def send(live: Live, sent: Sequence[Outgoing]) -> Tally:
    tally = Tally()
    send_all(live.aws, live.stack.webhook, sent, tally, rate_per_s=None, progress=lambda _: None)
    return tally


def table(live: Live, symbol: str = "ETH") -> list[StoredPrice]:
    return enriched_prices(live.aws, live.stack.prices, Query(symbol=symbol, last=10_000))


def timeless(found: Sequence[StoredPrice]) -> list[Any]:
    """The rows without the moment at which they were enriched."""
    return [(p.symbol, p.key, p.price, p.volume, p.exchange, p.id, p.processed, p.indicators) for p in found]


def right(found: Sequence[StoredPrice]) -> bool:
    """Whether every item has what is computed over the symbol's prices in the order of their keys."""
    values = [each.price for each in found]
    return [each.indicators for each in found] == [
        indicators(values[max(0, end - 20) : end]) for end in range(1, len(values) + 1)
    ]


def eventually(what: str, look: Any, within_s: float = 60.0) -> Any:
    found = Retry(RealClock()).until(look, what, within_s)
    assert found is not None, what
    return found


def waiting(live: Live, queue: str) -> int:
    answer = live.aws.call(
        "sqs",
        "GetQueueAttributes",
        QueueUrl=live.aws.call("sqs", "GetQueueUrl", QueueName=queue)["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_a_thousand_trades_are_a_thousand_rows_however_often_they_come(pipeline: Live) -> None:
    listener, sent = Listener(pipeline), trades()
    assert send(pipeline, sent).stored == 1000
    first = table(pipeline)
    assert [each.id for each in first] == [json.loads(each.text)["id"] for each in sent]
    assert right(first)
    eventually("announcements", lambda: True if len(listener.listen()) >= 1000 else None)
    again = send(pipeline, sent)
    assert (again.stored, again.duplicate) == (0, 1000)
    assert table(pipeline) == first
    announced = Counter(each["sort_key"] for each in listener.listen() if not each["correction"])
    assert announced == Counter(each.sort_key for each in first)

    events = [line.fields for line in lines(pipeline.aws, [pipeline.stack.enricher], 0)]
    enriched = sum(each.get("enriched", 0) for each in events if each.get("message") == "prices enriched")
    assert enriched == 1000


def test_trades_shuffled_and_in_overlapping_parts_make_the_same_table(
    pipeline: Live, connect: Connect
) -> None:
    sent = trades()[:400]
    assert send(pipeline, sent).stored == 400
    ordered = timeless(table(pipeline))

    other = connect(f"{pipeline.session.environment}s", Environment(stream=Stream(window_s=0)))
    other.up()
    mixed = random.Random(7).sample(sent, len(sent))
    parts = [mixed[:200], mixed[100:300], mixed[200:]]
    threads = [threading.Thread(target=send, args=(other, part)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    everything = Query(symbol="ETH", last=10_000)

    def settled() -> bool | None:
        return timeless(prices(other.aws, other.stack.prices, everything)) == ordered or None

    eventually("the same table", settled)
    other.down()


def test_a_late_price_corrects_what_comes_after_it(pipeline: Live) -> None:
    listener = Listener(pipeline)
    made = [
        {"symbol": "L", "price": str(100 + n * n), "exchange": "x", "timestamp": str(NOW_MS + n * 10)}
        for n in range(40)
    ]
    late = made.pop(15)
    send(pipeline, [outgoing(each, now_ms=NOW_MS) for each in made])
    before = table(pipeline, "L")
    assert right(before)
    send(pipeline, [outgoing(late, now_ms=NOW_MS)])

    def corrected() -> list[StoredPrice] | None:
        found = prices(pipeline.aws, pipeline.stack.prices, Query(symbol="L", last=100))
        return found if len(found) == 40 and right(found) else None

    after = eventually("the corrections", corrected)
    changed = {each.sort_key for each in after if each not in before} - {str(NOW_MS + 150)}
    assert len(changed) == 19

    def told() -> set[str] | None:
        keys = {each["sort_key"] for each in listener.listen() if each["correction"]}
        return keys if len(keys) >= 19 else None

    assert eventually("the corrections to be announced", told) == changed


def test_a_poisoned_item_is_set_aside_whole_and_the_rest_is_enriched(pipeline: Live) -> None:
    def item(number: int) -> dict[str, Any]:
        poisoned = {} if number == 10 else {"price": {"N": str(100 + number)}}
        return {
            "symbol": {"S": "P"},
            "timestamp": {"N": str(NOW_MS + number)},
            "exchange": {"S": "by hand"},
            "note": {"S": f"number {number}"},
            **poisoned,
        }

    for number in range(21):
        pipeline.aws.call("dynamodb", "PutItem", TableName=pipeline.stack.prices.name, Item=item(number))
    queue = pipeline.stack.enricher_dead_letters.name
    eventually("the dead letter", lambda: True if waiting(pipeline, queue) else None)
    found = table(pipeline, "P")
    assert len(found) == 20
    assert right(found)
    url = pipeline.aws.call("sqs", "GetQueueUrl", QueueName=queue)["QueueUrl"]
    [message] = pipeline.aws.call(
        "sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    body = json.loads(message["Body"])
    assert body["kind"] == "record"
    assert body["record"]["dynamodb"]["NewImage"]["note"] == {"S": "number 10"}
    assert message["MessageAttributes"]["Symbol"]["StringValue"] == "P"
    assert "price" in message["MessageAttributes"]["Reason"]["StringValue"]
    send(pipeline, [outgoing({"symbol": "P", "price": "1", "exchange": "x"}, now_ms=NOW_MS + 100)])
    assert right(table(pipeline, "P"))


def test_an_error_in_the_logs_reaches_the_alerts_and_an_info_line_does_not(pipeline: Live) -> None:
    name = f"alerts-{pipeline.session.environment}"
    url = pipeline.aws.call("sqs", "CreateQueue", QueueName=name)["QueueUrl"]
    arn = pipeline.session.scope.arn("sqs", name)
    pipeline.aws.call("sns", "Subscribe", TopicArn=pipeline.stack.alerts.arn, Protocol="sqs", Endpoint=arn)
    send(pipeline, [outgoing({"symbol": "ERROR", "price": "1", "exchange": "Error:x"}, now_ms=NOW_MS)])
    pipeline.aws.call(
        "lambda",
        "UpdateFunctionConfiguration",
        FunctionName=pipeline.stack.webhook.name,
        Environment={"Variables": {"DYNAMODB_TABLE": "nowhere", "ENVIRONMENT": "broken"}},
    )
    ready = "LastUpdateStatus"
    eventually(
        "the update",
        lambda: (
            pipeline.aws.call("lambda", "GetFunctionConfiguration", FunctionName=pipeline.stack.webhook.name)[
                ready
            ]
            == "Successful"
            or None
        ),
    )
    price = '{"symbol": "B", "price": 1, "exchange": "x"}'
    broken = json.dumps({"body": price, "requestContext": {"http": {"method": "POST"}}}).encode()
    answer = pipeline.aws.call("lambda", "Invoke", FunctionName=pipeline.stack.webhook.name, Payload=broken)
    assert json.loads(answer["Payload"].read())["statusCode"] == 503

    def alert() -> list[dict[str, Any]] | None:
        return pipeline.aws.call("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        )

    messages = eventually("the alert", alert)
    text = json.loads(messages[0]["Body"])["Message"]
    assert pipeline.stack.webhook.name in text
    assert all("Error:x" not in message["Body"] for message in messages)
    assert Decimal(1) == prices(pipeline.aws, pipeline.stack.prices, Query(symbol="ERROR", last=1))[0].price
