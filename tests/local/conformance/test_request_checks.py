"""Mistakes of the kind a deployment tool makes, refused as AWS refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.workbench import RUNTIME, Workbench, zipped

CREATE = "Lambda API reference: CreateFunction"
UPDATE = "Lambda API reference: UpdateFunctionConfiguration"
UPDATE_CODE = "Lambda API reference: UpdateFunctionCode"
CONCURRENCY = "Lambda API reference: PutFunctionConcurrency"
INVOKE_CONFIG = "Lambda API reference: PutFunctionEventInvokeConfig"
SUBSCRIPTION = "CloudWatch Logs API reference: PutSubscriptionFilter"
LOG_GROUP = "CloudWatch Logs API reference: CreateLogGroup, CreateLogStream"
RETENTION = "CloudWatch Logs API reference: PutRetentionPolicy"
DELETE = "Lambda API reference: DeleteFunction"
DATA_KEY = "KMS API reference: GenerateDataKey"
ENCRYPT = "KMS API reference: Encrypt"
ALIAS = "KMS API reference: CreateAlias"
KEY_STATES = "KMS developer guide: Key states of AWS KMS keys"
SOURCE = "def handler(event, context): return event"


@pytest.fixture(scope="module")
def function(file_bench: Workbench) -> str:
    """A function that is never invoked."""
    return file_bench.function(SOURCE)


def create(bench: Workbench, **changes: Any) -> None:
    wish = {"Runtime": RUNTIME, "Handler": "main.handler", "Role": bench.role()}
    wish |= {"FunctionName": bench.name("refused"), **changes}
    bench.client("lambda").create_function(Code={"ZipFile": zipped({"main.py": SOURCE})}, **wish)


@pytest.mark.behaviour("request checks", "a function with an impossible setting", CREATE)
@pytest.mark.parametrize(
    "wrong",
    [
        {"Runtime": "python2.7"},
        {"Runtime": "python3.99"},
        {"Timeout": 901},
        {"MemorySize": 10_241},
        {"Architectures": ["arm65"]},
        {"LoggingConfig": {"LogFormat": "XML"}},
        {"Environment": {"Variables": {"AWS_REGION": "eu-west-1"}}},
        {"Environment": {"Variables": {"LONG": "x" * 4096}}},
        {"Environment": {"Variables": {"1ST": "x"}}},
        {"FunctionName": "conformance with spaces"},
    ],
    ids=lambda wrong: str(wrong)[:60],
)
def test_impossible_settings(bench: Workbench, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as raised:
        create(bench, **wrong)
    assert raised.value.response["Error"]["Code"] in ("InvalidParameterValueException", "ValidationException")


@pytest.mark.behaviour("request checks", "a function whose role is not there", CREATE)
def test_a_missing_role(bench: Workbench) -> None:
    role = bench.role().rpartition("/")[0] + "/nobody-of-that-name"
    with pytest.raises(ClientError, match="cannot be assumed by Lambda") as raised:
        create(bench, Role=role)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.behaviour("request checks", "dead letters to a queue that is not there", CREATE)
def test_a_missing_dead_letter_queue(bench: Workbench) -> None:
    _, arn = bench.queue()
    with pytest.raises(ClientError) as raised:
        create(bench, DeadLetterConfig={"TargetArn": arn + "-not"})
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.behaviour(
    "request checks", "more reserved concurrency than the account may reserve", CONCURRENCY
)
def test_too_much_reserved_concurrency(bench: Workbench, function: str) -> None:
    limits = bench.client("lambda").get_account_settings()["AccountLimit"]
    with pytest.raises(ClientError, match="UnreservedConcurrentExecution") as raised:
        bench.client("lambda").put_function_concurrency(
            FunctionName=function, ReservedConcurrentExecutions=limits["ConcurrentExecutions"] - 50
        )
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.behaviour(
    "request checks", "an invoke configuration out of range, or to a queue that is not there", INVOKE_CONFIG
)
def test_impossible_invoke_configurations(bench: Workbench, function: str) -> None:
    _, arn = bench.queue()
    wrongs: list[dict[str, Any]] = [
        {"MaximumRetryAttempts": 3},
        {"MaximumEventAgeInSeconds": 21_601},
        {"DestinationConfig": {"OnSuccess": {"Destination": arn + "-not"}}},
        {"DestinationConfig": {"OnSuccess": {"Destination": "no ARN at all"}}},
    ]
    for wrong in wrongs:
        with pytest.raises(ClientError) as raised:
            bench.client("lambda").put_function_event_invoke_config(FunctionName=function, **wrong)
        assert raised.value.response["Error"]["Code"] in (
            "InvalidParameterValueException",
            "ValidationException",
        )


@pytest.mark.behaviour("request checks", "a deletion of a function's $LATEST alone", DELETE)
def test_latest_is_not_deleted_alone(bench: Workbench, function: str) -> None:
    client = bench.client("lambda")
    for named in (
        {"FunctionName": function, "Qualifier": "$LATEST"},
        {"FunctionName": f"{function}:$LATEST"},
    ):
        with pytest.raises(ClientError) as raised:
            client.delete_function(**named)
        assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert client.get_function(FunctionName=function)["Configuration"]["FunctionName"] == function


@pytest.mark.behaviour("request checks", "an update while another is in progress", UPDATE)
def test_an_update_during_an_update(bench: Workbench) -> None:
    function, client = bench.function(SOURCE), bench.client("lambda")

    def refused() -> str | None:
        client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
        client.update_function_configuration(FunctionName=function, MemorySize=256)
        try:
            client.update_function_configuration(FunctionName=function, MemorySize=512)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None  # the first was over by then

    assert bench.eventually(refused, what="a refusal") == "ResourceConflictException"


@pytest.mark.behaviour("request checks", "a dry run of an update changes nothing", UPDATE_CODE)
def test_a_dry_run_changes_nothing(bench: Workbench) -> None:
    function, client = bench.function(SOURCE), bench.client("lambda")
    before = client.get_function_configuration(FunctionName=function)
    other = zipped({"main.py": "def handler(event, context): return 'other'"})
    answer = client.update_function_code(FunctionName=function, ZipFile=other, DryRun=True)
    assert answer["FunctionArn"] == before["FunctionArn"]
    after = client.get_function_configuration(FunctionName=function)
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])
    assert bench.invoke(function, 1) == (1, None)


@pytest.mark.behaviour("request checks", "a third subscription filter", SUBSCRIPTION)
def test_a_third_subscription_filter(bench: Workbench) -> None:
    function, receiver = bench.function(SOURCE), bench.function(SOURCE)
    bench.client("lambda").add_permission(
        FunctionName=receiver,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )
    wish = {
        "logGroupName": f"/aws/lambda/{function}",
        "filterPattern": "",
        "destinationArn": bench.arn(receiver),
    }
    for name in ("one", "two", "two"):
        bench.client("logs").put_subscription_filter(filterName=name, **wish)
    with pytest.raises(ClientError) as raised:
        bench.client("logs").put_subscription_filter(filterName="three", **wish)
    assert raised.value.response["Error"]["Code"] == "LimitExceededException"


@pytest.mark.behaviour("request checks", "log groups and streams of impossible names", LOG_GROUP)
def test_impossible_log_names(bench: Workbench, function: str) -> None:
    logs, group = bench.client("logs"), f"/aws/lambda/{function}"
    for create, names in (
        (logs.create_log_group, {"logGroupName": f"{group} b"}),
        (logs.create_log_group, {"logGroupName": "x" * 513}),
        (logs.create_log_stream, {"logGroupName": group, "logStreamName": "a:b"}),
        (logs.create_log_stream, {"logGroupName": group, "logStreamName": "*"}),
    ):
        with pytest.raises(ClientError) as raised:
            create(**names)
        assert raised.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.behaviour("request checks", "a retention that is none of the allowed", RETENTION)
def test_an_impossible_retention(bench: Workbench, function: str) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("logs").put_retention_policy(logGroupName=f"/aws/lambda/{function}", retentionInDays=4)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.fixture
def key(bench: Workbench) -> Iterator[str]:
    """A key's id; it is pending deletion afterwards."""
    kms = bench.client("kms")
    key_id = str(kms.create_key(Description="conformance")["KeyMetadata"]["KeyId"])
    yield key_id
    if kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] != "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)


