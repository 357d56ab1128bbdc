"""Reads a stream through DynamoDB Streams' own operations, and knows its place in it."""

from __future__ import annotations

from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.mappings.batches import Record, sequence_number
from cryptoctl.local.mappings.mapping import EventSourceMapping

READ_AT_ONCE: Final[int] = 1000


class StreamReader:
    """The records of one mapping's stream, from its position on."""

    def __init__(self, client: InternalClient, mapping: EventSourceMapping) -> None:
        self._client = client
        self._mapping = mapping
        self._arn: str = mapping.settings["EventSourceArn"]
        self._iterator: str | None = None
        self.shard = (mapping.position or {}).get("shard", "")

    async def first_position(self) -> dict[str, str]:
        """The position a new mapping starts from."""
        shard = await self._first_shard()
        kind = self._mapping.settings["StartingPosition"]
        iterator = await self._new_iterator(shard, ShardIteratorType=kind)
        return {"shard": shard, "iterator": iterator}

    async def read(self) -> list[Record]:
        """The next records, perhaps none. Raises ServiceError where the stream cannot be read."""
        if self._iterator is None:
            self._iterator = await self._iterator_of_position()
        try:
            response = await self._call("GetRecords", ShardIterator=self._iterator, Limit=READ_AT_ONCE)
        except ServiceError:
            self._iterator = None
            raise
        self._iterator = response.get("NextShardIterator") or self._iterator
        return list(response["Records"])

    def position_after(self, record: Record) -> dict[str, str]:
        """The position of a stream of which everything up to this record is done."""
        return {"shard": self.shard, "after": sequence_number(record)}

    async def _iterator_of_position(self) -> str:
        position = self._mapping.position or await self.first_position()
        self.shard = position["shard"]
        if "iterator" in position:
            return position["iterator"]
        try:
            kind = "AFTER_SEQUENCE_NUMBER"
            return await self._new_iterator(
                self.shard, ShardIteratorType=kind, SequenceNumber=position["after"]
            )
        except ServiceError as error:
            if error.code not in ("TrimmedDataAccessException", "ResourceNotFoundException"):
                raise
            # The place is gone (records live for a day): what is left begins at the horizon.
            self.shard = await self._first_shard()
            return await self._new_iterator(self.shard, ShardIteratorType="TRIM_HORIZON")

    async def _first_shard(self) -> str:
        response = await self._call("DescribeStream", StreamArn=self._arn)
        return str(response["StreamDescription"]["Shards"][0]["ShardId"])

    async def _new_iterator(self, shard: str, **position: str) -> str:
        response = await self._call("GetShardIterator", StreamArn=self._arn, ShardId=shard, **position)
        return str(response["ShardIterator"])

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._client.json("dynamodbstreams", operation, self._mapping.region, **parameters)
