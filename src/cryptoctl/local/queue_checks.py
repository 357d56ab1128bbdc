"""SQS requests that AWS refuses and ministack would take."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from cryptoctl.local.checks import Check
from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError, error_of, json_response
from cryptoctl.local.internal_client import InternalClient

Params = Mapping[str, Any]

SETTABLE: Final = frozenset(
    {
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "DelaySeconds",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "Policy",
        "ReceiveMessageWaitTimeSeconds",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "VisibilityTimeout",
    }
)
READABLE: Final = SETTABLE | {
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
}
_NAME: Final = re.compile(r"[\w-]{1,80}|[\w-]{1,75}\.fifo", re.ASCII)
MAX_ATTRIBUTES: Final[int] = 10
MAX_LISTED: Final[int] = 1000
MIN_LIMIT: Final[int] = 1024
"""No queue's MaximumMessageSize is less."""
BATCH_BYTES: Final[int] = 1_048_576
SEND_BATCH: Final = "AmazonSQS.SendMessageBatch"
DELETE: Final = "AmazonSQS.DeleteMessage"
DELETE_BATCH: Final = "AmazonSQS.DeleteMessageBatch"
_INVALID_RECEIPT: Final = "ReceiptHandleIsInvalid"
ALLOWED: Final = "#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]"
_NOT_ALLOWED: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RANGES: Final[dict[str, tuple[int, int]]] = {
    "DelaySeconds": (0, 900),
    "VisibilityTimeout": (0, 43_200),
    "WaitTimeSeconds": (0, 20),
}


class MessageBatches:
    """Answers a batch of which SQS refuses a part, and takes the rest; refuses one that is too long."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to such a batch, else None. Raises ServiceError."""
        if request.target != SEND_BATCH:
            return None
        entries = request.json.get("Entries") or []
        size = sum(message_size(entry) for entry in entries)
        if size > BATCH_BYTES:
            raise ServiceError(
                "AWS.SimpleQueueService.BatchRequestTooLong",
                f"Batch requests cannot be longer than {BATCH_BYTES} bytes. You have sent {size} bytes.",
            )
        errors: dict[str, ServiceError] = {}
        for entry in entries:
            try:
                check_attributes(entry)
            except ServiceError as error:
                errors[str(entry.get("Id"))] = error
        if not errors:
            return None
        # ministack refuses an empty body, and it alone knows what is wrong with the batch as a whole.
        sent_entries = [
            {**entry, "MessageBody": ""} if str(entry.get("Id")) in errors else entry for entry in entries
        ]
        body = json.dumps({**request.json, "Entries": sent_entries}).encode()
        response = await self._forward(replace(request, body=body))
        if response.status != 200:
            return response
        content = json.loads(response.body)
        for failure in content.get("Failed", ()):
            if reason := errors.get(failure["Id"]):
                failure |= {"Code": reason.code, "Message": reason.message}
        return replace(response, body=json.dumps(content).encode())


class OldReceipts:
    """A service: a deletion by a receipt that is no message's last one succeeds, and may delete nothing."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a deletion, else None."""
        if request.target not in (DELETE, DELETE_BATCH):
            return None
        response = await self._forward(request)
        if response.status == 400 and error_of(response).code == _INVALID_RECEIPT:
            return json_response({}) if _is_receipt(request.json) else response
        if response.status != 200 or request.target == DELETE:
            return response
        content = json.loads(response.body)
        entries = {entry["Id"]: entry for entry in request.json["Entries"]}
        failed = [
            failure
            for failure in content["Failed"]
            if failure["Code"] != _INVALID_RECEIPT or not _is_receipt(entries[failure["Id"]])
        ]
        kept = {failure["Id"] for failure in failed}
        deleted = [{"Id": name} for name in entries if name not in kept]
        return json_response({"Successful": deleted, "Failed": failed})


def _is_receipt(params: Params) -> bool:
    return re.fullmatch("[0-9a-f-]{36}", str(params.get("ReceiptHandle"))) is not None


def message_size(message: Params) -> int:
    """How many bytes SQS counts for a message: its text, and its attributes' names, types and values."""
    size = len(str(message.get("MessageBody", "")).encode())
    for name, attribute in _attributes(message).items():
        size += len(name.encode()) + len(str(attribute.get("DataType", "")).encode())
        size += len(str(attribute.get("StringValue") or "").encode())
        size += len(str(attribute.get("BinaryValue") or "")) * 3 // 4
    return size


