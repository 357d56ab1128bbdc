"""The whole system made by hand, with the names and values of the contract and none of cryptoctl's code.

One list of commands serves boto3 and the AWS command line. Here and there something differs, as it does where
people have been at work.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from botocore import xform_name

from hostile.clients import REGION
from hostile.inventory import Account
from kit.waiting import eventually
from local.workbench import zipped

ACCOUNT = "0" * 12
FUNCTIONS = ("webhook-processor", "price-enricher", "error-notifier")


class Run(Protocol):
    """Sends one command and gives AWS's answer."""

    def __call__(self, service: str, operation: str, **params: Any) -> Any:
        """The operation and its parameters as AWS names them."""


def by_boto3(account: Account) -> Run:

    def run(service: str, operation: str, **params: Any) -> Any:
        return getattr(account[service], xform_name(operation))(**params)

    return run


def by_command_line(aws: str, variables: Mapping[str, str]) -> Run:
    """With the AWS command line: `aws SERVICE OPERATION --cli-input-json …`, a process a command."""

    def run(service: str, operation: str, **params: Any) -> Any:
        code = params.get("Code", {}).pop("ZipFile", None) if "Code" in params else None
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            arguments = []
            if code is not None:
                del params["Code"]
                file.write(code)
                file.flush()
                arguments = ["--zip-file", f"fileb://{file.name}"]
            words = [service, xform_name(operation, "-"), "--cli-input-json", json.dumps(params)]
            result = subprocess.run(
                [
                    aws,
                    "--endpoint-url",
                    variables["AWS_ENDPOINT_URL"],
                    *words,
                    *arguments,
                    "--output",
                    "json",
                ],
                env={**variables, "AWS_PAGER": ""},
                capture_output=True,
                text=True,
                check=False,
            )
        assert result.returncode == 0, f"aws {' '.join(words[:2])}: {result.stderr}"
        return json.loads(result.stdout or "{}")

    return run


def deploy(run: Run, name: str, tags: Mapping[str, str]) -> None:
    """Every resource of the environment, tagged with these, and what two people had changed since."""
    hands = _Hands(run, name, tags)
    hands.make_key()
    hands.make_table()
    hands.make_messaging()
    for function in FUNCTIONS:
        hands.make_log_group(function, days=30 if function == "price-enricher" else 3)
        hands.make_role(function)
    hands.make_function("webhook-processor", memory_mb=512, timeout_s=60, reserved=10)
    hands.make_function("price-enricher", memory_mb=512, timeout_s=30, reserved=5)
    hands.make_function("error-notifier", memory_mb=256, timeout_s=30, reserved=None)
    hands.connect()


