"""boto3 clients for an engine, and waiting for conditions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from cryptoctl.local.engine import Engine
from local.workbench import Workbench

REGION = "eu-central-1"
T = TypeVar("T")


def client(engine: Engine, service: str, environment: str = "test") -> Any:
    """A client of one service on a running engine; it makes no retries, so that a test sees each answer."""
    credentials = engine.credentials(environment)
    return boto3.client(
        service,
        endpoint_url=engine.status().url,
        region_name=REGION,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=30),
    )


def workbench(engine: Engine) -> Workbench:
    """A workbench at a running engine."""
    credentials = engine.credentials("test")
    return Workbench(engine.status().url, REGION, credentials.access_key, credentials.secret_key)


def eventually(look: Callable[[], T], *, within_s: float = 15.0, what: str = "") -> T:
    """The first truthy answer of `look`; fails with the last answer where none comes in time."""
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what or look.__name__}; last seen: {seen!r}")
        time.sleep(0.02)