def check_attributes(message: Params) -> None:
    """Raises ServiceError for message attributes that are too many, empty, or have refused characters."""
    attributes = _attributes(message)
    if len(attributes) > MAX_ATTRIBUTES:
        count, maximum = len(attributes), MAX_ATTRIBUTES
        raise _invalid(f"Number of message attributes [{count}] exceeds the allowed maximum [{maximum}].")
    for name, attribute in attributes.items():
        kind = str(attribute.get("DataType") or "")
        value = attribute.get("BinaryValue" if kind.startswith("Binary") else "StringValue")
        if not value:
            raise _invalid(
                f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
            )
        match = _NOT_ALLOWED.search(str(attribute.get("StringValue") or ""))
        if match is not None:
            raise _invalid(
                f"Invalid binary character '#x{ord(match[0]):X}' was found in the message attribute "
                f"'{name}', the set of allowed characters is {ALLOWED}."
            )


def allowed(text: str) -> str:
    """The text with "?" in the place of each character that SQS refuses."""
    return _NOT_ALLOWED.sub("?", text)


def check_ranges(params: Params) -> None:
    """Raises ServiceError for a time that is out of its range."""
    for name, (low, high) in _RANGES.items():
        value = params.get(name)
        if isinstance(value, int) and not low <= value <= high:
            reason = f"Reason: Must be >= {low} and <= {high}, if provided."
            raise _invalid(f"Value {value} for parameter {name} is invalid. {reason}")


def _attributes(message: Params) -> Mapping[str, Mapping[str, Any]]:
    return message.get("MessageAttributes") or {}


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)


async def _send(client: InternalClient, request: HttpRequest) -> None:
    params = request.json
    check_ranges(params)
    check_attributes(params)
    size = message_size(params)
    if not _attributes(params) or size <= MIN_LIMIT:
        return  # of a message without attributes ministack counts every byte
    query = {"QueueUrl": params.get("QueueUrl"), "AttributeNames": ["MaximumMessageSize"]}
    try:
        response = await client.json("sqs", "GetQueueAttributes", request.region, **query)
    except ServiceError:
        return  # ministack says what is wrong with the queue
    maximum = int(response["Attributes"]["MaximumMessageSize"])
    if size > maximum:
        raise _invalid(
            f"One or more parameters are invalid. Reason: Message must be shorter than {maximum} bytes."
        )


async def _ranges(_client: InternalClient, request: HttpRequest) -> None:
    check_ranges(request.json)


async def _settings(_client: InternalClient, request: HttpRequest) -> None:
    name = request.json.get("QueueName")
    if name is not None and not _NAME.fullmatch(name):
        raise _invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
    attributes = request.json.get("Attributes") or {}
    _check_known(attributes, SETTABLE)
    try:
        json.loads(attributes.get("Policy") or "{}")
    except (ValueError, RecursionError):
        raise ServiceError("InvalidAttributeValue", "Invalid value for the parameter Policy.") from None


async def _attributes_read(_client: InternalClient, request: HttpRequest) -> None:
    _check_known(request.json.get("AttributeNames") or (), READABLE)


def _check_known(names: Iterable[str], known: frozenset[str]) -> None:
    for name in names:
        if name not in known:
            raise ServiceError("InvalidAttributeName", f"Unknown Attribute {name}.")


async def _list(_client: InternalClient, request: HttpRequest) -> None:
    token, count = request.json.get("NextToken"), request.json.get("MaxResults")
    if token and not (token.isascii() and token.isdecimal()):
        raise _invalid("Invalid or expired next token.")
    if count is not None and not 1 <= count <= MAX_LISTED:
        raise _invalid(
            f"Value for parameter MaxResults is invalid. Reason: Must be between 1 and {MAX_LISTED}."
        )


CHECKS: Final[dict[str, Check]] = {
    "AmazonSQS.ChangeMessageVisibility": _ranges,
    "AmazonSQS.CreateQueue": _settings,
    "AmazonSQS.GetQueueAttributes": _attributes_read,
    "AmazonSQS.ListQueues": _list,
    "AmazonSQS.ReceiveMessage": _ranges,
    "AmazonSQS.SendMessage": _send,
    "AmazonSQS.SetQueueAttributes": _settings,
}
