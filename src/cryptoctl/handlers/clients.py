"""The AWS clients: made once for each execution environment, with patience that fits the function's timeout.

boto3 itself honours AWS_ENDPOINT_URL, the region and the credentials of the environment.
"""

import functools
import os
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},  # with their pauses at most 12 s
    max_pool_connections=8,
)


@functools.cache
def client(service: str) -> Any:
    """The client of a service."""
    return boto3.client(service, config=_CONFIG)


def setting(name: str) -> str:
    """A variable that the function cannot do without. Raises RuntimeError, which names it."""
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"the environment variable {name} is not set")
    return value


def seconds_left(context: object, reserve_s: float) -> float:
    """How long this invocation may go on working, if it is to keep `reserve_s` for its last words."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return float("inf") if remaining is None else remaining() / 1000 - reserve_s
