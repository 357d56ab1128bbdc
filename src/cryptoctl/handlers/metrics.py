"""Metrics in CloudWatch's embedded metric format: one JSON line on stdout, read by CloudWatch Logs.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

NAMESPACE = "cryptoctl"
MAX_VALUES = 100  # in one metric of one line
UNITS = {"Lag": "Milliseconds"}  # every other metric is a Count


def emit(
    values: Mapping[str, float | Sequence[float]],
    dimensions: Mapping[str, str] | None = None,
    log_fields: Mapping[str, Any] | None = None,
) -> None:
    """Writes the metrics of this function and environment; zeros and empty lists are left out.

    `dimensions` are added to Function and Environment. `log_fields` make the line one for people as well,
    with these members. More than 100 values of one metric are cut to the first 99 and the largest.
    """
    nonzero = {name: _bounded(value) for name, value in values.items() if value}
    if not nonzero:
        return
    names = {
        "Function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "local",
        "Environment": os.environ.get("ENVIRONMENT") or "unknown",
        **(dimensions or {}),
    }
    line: dict[str, Any] = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(names)],
                    "Metrics": [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in nonzero],
                }
            ],
        },
        **names,
        **nonzero,
        **(log_fields or {}),
    }
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _bounded(value: float | Sequence[float]) -> float | list[float]:
    if not isinstance(value, Sequence):
        return value
    return list(value) if len(value) <= MAX_VALUES else [*value[: MAX_VALUES - 1], max(value)]
