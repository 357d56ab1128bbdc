"""The AWS clients: made once for each execution environment, with retries that fit the function's timeout.

They are botocore's, as boto3's are too; what else boto3 has would only take time to load. botocore honours
AWS_ENDPOINT_URL, the region and the credentials of the environment.
"""

import os
import time
from contextlib import suppress
from functools import cache
from typing import Any

from botocore import __version__ as botocore_version
from botocore.config import Config
from botocore.session import Session

from cryptoctl.handlers import certificates, service_models

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},  # with their pauses at most 12 s
    max_pool_connections=8,
    # botocore puts its own together anew for each request: a fifth of its time for a price that is stored.
    user_agent=f"cryptoctl Botocore/{botocore_version}",
)

_clients: dict[str, Any] = {}


def prepare(*services: str) -> None:
    """Makes clients while Lambda loads the function, before a request waits for them; elsewhere nothing.

    A client that cannot be made fails again where a request needs it, which is handled there.
    Called after `logs.logger`, which keeps botocore from logging where it found credentials.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for service in services:
            with suppress(Exception):
                client(service)


@cache
def _session() -> Session:
    return service_models.new_session()


def client(service: str) -> Any:
    """The client of a service, by botocore's name.

    Making one is not safe in several threads at once, using it is.
    """
    if service not in _clients:
        certificates.parse_once()
        _clients[service] = _session().create_client(service, config=_CONFIG)
    return _clients[service]


def setting(name: str) -> str:
    """A variable that the function cannot do without. Raises RuntimeError, which names it."""
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"the environment variable {name} is not set")
    return value


class OutOfTimeError(RuntimeError):
    """The invocation has no time left for the rest of its work."""


class Deadline:
    """The moment to stop beginning things, so that an invocation is not cut off.

    It keeps `reserve_s` for what is under way and for the last log lines, but leaves `at_least` that share of
    the time there is.
    """

    def __init__(self, context: object, reserve_s: float, *, at_least: float = 0.5) -> None:
        get_remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
        remaining_s = get_remaining_ms() / 1000 if get_remaining_ms is not None else float("inf")
        self._end = time.monotonic() + max(remaining_s - reserve_s, remaining_s * at_least)

    def passed(self) -> bool:
        """Whether it is time to stop."""
        return time.monotonic() >= self._end