@pytest.mark.behaviour("request checks", "an alias that belongs to AWS", ALIAS)
def test_an_alias_of_awss(bench: Workbench, key: str) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("kms").create_alias(AliasName="alias/aws/lambda", TargetKeyId=key)
    assert raised.value.response["Error"]["Code"] == "NotAuthorizedException"


@pytest.mark.behaviour("request checks", "a plaintext of more than 4,096 bytes", ENCRYPT)
def test_a_large_plaintext(bench: Workbench, key: str) -> None:
    kms = bench.client("kms")
    assert kms.encrypt(KeyId=key, Plaintext=b"x" * 4096)["CiphertextBlob"]
    with pytest.raises(ClientError) as raised:
        kms.encrypt(KeyId=key, Plaintext=b"x" * 4097)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.behaviour("request checks", "a data key of more than 1,024 bytes", DATA_KEY)
def test_a_large_data_key(bench: Workbench, key: str) -> None:
    kms = bench.client("kms")
    assert len(kms.generate_data_key(KeyId=key, NumberOfBytes=1024)["Plaintext"]) == 1024
    for generate in (kms.generate_data_key, kms.generate_data_key_without_plaintext):
        with pytest.raises(ClientError) as raised:
            generate(KeyId=key, NumberOfBytes=1025)
        assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.behaviour("request checks", "what a key's state does not allow", KEY_STATES)
