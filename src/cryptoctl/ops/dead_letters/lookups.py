"""What AWS still knows of a failed request: its log lines, and the stream records that a pointer names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.core.webhook_messages import is_message
from cryptoctl.ops.dead_letters.enriching import Key, key_of
from cryptoctl.ops.dead_letters.messages import DeadLetter
from cryptoctl.ops.log_entries import entries
from cryptoctl.ops.logs import Line, function_lines
from cryptoctl.ops.times import HOUR_MS
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.log_group import NOT_FOUND
from cryptoctl.provisioners.table import Table
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

# An asynchronous event is tried for six hours at most before it is a dead letter.
TRIED_FOR_MS = 6 * HOUR_MS
LATE_MS = 60_000
MAX_LINES = 30
# It becomes part of a filter pattern, so it must be nothing but an id.
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
# Trimmed, or the stream itself is gone: switched off, or the shard has ended more than a day ago.
GONE = ("TrimmedDataAccessException", "ResourceNotFoundException")
EMPTY_PAGES = 20
# As DynamoDB itself has them.
_SEQUENCE_NUMBER = re.compile(r"[0-9]{21,40}", re.ASCII)
_SHARD = re.compile(r"[!-~]{28,65}", re.ASCII)


def permissions(stack: Stack) -> Iterator[Permission]:
    """Log groups are searched, and streams read: a pointer may name an earlier one than today's."""
    for function in (stack.webhook, stack.enricher):
        group = function.log_group
        yield from allow(Access.OPERATE, "logs", "FilterLogEvents", group.arn, group.streams_arn)
    streams = f"{stack.prices.arn}/stream/*"
    yield from allow(Access.OPERATE, "dynamodb", "GetShardIterator GetRecords", streams)


def lines_of(aws: Aws, function: Function, request_id: str, dead_ms: int) -> list[Line]:
    """The log lines of the request that became a dead letter at `dead_ms` (since 1970), in order of time."""
    lines = islice(_lines(aws, function, request_id, dead_ms), MAX_LINES)
    return sorted(lines, key=lambda line: line.time_ms)


def reasons(aws: Aws, functions: Mapping[str, Function], letters: Sequence[DeadLetter]) -> dict[str, str]:
    """What the requests of these messages failed with, by the message's key, as far as the logs tell it."""

    def read(letter: DeadLetter) -> str:
        lines = lines_of(aws, functions[letter.function], letter.request_id, letter.message.sent_ms)
        failures = [entry for entry in entries(lines) if entry.failed]
        return failures[-1].error or failures[-1].message if failures else ""

    errors = aws.map(read, letters)
    return {letter.message.key: error for letter, error in zip(letters, errors, strict=True) if error}


def first_logged_ms(aws: Aws, function: Function, request_id: str, dead_ms: int) -> int | None:
    """When the function first logged the request, since 1970; None if no line is left."""
    return min((line.time_ms for line in _lines(aws, function, request_id, dead_ms)), default=None)


def _lines(aws: Aws, function: Function, request_id: str, dead_ms: int) -> Iterator[Line]:
    if not REQUEST_ID.fullmatch(request_id):
        return
    since_ms, until_ms = dead_ms - TRIED_FOR_MS, dead_ms + LATE_MS
    try:
        yield from function_lines(aws, function, since_ms, until_ms, f'"{request_id}"')
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise


@dataclass(kw_only=True)
class StreamKeys:
    """The keys of new prices that the stream still has, in order; `complete`: all that a pointer spans."""

    keys: list[Key] = field(default_factory=list)
    complete: bool = False


def read_stream_keys(aws: Aws, table: Table, info: Mapping[str, Any]) -> StreamKeys:
    """Reads the table's stream from the pointer's first record to its last.

    Raises ValueError if it points at anything else.
    """
    first, last = _sequence_range(table, info)
    stream = StreamKeys()
    try:
        seen = [0, 0]
        for record in _stream_records(aws, info):
            number = int(record["dynamodb"]["SequenceNumber"])
            if number > last:
                break
            seen = [seen[0] or number, number]
            if record.get("eventName") == "INSERT" and not is_message(record["dynamodb"]["Keys"]):
                stream.keys.append(key_of(record["dynamodb"]["Keys"]))
            if number == last:
                break
        stream.complete = seen == [first, last]
    except AwsError as error:
        if error.code not in GONE:
            raise
    return stream


def _sequence_range(table: Table, info: Mapping[str, Any]) -> tuple[int, int]:
    """The first and the last sequence number."""
    if not str(info.get("streamArn")).startswith(f"{table.arn}/stream/"):
        raise ValueError(f"it points at another stream than that of {table.name}")
    numbers = [str(info.get(name)) for name in ("startSequenceNumber", "endSequenceNumber")]
    if not all(_SEQUENCE_NUMBER.fullmatch(number) for number in numbers) or not _SHARD.fullmatch(
        str(info.get("shardId"))
    ):
        raise ValueError("it names no shard and sequence numbers of a stream")
    return int(numbers[0]), int(numbers[1])


def _stream_records(aws: Aws, info: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    iterator = aws.call(
        "dynamodbstreams",
        "GetShardIterator",
        StreamArn=info["streamArn"],
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=info["startSequenceNumber"],
    ).get("ShardIterator")
    empty = 0
    while iterator and empty < EMPTY_PAGES:
        page = aws.call("dynamodbstreams", "GetRecords", ShardIterator=iterator)
        yield from page["Records"]
        empty = 0 if page["Records"] else empty + 1
        iterator = page.get("NextShardIterator")
