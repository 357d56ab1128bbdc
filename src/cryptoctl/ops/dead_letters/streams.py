"""Reading again what a pointer points at, for as long as the table's stream keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.ops.dead_letters.enriching import Key, key_of
from cryptoctl.provisioners.table import Table
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

# Trimmed, or the stream itself is gone: switched off, or the shard has ended more than a day ago.
GONE = ("TrimmedDataAccessException", "ResourceNotFoundException")
EMPTY_PAGES = 20
# As DynamoDB itself has them.
_SEQUENCE_NUMBER = re.compile(r"[0-9]{21,40}", re.ASCII)
_SHARD = re.compile(r"[!-~]{28,65}", re.ASCII)


@dataclass(kw_only=True)
class Reading:
    """The keys of the new prices found, in order, and whether it is all that the pointer spans."""

    keys: list[Key] = field(default_factory=list)
    whole: bool = False


def permissions(stack: Stack) -> Iterator[Permission]:
    """The table's streams: AWS assigns their labels, and a pointer may name an earlier one."""
    streams = f"{stack.prices.arn}/stream/*"
    yield from allow(Access.OPERATE, "dynamodb", "GetShardIterator GetRecords", streams)


def read_again(aws: Aws, table: Table, info: Mapping[str, Any]) -> Reading:
    """Reads the table's stream from the pointer's first record to its last.

    Raises ValueError where it points at anything else.
    """
    first, last = _spanned(table, info)
    reading = Reading()
    try:
        seen = [0, 0]
        for record in _records(aws, info):
            number = int(record["dynamodb"]["SequenceNumber"])
            if number > last:
                break
            seen = [seen[0] or number, number]
            if record.get("eventName") == "INSERT":
                reading.keys.append(key_of(record["dynamodb"]["Keys"]))
            if number == last:
                break
        reading.whole = seen == [first, last]
    except AwsError as error:
        if error.code not in GONE:
            raise
    return reading


def _spanned(table: Table, info: Mapping[str, Any]) -> tuple[int, int]:
    """The first and the last sequence number."""
    if not str(info.get("streamArn")).startswith(f"{table.arn}/stream/"):
        raise ValueError(f"it points at another stream than that of {table.name}")
    numbers = [str(info.get(name)) for name in ("startSequenceNumber", "endSequenceNumber")]
    if not all(_SEQUENCE_NUMBER.fullmatch(each) for each in numbers) or not _SHARD.fullmatch(
        str(info.get("shardId"))
    ):
        raise ValueError("it names no shard and sequence numbers of a stream")
    return int(numbers[0]), int(numbers[1])


def _records(aws: Aws, info: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
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
