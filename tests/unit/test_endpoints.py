"""Where requests go, as doctor says it before anything is made: in which region, and to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, SSLError

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.aws_setup import SUFFIXES, is_aws_endpoint
from cryptoctl.botocore_errors import endpoint_settings, failure
from cryptoctl.ops.doctor import Check, CheckResult, _endpoints, _region
from cryptoctl.ops.permissions import Purpose, needed_permissions
from unit.answers import STACK
from unit.aws_variables import only_credentials

WANTED = needed_permissions(STACK, Purpose.DEPLOY)
ENGINE = "http://localhost:4566"


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials, and nothing else."""
    only_credentials(monkeypatch, tmp_path)


def endpoints() -> list[Check]:
    return list(_endpoints(Aws(region="us-east-1"), WANTED))


def test_requests_to_aws_are_not_worth_a_word() -> None:
    assert endpoints() == []


@pytest.mark.parametrize("service", ["SQS", "RESOURCE_GROUPS_TAGGING_API", "DYNAMODB"])
def test_one_service_that_was_left_at_an_engine_is_told(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "http://me:secret@localhost:4566")
    [check] = endpoints()
    assert check.result is CheckResult.UNKNOWN
    name = {"RESOURCE_GROUPS_TAGGING_API": "resourcegroupstaggingapi"}.get(service, service.lower())
    assert check.detail.endswith(f"do not go to AWS: {name} (http://***@localhost:4566)")
    assert "AWS_ENDPOINT_URL_…" in check.advice


def test_a_service_that_the_profile_sends_elsewhere_is_told(tmp_path: Path) -> None:
    text = f"[default]\nservices = s\n[services s]\nsns =\n  endpoint_url = {ENGINE}\n"
    (tmp_path / "config").write_text(text, encoding="utf-8")
    [check] = endpoints()
    assert check.detail.endswith(f"sns ({ENGINE})")


def test_all_services_at_one_engine_are_told_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ENGINE)
    [check] = endpoints()
    assert (check.result, check.detail) == (CheckResult.GOOD, f"every request goes to {ENGINE}, not to AWS")


def test_the_addresses_of_aws_are_those_that_botocore_knows() -> None:
    partitions = botocore.session.Session().get_data("partitions")["partitions"]
    assert set(SUFFIXES) == {
        partition["outputs"][name] for partition in partitions for name in ("dnsSuffix", "dualStackDnsSuffix")
    }


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://sqs.eu-central-1.amazonaws.com", True),
        ("https://vpce-0-1.sqs.us-east-1.vpce.amazonaws.com", True),
        ("https://dynamodb.us-east-1.api.aws/", True),
        ("https://amazonaws.com.example.org", False),
        ("https://notamazonaws.com", False),
        ("http://127.0.0.1:4566", False),
    ],
)
def test_whose_address_it_is(url: str, own: bool) -> None:
    assert is_aws_endpoint(url) is own


def test_a_region_that_nothing_names_is_said_to_be_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _region(Aws()).detail.startswith("us-east-1, the default: neither --region")
    assert _region(Aws(region="us-east-1")).detail == "us-east-1"
    (tmp_path / "config").write_text("[default]\nregion = us-east-1\n", encoding="utf-8")
    assert _region(Aws()).detail == "us-east-1"


def test_the_engines_region_is_as_it_is() -> None:
    made_up = AccessKey(access_key="a", secret_key="b")
    aws = Aws(region="us-east-1", endpoint_url="http://127.0.0.1:9", credentials=made_up)
    assert _region(aws).detail == "us-east-1"


@pytest.mark.parametrize("kind", [EndpointConnectionError, ConnectTimeoutError, SSLError])
def test_whoever_does_not_answer_is_looked_for_where_it_is(kind: Any) -> None:
    def hint(url: str, *, engine: bool = False) -> str:
        return failure(kind(endpoint_url=url, error=""), "logs:DescribeLogGroups", engine=engine).hint

    names = "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS, AWS_ENDPOINT_URL or `endpoint_url`"
    assert names in hint(ENGINE)
    assert "AWS_ENDPOINT_URL" not in hint("https://logs.us-east-1.amazonaws.com/")
    text = hint(ENGINE, engine=True)
    assert "`cryptoctl local stop`, then `cryptoctl local start`" in text and "AWS_ENDPOINT_URL" not in text


@pytest.mark.parametrize("service", ["logs", "sts", "dynamodbstreams", "resourcegroupstaggingapi", "ce"])
def test_the_variable_that_is_named_is_the_one_that_counts(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    variable = endpoint_settings(f"{service}:Describe").partition(",")[0]
    monkeypatch.setenv(variable, ENGINE)
    assert Aws(region="us-east-1").client(service).meta.endpoint_url == ENGINE
