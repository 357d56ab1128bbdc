"""What the tests of dead letters do to an environment: break it, fill its queues, compare its table."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptoctl.core.webhook_messages import is_message
from cryptoctl.local.tables.store import FIRST_SEQUENCE
from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.messages import Attributes, QueueName
from cryptoctl.ops.dead_letters.queues import dead_letter_queues
from cryptoctl.ops.dead_letters.replay import Replay
from cryptoctl.ops.dead_letters.replayer import Replayer
from cryptoctl.ops.dead_letters.results import ReplayListener, ReplayOptions, ReplayResult, ReplaySummary
from cryptoctl.provisioners.function import Function
from kit.waiting import eventually as eventually
from live import Live

WEBHOOK, ENRICHER = QueueName.WEBHOOK, QueueName.ENRICHER

FROM_LAMBDA: Attributes = {
    "RequestID": {"DataType": "String", "StringValue": "6a1c5a7e-0000-4000-8000-000000000000"},
    "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    "ErrorMessage": {"DataType": "String", "StringValue": "An error occurred (Teapot) when calling it"},
}

# A record of an item that was deleted since: nothing is left to do.
NO_LONGER_THERE = {
    "eventName": "INSERT",
    "dynamodb": {"Keys": {"symbol": {"S": "GONE"}, "timestamp": {"N": "5"}}},
}


class ReplayRecorder(ReplayListener):
    """Remembers what a replay told."""

    def __init__(self) -> None:
        self.results: list[ReplayResult] = []
        self.units: list[int] = []

    def ended(self, result: ReplayResult) -> None:
        self.results.append(result)

    def searching(self, units: int) -> None:
        self.units.append(units)


class DeadLetterEnvironment:
    """One environment, and what breaks it, fills its dead letter queues and reads its table."""

    def __init__(self, live: Live, directory: Path) -> None:
        self.live, self.aws, self.stack = live, live.aws, live.stack
        self.name = live.session.environment
        self.queues = dead_letter_queues(self.aws, self.stack)
        self.replayer = Replayer(aws=self.aws, stack=self.stack)
        self.journal = directory / "journal.sqlite"
        self.now_ms = int(time.time() * 1000)

    def clear(self) -> None:
        """Empties queues and table."""
        for queue in self.queues.values():
            self.aws.call("sqs", "PurgeQueue", QueueUrl=queue.url)
        for item in self._all_items():
            key = {name: item[name] for name in ("symbol", "timestamp")}
            self.aws.call("dynamodb", "DeleteItem", TableName=self.stack.prices.name, Key=key)

    def send(self, queue: QueueName, body: str, attributes: Attributes = FROM_LAMBDA) -> None:
        """Puts a message on a queue."""
        assert list(self.queues[queue].send([(body, attributes)])) == [True]

    def send_events(self, texts: Sequence[str]) -> None:
        """Puts failed events of the webhook processor on its queue."""
        letters = [(json.dumps({"body": text}), FROM_LAMBDA) for text in texts]
        assert all(self.queues[WEBHOOK].send(letters))

    def price(self, number: int = 0, symbol: str = "BTC", **more: object) -> str:
        """A price's JSON text, each number at a time of its own."""
        moment_ms = self.now_ms - 600_000 + number
        fields = {"symbol": symbol, "price": 100 + number, "exchange": "kraken", "timestamp": moment_ms}
        return json.dumps({**fields, **more})

    def store(self, text: str) -> dict[str, Any]:
        """What the webhook processor answers to a price."""
        return self.invoke(self.stack.webhook, {"body": text})

    def invoke(self, function: Function, event: object, kind: str = "RequestResponse") -> dict[str, Any]:
        """Invokes a function; what it answers."""
        reply = self.aws.call(
            "lambda",
            "Invoke",
            FunctionName=function.name,
            InvocationType=kind,
            Payload=json.dumps(event).encode(),
        )
        answer: dict[str, Any] = json.loads(reply["Payload"].read() or b"{}")
        return answer

    def put(self, symbol: str, number: int, **attributes: Mapping[str, object]) -> dict[str, Any]:
        """Writes an item by hand, past the webhook processor."""
        item: dict[str, Any] = {
            "symbol": {"S": symbol},
            "timestamp": {"N": str(self.now_ms - 600_000 + number)},
            "price": {"N": str(100 + number)},
            "exchange": {"S": "kraken"},
            "volume": {"N": "1"},
            "processed": {"BOOL": False},
            "created_at": {"S": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())},
            **attributes,
        }
        self.aws.call("dynamodb", "PutItem", TableName=self.stack.prices.name, Item=item)
        return item

    def items(self) -> list[dict[str, Any]]:
        """The table's prices as they are, in the order of their keys."""
        prices = (item for item in self._all_items() if not is_message(item))
        return sorted(prices, key=lambda item: (item["symbol"]["S"], float(item["timestamp"]["N"])))

    def _all_items(self) -> list[dict[str, Any]]:
        return list(
            self.aws.paginate(
                "dynamodb", "Scan", "Items", TableName=self.stack.prices.name, ConsistentRead=True
            )
        )

    def enriched(self) -> list[dict[str, Any]]:
        """The table once all of it is enriched, without the moments at which that happened."""

        def all_enriched() -> list[dict[str, Any]]:
            items = self.items()
            done = all(item.get("processed", {}).get("BOOL") for item in items)
            return items if done else []

        items = eventually(all_enriched, what="every price to be enriched")
        return [without(item, "created_at", "enriched_at", "rev") for item in items]

    def waiting(self, queue: QueueName) -> int:
        """How many messages can be received."""
        return self.queues[queue].depth().visible

    def letters(self, queue: QueueName, number: int) -> None:
        """Waits until so many messages wait in a queue."""
        eventually(lambda: self.waiting(queue) >= number, what=f"{number} messages in {queue}")

    @property
    def depths(self) -> dict[str, tuple[int, int]]:
        """Each queue's messages: waiting, and in flight."""
        depths = {name.value: queue.depth() for name, queue in self.queues.items()}
        return {name: (depth.visible, depth.in_flight) for name, depth in depths.items()}

    def replay(
        self, options: ReplayOptions | None = None, listener: ReplayListener | None = None
    ) -> ReplaySummary:
        """A whole replay."""
        with Journal(self.journal) as journal:
            return Replay(self.replayer, self.queues, journal, options or ReplayOptions(), listener).run()

    def logged_request(self) -> str:
        """The id of a request of the webhook processor, once its log lines can be found."""
        reply = self.aws.call(
            "lambda",
            "Invoke",
            FunctionName=self.stack.webhook.name,
            Payload=json.dumps({"body": "{}"}).encode(),
        )
        request: str = reply["ResponseMetadata"]["RequestId"]
        group = self.stack.webhook_logs.name

        def log_lines() -> list[Any]:
            params = {"logGroupName": group, "filterPattern": f'"{request}"'}
            return list(self.aws.paginate("logs", "FilterLogEvents", "events", **params))

        eventually(log_lines, what="the request's log lines")
        return request

    def forget_logs(self) -> None:
        """Deletes what the webhook processor has logged."""
        group = self.stack.webhook_logs.name
        for stream in list(self.aws.paginate("logs", "DescribeLogStreams", "logStreams", logGroupName=group)):
            self.aws.call(
                "logs", "DeleteLogStream", logGroupName=group, logStreamName=stream["logStreamName"]
            )

    @property
    def stream(self) -> str:
        """The ARN of the table's stream."""
        described = self.aws.call("dynamodb", "DescribeTable", TableName=self.stack.prices.name)
        return str(described["Table"]["LatestStreamArn"])

    def age_the_stream(self, up_to: str) -> None:
        """Takes the records up to that number out of the engine's own data, as it does after a day."""
        file = self.live.session.engine.status().home / "store.sqlite3"
        with sqlite3.connect(file, timeout=30) as database:
            first = int(up_to) - FIRST_SEQUENCE
            database.execute(
                "DELETE FROM ddb_record WHERE stream = ? AND sequence <= ?", (self.stream, first)
            )
        database.close()

    @contextmanager
    def broken(self, function: Function, **variables: str) -> Iterator[None]:
        """A function with other variables in its environment."""
        before = self._configuration(function)["Environment"]["Variables"]
        self._set(function, {**before, **variables})
        try:
            yield
        finally:
            self._set(function, before)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The enricher gets nothing from the stream, and no pass of it is under way."""
        params: dict[str, Any] = {"FunctionName": self.stack.enricher.name}
        [mapping] = self.aws.call("lambda", "ListEventSourceMappings", **params)["EventSourceMappings"]
        self._switch(mapping["UUID"], enabled=False, state="Disabled")
        try:
            yield
        finally:
            self._switch(mapping["UUID"], enabled=True, state="Enabled")

    def _switch(self, uuid: str, *, enabled: bool, state: str) -> None:
        self.aws.call("lambda", "UpdateEventSourceMapping", UUID=uuid, Enabled=enabled)
        eventually(
            lambda: self.aws.call("lambda", "GetEventSourceMapping", UUID=uuid)["State"] == state,
            what=f"the mapping to be {state}",
        )

    def _set(self, function: Function, variables: dict[str, str]) -> None:
        self.aws.call(
            "lambda",
            "UpdateFunctionConfiguration",
            FunctionName=function.name,
            Environment={"Variables": variables},
        )
        eventually(
            lambda: self._configuration(function).get("LastUpdateStatus") == "Successful",
            what=f"{function.name} to be updated",
        )

    def _configuration(self, function: Function) -> dict[str, Any]:
        return self.aws.call("lambda", "GetFunctionConfiguration", FunctionName=function.name)


def without(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in names}
