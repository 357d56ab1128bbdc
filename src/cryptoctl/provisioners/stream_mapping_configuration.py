"""What Lambda answers of an event source mapping, in the form in which it is compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cryptoctl.reconcile import JsonDocument, Value, frozen

# What a new mapping has not, and how that is taken off one that has it. In a tumbling window a function has
# to give a state back, which ours does not.
TAKEN_OFF: Mapping[str, Value] = {"KMSKeyArn": "", "TumblingWindowInSeconds": 0}
AS_REQUESTED = (
    *("BatchSize", "MaximumBatchingWindowInSeconds", "ParallelizationFactor", "BisectBatchOnFunctionError"),
    *("MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "FunctionResponseTypes"),
)
"""The settings that requests name as they are compared."""
# Of these partitions it is reported that Lambda refuses or drops the tags of mappings.
WITHOUT_TAGS = frozenset({"aws-cn", "aws-us-gov"})


def normal_mapping(mapping: Mapping[str, Any]) -> dict[str, Value]:
    """The mapping's fields under the names of `StreamMapping.desired`."""
    filters = (mapping.get("FilterCriteria") or {}).get("Filters") or ()
    destination = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
    return {
        "EventSourceArn": mapping.get("EventSourceArn"),
        # One that was moved to a version or an alias runs old code.
        "FunctionArn": str(mapping.get("FunctionArn")).removesuffix(":$LATEST"),
        "State": mapping["State"],
        "BatchSize": mapping.get("BatchSize"),
        "MaximumBatchingWindowInSeconds": mapping.get("MaximumBatchingWindowInSeconds", 0),
        "TumblingWindowInSeconds": mapping.get("TumblingWindowInSeconds") or 0,
        "ParallelizationFactor": mapping.get("ParallelizationFactor", 1),
        "BisectBatchOnFunctionError": bool(mapping.get("BisectBatchOnFunctionError")),
        "MaximumRetryAttempts": mapping.get("MaximumRetryAttempts"),
        "MaximumRecordAgeInSeconds": mapping.get("MaximumRecordAgeInSeconds"),
        "FunctionResponseTypes": tuple(mapping.get("FunctionResponseTypes") or ()),
        "Filters": tuple(frozen(json.loads(event_filter["Pattern"])) for event_filter in filters),
        "OnFailure": destination.get("Destination"),
        "KMSKeyArn": mapping.get("KMSKeyArn") or None,
    }


def filter_criteria(patterns: Iterable[Value]) -> dict[str, Value]:
    """The member of a request by which only records that match one of the patterns are handed on."""
    return {"Filters": tuple({"Pattern": JsonDocument(pattern)} for pattern in patterns)}
