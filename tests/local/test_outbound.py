"""Nothing gets out: whatever ministack or a handler would deliver stays here, and can be read."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cryptoctl.local import containment
from cryptoctl.local.engine import Engine
from local.clients import client, eventually, workbench
from local.conftest import QUICK
from local.workbench import zipped

pytestmark = pytest.mark.process


class Outside:
    """A server that is not the engine; it keeps the paths it was asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outside.paths.append(self.path)
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_arguments: object) -> None:
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def outside() -> Iterator[Outside]:
    outside = Outside()
    yield outside
    outside.server.shutdown()
    outside.server.server_close()


ATTEMPTS = {
    "connect": "socket.socket().connect(there)",
    "connect_ex": "socket.socket().connect_ex(there)",
    "another port": "socket.create_connection(('127.0.0.1', port + 1))",
    "loopback by another address": "socket.socket().connect(('127.0.0.2', port))",
    "ipv6": "socket.socket(socket.AF_INET6).connect(('::1', port))",
    "unix": "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "datagram": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', there)",
    "message": "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, there)",
    "name": "socket.getaddrinfo('example.com', 443)",
    "old name": "socket.gethostbyname('example.com')",
    "reverse name": "socket.gethostbyaddr('192.0.2.1')",
    "urllib": "urllib.request.urlopen('http://example.com/', timeout=1)",
    "urllib by address": "urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    "mail": "smtplib.SMTP('192.0.2.1', timeout=1)",
    "asyncio": "asyncio.run(asyncio.open_connection('192.0.2.1', 80))",
    "urllib3": "urllib3.PoolManager(retries=False).request('GET', 'https://192.0.2.1/')",
    "listening": "socket.socket().bind(('127.0.0.1', 0))",
    "process": "subprocess.run(['curl', 'http://192.0.2.1/'])",
    "shell": "os.system('true')",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
}
PROBE = """
import asyncio, json, os, smtplib, socket, subprocess, sys, urllib.request, urllib3
sys.path.insert(0, sys.argv[1])
from cryptoctl.local.containment import contain
server = socket.create_server(("127.0.0.1", 0))
port, there = server.getsockname()[1], ("192.0.2.1", 9)
contain(port, worker_script="worker.py")
for name, attempt in json.loads(sys.argv[2]).items():
    try:
        exec(attempt)
        outcome = "not refused"
    except OSError as error:
        outcome = str(error)
    except Exception as error:
        outcome = str(error.__cause__ or error)
    for host in ("127.0.0.1", "localhost"):
        socket.create_connection((host, port), timeout=5).close()
    print(json.dumps([name, outcome]), flush=True)
"""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """What became of each attempt in a contained process, after which the engine was reached."""
    source = str(containment.__file__).partition("/cryptoctl/")[0]
    command = [sys.executable, "-W", "ignore", "-c", PROBE, source, json.dumps(ATTEMPTS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return dict(json.loads(line) for line in result.stdout.splitlines())


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_contained_process_reaches_the_engine_and_nothing_else(
    outcomes: dict[str, str], attempt: str
) -> None:
    assert "the embedded engine" in outcomes.get(attempt, "the process has ended")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("engine that keeps to itself"))
    engine.start(port=0, options=QUICK)
    yield engine
    engine.stop()


def test_a_handler_reaches_the_engine_and_nothing_else(running: Engine, outside: Outside) -> None:
    bench = workbench(running)
    source = """
import boto3, urllib.request
def handler(event, context):
    try:
        urllib.request.urlopen(event, timeout=5)
    except OSError as error:
        return [str(error), boto3.client("sts").get_caller_identity()["Account"]]
"""
    answer, error = bench.invoke(bench.function(source, Timeout=30), outside.url)
    assert error is None, answer
    assert "keeps to itself" in answer[0]
    assert answer[1] == "000000000000"
    assert outside.paths == []


SUBSCRIBERS = {
    "https": "https://pager.example/hook",
    "email": "person@example.com",
    "email-json": "robot@example.com",
    "sms": "+15550100",
    "application": "arn:aws:sns:eu-central-1:000000000000:endpoint/GCM/app/1",
}


def test_every_message_for_outside_is_kept_and_none_is_sent(engine: Engine, outside: Outside) -> None:
    engine.start(port=0, options=QUICK)
    sns = client(engine, "sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    recipients = {**SUBSCRIBERS, "http": f"{outside.url}/hook"}
    for protocol, endpoint in recipients.items():
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert {message.subject for message in engine.outbox(100)} == {"Subscription confirmation"}
    sns.publish(TopicArn=topic, Subject="on fire", Message="the house")
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "the garden"}])
    texts = json.dumps({"default": "for all", "sms": "for phones"})
    sns.publish(TopicArn=topic, Message=texts, MessageStructure="json")
    sns.publish(PhoneNumber="+15550199", Message="straight to a phone")
    outbox = [
        (message.protocol, message.recipient, message.subject, message.text) for message in engine.outbox(100)
    ]
    for protocol, endpoint in recipients.items():
        assert (protocol, endpoint, "on fire", "the house") in outbox
        assert (protocol, endpoint, "", "the garden") in outbox
        assert (protocol, endpoint, "", "for phones" if protocol == "sms" else "for all") in outbox
    assert ("sms", "+15550199", "", "straight to a phone") in outbox
    log = engine.status().log_file
    eventually(lambda: "keeps to itself" in log.read_text(), what="ministack's attempt to deliver")
    assert outside.paths == []
    engine.stop()
    assert engine.outbox(1)[0].text == "straight to a phone"


