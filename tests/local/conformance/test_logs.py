"""CloudWatch Logs: what arrives from functions, and what subscriptions are given."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench, reporting

LOGGING = "Lambda developer guide: Log and monitor Python Lambda functions"
KINDS = ("platform.initStart", "platform.start", "platform.report")
LEVELS = "Lambda developer guide: Configuring log levels (log-level filtering)"
JSON_FORMAT = "Lambda developer guide: Configuring JSON and plain text log formats"
SYNTAX = "CloudWatch Logs user guide: Filter pattern syntax"
PAGES = "CloudWatch Logs API reference: FilterLogEvents, GetLogEvents"
SUBSCRIPTIONS = "CloudWatch Logs user guide: Example 2: Subscription filters with AWS Lambda"

MESSAGES = [
    "[ERROR] cannot divide by zero",
    "[WARN] almost no memory left",
    "[INFO] no error so far",
    'said "no" to it',
    json.dumps({"level": "ERROR", "status": 500, "user": {"name": "ann"}, "tags": ["a", "b"], "done": None}),
    json.dumps({"level": "INFO", "status": 200, "message": "no ERROR here", "user": {"name": "bob"}}),
    json.dumps({"level": "WARN", "status": 404, "ok": False}),
]


@pytest.mark.behaviour(
    "logs", "lines printed and lines logged arrive, JSON format: one object a record", JSON_FORMAT
)
def test_json_logs(bench: Workbench) -> None:
    source = reporting("""
        def handler(event, context):
            logging.getLogger("app").warning("low %s", "fuel", extra={"litres": 3})
            logging.getLogger("app").debug("not wanted")
            try:
                1 / 0
            except ZeroDivisionError:
                logging.exception("caught")
            print("as it is")
    """)
    function = bench.function(source, LoggingConfig={"LogFormat": "JSON"})
    request = bench.client("lambda").invoke(FunctionName=function, Payload=b"{}")["ResponseMetadata"][
        "RequestId"
    ]
    bench.eventually(lambda: bench.log(function, '"platform.report"'), what="the report")
    messages = [event["message"].strip() for event in bench.log(function)]
    assert "as it is" in messages
    entries = [json.loads(message) for message in messages if message.startswith("{")]
    low = next(entry for entry in entries if entry.get("message") == "low fuel")
    assert (low["level"], low["logger"], low["requestId"], low["litres"]) == ("WARNING", "app", request, 3)
    caught = next(entry for entry in entries if entry.get("message") == "caught")
    assert (caught["level"], caught["errorType"], caught["errorMessage"]) == (
        "ERROR",
        "ZeroDivisionError",
        "division by zero",
    )
    assert not any("not wanted" in message for message in messages)
    report = next(entry for entry in entries if entry.get("type") == "platform.report")["record"]
    assert (report["requestId"], report["status"]) == (request, "success")


@pytest.mark.behaviour(
    "logs", "text format: START, END and REPORT lines, level and request id in each", LOGGING
)
def test_text_logs(bench: Workbench) -> None:
    source = "import logging\ndef handler(event, context): logging.warning('low fuel')"
    function = bench.function(source)
    request = bench.client("lambda").invoke(FunctionName=function, Payload=b"{}")["ResponseMetadata"][
        "RequestId"
    ]
    bench.eventually(lambda: bench.log(function, "REPORT"), what="the report")
    messages = [event["message"].rstrip() for event in bench.log(function)]
    assert f"START RequestId: {request} Version: $LATEST" in messages
    assert f"END RequestId: {request}" in messages
    assert any(
        message.startswith("[WARNING]\t") and message.endswith(f"{request}\tlow fuel") for message in messages
    )
    assert any(message.startswith(f"REPORT RequestId: {request}\tDuration: ") for message in messages)


@pytest.mark.behaviour("logs", "an unhandled error is one event, at ERROR, with its trace", JSON_FORMAT)
def test_an_unhandled_error_is_one_event(bench: Workbench) -> None:
    source = "def handler(event, context): raise ValueError('not this one')"
    function = bench.function(source, LoggingConfig={"LogFormat": "JSON"})
    bench.invoke(function, {})
    events = bench.eventually(lambda: bench.log(function, "ValueError"), what="the error")
    entry = json.loads(events[0]["message"])
    assert len(events) == 1
    assert (entry["log_level"], entry["errorType"], entry["errorMessage"]) == (
        "ERROR",
        "ValueError",
        "not this one",
    )
    assert entry["stackTrace"]


def _reports(bench: Workbench, function: str) -> list[dict[str, Any]]:
    pattern = '"platform.report"'
    events = bench.eventually(lambda: bench.log(function, pattern), what="the report")
    return [json.loads(event["message"])["record"] for event in events]


@pytest.mark.behaviour("logs", "a timeout shows in the platform's report", JSON_FORMAT)
def test_a_timeout_is_logged(bench: Workbench) -> None:
    source = "import time\ndef handler(event, context): time.sleep(30)"
    function = bench.function(source, Timeout=1, LoggingConfig={"LogFormat": "JSON"})
    bench.invoke(function, {})
    (report,) = _reports(bench, function)
    assert report["status"] == "timeout"


@pytest.mark.behaviour("logs", "a crash shows in the platform's report, and the next call works", JSON_FORMAT)
def test_a_crash_is_reported(bench: Workbench) -> None:
    source = "import os\ndef handler(event, context): os._exit(3) if event.get('crash') else None"
    function = bench.function(source, LoggingConfig={"LogFormat": "JSON"})
    answer, error = bench.invoke(function, {"crash": True})
    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    (report,) = _reports(bench, function)
    assert (report["status"], report["errorType"]) == ("error", "Runtime.ExitError")
    assert bench.invoke(function, {}) == (None, None)


@pytest.mark.behaviour(
    "logs", "out of memory, a function ends, and the platform's report says so", JSON_FORMAT
)
def test_out_of_memory_is_reported(bench: Workbench) -> None:
    source = "import time\ndef handler(event, context):\n    kept = b'x' * 400_000_000\n    time.sleep(5)"
    function = bench.function(source, MemorySize=128, Timeout=20, LoggingConfig={"LogFormat": "JSON"})
    _, error = bench.invoke(function, {})
    assert error == "Unhandled"
    (report,) = _reports(bench, function)
    assert (report["status"], report["errorType"]) == ("error", "Runtime.OutOfMemory")


@pytest.mark.behaviour("logs", "the report says how much memory was used", JSON_FORMAT)
def test_used_memory_is_reported(bench: Workbench) -> None:
    source = "def handler(event, context):\n    kept = b'x' * event\n    return len(kept)"
    function = bench.function(source, MemorySize=512, LoggingConfig={"LogFormat": "JSON"})
    bench.invoke(function, 1)
    bench.invoke(function, 200_000_000)
    small, large = (report["metrics"]["maxMemoryUsedMB"] for report in _reports(bench, function))
    assert 0 < small < large - 150 < 512


TALKATIVE = """
import json, logging
def handler(event, context):
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger(), level)("logged at " + level)
        line = {"timestamp": "2026-01-01T00:00:00Z", "level": level, "message": "printed at " + level}
        print(json.dumps(line))
    print("plain")
