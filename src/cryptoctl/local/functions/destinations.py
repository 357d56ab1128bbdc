"""Where an asynchronous invocation's end is told: dead-letter queue or topic, and destinations."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cryptoctl.local.functions.environment import InvocationOutcome
from cryptoctl.local.functions.function import FunctionConfig, split_name
from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.queue_checks import allowed

BYTE_ORDER_MARK = "\ufeff"
logger = logging.getLogger(__name__)

ERROR_MESSAGE_BYTES: Final[int] = 1024


class QueuedEvent(NamedTuple):
    """An asynchronous invocation, in the order of its columns (asynchronous.py)."""

    id: int
    region: str
    function: str
    qualifier: str
    request_id: str
    payload: str
    attempts: int
    accepted_at: float


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
    message_attributes = {
        name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()
    }
    extra: dict[str, Any] = {"MessageAttributes": message_attributes} if message_attributes else {}
    await client.json("sqs", "SendMessage", region, QueueUrl=url, MessageBody=text, **extra)


async def _to_topic(client: InternalClient, arn: str, region: str, text: str, attributes: Attributes) -> None:
    fields: dict[str, str] = {}
    for number, (name, (kind, value)) in enumerate(attributes.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        fields[f"{entry}.Name"] = name
        fields[f"{entry}.Value.DataType"] = kind
        fields[f"{entry}.Value.StringValue"] = value
    await client.form("sns", "Publish", region, TopicArn=arn, Message=text, **fields)


async def deliver(
    client: InternalClient,
    event: QueuedEvent,
    function: FunctionConfig,
    condition: str,
    outcome: InvocationOutcome | None,
    destinations: Mapping[str, Any],
) -> None:
    """Tells of an event that will not be tried again: the destination for how it ended, and after a failure
    the dead-letter target as well. One that cannot be reached does not keep the other from it.
    """
    succeeded = condition == "Success"
    destination = (destinations.get("OnSuccess" if succeeded else "OnFailure") or {}).get("Destination")
    records: list[tuple[str, str, Attributes]] = []
    if destination:
        records.append((destination, envelope(event, function, condition, outcome), {}))
    if not succeeded and function.dead_letters:
        records.append((function.dead_letters, event.payload, _dead_letter_attributes(event, outcome)))
    for arn, text, attributes in records:
        try:
            await send_to_target(client, arn, text, attributes)
        except ServiceError as error:
            logger.warning("an invocation's record could not be delivered to %s: %s", arn, error)


def envelope(
    event: QueuedEvent, function: FunctionConfig, condition: str, outcome: InvocationOutcome | None
) -> str:
    """The record that a destination gets, as JSON."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": timestamp(time.time()),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function.qualified_arn,
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
    }
    payloads = {"requestPayload": event.payload}
    if outcome is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": function.version}
        if outcome.error:
            context["functionError"] = "Unhandled"
        record["responseContext"] = context
        payloads["responsePayload"] = outcome.payload
    # As they came: what is nested so deeply that it can just be read may not be read one level further in.
    members = "".join(f', "{name}": {text.removeprefix(BYTE_ORDER_MARK)}' for name, text in payloads.items())
    return f"{json.dumps(record)[:-1]}{members}}}"


def _dead_letter_attributes(event: QueuedEvent, outcome: InvocationOutcome | None) -> Attributes:
    error = json.loads(outcome.payload) if outcome else {}
    message = error.get("errorMessage") or "The event was not processed in time."
    # What Lambda does with characters that SQS refuses is not documented; here they lose no event.
    shortened = allowed(message).encode()[:ERROR_MESSAGE_BYTES].decode("utf-8", "ignore")
    return {
        "RequestID": ("String", event.request_id),
        "ErrorCode": ("Number", "200" if outcome else "429"),
        "ErrorMessage": ("String", shortened),
    }


def timestamp(moment: float) -> str:
    """A moment as Lambda writes it in its records: ISO 8601, milliseconds, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"