def test_changes_that_a_keys_state_does_not_allow(bench: Workbench, key: str) -> None:
    kms, alias = bench.client("kms"), f"alias/{bench.name('alias')}"
    other = kms.create_key(Description="conformance")["KeyMetadata"]["KeyId"]
    bench.undo(kms.schedule_key_deletion, KeyId=other, PendingWindowInDays=7)
    kms.create_alias(AliasName=alias, TargetKeyId=other)
    bench.undo(kms.delete_alias, AliasName=alias)
    secret = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(ClientError, match=f"{key} is not pending deletion") as raised:
        kms.cancel_key_deletion(KeyId=key)
    assert raised.value.response["Error"]["Code"] == "KMSInvalidStateException"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for operation, params in (
        ("create_alias", {"AliasName": f"{alias}-2", "TargetKeyId": key}),
        ("decrypt", {"CiphertextBlob": secret}),
        ("disable_key", {"KeyId": key}),
        ("disable_key_rotation", {"KeyId": key}),
        ("enable_key", {"KeyId": key}),
        ("enable_key_rotation", {"KeyId": key}),
        ("encrypt", {"KeyId": key, "Plaintext": b"x"}),
        ("generate_data_key", {"KeyId": key, "KeySpec": "AES_256"}),
        ("schedule_key_deletion", {"KeyId": key}),
        ("tag_resource", {"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("untag_resource", {"KeyId": key, "TagKeys": ["a"]}),
        ("update_alias", {"AliasName": alias, "TargetKeyId": key}),
        ("update_key_description", {"KeyId": key, "Description": "x"}),
    ):
        with pytest.raises(ClientError, match=f"{key} is pending deletion") as raised:
            getattr(kms, operation)(**params)
        assert raised.value.response["Error"]["Code"] == "KMSInvalidStateException", operation
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    kms.cancel_key_deletion(KeyId=key)
    for operation in ("enable_key_rotation", "disable_key_rotation"):
        with pytest.raises(ClientError, match=f"{key} is disabled") as raised:
            getattr(kms, operation)(KeyId=key)
        assert raised.value.response["Error"]["Code"] == "DisabledException"
    kms.enable_key(KeyId=key)
