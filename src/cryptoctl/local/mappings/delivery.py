"""Invokes a mapping's function with a batch, and tells its on-failure destination of records given up."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any

from cryptoctl.local.functions.destinations import TargetSender, timestamp
from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.mappings.batches import BatchResult, Record, sequence_number
from cryptoctl.local.mappings.mapping import EventSourceMapping

logger = logging.getLogger(__name__)


class BatchDelivery:
    """What leaves a mapping: invocations and failure records."""

    def __init__(self, client: InternalClient, mapping: EventSourceMapping) -> None:
        self._client = client
        self._mapping = mapping
        self._sender = TargetSender(client)

    async def invoke(self, records: Sequence[Record]) -> BatchResult:
        """Invokes the function and waits for its answer. Raises ServiceError where it was not invoked."""
        arn: str = self._mapping.settings["FunctionArn"]
        source: str = self._mapping.settings["EventSourceArn"]
        event = {"Records": [{**record, "eventSourceARN": source} for record in records]}
        path = f"/2015-03-31/functions/{arn.split(':')[6]}/invocations"
        query = f"Qualifier={arn.split(':')[7]}" if arn.count(":") == 7 else ""
        body = json.dumps(event, separators=(",", ":")).encode()
        response = await self._client.rest("POST", path, self._mapping.region, body=body, query=query)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return BatchResult(
            error="x-amz-function-error" in headers,
            payload=response.body.decode("utf-8"),
            request_id=headers.get("x-amzn-requestid", ""),
        )

    async def give_up(
        self, records: Sequence[Record], shard: str, condition: str, tries: int, result: BatchResult | None
    ) -> None:
        """Tells the on-failure destination, if there is one, where to find the records."""
        destination = (self._mapping.settings["DestinationConfig"].get("OnFailure") or {}).get("Destination")
        if not destination:
            return
        note = failure_note(self._mapping, records, shard, condition, tries, result)
        try:
            await self._sender.send(destination, json.dumps(note))
        except ServiceError as error:
            logger.warning("records given up could not be told to %s: %s", destination, error)


def failure_note(
    mapping: EventSourceMapping,
    records: Sequence[Record],
    shard: str,
    condition: str,
    tries: int,
    result: BatchResult | None,
) -> dict[str, Any]:
    """The on-failure record: a pointer to the records in the stream, not the records."""
    note: dict[str, Any] = {
        "requestContext": {
            "requestId": result.request_id if result else str(uuid.uuid4()),
            "functionArn": mapping.settings["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": tries,
        }
    }
    if result is not None:
        note["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
        note["responseContext"]["functionError"] = "Unhandled" if result.error else None
    note["version"] = "1.0"
    note["timestamp"] = timestamp(time.time())
    note["DDBStreamBatchInfo"] = {
        "shardId": shard,
        "startSequenceNumber": sequence_number(records[0]),
        "endSequenceNumber": sequence_number(records[-1]),
        "approximateArrivalOfFirstRecord": _arrival(records[0]),
        "approximateArrivalOfLastRecord": _arrival(records[-1]),
        "batchSize": len(records),
        "streamArn": mapping.settings["EventSourceArn"],
    }
    return note


def _arrival(record: Record) -> str:
    return timestamp(float(record["dynamodb"]["ApproximateCreationDateTime"])).rpartition(".")[0] + "Z"
