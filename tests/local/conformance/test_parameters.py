"""SSM parameters: a SecureString under a key of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench

PUT = "Systems Manager API reference: PutParameter"
GET = "Systems Manager API reference: GetParameter"
GETS = "Systems Manager API reference: GetParameters, DeleteParameters"
DESCRIBE = "Systems Manager API reference: DescribeParameters"
TIERS = "Systems Manager user guide: Managing parameter tiers"
VALUE = "a value that nobody guesses"


@pytest.fixture
def key(bench: Workbench) -> Iterator[str]:
    kms = bench.client("kms")
    arn = str(kms.create_key(Description="conformance")["KeyMetadata"]["Arn"])
    yield arn
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)


@pytest.fixture
def name(bench: Workbench) -> Iterator[str]:
    ssm, parameter = bench.client("ssm"), f"/conformance/{bench.name('parameter')}"
    yield parameter
    ssm.delete_parameters(Names=[parameter])


def put(bench: Workbench, name: str, **wish: Any) -> None:
    params = {"Value": VALUE, "Type": "SecureString", **wish}
    bench.client("ssm").put_parameter(Name=name, **params)


def refused(bench: Workbench, name: str, **wish: Any) -> str:
    with pytest.raises(ClientError) as raised:
        put(bench, name, **wish)
    return str(raised.value.response["Error"]["Code"])


@pytest.mark.behaviour("parameters", "a SecureString is readable with decryption only", GET)
def test_reading(bench: Workbench, key: str, name: str) -> None:
    put(bench, name, KeyId=key)
    ssm = bench.client("ssm")
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == VALUE
    closed = ssm.get_parameter(Name=name)["Parameter"]
    assert (closed["Type"], VALUE in closed["Value"]) == ("SecureString", False)
    assert "YSB2YWx1ZSB0aGF0" not in closed["Value"]  # nor in base64
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=f"{name}-not")


@pytest.mark.behaviour("parameters", "a description names key, type and tier, and never the value", DESCRIBE)
def test_describing(bench: Workbench, key: str, name: str) -> None:
    put(bench, name, KeyId=key, Tags=[{"Key": "a", "Value": "b"}])
    ssm, by_name = bench.client("ssm"), {"Key": "Name", "Option": "Equals", "Values": [name]}
    [parameter] = ssm.describe_parameters(ParameterFilters=[by_name])["Parameters"]
    assert (parameter["KeyId"], parameter["Type"], parameter["Tier"]) == (key, "SecureString", "Standard")
    assert VALUE not in str(parameter)
    beside = {"Key": "Name", "Option": "BeginsWith", "Values": [name[:-2]]}
    assert name in str(ssm.describe_parameters(ParameterFilters=[beside])["Parameters"])
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tags == [{"Key": "a", "Value": "b"}]


@pytest.mark.behaviour("parameters", "one that is there is written again only on request", PUT)
def test_writing_again(bench: Workbench, name: str) -> None:
    put(bench, name)
    assert refused(bench, name) == "ParameterAlreadyExists"
    tags = [{"Key": "a", "Value": "b"}]
    assert refused(bench, name, Overwrite=True, Tags=tags) == "ValidationException"
    put(bench, name, Value="other", Overwrite=True)
    parameter = bench.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (parameter["Value"], parameter["Version"]) == ("other", 2)


@pytest.mark.behaviour("parameters", "nothing is written under a key that cannot be used", PUT)
def test_keys(bench: Workbench, key: str, name: str) -> None:
    assert refused(bench, name, KeyId="00000000-0000-0000-0000-000000000000") == "InvalidKeyId"
    bench.client("kms").disable_key(KeyId=key)
    assert bench.eventually(lambda: refused(bench, name, KeyId=key)) == "InvalidKeyId"
    bench.client("kms").enable_key(KeyId=key)


@pytest.mark.behaviour("parameters", "a value is readable only while its key can be used", GET)
def test_reading_under_a_disabled_key(bench: Workbench, key: str, name: str) -> None:
    put(bench, name, KeyId=key)
    bench.client("kms").disable_key(KeyId=key)

    def unreadable() -> bool:
        try:
            bench.client("ssm").get_parameter(Name=name, WithDecryption=True)
        except ClientError as error:
            return bool(error.response["Error"]["Code"] == "InvalidKeyId")
        return False

    assert bench.eventually(unreadable)
    bench.client("kms").enable_key(KeyId=key)


@pytest.mark.behaviour("parameters", "a standard one holds 4 KB; no advanced one becomes standard", TIERS)
def test_tiers(bench: Workbench, name: str) -> None:
    assert refused(bench, name, Value="x" * 4097) == "ValidationException"
    put(bench, name, Value="x" * 4097, Tier="Advanced")
    assert refused(bench, name, Tier="Standard", Overwrite=True) == "ValidationException"


@pytest.mark.behaviour("parameters", "a name with a space and an empty value are refused", PUT)
def test_wrong_parameters_are_refused(bench: Workbench, name: str) -> None:
    assert refused(bench, f"{name} b", Type="String") == "ValidationException"
    assert refused(bench, name, Type="String", Value="") == "ValidationException"


@pytest.mark.behaviour("parameters", "more than ten at once are refused", GETS)
def test_too_many_at_once(bench: Workbench) -> None:
    ssm, names = bench.client("ssm"), [f"/conformance/none-{number}" for number in range(11)]
    assert len(ssm.get_parameters(Names=names[:10])["InvalidParameters"]) == 10
    for call in (ssm.get_parameters, ssm.delete_parameters):
        with pytest.raises(ClientError) as raised:
            call(Names=names)
        assert raised.value.response["Error"]["Code"] == "ValidationException"
