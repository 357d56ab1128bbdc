"""The price path end to end on the embedded engine: real trades, late ones, poisoned ones."""

from __future__ import annotations

import csv
import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.core.indicators import Indicators
from cryptoctl.core.items import StoredPrice
from cryptoctl.core.numbers import plain
from cryptoctl.files.outgoing import OutgoingPrice, outgoing
from cryptoctl.ops.logs import lines
from cryptoctl.ops.prices import Query, enriched_prices, prices
from cryptoctl.ops.sending import Tally, send_all
from cryptoctl.provisioners.topic import Topic
from cryptoctl.reconcile.retry import RealClock, Retry
from hostile.traffic import has_exact_indicators
from kit.waiting import eventually
from live import Live

pytestmark = pytest.mark.engine
DATA = Path(__file__).parents[1] / "data" / "eth_usdt_trades.csv"
NOW_MS = 1_700_000_000_000


class Listener:
    """A queue subscribed to a topic."""

    def __init__(self, live: Live, topic: Topic) -> None:
        self.aws, name = live.aws, f"listener-{uuid.uuid4().hex[:8]}"
        self.url = live.aws.call("sqs", "CreateQueue", QueueName=name)["QueueUrl"]
        arn = live.session.scope.arn("sqs", name)
        live.aws.call("sns", "Subscribe", TopicArn=topic.arn, Protocol="sqs", Endpoint=arn)
        self.messages: list[str] = []

    def listen(self) -> list[str]:
        """Everything published so far."""
        while messages := self.aws.call(
            "sqs", "ReceiveMessage", QueueUrl=self.url, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                self.messages.append(json.loads(message["Body"])["Message"])
                self.aws.call(
                    "sqs", "DeleteMessage", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
        return self.messages

    def announced(self, symbol: str) -> list[dict[str, Any]]:
        """What was announced of a symbol."""
        prices = [json.loads(text) for text in self.listen()]
        return [announcement for announcement in prices if announcement["symbol"] == symbol]


def trades(symbol: str, count: int) -> list[OutgoingPrice]:
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = [{**row, "symbol": symbol, "exchange": "binance"} for row in csv.DictReader(file)]
    return [outgoing(row, now_ms=NOW_MS) for row in rows[:count]]


def send(live: Live, sent: Sequence[OutgoingPrice]) -> Tally:
    tally = Tally()
    send_all(live.aws, live.stack.webhook, sent, tally, rate_per_s=None, progress=lambda _: None)
    return tally


def table(live: Live, symbol: str) -> list[StoredPrice]:
    return enriched_prices(live.aws, live.stack.prices, Query(symbol=symbol, last=10_000), Retry(RealClock()))


def timeless(stored: Sequence[StoredPrice]) -> list[Any]:
    """The rows without their symbol and the moment at which they were enriched."""
    return [
        (price.key, price.price, price.volume, price.exchange, price.id, price.processed, price.indicators)
        for price in stored
    ]


def exact(stored: Sequence[StoredPrice]) -> bool:
    """Whether the indicators are right, by what is computed here, in fractions."""
    values = [Fraction(price.price) for price in stored]
    return all(
        is_exact(price.indicators, values[max(0, end - 20) : end])
        for end, price in enumerate(stored, start=1)
    )


def is_exact(stored: Indicators, window: Sequence[Fraction]) -> bool:
    for average, count in ((stored.ma_5, 5), (stored.ma_20, 20)):
        if (average is None) != (len(window) < count):
            return False
        if average is not None and Fraction(average) != sum(window[-count:], Fraction(0)) / count:
            return False
    deviation, window = stored.volatility, window[-10:]
    if deviation is None or len(window) < 10:
        return deviation is None and len(window) < 10
    mean = sum(window, Fraction(0)) / 10
    variance = sum(((value - mean) ** 2 for value in window), Fraction(0)) / 10
    half = Fraction(10) ** (deviation.adjusted() - 37) / 2  # of the last of 38 digits
    below, above = Fraction(deviation) - half, Fraction(deviation) + half
    return max(below, Fraction(0)) ** 2 <= variance <= above**2


def waiting(live: Live, queue: str) -> int:
    answer = live.aws.call(
        "sqs",
        "GetQueueAttributes",
        QueueUrl=live.aws.call("sqs", "GetQueueUrl", QueueName=queue)["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.mark.torture
def test_a_long_tape_is_stored_whole_and_computed_exactly(pipeline: Live) -> None:
    """The thousand real trades again and again, each time later and with other ids."""
    count, symbol = 12_477, "TAPE"
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    later_ms = int(rows[-1]["timestamp"]) - int(rows[0]["timestamp"]) + 1000
    sent = [
        outgoing(
            {
                **rows[n % len(rows)],
                "symbol": symbol,
                "exchange": "binance",
                "timestamp": str(int(rows[n % len(rows)]["timestamp"]) + n // len(rows) * later_ms),
                "id": str(10**9 + n),
            },
            now_ms=NOW_MS,
        )
        for n in range(count)
    ]
    tally = send(pipeline, sent)
    assert (tally.stored, tally.duplicate, tally.refused) == (count, 0, 0)
    query = Query(symbol=symbol, last=2 * count)
    prices_read = enriched_prices(pipeline.aws, pipeline.stack.prices, query, Retry(RealClock()))
    assert [price.id for price in prices_read] == [json.loads(price.text)["id"] for price in sent]
    assert [plain(price.price) for price in prices_read] == [
        plain(Decimal(str(json.loads(price.text, parse_float=Decimal)["price"]))) for price in sent
    ]
    assert exact(prices_read)


# Six of the enricher's batches, and three times the longest average.
@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.torture)])
def test_so_many_trades_are_so_many_rows_however_often_they_come(pipeline: Live, count: int) -> None:
    symbol = f"ETH{count}"
    listener, sent = Listener(pipeline, pipeline.stack.success), trades(symbol, count)
    before = enriched_so_far(pipeline)
    assert send(pipeline, sent).stored == count
    first = table(pipeline, symbol)
    assert [price.id for price in first] == [json.loads(price.text)["id"] for price in sent]
    assert has_exact_indicators(first)
    eventually(lambda: len(listener.announced(symbol)) >= count, "announcements")
    again = send(pipeline, sent)
    assert (again.stored, again.duplicate) == (0, count)
    assert table(pipeline, symbol) == first
    announced = Counter(price["sort_key"] for price in listener.announced(symbol) if not price["correction"])
    assert announced == Counter(price.sort_key for price in first)
    assert enriched_so_far(pipeline) - before == count


def enriched_so_far(live: Live) -> int:
    """How many prices the enricher has enriched, by its log."""
    events = [line.fields for line in lines(live.aws, [live.stack.enricher], 0)]
    return sum(event.get("enriched", 0) for event in events if event.get("message") == "prices enriched")


def test_trades_shuffled_and_in_overlapping_parts_make_the_same_table(pipeline: Live) -> None:
    assert send(pipeline, trades("ORDERED", 40)).stored == 40
    ordered = timeless(table(pipeline, "ORDERED"))

    sent = trades("MIXED", 40)
    mixed = random.Random(7).sample(sent, len(sent))
    parts = [mixed[:20], mixed[10:30], mixed[20:]]
    threads = [threading.Thread(target=send, args=(pipeline, part)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    everything = Query(symbol="MIXED", last=10_000)
    eventually(
        lambda: timeless(prices(pipeline.aws, pipeline.stack.prices, everything)) == ordered, "the same table"
    )


def test_a_late_price_corrects_what_comes_after_it(pipeline: Live) -> None:
    listener = Listener(pipeline, pipeline.stack.success)
    messages = [
        {"symbol": "L", "price": str(100 + n * n), "exchange": "x", "timestamp": str(NOW_MS + n * 10)}
        for n in range(40)
    ]
    late = messages.pop(15)
    send(pipeline, [outgoing(fields, now_ms=NOW_MS) for fields in messages])
    before = table(pipeline, "L")
    assert has_exact_indicators(before)
    send(pipeline, [outgoing(late, now_ms=NOW_MS)])

    def corrected() -> list[StoredPrice] | None:
        stored = prices(pipeline.aws, pipeline.stack.prices, Query(symbol="L", last=100))
        return stored if len(stored) == 40 and has_exact_indicators(stored) else None

    after = eventually(corrected, "the corrections")
    changed = {price.sort_key for price in after if price not in before} - {str(NOW_MS + 150)}
    assert len(changed) == 19

    def announced_corrections() -> set[str] | None:
        keys = {message["sort_key"] for message in listener.announced("L") if message["correction"]}
        return keys if len(keys) >= 19 else None

    assert eventually(announced_corrections, "the corrections to be announced") == changed


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
    eventually(lambda: waiting(pipeline, queue), "the dead letter")
    stored = table(pipeline, "P")
    assert len(stored) == 20
    assert has_exact_indicators(stored)
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
    assert has_exact_indicators(table(pipeline, "P"))


@contextmanager
def without_its_table(live: Live) -> Iterator[None]:
    """While the block runs, the webhook processor cannot store anything."""
    name = live.stack.webhook.name
    was = live.aws.call("lambda", "GetFunctionConfiguration", FunctionName=name)["Environment"]
    variables = {"DYNAMODB_TABLE": "nowhere", "ENVIRONMENT": "broken"}
    live.change_function(name, Environment={"Variables": variables})
    try:
        yield
    finally:
        live.change_function(name, Environment=was)


def test_an_error_in_the_logs_reaches_the_alerts_and_an_info_line_does_not(pipeline: Live) -> None:
    alerts, name = Listener(pipeline, pipeline.stack.alerts), pipeline.stack.webhook.name
    send(pipeline, [outgoing({"symbol": "ERROR", "price": "1", "exchange": "Error:x"}, now_ms=NOW_MS)])
    with without_its_table(pipeline):
        price = '{"symbol": "B", "price": 1, "exchange": "x"}'
        broken = json.dumps({"body": price, "requestContext": {}}).encode()
        answer = pipeline.aws.call("lambda", "Invoke", FunctionName=name, Payload=broken)
        assert json.loads(answer["Payload"].read())["statusCode"] == 503
        eventually(lambda: [text for text in alerts.listen() if name in text], "the alert")
        retried = json.dumps({"body": price}).encode()
        pipeline.aws.call("lambda", "Invoke", FunctionName=name, InvocationType="Event", Payload=retried)
        eventually(lambda: [text for text in alerts.listen() if "Lambda retries it" in text], "its alert")
    assert all("Error:x" not in text for text in alerts.messages)
    assert Decimal(1) == prices(pipeline.aws, pipeline.stack.prices, Query(symbol="ERROR", last=1))[0].price