"""


@pytest.mark.parametrize(
    ("levels", "platform", "lines"),
    [
        ({}, 3, ["info", "warning", "error"]),
        ({"ApplicationLogLevel": "DEBUG"}, 3, ["debug", "info", "warning", "error"]),
        ({"ApplicationLogLevel": "WARN", "SystemLogLevel": "WARN"}, 0, ["warning", "error"]),
        ({"ApplicationLogLevel": "ERROR", "SystemLogLevel": "DEBUG"}, 3, ["error"]),
        ({"ApplicationLogLevel": "FATAL"}, 3, []),
    ],
)
@pytest.mark.behaviour("logs", "the levels of the logging configuration keep lines out of the log", LEVELS)
def test_levels_filter(bench: Workbench, levels: dict[str, str], platform: int, lines: list[str]) -> None:
    function = bench.function(TALKATIVE, LoggingConfig={"LogFormat": "JSON", **levels})
    bench.invoke(function, {})
    bench.eventually(lambda: bench.log(function, "plain"), what="the last line")
    messages_logged = [event["message"] for event in bench.log(function)]
    contents = [json.loads(line) for line in messages_logged if line.startswith("{")]
    messages = [entry["message"] for entry in contents if "message" in entry]
    expected = [f"{how} at {level}" for level in lines for how in ("logged", "printed")]
    assert messages == expected
    own = [entry["type"] for entry in contents if entry.get("type", "").startswith("platform.")]
    assert len([kind for kind in own if kind in KINDS]) == platform


@pytest.mark.behaviour("logs", "one stream for each execution environment, not for each invocation", LOGGING)
def test_one_stream_for_each_environment(bench: Workbench) -> None:
    source = "import time\ndef handler(event, context): time.sleep(event['s'])"
    function = bench.function(source)
    for _ in range(3):
        bench.invoke(function, {"s": 0})
    client = bench.client("logs")

    def streams() -> int:
        return len(client.describe_log_streams(logGroupName=f"/aws/lambda/{function}")["logStreams"])

    bench.eventually(lambda: streams() == 1, what="one stream")
    at_once = [threading.Thread(target=bench.invoke, args=(function, {"s": 0.7})) for _ in range(2)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    bench.eventually(lambda: streams() == 2, what="a second stream")


@pytest.mark.behaviour("logs", "filter patterns: terms, ?any, -not, quoted strings, expressions", SYNTAX)
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ERROR", [0, 4, 5]),
        ("error", [2]),
        ("no memory", [1]),
        ("?ERROR ?WARN", [0, 1, 4, 5, 6]),
        ("no -ERROR", [1, 2, 3]),
        ("-ERROR -WARN", [2, 3]),
        ('"[ERROR]"', [0]),
        ('"by zero"', [0]),
        ('"said \\"no\\" to"', [3]),
        ('"\\"no\\""', [3]),
        ("%^.ERR|^.WA%", [0, 1]),
        ("", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_filter_patterns(bench: Workbench, log_group: str, pattern: str, expected: list[int]) -> None:
    client = bench.client("logs")

    def matching() -> list[int]:
        events = client.filter_log_events(logGroupName=log_group, filterPattern=pattern)["events"]
        return [MESSAGES.index(event["message"]) for event in events]

    bench.eventually(lambda: matching() == expected, within_s=1, what=f"{pattern} finds {expected}")


def _group(bench: Workbench) -> str:
    """The name of a group with MESSAGES in it."""
    client, name = bench.client("logs"), bench.name("group")
    client.create_log_group(logGroupName=name)
    bench.undo(client.delete_log_group, logGroupName=name)
    client.create_log_stream(logGroupName=name, logStreamName="one")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": message} for number, message in enumerate(MESSAGES)]
    client.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)
    return name


@pytest.fixture(scope="module")
def log_group(file_bench: Workbench) -> str:
    """A group with MESSAGES in it, and no subscription: each is refused."""
    return _group(file_bench)


@pytest.mark.behaviour("logs", "a pattern that cannot be read is refused", SYNTAX)
@pytest.mark.parametrize("pattern", ["un-quoted!", '"open', "%open", "two  un-quoted", "%(a+)+$%", "%a b%"])
def test_broken_patterns_are_refused(bench: Workbench, log_group: str, pattern: str) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("logs").filter_log_events(logGroupName=log_group, filterPattern=pattern)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.behaviour(
    "logs", "the subscribed function gets the matching events, gzipped, in base64", SUBSCRIPTIONS
)
def test_a_subscription_delivers_what_matches(bench: Workbench) -> None:
    log_group = _group(bench)
    receiver = bench.function(
        reporting("""
            def handler(event, context):
                say(data=event["awslogs"]["data"])
        """)
    )
    bench.client("lambda").add_permission(
        FunctionName=receiver,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )
    pattern = r'?"\"level\": \"ERROR\"" ?"\"errorType\""'
    client = bench.client("logs")
    client.put_subscription_filter(
        logGroupName=log_group, filterName="errors", filterPattern=pattern, destinationArn=bench.arn(receiver)
    )
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in MESSAGES]
    client.put_log_events(logGroupName=log_group, logStreamName="one", logEvents=events)
    (record,) = bench.eventually(lambda: bench.reports(receiver), what="the delivery")
    content = json.loads(gzip.decompress(base64.b64decode(record["data"])))
    assert content["messageType"] == "DATA_MESSAGE"
    assert (content["logGroup"], content["logStream"]) == (log_group, "one")
    assert content["subscriptionFilters"] == ["errors"]
    assert [event["message"] for event in content["logEvents"]] == [MESSAGES[4]]
    assert content["logEvents"][0]["timestamp"] == now


@pytest.mark.behaviour(
    "logs", "a subscription without permission to invoke its function is refused", SUBSCRIPTIONS
)
def test_a_subscription_needs_a_permission(bench: Workbench, log_group: str) -> None:
    receiver = bench.function("def handler(event, context): pass")
    with pytest.raises(ClientError, match="Could not execute the lambda function") as raised:
        bench.client("logs").put_subscription_filter(
            logGroupName=log_group, filterName="all", filterPattern="", destinationArn=bench.arn(receiver)
        )
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.behaviour("logs", "a topic is no destination of a subscription", SUBSCRIPTIONS)
def test_a_topic_is_no_destination(bench: Workbench, log_group: str) -> None:
    topic = bench.client("sns").create_topic(Name=bench.name("topic"))["TopicArn"]
    with pytest.raises(ClientError) as raised:
        bench.client("logs").put_subscription_filter(
            logGroupName=log_group, filterName="all", filterPattern="", destinationArn=topic
        )
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"
    bench.client("sns").delete_topic(TopicArn=topic)


@pytest.mark.behaviour("logs", "a page that nobody was told of and a limit out of range are refused", PAGES)
@pytest.mark.parametrize("wrong", [{"nextToken": "junk"}, {"nextToken": "1/2/3"}, {"limit": 10_001}], ids=str)
def test_wrong_pages_are_refused(bench: Workbench, log_group: str, wrong: dict[str, Any]) -> None:
    client = bench.client("logs")
    stream = client.describe_log_streams(logGroupName=log_group)["logStreams"][0]["logStreamName"]
    with pytest.raises(ClientError) as raised:
        client.filter_log_events(logGroupName=log_group, **wrong)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"
    with pytest.raises(ClientError) as raised:
        client.get_log_events(logGroupName=log_group, logStreamName=stream, **wrong)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.behaviour("logs", "streams are chosen by name or by prefix, and must be there", PAGES)
def test_streams_are_chosen_one_way(bench: Workbench, log_group: str) -> None:
    client = bench.client("logs")
    chosen = client.filter_log_events(logGroupName=log_group, logStreamNames=["one"])
    assert len(chosen["events"]) == len(MESSAGES)
    for call, wrong, expected in (
        (client.filter_log_events, {"logStreamNames": ["none"]}, "ResourceNotFoundException"),
        (
            client.filter_log_events,
            {"logStreamNames": ["one"], "logStreamNamePrefix": "o"},
            "InvalidParameterException",
        ),
        (
            client.describe_log_streams,
            {"orderBy": "LastEventTime", "logStreamNamePrefix": "o"},
            "InvalidParameterException",
        ),
    ):
        with pytest.raises(ClientError) as raised:
            call(logGroupName=log_group, **wrong)
        assert raised.value.response["Error"]["Code"] == expected