def test_what_an_alarm_tells_people_is_kept(running: Engine) -> None:
    sns, cloudwatch = client(running, "sns"), client(running, "cloudwatch")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="person@example.com")
    cloudwatch.put_metric_alarm(
        AlarmName="lag",
        Namespace="x",
        MetricName="Lag",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=60,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    cloudwatch.put_metric_data(Namespace="x", MetricData=[{"MetricName": "Lag", "Value": 90}])
    eventually(lambda: "ALARM" in running.outbox(1)[0].subject, what="the alarm's message")
    message = running.outbox(1)[0]
    assert (message.protocol, message.recipient) == ("email", "person@example.com")
    assert message.text.startswith("lag went from INSUFFICIENT_DATA to ALARM.")


def test_a_filter_policy_keeps_a_message_from_its_subscriber(running: Engine) -> None:
    sns = client(running, "sns")
    topic = sns.create_topic(Name="prices")["TopicArn"]
    policy = {"FilterPolicy": json.dumps({"symbol": ["BTC"]})}
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com", Attributes=policy)
    for symbol in ("BTC", "ETH"):
        attributes = {"symbol": {"DataType": "String", "StringValue": symbol}}
        sns.publish(TopicArn=topic, Message=f"for {symbol}", MessageAttributes=attributes)
    assert [message.text for message in running.outbox(10)][-1:] == ["for BTC"]


@pytest.mark.parametrize("service", ["events", "s3", "sesv2", "scheduler", "secretsmanager", "stepfunctions"])
def test_services_that_would_deliver_elsewhere_are_not_served(running: Engine, service: str) -> None:
    calls: dict[str, Any] = {
        "events": lambda aws: aws.list_api_destinations(),
        "s3": lambda aws: aws.list_buckets(),
        "sesv2": lambda aws: aws.list_email_identities(),
        "scheduler": lambda aws: aws.list_schedules(),
        "secretsmanager": lambda aws: aws.list_secrets(),
        "stepfunctions": lambda aws: aws.list_state_machines(),
    }
    with pytest.raises(ClientError):
        calls[service](client(running, service))


@pytest.mark.parametrize(
    "code",
    [{"S3Bucket": "somewhere", "S3Key": "code.zip"}, {"ImageUri": "registry.example/image:1"}],
    ids=lambda code: next(iter(code)),
)
def test_code_from_elsewhere_is_refused(running: Engine, code: dict[str, str]) -> None:
    bench = workbench(running)
    name = bench.function("def handler(event, context): return 1")
    aws = client(running, "lambda")
    wish = {"FunctionName": "x", "Role": bench.role(), "Runtime": "python3.13", "Handler": "a.b"}
    with pytest.raises(ClientError, match="ZipFile"):
        aws.create_function(Code=code, **wish)
    with pytest.raises(ClientError, match="ZipFile"):
        aws.update_function_code(FunctionName=name, **code)
    with pytest.raises(ClientError, match="only Python"):
        aws.create_function(Code={"ZipFile": zipped({"a": ""})}, **{**wish, "Runtime": "nodejs22.x"})
