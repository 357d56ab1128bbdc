"""Who may ask at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench

ERROR_PATTERN = "IAM user guide: Troubleshoot Signature Version 4 signing for AWS API requests"
SERVICES: dict[str, tuple[str, bool]] = {
    "dynamodb": ("list_tables", False),
    "lambda": ("list_functions", False),
    "logs": ("describe_log_groups", False),
    "kms": ("list_keys", False),
    "iam": ("list_roles", True),
    "sts": ("get_caller_identity", True),
    "sns": ("list_topics", True),
}


def _code(client: Any, service: str) -> str:
    with pytest.raises(ClientError) as raised:
        getattr(client, SERVICES[service][0])()
    return str(raised.value.response["Error"]["Code"])


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.behaviour("signatures", "a request without a signature is refused", ERROR_PATTERN)
def test_unsigned(bench: Workbench, service: str) -> None:
    query = SERVICES[service][1]
    expected = "MissingAuthenticationToken" + ("" if query else "Exception")
    assert _code(bench.another_client(service, signed=False), service) == expected


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.behaviour("signatures", "an access key that nobody has is refused", ERROR_PATTERN)
def test_unknown_access_key(bench: Workbench, service: str) -> None:
    expected = "InvalidClientTokenId" if SERVICES[service][1] else "UnrecognizedClientException"
    assert _code(bench.another_client(service, access_key="AKIAIOSFODNN7EXAMPLE"), service) == expected


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.behaviour("signatures", "a signature with another secret is refused", ERROR_PATTERN)
def test_wrong_secret(bench: Workbench, service: str) -> None:
    expected = "SignatureDoesNotMatch" if SERVICES[service][1] else "InvalidSignatureException"
    assert _code(bench.another_client(service, secret_key="another"), service) == expected


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.behaviour("signatures", "a signature more than five minutes old is refused", ERROR_PATTERN)
def test_stale(bench: Workbench, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = datetime.now(UTC) - timedelta(minutes=6)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: old)
    expected = "SignatureDoesNotMatch" if SERVICES[service][1] else "InvalidSignatureException"
    with pytest.raises(ClientError, match="Signature expired") as raised:
        getattr(bench.another_client(service), SERVICES[service][0])()
    assert raised.value.response["Error"]["Code"] == expected
