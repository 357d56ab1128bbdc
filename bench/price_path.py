"""What 1,000 prices cost: DynamoDB calls, read and write units, seconds; and what a cold start loads.

Ours against a plain enricher that does what is asked in the obvious way: for each record three queries (the
last 5, 20 and 10 prices), one update, one message. Both run in memory behind real botocore clients. The units
are counted by DynamoDB's rules, the plain one's queries as the cheaper, eventually consistent ones. The
seconds are those of the handlers on this machine, without a network.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from os import environ
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cryptoctl import bundle
from cryptoctl.handlers import clients, history, price_enricher, webhook_processor
from handlers.conftest import ENVIRONMENT
from handlers.fake_aws import FakeAws, connect
from kit import function_clients

COUNT = 1000
BATCH = 10
START_MS = 1_675_329_600_000
HANDLERS = ("webhook_processor", "price_enricher", "error_notifier")

Prices = list[dict[str, Any]]
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of 1,000 prices, from the body to the enriched item."""

    put_calls: int
    enrich_calls: int
    publish_calls: int
    read_units: float
    write_units: float
    seconds: float


def one_symbol() -> Prices:
    return [_price("BTC", START_MS + 20 * n, n) for n in range(COUNT)]


def fifty_symbols() -> Prices:
    return [_price(f"S{n % 50:02}", START_MS + 20 * n, n) for n in range(COUNT)]


def thirty_eight_in_a_millisecond() -> Prices:
    return [_price("BTC", START_MS + n // 38, n) for n in range(COUNT)]


def without_ids() -> Prices:
    return [{k: v for k, v in price.items() if k != "id"} for price in thirty_eight_in_a_millisecond()]


SCENARIOS: dict[str, Callable[[], Prices]] = {
    "one symbol": one_symbol,
    "50 symbols": fifty_symbols,
    "38 in one millisecond": thirty_eight_in_a_millisecond,
    "the same without ids": without_ids,
}


def batched(prices: Prices, per_request: int = COUNT) -> Cost:
    """Through the handlers; `per_request` prices are sent, and then enriched, at a time."""
    history.lagging.clear()
    return _measure(prices, per_request, lambda batch: price_enricher.handler({"Records": batch}, None))


def plain(prices: Prices, per_request: int = COUNT) -> Cost:
    """Taken in by the same handler, enriched by the plain one."""

    def enrich(batch: list[Record]) -> None:
        for record in batch:
            _enrich_plainly(record["dynamodb"]["NewImage"])

    return _measure(prices, per_request, enrich)


def _enrich_plainly(item: dict[str, Any]) -> None:
    dynamodb: Any = clients.client("dynamodb")
    table = clients.setting("DYNAMODB_TABLE")
    prices: dict[int, list[float]] = {}
    for count in (5, 20, 10):
        response = dynamodb.query(
            TableName=table,
            KeyConditionExpression="#symbol = :symbol AND #timestamp <= :key",
            ExpressionAttributeNames={"#symbol": "symbol", "#timestamp": "timestamp"},
            ExpressionAttributeValues={":symbol": item["symbol"], ":key": item["timestamp"]},
            ScanIndexForward=False,
            Limit=count,
        )
        prices[count] = [float(enriched["price"]["N"]) for enriched in response["Items"]]
    mean = sum(prices[10]) / len(prices[10])
    values = {
        "ma_5": {"N": str(sum(prices[5]) / len(prices[5]))},
        "ma_20": {"N": str(sum(prices[20]) / len(prices[20]))},
        "volatility": {"N": str((sum((value - mean) ** 2 for value in prices[10]) / len(prices[10])) ** 0.5)},
        "processed": {"BOOL": True},
        "enriched_at": {"S": "2023-02-02T09:20:00.000000+00:00"},
    }
    dynamodb.update_item(
        TableName=table,
        Key={"symbol": item["symbol"], "timestamp": item["timestamp"]},
        UpdateExpression="SET " + ", ".join(f"{name}=:{name}" for name in values),
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )
    clients.client("sns").publish(TopicArn=clients.setting("SUCCESS_TOPIC_ARN"), Message=json.dumps(values))


def _price(symbol: str, timestamp_ms: int, number: int) -> dict[str, Any]:
    chance = random.Random(number)
    return {
        "symbol": symbol,
        "exchange": "binance",
        "price": f"{1666 + chance.randrange(1000) / 100:.2f}",
        "volume": f"{chance.randrange(1, 30000) / 1000:.3f}",
        "timestamp": timestamp_ms,
        "id": str(1206419187 + number),
    }


def _measure(prices: Prices, per_request: int, enrich: Callable[[list[Record]], object]) -> Cost:
    with _aws() as aws, redirect_stdout(StringIO()):
        started = time.perf_counter()
        position = 0
        for first in range(0, len(prices), per_request):
            body = json.dumps({"prices": prices[first : first + per_request]})
            webhook_processor.handler({"body": body}, None)
            records = aws.inserts()[position:]
            position += len(records)
            for start in range(0, len(records), BATCH):
                enrich(records[start : start + BATCH])
        seconds = time.perf_counter() - started
    enriching = ("Query", "UpdateItem", "BatchExecuteStatement")
    return Cost(
        put_calls=aws.calls["PutItem"],
        enrich_calls=sum(aws.calls[name] for name in enriching),
        publish_calls=aws.calls["Publish"] + aws.calls["PublishBatch"],
        read_units=aws.units["read"],
        write_units=aws.units["write"],
        seconds=seconds,
    )


@contextmanager
def _aws() -> Iterator[FakeAws]:
    before = dict(environ)
    environ.update(ENVIRONMENT)
    environ.pop("AWS_ENDPOINT_URL", None)
    function_clients.disconnect()
    aws = FakeAws(stale_reads=False)
    for service in ("dynamodb", "sns", "sqs"):
        connect(clients.client(service), lambda: aws)
    try:
        yield aws
    finally:
        function_clients.disconnect()
        environ.clear()
        environ.update(before)


def import_ms(module: str, runs: int = 5) -> float:
    """The least of some runs, in milliseconds; of a process of its own each time."""
    code = f"import time; t = time.perf_counter(); import {module}; print((time.perf_counter() - t) * 1000)"
    times = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True) for _ in range(runs)
    ]
    return min(float(done.stdout) for done in times)


