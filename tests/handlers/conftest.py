"""The handlers' tests run against AWS in memory, behind the real boto3 clients."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = str(Path(__file__).parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from cryptoctl.handlers import clients  # noqa: E402
from handlers import fake_aws  # noqa: E402

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "DYNAMODB_TABLE": "crypto-prices-test",
    "ENVIRONMENT": "test",
    "DLQ_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dlq",
    "SUCCESS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:success",
    "ALERTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
}

_now: list[fake_aws.FakeAws] = []
_connected: list[Any] = []


@pytest.fixture(scope="package")
def _clients_of_our_own() -> Iterator[None]:
    """The handlers' clients, made once for all these tests, and not left to those of others."""
    clients.client.cache_clear()
    yield
    clients.client.cache_clear()


@pytest.fixture
def aws(_clients_of_our_own: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_aws.FakeAws]:
    """An empty AWS, which the handlers' clients talk to."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for service in ("dynamodb", "sns", "sqs"):
        client = clients.client(service)
        if not any(client is each for each in _connected):
            fake_aws.connect(client, lambda: _now[-1])
            _connected.append(client)
    _now.append(fake_aws.FakeAws())
    yield _now[-1]
    _now.pop()
