"""The handlers' tests run against AWS in memory: behind real botocore clients or, for many runs, directly."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = str(Path(__file__).parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from cryptoctl.handlers import clients, error_notifier, history, price_enricher, sender_secrets  # noqa: E402
from handlers import fake_aws  # noqa: E402
from handlers.deliveries import Minutes  # noqa: E402
from handlers.events import PARAMETERS, SENDERS  # noqa: E402
from handlers.senders import parameters, variable  # noqa: E402
from kit import function_clients  # noqa: E402

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "DYNAMODB_TABLE": "crypto-prices-test",
    "ENVIRONMENT": "test",
    "WEBHOOK_SENDERS": SENDERS,
    "DLQ_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dlq",
    "SUCCESS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:success",
    "ALERTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
}

_now: list[fake_aws.FakeAws] = []


@pytest.fixture(scope="session")
def _botocore_clients() -> dict[str, Any]:
    """botocore's clients as the handlers make them, which talk to the present AWS in memory."""
    with pytest.MonkeyPatch.context() as patch:
        _set_environment(patch)
        function_clients.disconnect()
        botocore_clients = {
            "dynamodb": clients.client("dynamodb"),
            "sns": clients.client("sns"),
            "sqs": clients.client("sqs"),
            "ssm": clients.client("ssm"),
        }
    for client in botocore_clients.values():
        fake_aws.connect(client, lambda: _now[-1])
    return botocore_clients


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment variables of the functions; afterwards the handlers have no clients any more."""
    _set_environment(monkeypatch)
    history.lagging.clear()
    price_enricher.unwritten.clear()
    sender_secrets.forget()
    error_notifier.windows.clear()
    error_notifier._requests.clear()
    error_notifier._reported.clear()
    yield
    function_clients.disconnect()


@pytest.fixture
def aws(environment: None, _botocore_clients: dict[str, Any]) -> Iterator[fake_aws.FakeAws]:
    """An empty AWS, which the handlers talk to through botocore's clients."""
    function_clients.connect(**_botocore_clients)
    _now.append(fake_aws.FakeAws(parameters=dict(PARAMETERS)))
    yield _now[-1]
    _now.pop()


@pytest.fixture
def direct(environment: None) -> fake_aws.FakeAws:
    """An empty AWS, which the handlers talk to without botocore: where there are many prices."""
    return connect_directly(fake_aws.FakeAws())


@pytest.fixture
def door(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_aws.FakeAws]:
    """An AWS in memory, and senders of every scheme with their secrets."""
    monkeypatch.setenv("WEBHOOK_SENDERS", variable())
    yield connect_directly(fake_aws.FakeAws(parameters=parameters()))
    sender_secrets.forget()


class Clock:
    """The wall clock of the handlers. It starts at a whole second, to which fractions are added exactly."""

    def __init__(self) -> None:
        self.now_s = float(int(time.time()))

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> Minutes:
    clock = Minutes()
    monkeypatch.setattr(error_notifier, "time", clock)
    return clock


def connect_directly(aws: fake_aws.FakeAws) -> fake_aws.FakeAws:
    """From now on the handlers talk to this AWS, without botocore."""
    client = fake_aws.Direct(aws)
    aws.parameters |= PARAMETERS
    function_clients.connect_all(client)
    history.lagging.clear()
    price_enricher.unwritten.clear()
    return aws


def _set_environment(patch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        patch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
