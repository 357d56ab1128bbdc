"""Invokes a mapping's function with a batch, and tells its on-failure destination of records given up."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any

from cryptoctl.local.functions.destinations import send_to_target, timestamp
from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.mappings.batches import Batch, BatchResult, Record, sequence_number
from cryptoctl.local.mappings.mapping import EventSourceMapping

logger = logging.getLogger(__name__)


async def invoke(
    client: InternalClient, mapping: EventSourceMapping, records: Sequence[Record]
) -> BatchResult:
    """Invokes the function and waits for its answer. Raises ServiceError where it was not invoked."""
    arn: str = mapping.settings["FunctionArn"]
    source: str = mapping.settings["EventSourceArn"]
    event = {"Records": [{**record, "eventSourceARN": source} for record in records]}
    path = f"/2015-03-31/functions/{mapping.function_name}/invocations"
    query = f"Qualifier={arn.split(':')[7]}" if arn.count(":") == 7 else ""
    body = json.dumps(event, separators=(",", ":")).encode()
    response = await client.rest("POST", path, mapping.region, body=body, query=query)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return BatchResult(
        error="x-amz-function-error" in headers,
        payload=response.body.decode("utf-8"),
        request_id=headers.get("x-amzn-requestid", ""),
    )


async def report_failure(
    client: InternalClient,
    mapping: EventSourceMapping,
    batch: Batch,
    shard: str,
    condition: str,
    result: BatchResult | None,
) -> None:
    """Tells the on-failure destination, if there is one, where to find records that are given up."""
    destination = (mapping.settings["DestinationConfig"].get("OnFailure") or {}).get("Destination")
    if not destination:
        return
    record = _failure_record(mapping, batch, shard, condition, result)
    try:
        await send_to_target(client, destination, json.dumps(record))
    except ServiceError as error:
        logger.warning("records given up could not be told to %s: %s", destination, error)


def _failure_record(
    mapping: EventSourceMapping, batch: Batch, shard: str, condition: str, result: BatchResult | None
) -> dict[str, Any]:
    """The on-failure record: a pointer to the records in the stream, not the records."""
    first, last = batch.records[0], batch.records[-1]
    record: dict[str, Any] = {
        "requestContext": {
            "requestId": result.request_id if result else str(uuid.uuid4()),
            "functionArn": mapping.settings["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": batch.failures,
        }
    }
    if result is not None:
        error = "Unhandled" if result.error else None
        record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": error}
    return {
        **record,
        "version": "1.0",
        "timestamp": timestamp(time.time()),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": sequence_number(first),
            "endSequenceNumber": sequence_number(last),
            "approximateArrivalOfFirstRecord": _arrival(first),
            "approximateArrivalOfLastRecord": _arrival(last),
            "batchSize": len(batch.records),
            "streamArn": mapping.settings["EventSourceArn"],
        },
    }


def _arrival(record: Record) -> str:
    return timestamp(float(record["dynamodb"]["ApproximateCreationDateTime"])).rpartition(".")[0] + "Z"
