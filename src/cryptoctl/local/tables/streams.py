"""DynamoDB Streams' operations, for the streams of the tables that are kept here. One shard a stream."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any, Final

from cryptoctl.local.http import HttpRequest, HttpResponse, ServiceError, check_range, json_response
from cryptoctl.local.tables.store import FIRST_SEQUENCE, TableStore
from cryptoctl.local.tables.values import invalid

RECORDS_LIVE_S: Final[int] = 86_400
SHARD: Final[str] = "shardId-00000001500000000000-00000001"
MAX_RECORDS: Final[int] = 1000
MAX_STREAMS: Final[int] = 100
BEFORE_ALL: Final[int] = 1
"""Where a stream begins that has no record yet."""
BEYOND_ALL: Final[int] = 2**62
"""More than there are records, and no more than SQLite can compare with."""


class StreamsApi:
    """A service: answers for streams of tables kept here; those of other tables are ministack's."""

    def __init__(self, store: TableStore) -> None:
        self._store = store
        self._database = store.database

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer, or None where the stream is not one of ours."""
        operation = request.target.removeprefix("DynamoDBStreams.")
        handler = _HANDLERS.get(operation)
        if handler is None or operation == request.target:
            return None
        response = handler(self, request.region, request.json)
        return None if response is None else json_response(response)

    def describe(self, _region: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """DescribeStream."""
        description = self._description(str(params.get("StreamArn")))
        if description is None:
            return None
        table, live = description
        first = self._database.execute(
            "SELECT min(sequence) FROM ddb_record WHERE stream = ?", params["StreamArn"]
        ).fetchone()[0]
        numbers = {"StartingSequenceNumber": _sequence_number(first or BEFORE_ALL)}
        if not live:
            numbers["EndingSequenceNumber"] = _sequence_number(self._last_sequence(params["StreamArn"]))
        shard = {"ShardId": SHARD, "SequenceNumberRange": numbers}
        return {
            "StreamDescription": {
                "StreamArn": params["StreamArn"],
                "StreamLabel": str(params["StreamArn"]).rpartition("/")[2],
                "StreamStatus": "ENABLED" if live else "DISABLED",
                "StreamViewType": table["StreamSpecification"]["StreamViewType"],
                "TableName": table["TableName"],
                "KeySchema": table["KeySchema"],
                "Shards": [] if params.get("ExclusiveStartShardId") == SHARD else [shard],
            }
        }

    def list(self, region: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """ListStreams."""
        name, start = params.get("TableName"), params.get("ExclusiveStartStreamArn") or ""
        sql = "SELECT arn, table_name FROM ddb_stream WHERE region = ? AND arn > ? ORDER BY arn"
        streams = [
            {"StreamArn": arn, "TableName": table, "StreamLabel": arn.rpartition("/")[2]}
            for arn, table in self._database.execute(sql, region, start)
            if name in (None, table)
        ]
        limit = params.get("Limit") or MAX_STREAMS
        check_range("Limit", limit, 1, MAX_STREAMS)
        page = streams[:limit]
        more = {"LastEvaluatedStreamArn": page[-1]["StreamArn"]} if len(page) < len(streams) else {}
        return {"Streams": page, **more} if streams or name is None else None

    def iterator(self, _region: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """GetShardIterator."""
        stream = str(params.get("StreamArn"))
        if self._description(stream) is None:
            return None
        if params.get("ShardId") != SHARD:
            raise ServiceError(
                "ResourceNotFoundException", f"Requested resource not found: Shard {params.get('ShardId')}"
            )
        kind = params.get("ShardIteratorType")
        if kind == "TRIM_HORIZON":
            after = 0
        elif kind == "LATEST":
            after = self._last_sequence(stream)
        elif kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            number = self._sequence(stream, str(params.get("SequenceNumber")))
            after = number - (kind == "AT_SEQUENCE_NUMBER")
        else:
            raise invalid(f"1 validation error detected: Value '{kind}' at 'shardIteratorType' is not valid")
        return {"ShardIterator": _token(stream, after)}

    def records(self, region: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """GetRecords."""
        try:
            stream, after = json.loads(base64.b64decode(str(params.get("ShardIterator"))))
        except (TypeError, ValueError, RecursionError):
            return None
        description = self._description(stream)
        if description is None:
            return None
        _, live = description
        limit = min(int(params.get("Limit") or MAX_RECORDS), MAX_RECORDS)
        sql = "SELECT sequence, record FROM ddb_record WHERE stream = ? AND sequence > ?"
        sql += " ORDER BY sequence LIMIT ?"
        records: list[dict[str, Any]] = []
        for sequence, text in self._database.execute(sql, stream, after, limit):
            records.append(_record(region, sequence, json.loads(text)))
            after = sequence
        response: dict[str, Any] = {"Records": records}
        if live or records:
            response["NextShardIterator"] = _token(stream, after)
        return response

    def prune(self) -> None:
        """Drops records older than a day, and streams that ended and have none left."""
        self._database.execute("DELETE FROM ddb_record WHERE at < ?", time.time() - RECORDS_LIVE_S)
        for (arn,) in self._database.execute("SELECT arn FROM ddb_stream").fetchall():
            description = self._description(arn)
            if description and not description[1] and not self._last_sequence(arn):
                self._database.execute("DELETE FROM ddb_stream WHERE arn = ?", arn)

    def _description(self, stream: str) -> tuple[dict[str, Any], bool] | None:
        """The table's description when the stream began, and whether the stream still takes records."""
        sql = "SELECT region, table_name, description FROM ddb_stream WHERE arn = ?"
        row = self._database.execute(sql, stream).fetchone()
        if row is None:
            return None
        table = self._store.table(row[0], row[1])
        return json.loads(row[2]), table is not None and table.stream_arn == stream

    def _sequence(self, stream: str, sequence_number: str) -> int:
        """The number of a record that was asked for. Raises ServiceError where it lives no longer."""
        if not re.fullmatch(r"\d{1,40}", sequence_number, re.ASCII):
            raise invalid(f"Invalid SequenceNumber: {sequence_number}")
        number = min(max(int(sequence_number) - FIRST_SEQUENCE, 0), BEYOND_ALL)
        sql = "SELECT min(sequence) FROM ddb_record WHERE stream = ?"
        first = self._database.execute(sql, stream).fetchone()[0]
        if number > BEFORE_ALL and (first is None or number < first):
            message = "The operation attempted to read past the oldest stream record in a shard."
            raise ServiceError("TrimmedDataAccessException", message)
        return number

    def _last_sequence(self, stream: str) -> int:
        sql = "SELECT max(sequence) FROM ddb_record WHERE stream = ?"
        last = self._database.execute(sql, stream).fetchone()[0]
        return int(last or 0)


def _sequence_number(sequence: int) -> str:
    return str(FIRST_SEQUENCE + sequence)


def _token(stream: str, after: int) -> str:
    return base64.b64encode(json.dumps([stream, after]).encode()).decode()


def _record(region: str, sequence: int, stored: dict[str, Any]) -> dict[str, Any]:
    stored["dynamodb"]["SequenceNumber"] = _sequence_number(sequence)
    return {
        "eventID": f"{sequence:032x}",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        **stored,
    }


_Handler = Callable[[StreamsApi, str, dict[str, Any]], dict[str, Any] | None]
_HANDLERS: Final[dict[str, _Handler]] = {
    "DescribeStream": StreamsApi.describe,
    "ListStreams": StreamsApi.list,
    "GetShardIterator": StreamsApi.iterator,
    "GetRecords": StreamsApi.records,
}
