"""Reading again what a pointer points at, for as long as the table's stream keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.ops.dead_letters.enriching import Key, key_of

# Trimmed, or the stream itself is gone: switched off, or the shard has ended more than a day ago.
GONE = ("TrimmedDataAccessException", "ResourceNotFoundException")
EMPTY_PAGES = 20


@dataclass(kw_only=True)
class Reading:
    """The keys of the new prices found, in order, and whether it is all that the pointer spans."""

    keys: list[Key] = field(default_factory=list)
    whole: bool = False


def read_again(aws: Aws, info: Mapping[str, Any]) -> Reading:
    """Reads the stream from the pointer's first record to its last."""
    reading = Reading()
    try:
        first, last = int(info["startSequenceNumber"]), int(info["endSequenceNumber"])
        start = str(info["startSequenceNumber"])
        seen = [0, 0]
        for record in _records(aws, str(info["streamArn"]), str(info["shardId"]), start):
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
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return Reading()  # it points at nothing that could be read: the table knows what is not enriched
    return reading


def _records(aws: Aws, stream: str, shard: str, start: str) -> Iterator[dict[str, Any]]:
    iterator = aws.call(
        "dynamodbstreams",
        "GetShardIterator",
        StreamArn=stream,
        ShardId=shard,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=start,
    ).get("ShardIterator")
    empty = 0
    while iterator and empty < EMPTY_PAGES:
        page = aws.call("dynamodbstreams", "GetRecords", ShardIterator=iterator)
        yield from page["Records"]
        empty = 0 if page["Records"] else empty + 1
        iterator = page.get("NextShardIterator")
