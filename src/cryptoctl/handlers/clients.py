"""The AWS clients: made once for each execution environment, with patience that fits the function's timeout.

boto3 itself honours AWS_ENDPOINT_URL, the region and the credentials of the environment.
"""

import functools
import os
import time
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


class Deadline:
    """The moment to stop beginning things, so that an invocation is not cut off.

    It keeps `reserve_s` for what is under way and for the last words, but at most half of the time there is.
    """

    def __init__(self, context: object, reserve_s: float) -> None:
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        left_s = remaining() / 1000 if remaining is not None else float("inf")
        self._end = time.monotonic() + max(left_s - reserve_s, left_s / 2)

    def passed(self) -> bool:
        """Whether it is time to stop."""
        return time.monotonic() >= self._end
