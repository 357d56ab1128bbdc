"""Prices that flow while the stack under them is changed, and the account of what became of each."""

from __future__ import annotations

import csv
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cryptoctl.core.indicators import indicators
from cryptoctl.core.items import StoredPrice, stored_price
from hostile.inventory import Account
from kit.waiting import eventually

DATA = Path(__file__).parents[1] / "data" / "eth_usdt_trades.csv"
SYMBOL, EXCHANGE = "ETH", "binance"
FAILED = "the function failed"
TRADES_A_SECOND = 40.0
BATCH = 10


def trades() -> Iterator[dict[str, Any]]:
    """Real trades in their order; after the last one they come again, later and under other ids."""
    with DATA.open(encoding="utf-8", newline="") as file:
        trades = list(csv.DictReader(file))
    lasts_ms = int(trades[-1]["timestamp"]) - int(trades[0]["timestamp"]) + 1
    for turn in itertools.count():
        for row in trades:
            yield {
                "symbol": SYMBOL,
                "exchange": EXCHANGE,
                "price": row["price"],
                "volume": row["volume"],
                "timestamp": int(row["timestamp"]) + turn * lasts_ms,
                "id": f"{int(row['id']) + turn * 10**9}",
            }


@dataclass(kw_only=True)
class Sender:
    """Sends trade after trade, each until it is acknowledged, and counts what was refused meanwhile."""

    functions: Any
    """A client of Lambda."""
    webhook: str
    acknowledged: list[str] = field(default_factory=list)
    """The keys, in the order of the acknowledgements."""
    refused: Counter[str] = field(default_factory=Counter)
    broken: BaseException | None = None
    _enough: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until it is told that it is enough; a trade that was begun is sent to its end."""
        try:
            for trade in trades():
                while (key := self._sent(trade)) is None:
                    self._enough.wait(1 / TRADES_A_SECOND)
                self.acknowledged.append(key)
                if self._enough.wait(1 / TRADES_A_SECOND):
                    return
        except BaseException as error:
            self.broken = error

    def _sent(self, trade: dict[str, Any]) -> str | None:
        payload = json.dumps({"body": json.dumps(trade)}).encode()
        try:
            reply = self.functions.invoke(FunctionName=self.webhook, Payload=payload)
            answer = json.loads(reply["Payload"].read())
        except ClientError as error:
            self.refused[error.response["Error"]["Code"]] += 1
            return None
        except BotoCoreError as error:
            self.refused[type(error).__name__] += 1
            return None
        if reply.get("FunctionError"):
            self.refused[FAILED] += 1
            return None
        assert answer["statusCode"] == 200, answer
        return str(json.loads(answer["body"])["sort_key"])

    def more(self, count: int) -> None:
        """Waits until so many more are acknowledged."""
        target = len(self.acknowledged) + count
        eventually(lambda: self.broken or len(self.acknowledged) >= target, "acknowledgements")
        assert self.broken is None, self.broken

    def enough(self) -> None:
        """No other trade is sent."""
        self._enough.set()


@contextmanager
def flowing(functions: Any, environment: str) -> Iterator[Sender]:
    """Prices flow in the block, and a few did so before it."""
    sender = Sender(functions=functions, webhook=f"webhook-processor-{environment}")
    thread = threading.Thread(target=sender.run, daemon=True)
    thread.start()
    try:
        sender.more(10)
        yield sender
    finally:
        sender.enough()
        thread.join(120)
    assert not thread.is_alive()
    assert sender.broken is None, sender.broken


class Subscriber:
    """A queue that hears a topic."""

    def __init__(self, account: Account, topic_arn: str) -> None:
        self._sqs = account["sqs"]
        name = f"{topic_arn.rpartition(':')[2]}-heard"
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        names = ["QueueArn"]
        self.arn = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"][
            "QueueArn"
        ]
        account["sns"].subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=self.arn)
        self._messages: list[dict[str, Any]] = []

    def announcements(self) -> Sequence[dict[str, Any]]:
        """All that was announced so far."""
        while messages := self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            self._messages += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
            handles = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            self._sqs.delete_message_batch(QueueUrl=self.url, Entries=handles)
        return self._messages

    def close(self) -> None:
        """Removes the queue."""
        self._sqs.delete_queue(QueueUrl=self.url)


_numbers = itertools.count(1)


def goes_through(account: Account, environment: str) -> None:
    """Prices that are sent now are stored, and enriched: so many that no window is waited for."""
    symbol = f"PROBE{next(_numbers)}"
    prices = [{"symbol": symbol, "price": 1, "exchange": EXCHANGE, "id": n} for n in range(BATCH)]
    reply = account["lambda"].invoke(
        FunctionName=f"webhook-processor-{environment}",
        Payload=json.dumps({"body": json.dumps(prices)}).encode(),
    )
    text = reply["Payload"].read().decode()
    assert "FunctionError" not in reply, text
    assert json.loads(text)["statusCode"] == 200, text

    def enriched() -> bool:
        return [price.processed for price in rows(account, environment, symbol)] == [True] * BATCH

    eventually(enriched, "the prices are enriched")


def success_topic(account: Account, environment: str) -> str:
    """Its ARN."""
    arns = account["sns"].get_paginator("list_topics").paginate().search("Topics[].TopicArn")
    return next(str(arn) for arn in arns if arn.endswith(f":price-updates-success-{environment}"))


def rows(account: Account, environment: str, symbol: str = SYMBOL) -> list[StoredPrice]:
    """A symbol's prices, in the order of their keys."""
    pages = account["dynamodb"].get_paginator("query")
    answers = pages.paginate(
        TableName=f"crypto-prices-{environment}",
        KeyConditionExpression="symbol = :symbol",
        ExpressionAttributeValues={":symbol": {"S": symbol}},
        ConsistentRead=True,
    )
    return [stored_price(item) for page in answers for item in page["Items"]]


def unenriched(account: Account, environment: str) -> set[str]:
    """The keys of the stored prices that nobody has enriched."""
    return {price.sort_key for price in rows(account, environment) if not price.processed}


def has_exact_indicators(prices: Sequence[StoredPrice]) -> bool:
    """Whether each has the indicators of the prices up to it."""
    values = [price.price for price in prices]
    return [price.indicators for price in prices] == [
        indicators(values[max(0, end - 20) : end]) for end in range(1, len(values) + 1)
    ]


def dead_letters(account: Account, environment: str) -> dict[str, int]:
    """How many messages there are in each dead-letter queue, received by somebody or not."""
    sqs = account["sqs"]
    depths = {}
    for function in ("webhook-processor", "price-enricher"):
        url = sqs.get_queue_url(QueueName=f"{function}-dlq-{environment}")["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        numbers = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        depths[function] = sum(int(numbers[name]) for name in names)
    return depths


def account_for(account: Account, environment: str, sender: Sender, subscriber: Subscriber) -> None:
    """Each acknowledged price is stored, enriched rightly and announced, and nothing is a dead letter."""
    acknowledged = set(sender.acknowledged)
    assert len(acknowledged) == len(sender.acknowledged)
    eventually(lambda: not unenriched(account, environment), "everything is enriched")
    prices = rows(account, environment)
    assert {price.sort_key for price in prices} == acknowledged
    assert has_exact_indicators(prices)

    def all_announced() -> bool:
        return {announcement["sort_key"] for announcement in subscriber.announcements()} >= acknowledged

    eventually(all_announced, "everything is announced")
    assert dead_letters(account, environment) == {"webhook-processor": 0, "price-enricher": 0}
