"""Every name and value that the environment promises, read back with plain boto3."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config

from live import Live

pytestmark = pytest.mark.engine
ACCOUNT, REGION = "000000000000", "us-east-1"


class Reader:
    """Plain boto3, and the names of one environment."""

    def __init__(self, live: Live) -> None:
        self.live, self.env = live, live.session.environment
        self.tags = {
            "Environment": self.env,
            "Application": "crypto-price-processing",
            "ManagedBy": "cryptoctl",
        }

    def __getattr__(self, service: str) -> Any:
        assert self.live.aws._credentials is not None
        client = boto3.client(
            {"lambda_": "lambda"}.get(service, service),
            endpoint_url=self.live.aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=self.live.aws._credentials.access_key,
            aws_secret_access_key=self.live.aws._credentials.secret_key,
            config=Config(proxies={}),
        )
        setattr(self, service, client)  # from now on it is found without this
        return client

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def queue(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=f"{name}-{self.env}")["QueueUrl"])


@pytest.fixture(scope="module")
def reader(standing: Live) -> Reader:
    return Reader(standing)


def pairs(tags: list[dict[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag[value] for tag in tags}


def test_the_key(reader: Reader) -> None:
    key = reader.kms.describe_key(KeyId=f"alias/lambda-env-{reader.env}")["KeyMetadata"]
    assert (key["KeyState"], key["KeySpec"]) == ("Enabled", "SYMMETRIC_DEFAULT")
    assert reader.kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    listed = reader.kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
    assert pairs(listed, "TagKey", "TagValue") == reader.tags
    policy = json.loads(reader.kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    root, service = policy["Statement"]
    assert f"arn:aws:iam::{ACCOUNT}:root" in json.dumps(root["Principal"])
    assert service["Principal"]["Service"] in ("lambda.amazonaws.com", ["lambda.amazonaws.com"])
    assert sorted(service["Action"]) == ["kms:Decrypt", "kms:DescribeKey"]
    assert service["Condition"] == {"StringEquals": {"aws:SourceAccount": [ACCOUNT]}}


def test_the_table(reader: Reader) -> None:
    name = f"crypto-prices-{reader.env}"
    table = reader.dynamodb.describe_table(TableName=name)["Table"]
    assert [(key_schema["AttributeName"], key_schema["KeyType"]) for key_schema in table["KeySchema"]] == [
        ("symbol", "HASH"),
        ("timestamp", "RANGE"),
    ]
    assert {
        definition["AttributeName"]: definition["AttributeType"]
        for definition in table["AttributeDefinitions"]
    } == {
        "symbol": "S",
        "timestamp": "N",
    }
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table.get("DeletionProtectionEnabled", False) is False
    backups = reader.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert pairs(reader.dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]) == reader.tags


@pytest.mark.parametrize("name", ["webhook-processor-dlq", "price-enricher-dlq"])
def test_the_queues(reader: Reader, name: str) -> None:
    url = reader.queue(name)
    attributes = reader.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] == "345600"
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert reader.sqs.list_queue_tags(QueueUrl=url)["Tags"] == reader.tags


@pytest.mark.parametrize("name", ["price-updates-success", "price-alerts"])
def test_the_topics(reader: Reader, name: str) -> None:
    arn = reader.arn("sns", f"{name}-{reader.env}")
    assert reader.sns.get_topic_attributes(TopicArn=arn)["Attributes"]["TopicArn"] == arn
    assert pairs(reader.sns.list_tags_for_resource(ResourceArn=arn)["Tags"]) == reader.tags


RIGHTS = {
    "webhook-processor": {
        "dynamodb-access": {"dynamodb:PutItem", "dynamodb:Query"},
        "sqs-dlq-access": {"sqs:SendMessage"},
        "secrets-access": {"ssm:GetParameter", "kms:Decrypt"},
    },
    "price-enricher": {
        "dynamodb-access": {"dynamodb:Query", "dynamodb:PartiQLUpdate"},
        "dynamodb-stream-access": {
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        },
        "sqs-dlq-access": {"sqs:SendMessage"},
        "sns-access": {"sns:Publish"},
    },
    "error-notifier": {"sns-access": {"sns:Publish"}},
}
EVERYWHERE = {
    "kms-access": {"kms:Decrypt", "kms:DescribeKey"},
    "cloudwatch-logs": {"logs:CreateLogStream", "logs:PutLogEvents"},
}


@pytest.mark.parametrize("function", RIGHTS)
def test_the_roles_have_exactly_their_rights_on_exact_arns(reader: Reader, function: str) -> None:
    name = f"{function}-{reader.env}-role"
    role = reader.iam.get_role(RoleName=name)["Role"]
    trust = role["AssumeRolePolicyDocument"]
    trust = json.loads(unquote(trust)) if isinstance(trust, str) else trust
    assert "lambda.amazonaws.com" in json.dumps(trust)
    assert pairs(role["Tags"]) == reader.tags
    expected = {**RIGHTS[function], **EVERYWHERE}
    assert set(reader.iam.list_role_policies(RoleName=name)["PolicyNames"]) == set(expected)
    assert reader.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    for policy, actions in expected.items():
        document = reader.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        granted = [action for statement in document["Statement"] for action in statement["Action"]]
        assert sorted(granted) == sorted(actions)
        assert not any("*" in action for action in granted)
        for arn in (arn for statement in document["Statement"] for arn in statement["Resource"]):
            assert arn.count(":") >= 5
            assert "*" not in arn.removesuffix(f"/aws/lambda/{function}-{reader.env}:*")


FUNCTIONS = {
    "webhook-processor": (1024, 60, 10, "DLQ_URL WEBHOOK_SENDERS"),
    "price-enricher": (512, 30, 5, "DLQ_URL SUCCESS_TOPIC_ARN"),
    "error-notifier": (256, 30, None, "ALERTS_TOPIC_ARN"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_functions(reader: Reader, name: str) -> None:
    memory_mb, timeout_s, reserved, variables = FUNCTIONS[name]
    function_answer = reader.lambda_.get_function(FunctionName=f"{name}-{reader.env}")
    configuration = function_answer["Configuration"]
    assert configuration["Runtime"] == "python3.14"
    assert configuration["Handler"] == f"cryptoctl.handlers.{name.replace('-', '_')}.handler"
    assert configuration["Architectures"] == ["arm64"]
    assert (configuration["MemorySize"], configuration["Timeout"]) == (memory_mb, timeout_s)
    assert (function_answer.get("Concurrency") or {}).get("ReservedConcurrentExecutions") == reserved
    group = f"/aws/lambda/{name}-{reader.env}"
    assert configuration["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": group,
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
    }
    key = reader.kms.describe_key(KeyId=f"alias/lambda-env-{reader.env}")["KeyMetadata"]["Arn"]
    assert configuration["KMSKeyArn"] == key
    environment = configuration["Environment"]["Variables"]
    assert set(environment) == {"DYNAMODB_TABLE", "ENVIRONMENT", *variables.split()}
    assert environment["DYNAMODB_TABLE"] == f"crypto-prices-{reader.env}"
    dead_letters = reader.arn("sqs", f"{name}-dlq-{reader.env}")
    if name == "error-notifier":
        dead_letters = reader.arn("sns", f"price-alerts-{reader.env}")
    assert configuration["DeadLetterConfig"]["TargetArn"] == dead_letters
    assert function_answer["Tags"] == reader.tags
    [described] = reader.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert described["retentionInDays"] == 3
    tags = reader.logs.list_tags_for_resource(resourceArn=reader.arn("logs", f"log-group:{group}"))["tags"]
    assert tags == reader.tags


def test_the_stream_mapping(reader: Reader) -> None:
    name = f"price-enricher-{reader.env}"
    [mapping] = reader.lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    stream = reader.arn("dynamodb", f"table/crypto-prices-{reader.env}/stream/")
    assert mapping["EventSourceArn"].startswith(stream)
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (10, 5)
    assert mapping["BisectBatchOnFunctionError"] is True
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (2, 21600)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    [pattern] = mapping["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {"eventName": ["INSERT"]}
    failures = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert failures == reader.arn("sqs", f"price-enricher-dlq-{reader.env}")
    arn = reader.arn("lambda", f"event-source-mapping:{mapping['UUID']}")
    assert reader.lambda_.list_tags(Resource=arn)["Tags"] == reader.tags


def test_the_invoke_config(reader: Reader) -> None:
    config = reader.lambda_.get_function_event_invoke_config(FunctionName=f"price-enricher-{reader.env}")
    assert (config["MaximumEventAgeInSeconds"], config["MaximumRetryAttempts"]) == (3600, 0)
    success = reader.arn("sns", f"price-updates-success-{reader.env}")
    assert config["DestinationConfig"]["OnSuccess"]["Destination"] == success


@pytest.mark.parametrize(
    ("function", "name"),
    [("webhook-processor", "webhook-error-filter"), ("price-enricher", "enricher-error-filter")],
)
def test_the_log_subscriptions(reader: Reader, function: str, name: str) -> None:
    group = f"/aws/lambda/{function}-{reader.env}"
    [log_filter] = reader.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert log_filter["filterName"] == f"{name}-{reader.env}"
    notifier = reader.arn("lambda", f"function:error-notifier-{reader.env}")
    assert log_filter["destinationArn"] == notifier
    policy = json.loads(reader.lambda_.get_policy(FunctionName=notifier)["Policy"])
    allowed = {json.dumps(statement["Condition"]) for statement in policy["Statement"]}
    assert any(f"{reader.arn('logs', f'log-group:{group}')}:*" in condition for condition in allowed)


def test_the_senders_secret(reader: Reader) -> None:
    name = f"/cryptoctl/{reader.env}/webhook/desk"
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    [parameter] = reader.ssm.describe_parameters(ParameterFilters=filters)["Parameters"]
    key = reader.kms.describe_key(KeyId=f"alias/lambda-env-{reader.env}")["KeyMetadata"]["Arn"]
    assert (parameter["Type"], parameter["Tier"], parameter["KeyId"]) == ("SecureString", "Standard", key)
    tags = reader.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert pairs(tags) == reader.tags
    policy = reader.iam.get_role_policy(
        RoleName=f"webhook-processor-{reader.env}-role", PolicyName="secrets-access"
    )["PolicyDocument"]
    reading, decrypting = sorted(policy["Statement"], key=lambda statement: statement["Action"], reverse=True)
    assert reading["Resource"] == [reader.arn("ssm", f"parameter{name}")]
    assert decrypting["Resource"] == [key]
    assert decrypting["Condition"] == {"StringEquals": {"kms:ViaService": [f"ssm.{REGION}.amazonaws.com"]}}


def test_the_address(reader: Reader) -> None:
    function = f"webhook-processor-{reader.env}"
    url_config = reader.lambda_.get_function_url_config(FunctionName=function)
    assert (url_config["AuthType"], url_config["InvokeMode"], url_config.get("Cors")) == (
        "NONE",
        "BUFFERED",
        None,
    )
    policy = json.loads(reader.lambda_.get_policy(FunctionName=function)["Policy"])
    permissions = {
        (statement["Action"], statement["Principal"], json.dumps(statement["Condition"]))
        for statement in policy["Statement"]
    }
    by_url = json.dumps({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}})
    invoked = json.dumps({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}})
    assert permissions == {("lambda:InvokeFunctionUrl", "*", by_url), ("lambda:InvokeFunction", "*", invoked)}
