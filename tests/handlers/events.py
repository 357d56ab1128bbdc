"""Events as AWS makes them, and a mapping that brings the stream to the enricher as Lambda does."""

import json
from collections.abc import Sequence
from typing import Any

from cryptoctl.handlers import price_enricher, webhook_processor
from handlers.fake_aws import FakeAws

GOOD: dict[str, Any] = {"symbol": "BTC", "price": 50000.0, "exchange": "coinbase"}
ARRIVED_MS = 1_700_000_000_000
TOKEN = "the-secret-of-a-sender-called-desk"
SENDERS = json.dumps({"desk": {"scheme": "token", "token_in_path": True}})
PARAMETERS = {"/cryptoctl/test/webhook/desk": json.dumps({"secret": TOKEN})}


class Context:
    """Of a Lambda invocation, what the handlers look at."""

    def __init__(self, remaining_ms: int = 30_000) -> None:
        self.aws_request_id = "6f7c5d1e-0000-4000-8000-000000000001"
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class SlowAws:
    """Makes each request of one operation take some seconds, by the clock that the deadline looks at."""

    def __init__(self, operation: str, seconds: float) -> None:
        self.operation = operation
        self.seconds = seconds
        self.now = 1000.0

    def __call__(self, operation: str, moment: str) -> None:
        if operation == self.operation and moment == "before":
            self.now += self.seconds

    def monotonic(self) -> float:
        return self.now


def http(body: str, **more: Any) -> dict[str, Any]:
    """A function URL's event, from a sender that the function knows."""
    return {
        "version": "2.0",
        "rawPath": f"/desk/{TOKEN}",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.7"}, "timeEpoch": ARRIVED_MS},
        "body": body,
        "isBase64Encoded": False,
        **more,
    }


def send(event: Any, context: object = None) -> tuple[int, dict[str, Any]]:
    """The webhook's status and parsed body."""
    answer = webhook_processor.handler(event, context)
    assert set(answer) == {"statusCode", "headers", "body"}
    assert TOKEN not in answer["body"]
    return answer["statusCode"], json.loads(answer["body"])


def send_prices(*prices: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return send({"body": json.dumps({"prices": [{**GOOD, **price} for price in prices]})})


def enrich(records: Sequence[dict[str, Any]], context: object = None) -> list[str]:
    """The sequence numbers that the enricher gives back."""
    answer = price_enricher.handler({"Records": list(records)}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


class Mapping:
    """Brings each INSERT of the stream to the enricher, in order, and again from the lowest that failed."""

    def __init__(self, aws: FakeAws, size: int = 10) -> None:
        self.aws = aws
        self.size = size
        self.position = 0
        self.invocations = 0

    def run(self, attempts: int = 1000) -> None:
        for _ in range(attempts):
            batch = self.aws.inserts()[self.position : self.position + self.size]
            if not batch:
                return
            self.position += self.step(batch)
        raise AssertionError("the stream never ends")

    def step(self, batch: list[dict[str, Any]]) -> int:
        """How many of the batch's records are done with."""
        self.invocations += 1
        try:
            failed = enrich(batch)
        except Exception:
            return 0
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        return min((numbers.index(number) for number in failed), default=len(batch))


def announcements(aws: FakeAws) -> list[dict[str, Any]]:
    return [json.loads(message["Message"]) for message in aws.announced]
