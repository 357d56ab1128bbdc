"""The stream and its mappings, asynchronous failures, and the dead letters that both leave."""

from __future__ import annotations

import json
from typing import Any

from cryptoctl.ops.dead_letters.lookups import read_stream_keys
from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName, Shape, decode
from cryptoctl.ops.dead_letters.queues import DeadLetterQueue
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, holds, retry_rule
from cryptoctl.ops.selftest.claims.functions import NO_ROLE_CHECK
from cryptoctl.ops.selftest.environment import POISON
from cryptoctl.ops.selftest.provoking import Request, StackValue, tags
from cryptoctl.provisioners.stream_mapping import NOT_FOUND, StreamMapping

DEAD_WITHIN_S = 180
NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"
FAILS = {"do": "raise", "text": "an event that fails every time"}
POINTER_HAS = (
    *("shardId", "startSequenceNumber", "endSequenceNumber", "streamArn", "batchSize"),
    *("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"),
)


def _mapping(context: CheckContext) -> dict[str, Any]:
    mapping = context.stack.probe_mapping.find(context.aws)
    assert mapping is not None
    return mapping


def _second_mapping(function: str) -> Request:
    return Request(
        "lambda",
        "CreateEventSourceMapping",
        FunctionName=StackValue(f"{function}.name"),
        EventSourceArn=lambda context: _mapping(context)["EventSourceArn"],
        StartingPosition="TRIM_HORIZON",
        Enabled=False,
        Tags=tags,
    )


def _webhook_mapping_id(context: CheckContext) -> str:
    name = context.stack.webhook.name
    mappings = context.aws.call("lambda", "ListEventSourceMappings", FunctionName=name)["EventSourceMappings"]
    return str(mappings[0]["UUID"])


def _change_batch_size(batch_size: int) -> Request:
    return Request(
        "lambda",
        "UpdateEventSourceMapping",
        UUID=lambda context: _mapping(context)["UUID"],
        BatchSize=batch_size,
    )


def _dead_letter(context: CheckContext, shape: Shape) -> DeadLetter | None:
    """The first of the probe's dead letters that has a shape; None where none comes in time."""
    name = context.stack.probe_dead_letters.name
    url = context.aws.call("sqs", "GetQueueUrl", QueueName=name)["QueueUrl"]

    queue = DeadLetterQueue(aws=context.aws, name=QueueName.WEBHOOK, queue_name=name, url=url, identity=name)

    def found() -> DeadLetter | None:
        letters = map(decode, queue.receive(visibility_s=1, wait_s=0))
        return next((letter for letter in letters if letter.shape is shape), None)

    return context.retry.until(found, "the dead letter", DEAD_WITHIN_S)


def _check_event_letter(context: CheckContext) -> Evidence:
    request = context.invoke_later(FAILS)
    letter = _dead_letter(context, Shape.EVENT)
    if letter is None:
        return differs(f"no such dead letter within {DEAD_WITHIN_S} s")
    types = {name: attribute.get("DataType") for name, attribute in letter.message.attributes.items()}
    seen = f"{letter.message.body} with {dict(letter.message.attributes)}"
    right = (
        json.loads(letter.message.body) == FAILS
        and types == {"RequestID": "String", "ErrorCode": "Number", "ErrorMessage": "String"}
        and letter.request_id == request
        and FAILS["text"] in letter.error
    )
    return holds(seen) if right else differs(f"{seen}; the request was {request}")


def _check_record_letter(context: CheckContext) -> Evidence:
    item = {"symbol": {"S": POISON}, "timestamp": {"N": "1"}}
    context.aws.call("dynamodb", "PutItem", TableName=context.stack.prices.name, Item=item)
    letter = _dead_letter(context, Shape.POINTER)
    if letter is None:
        return differs(f"no such dead letter within {DEAD_WITHIN_S} s")
    info, seen = letter.content["DDBStreamBatchInfo"], letter.message.body
    missing = [name for name in POINTER_HAS if name not in info]
    if missing or not letter.request_id or "RetryAttemptsExhausted" not in letter.error:
        return differs(f"{seen} (lacks {missing}; read as: {letter.error})")
    stream = read_stream_keys(context.aws, context.stack.prices, info)
    if not stream.complete or len(stream.keys) != 1:
        return differs(f"{seen} (read again: {stream})")
    return holds(seen)


STREAM = (
    AwsClaim(
        id="dead-letter-of-an-event",
        text="The dead letter of an asynchronous failure is the event itself, with the attributes RequestID "
        "(String, that of the invocation), ErrorCode (Number) and ErrorMessage (String).",
        relied_on=("ops/dead_letters/messages.py: decode", "ops/invoking.py: invoke_later"),
        check=_check_event_letter,
        sequence="dead letters",
        needs=("probe_invocations",),
    ),
    AwsClaim(
        id="dead-letter-of-a-record",
        text="What a stream mapping gives up on leaves a pointer (DDBStreamBatchInfo) with its condition, "
        "and the stream's records can be read again with it.",
        relied_on=("ops/dead_letters/messages.py: decode", "ops/dead_letters/lookups.py: read_stream_keys"),
        check=_check_record_letter,
        sequence="dead letters",
        needs=("probe_mapping",),
    ),
    _second_mapping("probe").answered(
        "mapping-exists", StreamMapping, "ResourceConflictException", needs=("probe_mapping",)
    ),
    Request("lambda", "GetEventSourceMapping", UUID=NO_SUCH_ID).answered(
        "mapping-missing", StreamMapping, NOT_FOUND
    ),
    Request("lambda", "DeleteEventSourceMapping", UUID=NO_SUCH_ID).answered(
        "mapping-delete-missing", StreamMapping, NOT_FOUND
    ),
    _second_mapping("webhook").refused(
        "mapping-without-permission",
        retry_rule(StreamMapping, "InvalidParameterValueException", "ensure the role can perform"),
        needs=("probe_mapping",),
        undo=Request("lambda", "DeleteEventSourceMapping", UUID=_webhook_mapping_id),
        engine_limit=NO_ROLE_CHECK,
    ),
    _change_batch_size(10).refused(
        "mapping-moving",
        retry_rule(StreamMapping, "ResourceInUseException"),
        needs=("probe_mapping",),
        sequence="dead letters",  # while it moves, it hands on nothing
        prepare=_change_batch_size(9),
        acceptance_reason="the mapping had come to rest before the second change came",
    ),
)
