"""boto3 clients for an engine."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from cryptoctl.local.engine import Engine
from kit.waiting import eventually as eventually
from local.workbench import Workbench

REGION = "eu-central-1"


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
