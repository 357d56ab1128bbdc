"""The whole pipeline on the engine, with a function that fails and an engine that is killed."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from cryptoctl import bundle
from cryptoctl.aws import AccessKey
from cryptoctl.local.engine import Engine
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, StreamSettings, Target
from live import Live, RecordingAws
from local.clients import eventually
from local.conftest import QUICK

FLAKY = """
import random
from cryptoctl.handlers import price_enricher

def handler(event, context):
    times = [int(float(r["dynamodb"]["Keys"]["timestamp"]["N"])) for r in event["Records"]]
    if any(time % {poison_every} == 7 for time in times):
        raise RuntimeError("poison")
    if random.random() < 0.03:
        raise RuntimeError("a bad moment before the work")
    answer = price_enricher.handler(event, context)
    if random.random() < 0.03:
        raise RuntimeError("a bad moment after the work")
    return answer
"""
START_MS = 1_700_000_000_000
AT_ONCE = 50


class Pipeline:
    """An environment on an engine of its own, with the enricher's handler wrapped in one that fails."""

    def __init__(self, engine: Engine, poison_every: int) -> None:
        self._engine = engine
        self.poison_every = poison_every
        status = engine.start(port=0, options=QUICK)
        made_up = engine.credentials("endures")
        aws = RecordingAws(
            endpoint_url=status.url or "",
            credentials=AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key),
        )
        session = Session(SessionOptions(environment="endures", target=Target.LOCAL))
        session.aws = aws
        session.config = EnvironmentSettings(stream=StreamSettings(batch_size=10, window_s=0))
        self.live = Live(session, aws)
        self.live.up()
        self._make_it_fail()

    def _make_it_fail(self) -> None:
        name = self.live.stack.enricher.name
        code = io.BytesIO(bundle.build().zip_bytes)
        with zipfile.ZipFile(code, "a") as archive:
            archive.writestr("flaky.py", FLAKY.format(poison_every=self.poison_every))
        aws = self.live.aws
        aws.call("lambda", "UpdateFunctionCode", FunctionName=name, ZipFile=code.getvalue())
        self._handle_with("flaky.handler")

    def _handle_with(self, handler: str) -> None:
        name = self.live.stack.enricher.name
        updated = self.live.aws.client("lambda").get_waiter("function_updated_v2")
        updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
        self.live.aws.call("lambda", "UpdateFunctionConfiguration", FunctionName=name, Handler=handler)
        updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def kill(self) -> None:
        pid = self._engine.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not self._engine.status().running, what="the engine's end")
        self._engine.start(options=QUICK)

    def send(self, numbers: list[int]) -> None:
        """Sends prices until the processor has said that it stored them."""
        prices = [
            {
                "symbol": "BTC",
                "price": 50_000 + number % 97,
                "exchange": "x",
                "timestamp": START_MS + number,
                "id": number,
            }
            for number in numbers
        ]
        payload = json.dumps({"body": json.dumps({"prices": prices})}).encode()
        name = self.live.stack.webhook.name

        def sent() -> bool:
            try:
                answer = self.live.aws.call("lambda", "Invoke", FunctionName=name, Payload=payload)
            except (BotoCoreError, ClientError):
                return False
            content = json.loads(answer["Payload"].read())
            assert content["statusCode"] == 200, content
            return True

        eventually(sent, what="a stored batch")

    def items(self) -> dict[int, dict[str, Any]]:
        """All stored prices, by their millisecond."""
        client = self.live.aws.client("dynamodb")
        pages = client.get_paginator("scan").paginate(TableName=self.live.stack.prices.name)
        items = [item for page in pages for item in page["Items"]]
        return {int(float(item["timestamp"]["N"])) - START_MS: item for item in items}

    def poisoned(self, count: int) -> set[int]:
        return {number for number in range(count) if (START_MS + number) % self.poison_every == 7}

    def dead_letters(self) -> set[int]:
        """The prices that the enricher's dead-letter queue points to."""
        client, streams = self.live.aws.client("sqs"), self.live.aws.client("dynamodbstreams")
        url = client.get_queue_url(QueueName=self.live.stack.enricher_dead_letters.name)["QueueUrl"]
        positions: set[int] = set()
        while letters := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for letter in letters:
                info = json.loads(letter["Body"])["DDBStreamBatchInfo"]
                iterator = streams.get_shard_iterator(
                    StreamArn=info["streamArn"],
                    ShardId=info["shardId"],
                    ShardIteratorType="AT_SEQUENCE_NUMBER",
                    SequenceNumber=info["startSequenceNumber"],
                )["ShardIterator"]
                records = streams.get_records(ShardIterator=iterator, Limit=info["batchSize"])["Records"]
                positions |= {
                    int(float(record["dynamodb"]["Keys"]["timestamp"]["N"])) - START_MS for record in records
                }
        return positions

    def redeliver(self) -> None:
        """Gives every record of the stream to the enricher once more, without the failing wrapper."""
        aws = self.live.aws
        name = self.live.stack.enricher.name
        self._handle_with("cryptoctl.handlers.price_enricher.handler")
        streams = aws.client("dynamodbstreams")
        table = aws.call("dynamodb", "DescribeTable", TableName=self.live.stack.prices.name)["Table"]
        arn = table["LatestStreamArn"]
        shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        iterator = place["ShardIterator"]
        poisoned = self.poisoned(1_000_000)
        while records := (answer := streams.get_records(ShardIterator=iterator, Limit=100))["Records"]:
            iterator = answer["NextShardIterator"]
            good = [
                record
                for record in records
                if int(float(record["dynamodb"]["Keys"]["timestamp"]["N"])) - START_MS not in poisoned
                and record["eventName"] == "INSERT"
            ]
            payload = json.dumps({"Records": good}, default=_plain).encode()
            result = aws.call("lambda", "Invoke", FunctionName=name, Payload=payload)
            assert "FunctionError" not in result, result["Payload"].read()


