"""Where an asynchronous invocation's end is told: dead-letter queue or topic, and destinations."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.functions.environment import InvocationOutcome
from cryptoctl.local.functions.function import FunctionConfig, split_name
from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.queue_checks import allowed

BYTE_ORDER_MARK = "\ufeff"
logger = logging.getLogger(__name__)

ERROR_MESSAGE_BYTES: Final[int] = 1024


@dataclass(frozen=True, kw_only=True)
class FinishedEvent:
    """An asynchronous invocation that will not be tried again."""

    request_id: str
    function: FunctionConfig
    condition: str
    attempts: int
    payload: str
    outcome: InvocationOutcome | None


Attributes = Mapping[str, tuple[str, str]]
"""Message attributes: (type, value) by name."""


async def send_to_target(
    client: InternalClient, arn: str, text: str, attributes: Attributes | None = None
) -> None:
    """Sends a text to a queue, topic or function. Raises ServiceError where the target takes nothing."""
    service, region = arn.split(":")[2:4]
    if service == "sqs":
        await _to_queue(client, arn, region, text, attributes or {})
    elif service == "sns":
        await _to_topic(client, arn, region, text, attributes or {})
    elif service == "lambda":
        path = f"/2015-03-31/functions/{split_name(arn)[0]}/invocations"
        await client.rest("POST", path, region, body=text.encode(), x_amz_invocation_type="Event")
    else:
        raise ServiceError(
            "InvalidParameterValueException", f"{arn}: the embedded engine sends nothing there"
        )


async def _to_queue(client: InternalClient, arn: str, region: str, text: str, attributes: Attributes) -> None:
    url = (await client.json("sqs", "GetQueueUrl", region, QueueName=arn.split(":")[5]))["QueueUrl"]
    named = {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()}
    extra: dict[str, Any] = {"MessageAttributes": named} if named else {}
    await client.json("sqs", "SendMessage", region, QueueUrl=url, MessageBody=text, **extra)


async def _to_topic(client: InternalClient, arn: str, region: str, text: str, attributes: Attributes) -> None:
    named: dict[str, str] = {}
    for number, (name, (kind, value)) in enumerate(attributes.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        named[f"{entry}.Name"] = name
        named[f"{entry}.Value.DataType"] = kind
        named[f"{entry}.Value.StringValue"] = value
    await client.form("sns", "Publish", region, TopicArn=arn, Message=text, **named)


async def deliver(client: InternalClient, finished: FinishedEvent, destinations: Mapping[str, Any]) -> None:
    """Tells the destination for how it ended, and after a failure the dead-letter target as well.

    One that cannot be reached does not keep the other from it.
    """
    succeeded, dead_letters = finished.condition == "Success", finished.function.dead_letters
    destination = (destinations.get("OnSuccess" if succeeded else "OnFailure") or {}).get("Destination")
    records: list[tuple[str, str, Attributes]] = []
    if destination:
        records.append((destination, envelope(finished), {}))
    if not succeeded and dead_letters:
        records.append((dead_letters, finished.payload, _dead_letter_attributes(finished)))
    for arn, text, attributes in records:
        try:
            await send_to_target(client, arn, text, attributes)
        except ServiceError as error:
            logger.warning("an invocation's record could not be delivered to %s: %s", arn, error)


def envelope(finished: FinishedEvent) -> str:
    """The record that a destination gets, as JSON."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": timestamp(time.time()),
        "requestContext": {
            "requestId": finished.request_id,
            "functionArn": finished.function.qualified_arn,
            "condition": finished.condition,
            "approximateInvokeCount": finished.attempts,
        },
    }
    payloads = {"requestPayload": finished.payload}
    if finished.outcome is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": finished.function.version}
        if finished.outcome.error:
            context["functionError"] = "Unhandled"
        record["responseContext"] = context
        payloads["responsePayload"] = finished.outcome.payload
    # As they came: what is nested so deeply that it can just be read may not be read one level further in.
    members = "".join(f', "{name}": {text.removeprefix(BYTE_ORDER_MARK)}' for name, text in payloads.items())
    return f"{json.dumps(record)[:-1]}{members}}}"


def _dead_letter_attributes(finished: FinishedEvent) -> dict[str, tuple[str, str]]:
    error = json.loads(finished.outcome.payload) if finished.outcome else {}
    message = error.get("errorMessage") or "The event was not processed in time."
    # What Lambda does with characters that SQS refuses is not documented; here they lose no event.
    shortened = allowed(message).encode()[:ERROR_MESSAGE_BYTES].decode("utf-8", "ignore")
    return {
        "RequestID": ("String", finished.request_id),
        "ErrorCode": ("Number", "200" if finished.outcome else "429"),
        "ErrorMessage": ("String", shortened),
    }


def timestamp(moment: float) -> str:
    """A moment as Lambda writes it in its records: ISO 8601, milliseconds, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"