def _row(name: str, way: str, cost: Cost) -> str:
    calls = f"{cost.put_calls:>5} {cost.enrich_calls:>6} {cost.publish_calls:>7}"
    return f"{name:<24}{way:<7}{calls} {cost.read_units:>8.1f} {cost.write_units:>8.1f} {cost.seconds:>8.2f}"


def main() -> None:
    """Prints the measurements."""
    print(f"{COUNT} prices, in one request, in batches of {BATCH}; calls are DynamoDB's but for publish\n")
    print(f"{'':<31}{'put':>5} {'enrich':>6} {'publish':>7} {'read u.':>8} {'write u.':>8} {'seconds':>8}")
    for name, scenario in SCENARIOS.items():
        print(_row(name, "plain", plain(scenario())))
        print(_row("", "ours", batched(scenario())))
    print(_row("one symbol, one by one", "plain", plain(one_symbol(), per_request=1)))
    print(_row("", "ours", batched(one_symbol(), per_request=1)))
    print(f"\nZip: {len(bundle.build().zip_bytes):,} bytes, the same for each function.")
    print(f"Import: boto3 alone {import_ms('boto3'):.0f} ms", end="")
    for module in HANDLERS:
        print(f", {module} {import_ms(f'cryptoctl.handlers.{module}'):.0f} ms", end="")
    print(" (boto3 included; least of 5).")


if __name__ == "__main__":
    main()