def _plain(value: Any) -> float:
    return float(value.timestamp())


def endure(engine: Engine, count: int, kills: int, poison_every: int) -> None:
    pipeline = Pipeline(engine, poison_every)
    kill_after = {(step + 1) * count // (kills + 1) // AT_ONCE * AT_ONCE for step in range(kills)}
    for start in range(0, count, AT_ONCE):
        pipeline.send([*range(start, min(start + AT_ONCE, count))])
        if start in kill_after:
            pipeline.kill()
    poisoned = pipeline.poisoned(count)
    assert poisoned

    def enriched() -> set[int]:
        return {number for number, item in pipeline.items().items() if item["processed"] == {"BOOL": True}}

    expected = set(range(count)) - poisoned
    eventually(lambda: enriched() >= expected, within_s=60 + count / 20, what="every price enriched")
    assert set(pipeline.items()) == set(range(count)), "none is lost, none doubled"
    # What fails by itself may be enriched all the same, in the reach of a later price's pass.
    assert enriched() >= expected
    letters: set[int] = set()

    def all_dead_letters() -> bool:
        letters.update(pipeline.dead_letters())
        return letters >= poisoned

    eventually(all_dead_letters, what="the poisoned ones in the DLQ")
    assert letters == poisoned
    before = pipeline.items()
    pipeline.redeliver()
    assert pipeline.items() == before, "a redelivery changed nothing"


def test_every_price_is_enriched_though_the_function_fails_and_the_engine_is_killed(
    engine: Engine, state_directory: Path
) -> None:
    endure(engine, count=150, kills=1, poison_every=61)


@pytest.mark.torture
def test_ten_thousand_prices_and_three_kills(engine: Engine, state_directory: Path) -> None:
    endure(engine, count=10_000, kills=3, poison_every=5_003)
