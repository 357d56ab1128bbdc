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

    @property
    def succeeded(self) -> bool:
        """Whether the function answered without an error."""
        return self.condition == "Success"


class TargetSender:
    """Sends one text to a queue, topic, function or event bus, by its ARN."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def send(
        self, arn: str, text: str, attributes: Mapping[str, tuple[str, str]] | None = None
    ) -> None:
        """Sends; attributes are (type, value) by name. Raises ServiceError where the target takes nothing."""
        service, region = arn.split(":")[2:4]
        if service == "sqs":
            await self._to_queue(arn, region, text, attributes or {})
        elif service == "sns":
            await self._to_topic(arn, region, text, attributes or {})
        elif service == "lambda":
            name, _ = split_name(arn)
            path = f"/2015-03-31/functions/{name}/invocations"
            await self._client.rest("POST", path, region, body=text.encode(), x_amz_invocation_type="Event")
        else:
            raise ServiceError(
                "InvalidParameterValueException", f"{arn}: the embedded engine sends nothing there"
            )

    async def _to_queue(
        self, arn: str, region: str, text: str, attributes: Mapping[str, tuple[str, str]]
    ) -> None:
        found = await self._client.json("sqs", "GetQueueUrl", region, QueueName=arn.split(":")[5])
        named = {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()}
        extra: dict[str, Any] = {"MessageAttributes": named} if named else {}
        await self._client.json(
            "sqs", "SendMessage", region, QueueUrl=found["QueueUrl"], MessageBody=text, **extra
        )

    async def _to_topic(
        self, arn: str, region: str, text: str, attributes: Mapping[str, tuple[str, str]]
    ) -> None:
        named: dict[str, str] = {}
        for number, (name, (kind, value)) in enumerate(attributes.items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            named |= {
                f"{entry}.Name": name,
                f"{entry}.Value.DataType": kind,
                f"{entry}.Value.StringValue": value,
            }
        await self._client.form("sns", "Publish", region, TopicArn=arn, Message=text, **named)


class DestinationDelivery:
    """Tells everyone who was to be told; one that cannot be reached does not keep the others from it."""

    def __init__(self, client: InternalClient) -> None:
        self._sender = TargetSender(client)

    async def deliver(self, settled: FinishedEvent, destinations: Mapping[str, Any]) -> None:
        """The destination for how it ended, and after a failure the dead-letter target as well."""
        which = "OnSuccess" if settled.succeeded else "OnFailure"
        destination = (destinations.get(which) or {}).get("Destination")
        if destination:
            await self._send(destination, envelope(settled), {})
        if not settled.succeeded and settled.function.dead_letters:
            await self._send(settled.function.dead_letters, settled.payload, _dead_letter_attributes(settled))

    async def _send(self, arn: str, text: str, attributes: Mapping[str, tuple[str, str]]) -> None:
        try:
            await self._sender.send(arn, text, attributes)
        except ServiceError as error:
            logger.warning("an invocation's record could not be delivered to %s: %s", arn, error)


def envelope(settled: FinishedEvent) -> str:
    """The record that a destination gets, as JSON."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": timestamp(time.time()),
        "requestContext": {
            "requestId": settled.request_id,
            "functionArn": settled.function.qualified_arn,
            "condition": settled.condition,
            "approximateInvokeCount": settled.attempts,
        },
    }
    payloads = {"requestPayload": settled.payload}
    if settled.outcome is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": settled.function.version}
        if settled.outcome.error:
            context["functionError"] = "Unhandled"
        record["responseContext"] = context
        payloads["responsePayload"] = settled.outcome.payload
    # As they came: what is nested so deeply that it can just be read may not be read one level further in.
    members = "".join(f', "{name}": {text.removeprefix(BYTE_ORDER_MARK)}' for name, text in payloads.items())
    return f"{json.dumps(record)[:-1]}{members}}}"


def _dead_letter_attributes(settled: FinishedEvent) -> dict[str, tuple[str, str]]:
    error = json.loads(settled.outcome.payload) if settled.outcome else {}
    message = error.get("errorMessage") or "The event was not processed in time."
    # What Lambda does with characters that SQS refuses is not documented; here they lose no event.
    shortened = allowed(message).encode()[:ERROR_MESSAGE_BYTES].decode("utf-8", "ignore")
    return {
        "RequestID": ("String", settled.request_id),
        "ErrorCode": ("Number", "200" if settled.outcome else "429"),
        "ErrorMessage": ("String", shortened),
    }


def timestamp(moment: float) -> str:
    """A moment as Lambda writes it in its records: ISO 8601, milliseconds, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"
