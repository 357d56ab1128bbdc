"""SNS requests that AWS refuses and ministack would take."""

from __future__ import annotations

import json
import re
from typing import Final

from cryptoctl.local.checks import Check
from cryptoctl.local.filter_rules import check_policy
from cryptoctl.local.http import HttpRequest, ServiceError
from cryptoctl.local.internal_client import InternalClient

PROTOCOLS: Final = frozenset(
    {"application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"}
)
_NAME: Final = re.compile(r"[\w-]{1,256}|[\w-]{1,251}\.fifo", re.ASCII)
SUBJECT_CHARACTERS: Final[int] = 100
BATCH_BYTES: Final[int] = 262_144
_COUNTED: Final = re.compile(
    r"PublishBatchRequestEntries\.member\.\d+\."
    r"(Message|MessageAttributes\.entry\.\d+\.(Name|Value\.(DataType|StringValue|BinaryValue)))"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


async def _create(_client: InternalClient, request: HttpRequest) -> None:
    if not _NAME.fullmatch(request.form.get("Name", "")):
        raise _invalid("Topic Name")


async def _subscribe(_client: InternalClient, request: HttpRequest) -> None:
    params = request.form
    protocol = params.get("Protocol", "")
    if protocol not in PROTOCOLS:
        raise _invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    attributes = {
        value: params.get(name.removesuffix("key") + "value", "")
        for name, value in params.items()
        if re.fullmatch(r"Attributes\.entry\.\d+\.key", name)
    }
    check_policy(attributes.get("FilterPolicy", ""), attributes.get("FilterPolicyScope", ""))


async def _subscription_attribute(client: InternalClient, request: HttpRequest) -> None:
    params = request.form
    if params.get("AttributeName") != "FilterPolicy":
        return
    arn = params.get("SubscriptionArn", "")
    tree = await client.form("sns", "GetSubscriptionAttributes", request.region, SubscriptionArn=arn)
    attributes = {entry.findtext("key"): entry.findtext("value") for entry in tree.iter("entry")}
    check_policy(params.get("AttributeValue", ""), attributes.get("FilterPolicyScope") or "")


async def _publish(_client: InternalClient, request: HttpRequest) -> None:
    params = request.form
    if not params.get("Message"):
        raise _invalid("Empty message")
    subject = params.get("Subject")
    if subject is not None and (not subject or len(subject) > SUBJECT_CHARACTERS or _CONTROL.search(subject)):
        raise _invalid("Subject")
    if params.get("MessageStructure") == "json":
        _check_structure(params["Message"])


def _check_structure(message: str) -> None:
    try:
        texts = json.loads(message)
    except (ValueError, RecursionError):
        raise _invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise _invalid("Message Structure - No default entry in JSON message body")


async def _publish_batch(_client: InternalClient, request: HttpRequest) -> None:
    values = (value for name, value in request.form.items() if _COUNTED.fullmatch(name))
    if sum(len(value.encode()) for value in values) > BATCH_BYTES:
        raise ServiceError(
            "BatchRequestTooLong", "The length of all the messages put together is more than the limit."
        )


def _invalid(problem: str) -> ServiceError:
    return ServiceError("InvalidParameter", f"Invalid parameter: {problem}")


CHECKS: Final[dict[str, Check]] = {
    "CreateTopic": _create,
    "Subscribe": _subscribe,
    "SetSubscriptionAttributes": _subscription_attribute,
    "Publish": _publish,
    "PublishBatch": _publish_batch,
}