class _Hands:
    def __init__(self, run: Run, name: str, tags: Mapping[str, str]) -> None:
        self.run, self.name, self.tags = run, name, tags
        self.pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.key = self.stream = ""
        self.urls: dict[str, str] = {}

    def arn(self, service: str, resource: str, region: str = REGION) -> str:
        return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"

    @property
    def table(self) -> str:
        return f"crypto-prices-{self.name}"

    def dead_letters(self, function: str) -> str:
        if function == "error-notifier":
            return self.arn("sns", f"price-alerts-{self.name}")
        return self.arn("sqs", f"{function}-dlq-{self.name}")

    def role(self, function: str) -> str:
        return f"{function}-{self.name}-role"

    def make_key(self) -> None:
        root = {"AWS": self.arn("iam", "root", "")}
        bound = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        policy = [
            {"Sid": "Root", "Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
            {
                "Sid": "Lambda",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": bound,
            },
        ]
        metadata = self.run(
            "kms",
            "CreateKey",
            Policy=_document(policy),
            Tags=[{"TagKey": key, "TagValue": value} for key, value in self.tags.items()],
        )["KeyMetadata"]
        self.key = metadata["Arn"]
        self.run(
            "kms", "CreateAlias", AliasName=f"alias/lambda-env-{self.name}", TargetKeyId=metadata["KeyId"]
        )
        self.run("kms", "EnableKeyRotation", KeyId=metadata["KeyId"])

    def make_table(self) -> None:
        table = self.run(
            "dynamodb",
            "CreateTable",
            TableName=self.table,
            AttributeDefinitions=[
                {"AttributeName": "symbol", "AttributeType": "S"},
                {"AttributeName": "timestamp", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "symbol", "KeyType": "HASH"},
                {"AttributeName": "timestamp", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            **({"Tags": self.pairs} if self.pairs else {}),
        )
        self.stream = table["TableDescription"]["LatestStreamArn"]
        self.run(
            "dynamodb",
            "UpdateContinuousBackups",
            TableName=self.table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )

    def make_messaging(self) -> None:
        for function in ("webhook-processor", "price-enricher"):
            attributes = {"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "true"}
            queue = f"{function}-dlq-{self.name}"
            created = self.run(
                "sqs", "CreateQueue", QueueName=queue, Attributes=attributes, tags={**self.tags}
            )
            self.urls[function] = created["QueueUrl"]
        for topic in ("price-updates-success", "price-alerts"):
            self.run("sns", "CreateTopic", Name=f"{topic}-{self.name}", Tags=self.pairs)

    def make_log_group(self, function: str, days: int) -> None:
        group = f"/aws/lambda/{function}-{self.name}"
        self.run(
            "logs", "CreateLogGroup", logGroupName=group, **({"tags": {**self.tags}} if self.tags else {})
        )
        self.run("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=days)

    def make_role(self, function: str) -> None:
        role = self.role(function)
        trust = [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ]
        self.run(
            "iam", "CreateRole", RoleName=role, AssumeRolePolicyDocument=_document(trust), Tags=self.pairs
        )
        for policy, (actions, resource) in self.permissions(function).items():
            allowed = [{"Effect": "Allow", "Action": actions, "Resource": resource}]
            self.run(
                "iam", "PutRolePolicy", RoleName=role, PolicyName=policy, PolicyDocument=_document(allowed)
            )

    def permissions(self, function: str) -> dict[str, tuple[Sequence[str], str]]:
        group = self.arn("logs", f"log-group:/aws/lambda/{function}-{self.name}:*")
        table = self.arn("dynamodb", f"table/{self.table}")
        stream = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        everywhere: dict[str, tuple[Sequence[str], str]] = {
            "kms-access": (["kms:Decrypt", "kms:DescribeKey"], self.key),
            "cloudwatch-logs": (["logs:CreateLogStream", "logs:PutLogEvents"], group),
        }
        queue = {"sqs-dlq-access": (["sqs:SendMessage"], self.dead_letters(function))}
        own: dict[str, dict[str, tuple[Sequence[str], str]]] = {
            "webhook-processor": {
                **queue,
                "dynamodb-access": (["dynamodb:PutItem", "dynamodb:Query"], table),
            },
            "price-enricher": {
                **queue,
                "dynamodb-access": (["dynamodb:PartiQLUpdate", "dynamodb:Query"], table),
                "dynamodb-stream-access": ([f"dynamodb:{action}" for action in stream], self.stream),
                "sns-access": (["sns:Publish"], self.arn("sns", f"price-updates-success-{self.name}")),
            },
            "error-notifier": {"sns-access": (["sns:Publish"], self.arn("sns", f"price-alerts-{self.name}"))},
        }
        return {**everywhere, **own[function]}

    def make_function(self, function: str, *, memory_mb: int, timeout_s: int, reserved: int | None) -> None:
        name = f"{function}-{self.name}"
        module = function.replace("-", "_")
        self.run(
            "lambda",
            "CreateFunction",
            FunctionName=name,
            Runtime="python3.14",
            Role=self.arn("iam", f"role/{self.role(function)}", ""),
            Handler=f"cryptoctl.handlers.{module}.handler",
            Code={"ZipFile": _package(module)},
            Architectures=["arm64"],
            MemorySize=memory_mb,
            Timeout=timeout_s,
            KMSKeyArn=self.key,
            DeadLetterConfig={"TargetArn": self.dead_letters(function)},
            # AWS shows the levels whether or not they are given; the engine only if they are.
            LoggingConfig={
                "LogFormat": "JSON",
                "LogGroup": f"/aws/lambda/{name}",
                "ApplicationLogLevel": "INFO",
                "SystemLogLevel": "INFO",
            },
            Environment={"Variables": self.variables(function)},
            Tags={**self.tags},
        )
        eventually(lambda: self.state(name) == "Active", "the function is active")
        if reserved is not None:
            self.run(
                "lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=reserved
            )

    def state(self, function: str) -> str:
        return str(self.run("lambda", "GetFunctionConfiguration", FunctionName=function)["State"])

    def variables(self, function: str) -> dict[str, str]:
        topics = {
            "price-enricher": {"SUCCESS_TOPIC_ARN": self.arn("sns", f"price-updates-success-{self.name}")},
            "error-notifier": {"ALERTS_TOPIC_ARN": self.arn("sns", f"price-alerts-{self.name}")},
        }
        queue = {"DLQ_URL": self.urls[function]} if function in self.urls else {}
        return {
            "DYNAMODB_TABLE": self.table,
            "ENVIRONMENT": self.name,
            **queue,
            **topics.get(function, {}),
        }

    def connect(self) -> None:
        enricher, notifier = f"price-enricher-{self.name}", f"error-notifier-{self.name}"
        self.run(
            "lambda",
            "CreateEventSourceMapping",
            FunctionName=enricher,
            EventSourceArn=self.stream,
            StartingPosition="TRIM_HORIZON",
            BatchSize=10,
            MaximumBatchingWindowInSeconds=5,
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=2,
            MaximumRecordAgeInSeconds=21600,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            FilterCriteria={"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
            DestinationConfig={"OnFailure": {"Destination": self.dead_letters("price-enricher")}},
        )
        success = self.arn("sns", f"price-updates-success-{self.name}")
        self.run(
            "lambda",
            "PutFunctionEventInvokeConfig",
            FunctionName=enricher,
            MaximumEventAgeInSeconds=3600,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnSuccess": {"Destination": success}},
        )
        for number, (function, filter_) in enumerate(
            (("webhook-processor", "webhook"), ("price-enricher", "enricher"))
        ):
            group = f"/aws/lambda/{function}-{self.name}"
            self.run(
                "lambda",
                "AddPermission",
                FunctionName=notifier,
                StatementId=f"logs-{number}",
                Action="lambda:InvokeFunction",
                Principal="logs.amazonaws.com",
                SourceArn=self.arn("logs", f"log-group:{group}:*"),
                SourceAccount=ACCOUNT,
            )
            self.run(
                "logs",
                "PutSubscriptionFilter",
                logGroupName=group,
                filterName=f"{filter_}-error-filter-{self.name}",
                filterPattern="?ERROR ?Traceback",
                destinationArn=self.arn("lambda", f"function:{notifier}"),
            )


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _package(module: str) -> bytes:
    """Somebody else's code, which takes every event and does nothing with it."""
    packages = dict.fromkeys(("cryptoctl/__init__.py", "cryptoctl/handlers/__init__.py"), "")
    handler = {f"cryptoctl/handlers/{module}.py": "def handler(event, context):\n    return {}\n"}
    return zipped({**packages, **handler})
