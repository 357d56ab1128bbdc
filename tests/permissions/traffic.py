"""What passes through the pipeline so that each function does all that it ever does, right and wrong."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass, field
from typing import Any

from kit.waiting import eventually
from permissions.authorization import Ask
from permissions.guard import Outage
from permissions.stage import ENRICHER, FUNCTIONS, NOTIFIER, STAGE, WEBHOOK, Stage, received


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What each function asked for itself, and what Lambda did on its behalf, with its rights."""

    itself: dict[str, list[Ask]] = field(default_factory=lambda: {name: [] for name in FUNCTIONS})
    denied: list[Ask] = field(default_factory=list)
    on_behalf: dict[str, list[Ask]] = field(default_factory=lambda: {name: [] for name in FUNCTIONS})


def all_of_it(stage: Stage) -> Traffic:
    """Prices that meet in one millisecond, events that fail, records that are none, and alerts."""
    success, alerts = stage.listen("price-updates-success"), stage.listen("price-alerts")
    traffic = Traffic()
    guards = {name: [stage.guard(name)] for name in FUNCTIONS}
    price = stage.price("MEET")
    moment_ms = json.loads(price)["timestamp"]
    stage.store(price)
    stage.store(stage.price("MEET", "101", timestamp=moment_ms))
    stage.enriched("MEET", 2)
    answer = stage.invoke(WEBHOOK, stage.signed("SIGNED"))[1]
    assert answer["statusCode"] == 200, answer
    stage.invoke(ENRICHER, {"Records": []}, kind="Event")
    guards[WEBHOOK].append(stage.guard(WEBHOOK, more=[Outage("dynamodb:PutItem")]))
    http_event_set_aside(stage, "HTTP")
    event_dead(stage, "EVENT")
    guards[WEBHOOK].append(stage.guard(WEBHOOK))
    record_set_aside(stage, "POISON")
    guards[ENRICHER].append(stage.guard(ENRICHER, more=[Outage("sns:PublishBatch")]))
    pointer_dead(stage, "POINTER")
    stage.logged_line(NOTIFIER, "alert published")
    guards[NOTIFIER].append(stage.guard(NOTIFIER, more=[Outage("sns:Publish")]))
    stage.invoke(NOTIFIER, delivery("DEAD-ALERT"), kind="Event")
    for name in FUNCTIONS:
        traffic.on_behalf[name] += _written(stage, name)
    traffic.on_behalf[WEBHOOK] += _sent(stage, WEBHOOK, "EVENT", "ErrorCode", '"200"')
    traffic.on_behalf[ENRICHER] += _sent(stage, ENRICHER, "DDBStreamBatchInfo")
    traffic.on_behalf[ENRICHER] += _read(stage)
    traffic.on_behalf[ENRICHER] += _published(stage, success, "price-updates-success", "requestPayload")
    traffic.on_behalf[NOTIFIER] += _published(stage, alerts, "price-alerts", delivery("DEAD-ALERT"))
    for name, several in guards.items():
        traffic.itself[name] += [ask for guard in several for ask in guard.asks]
        traffic.denied.extend(ask for guard in several for ask in guard.denied)
    stage.open()
    return traffic


def http_event_set_aside(stage: Stage, symbol: str) -> None:
    """While prices cannot be stored: the handler itself puts an HTTP event on the queue."""
    event = {"body": stage.price(symbol), "requestContext": {"timeEpoch": 1}}
    answer = stage.invoke(WEBHOOK, event)[1]
    assert answer["statusCode"] == 503, answer
    stage.letter(WEBHOOK, symbol)


def event_dead(stage: Stage, symbol: str) -> None:
    """While prices cannot be stored: Lambda puts an asynchronous event on the queue."""
    stage.invoke(WEBHOOK, {"body": stage.price(symbol)}, kind="Event")
    stage.letter(WEBHOOK, symbol)


def record_set_aside(stage: Stage, symbol: str) -> None:
    """An item that is no price: the enricher sets its record aside."""
    stage.put(symbol, price={"S": "five"})
    stage.letter(ENRICHER, '\\"kind\\"', symbol)


def pointer_dead(stage: Stage, symbol: str) -> None:
    """While the enricher fails: the mapping puts a pointer on the queue."""
    before = stage.pointers()
    stage.store(stage.price(symbol))
    eventually(lambda: stage.pointers() > before, f"a pointer at the price of {symbol}")


def delivery(message: str) -> dict[str, Any]:
    """A log delivery, as a subscription filter hands it over."""
    events = [{"id": "1", "timestamp": 0, "message": message}]
    text = json.dumps({"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", "logEvents": events})
    return {"awslogs": {"data": base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()}}


def _written(stage: Stage, function: str) -> list[Ask]:
    """The engine writes a function's lines without a request; on AWS it takes these rights of the role."""
    group = stage.place.arn("logs", f"log-group:/aws/lambda/{function}-{STAGE}")
    streams = {f"{group}:log-stream:{event['logStreamName']}" for event in stage.log(function)}
    assert streams
    actions = ("logs:CreateLogStream", "logs:PutLogEvents")
    return [Ask(action=action, resource=stream) for stream in streams for action in actions]


def _sent(stage: Stage, function: str, *pieces: str) -> list[Ask]:
    """A message in the queue that Lambda sent, which the engine does without a request."""
    stage.letter(function, *pieces)
    return [Ask(action="sqs:SendMessage", resource=stage.place.arn("sqs", f"{function}-dlq-{STAGE}"))]


def _published(stage: Stage, url: str, topic: str, content: object) -> list[Ask]:
    """A message on a topic that Lambda published: a destination's, or an event given up."""
    wanted = content if isinstance(content, str) else json.dumps(content)

    def is_published() -> bool:
        messages = [json.loads(message["Body"])["Message"] for message in received(stage.account, url)]
        return any(wanted in message for message in messages)

    eventually(is_published, f"{wanted[:40]} on {topic}")
    return [Ask(action="sns:Publish", resource=stage.place.arn("sns", f"{topic}-{STAGE}"))]


def _read(stage: Stage) -> list[Ask]:
    """What was enriched had come through the mapping, which reads the stream with the function's rights."""
    stage.enriched("MEET", 2)
    mappings = stage.account["lambda"].list_event_source_mappings(FunctionName=f"{ENRICHER}-{STAGE}")
    (mapping,) = mappings["EventSourceMappings"]
    actions = ("dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords")
    return [Ask(action=action, resource=mapping["EventSourceArn"]) for action in actions]
