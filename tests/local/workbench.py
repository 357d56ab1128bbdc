"""What the conformance tests work with: an endpoint, its clients, and resources that go when a test ends.

Everything is made through AWS's public APIs under names of its own, so the same tests run on a real account.
"""

from __future__ import annotations

import copy
import http.client
import io
import json
import textwrap
import uuid
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from kit.waiting import PAUSE_S, eventually

T = TypeVar("T")

RUNTIME = "python3.13"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
# Broad on purpose: these tests are about the services, on resources that live for seconds.
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:*", "sqs:*", "sns:*", "dynamodb:*", "lambda:InvokeFunction"],
            "Resource": "*",
        }
    ],
}


# What lets anybody use a function URL without IAM.
BY_ANYBODY: tuple[dict[str, Any], ...] = (
    {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
    {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
)


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """What came back. Header names are in lower case; one may be there several times."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value, the first of several."""
        return next((value for header, value in self.headers if header == name), None)


class Workbench:
    """One endpoint, and what a test makes there."""

    def __init__(
        self,
        endpoint_url: str | None,
        region: str,
        access_key: str | None,
        secret_key: str | None,
        *,
        patience_s: float = 60.0,
    ) -> None:
        self.real = endpoint_url is None
        self._patience_s = patience_s
        self._session = boto3.Session(access_key, secret_key, region_name=region)
        self._endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}
        self._undo = ExitStack()
        self._role = ""
        self._last = ExitStack()

    def client(self, service: str) -> Any:
        """A client of the endpoint, made once."""
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 4 if self.real else 1}, read_timeout=60)
            client = self._session.client(service, endpoint_url=self._endpoint_url, config=config)
            self._clients[service] = client
        return self._clients[service]

    def another_client(
        self, service: str, *, access_key: str = "", secret_key: str = "", signed: bool = True
    ) -> Any:
        """A client with another access key, another secret, or no signature at all."""
        credentials = self._session.get_credentials()
        assert credentials is not None
        config = Config(retries={"total_max_attempts": 1}, signature_version=None if signed else UNSIGNED)
        session = boto3.Session(
            access_key or credentials.access_key,
            secret_key or credentials.secret_key,
            region_name=self._session.region_name,
        )
        return session.client(service, endpoint_url=self._endpoint_url, config=config)

    def name(self, kind: str) -> str:
        """A name nobody else uses."""
        return f"conformance-{kind}-{uuid.uuid4().hex[:8]}"

    def beside(self) -> Workbench:
        """Another at the same endpoint; what is made there stays when this one is cleared."""
        other = copy.copy(self)
        other._undo = ExitStack()
        return other

    def clear(self) -> None:
        """Removes what a test made."""
        self._undo.close()

    def close(self) -> None:
        """Removes what all tests shared."""
        self._last.close()

    def eventually(self, look: Callable[[], T | None], *, within_s: float | None = None, what: str = "") -> T:
        """The first truthy answer; a real account gets more time."""
        within_s = within_s or self._patience_s
        patience, pause_s = (10, 1.0) if self.real else (1, PAUSE_S)
        return eventually(look, what, within_s=within_s * patience, pause_s=pause_s)

    def role(self) -> str:
        """A role that functions run as."""
        if not self._role:
            iam, name = self.client("iam"), self.name("role")
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
            iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(POLICY))
            self._last.callback(iam.delete_role, RoleName=name)
            self._last.callback(iam.delete_role_policy, RoleName=name, PolicyName="all")
            self._role = str(role["Role"]["Arn"])
        return self._role

    def function(self, source: str, **settings: Any) -> str:
        """A function with this source in `main.py`, its log group first; ready to be invoked."""
        client, name = self.client("lambda"), str(settings.pop("FunctionName", self.name("function")))
        logs = self.client("logs")
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
        self._undo.callback(_removed, logs.delete_log_group, logGroupName=f"/aws/lambda/{name}")
        wish = {"Runtime": RUNTIME, "Handler": "main.handler", "Timeout": 10, **settings}

        def create() -> Any:
            try:
                return client.create_function(
                    FunctionName=name, Role=self.role(), Code={"ZipFile": zipped({"main.py": source})}, **wish
                )
            except ClientError as error:
                if self.real and "cannot be assumed" in str(error):
                    return None
                raise

        self.eventually(create, what="the function's creation")
        self._undo.callback(_removed, client.delete_function, FunctionName=name)
        self.eventually(
            lambda: client.get_function_configuration(FunctionName=name)["State"] == "Active",
            what="an active function",
        )
        return name

    def address(self, function: str, *, open_: bool = True, **settings: Any) -> str:
        """A function's URL, by default one that anybody may use."""
        client = self.client("lambda")
        url_config = client.create_function_url_config(
            FunctionName=function, **{"AuthType": "NONE", **settings}
        )
        self._undo.callback(_removed, client.delete_function_url_config, FunctionName=function)
        if open_:
            for wish in BY_ANYBODY:
                client.add_permission(
                    FunctionName=function, StatementId=self.name("url"), Principal="*", **wish
                )
        return str(url_config["FunctionUrl"])

    def send(
        self,
        url: str,
        method: str = "POST",
        target: str = "/",
        body: bytes | str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> HttpAnswer:
        """A request to a function URL, its headers sent as they are; an engine's host need not resolve."""
        where = urlsplit(url)
        if self._endpoint_url is None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(where.netloc, timeout=60)
        else:
            connection = http.client.HTTPConnection(urlsplit(self._endpoint_url).netloc, timeout=60)
        content = body.encode() if isinstance(body, str) else body
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", where.netloc), *headers):
            connection.putheader(name, value)
        if content is not None:
            connection.putheader("Content-Length", str(len(content)))
        connection.endheaders()
        if content is not None:
            with suppress(ConnectionError):  # an answer that comes before the end of the body counts
                connection.send(content)
        answer = connection.getresponse()
        answer_headers = [(name.lower(), value) for name, value in answer.getheaders()]
        result = HttpAnswer(status=answer.status, headers=answer_headers, body=answer.read())
        connection.close()
        return result

    def arn(self, function: str) -> str:
        return str(self.client("lambda").get_function_configuration(FunctionName=function)["FunctionArn"])

    def invoke(self, function: str, event: Any) -> tuple[Any, str | None]:
        """A synchronous invocation: what came back, and the kind of error if it was one."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def invoke_async(self, function: str, event: Any) -> str:
        """An asynchronous invocation; its request id."""
        answer = self.client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(event)
        )
        assert answer["StatusCode"] == 202
        return str(answer["ResponseMetadata"]["RequestId"])

    def queue(self) -> tuple[str, str]:
        """A queue: its URL and its ARN."""
        client = self.client("sqs")
        url = client.create_queue(QueueName=self.name("queue"))["QueueUrl"]
        self._undo.callback(client.delete_queue, QueueUrl=url)
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, attributes["Attributes"]["QueueArn"]

    def undo(self, call: Callable[..., Any], **parameters: Any) -> None:
        """Has something undone when the test ends."""
        self._undo.callback(call, **parameters)

    def topic(self) -> str:
        arn = str(self.client("sns").create_topic(Name=self.name("topic"))["TopicArn"])
        self.undo(self.client("sns").delete_topic, TopicArn=arn)
        return arn

    def let_topic_send(self, topic: str, url: str, queue: str) -> None:
        """Lets a topic send to a queue."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def messages(self, url: str) -> list[dict[str, Any]]:
        """What lies in a queue; taken out of it."""
        client = self.client("sqs")
        messages: list[dict[str, Any]] = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            WaitTimeSeconds=5 if self.real else 0,
        ).get("Messages", [])
        for message in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def message(self, url: str) -> dict[str, Any]:
        """The next message of a queue."""
        return self.eventually(lambda: self.messages(url), what="a message")[0]

    def table(self, **settings: Any) -> tuple[str, str]:
        """A table of prices with a stream: its name and the stream's ARN."""
        client, name = self.client("dynamodb"), self.name("table")
        client.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "symbol", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "symbol", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            **settings,
        )
        self._undo.callback(client.delete_table, TableName=name)
        self.eventually(
            lambda: client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE",
            what="an active table",
        )
        return name, client.describe_table(TableName=name)["Table"]["LatestStreamArn"]

    def put(self, table: str, *numbers: int, symbol: str = "BTC", **more: Any) -> None:
        """Items with these numbers as range keys, in this order."""
        for number in numbers:
            item = {"symbol": {"S": symbol}, "at": {"N": str(number)}, **more}
            self.client("dynamodb").put_item(TableName=table, Item=item)

    def mapping(self, function: str, stream: str, **settings: Any) -> str:
        """A mapping from a stream to a function, enabled and ready; its UUID."""
        client = self.client("lambda")
        wish = {"StartingPosition": "TRIM_HORIZON", **settings}
        mapping = client.create_event_source_mapping(FunctionName=function, EventSourceArn=stream, **wish)
        self._undo.callback(self._remove_mapping, mapping["UUID"])
        self.settle(mapping["UUID"])
        return str(mapping["UUID"])

    def settle(self, uuid_of_mapping: str) -> dict[str, Any]:
        """Waits until a mapping rests."""

        def look() -> dict[str, Any] | None:
            mapping: dict[str, Any] = self.client("lambda").get_event_source_mapping(UUID=uuid_of_mapping)
            return mapping if mapping["State"] in ("Enabled", "Disabled") else None

        return self.eventually(look, what="a mapping at rest")

    def _remove_mapping(self, uuid_of_mapping: str) -> None:
        client = self.client("lambda")
        with suppress(client.exceptions.ResourceNotFoundException):
            self.settle(uuid_of_mapping)
            client.delete_event_source_mapping(UUID=uuid_of_mapping)

    def log(self, function: str, pattern: str = "") -> list[dict[str, Any]]:
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/aws/lambda/{function}", filterPattern=pattern)
        )
        return [event for page in pages for event in page["events"]]

    def reports(self, function: str) -> list[dict[str, Any]]:
        """What a function wrote with `say` (see `reporting`), in order."""
        lines = [event["message"] for event in self.log(function, '"@say"')]
        return [json.loads(line.partition("@say ")[2]) for line in lines]


def reporting(body: str) -> str:
    """A handler's source: `body`, with `say(**facts)` for the test.

    Of the batch of a stream `numbers(event)` gives the numbers; `tell(event)` says those, and the stream.
    """
    head = """
        import json, os, time, logging

        def say(**facts):
            print("@say " + json.dumps(facts), flush=True)

        def numbers(event):
            return [int(r["dynamodb"]["Keys"]["at"]["N"]) for r in event["Records"]]

        def tell(event):
            first = event["Records"][0]
            say(stream=first["eventSourceARN"], batch=numbers(event), first=first)
    """
    return textwrap.dedent(head) + textwrap.dedent(body)


def _removed(delete: Callable[..., Any], **params: Any) -> None:
    """Removes what a test made, unless the test itself has."""
    try:
        delete(**params)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()
