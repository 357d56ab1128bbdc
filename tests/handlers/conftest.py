"""The handlers' tests run against AWS in memory, behind the real boto3 clients."""

import sys
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def _connected() -> Iterator[None]:
    """The clients of the handlers, cut off from the network, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        clients.client.cache_clear()
        for service in ("dynamodb", "sns", "sqs"):
            fake_aws.connect(clients.client(service), lambda: _now[-1])
        yield
        clients.client.cache_clear()


@pytest.fixture
def aws(_connected: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_aws.FakeAws]:
    """An empty AWS."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    _now.append(fake_aws.FakeAws())
    yield _now[-1]
    _now.pop()
