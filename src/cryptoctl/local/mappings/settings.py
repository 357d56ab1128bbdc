"""The settings of a mapping that reads a DynamoDB stream, checked as Lambda checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptoctl.local.filter_rules import FilterError
from cryptoctl.local.http import ServiceError, check_range, violation
from cryptoctl.local.mappings.filters import parse_filters

DEFAULTS: Final[dict[str, Any]] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "BisectBatchOnFunctionError": False,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {}},
    "Enabled": True,
}
_RANGES: Final[dict[str, tuple[int, int]]] = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "ParallelizationFactor": (1, 10),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "TumblingWindowInSeconds": (0, 900),
}
CHANGEABLE: Final[tuple[str, ...]] = (*DEFAULTS, "FilterCriteria")
YOUNGEST_AGE_S: Final[int] = 60
MAX_FILTERS: Final[int] = 10


def invalid(message: str) -> ServiceError:
    """Lambda's usual refusal."""
    return ServiceError("InvalidParameterValueException", message, Type="User")


def check(params: Mapping[str, Any]) -> None:
    """Raises ServiceError for what Lambda would refuse, whichever of the fields are there."""
    for name, (low, high) in _RANGES.items():
        value = params.get(name)
        if value is None:
            continue
        if type(value) is not int:
            member = name[0].lower() + name[1:]
            raise ServiceError("SerializationException", f"{member} must be a whole number")
        check_range(name, value, low, high)
    age = params.get("MaximumRecordAgeInSeconds")
    if age is not None and -1 < age < YOUNGEST_AGE_S:
        raise invalid(f"Maximum record age must be -1 or at least {YOUNGEST_AGE_S} seconds.")
    for kind in params.get("FunctionResponseTypes") or []:
        if kind != "ReportBatchItemFailures":
            allowed = "Member must satisfy enum value set: [ReportBatchItemFailures]"
            raise violation("FunctionResponseTypes", kind, allowed)
    filters = (params.get("FilterCriteria") or {}).get("Filters") or []
    if len(filters) > MAX_FILTERS:
        raise invalid(f"A mapping has at most {MAX_FILTERS} filters.")
    try:
        parse_filters(params.get("FilterCriteria"))
    except FilterError as error:
        raise invalid(str(error)) from error
    _check_destination((params.get("DestinationConfig") or {}).get("OnFailure") or {})


def check_start(params: Mapping[str, Any]) -> None:
    """Raises ServiceError where a new mapping does not say properly where to start."""
    position = params.get("StartingPosition")
    if position is None:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint"
        )
    if position not in ("TRIM_HORIZON", "LATEST"):
        raise invalid(f"Unsupported starting position for DynamoDB Streams: {position}.")


def _check_destination(destination: Mapping[str, Any]) -> None:
    arn = destination.get("Destination")
    if arn and not str(arn).startswith(("arn:aws:sqs:", "arn:aws:sns:", "arn:aws:s3:")):
        raise invalid(f"Invalid destination ARN: {arn}. A queue, a topic or a bucket is needed.")
