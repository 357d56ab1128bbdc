"""Functions: what a handler finds, and what its invoker gets back."""

from __future__ import annotations

import base64
import json

import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench, reporting

VARIABLES = "Lambda developer guide: Working with Lambda environment variables"
TOPIC = "Lambda developer guide: Invoking Lambda functions with Amazon SNS notifications"
INVOKE = "Lambda API reference: Invoke"
CONTEXT = "Lambda developer guide: Using the Lambda context object to retrieve Python function information"
CONCURRENCY = "Lambda developer guide: Configuring reserved concurrency for a function"
QUOTAS = "Lambda developer guide: Lambda quotas"
ERROR_PATTERN = "Lambda developer guide: Python function errors"

GIVEN = {
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "PATH",
    "TZ",
    "_HANDLER",
}
ALSO_SEEN = {
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PWD",
    "SHLVL",
    "_X_AMZN_TRACE_ID",
    # What an engine on one's own machine must add or set, and AWS does not.
    "AWS_ENDPOINT_URL",
    "AWS_EC2_METADATA_DISABLED",
    "HOME",
    "NO_PROXY",
    "LC_CTYPE",
}


@pytest.mark.behaviour(
    "functions", "a handler finds AWS's variables and its own, and none of the host's", VARIABLES
)
def test_the_environment_is_awss(bench: Workbench) -> None:
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    function = bench.function(source, Environment={"Variables": {"MINE": "yes"}}, MemorySize=256)
    variables, _ = bench.invoke(function, {})
    assert set(variables) >= GIVEN | {"MINE"}
    assert set(variables) <= GIVEN | ALSO_SEEN | {"MINE"}
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{function}"


@pytest.mark.behaviour("functions", "the context object is complete", CONTEXT)
def test_the_context(bench: Workbench) -> None:
    source = """
def handler(event, context):
    return {
        "request": context.aws_request_id, "name": context.function_name, "version": context.function_version,
        "arn": context.invoked_function_arn, "memory": int(context.memory_limit_in_mb),
        "group": context.log_group_name, "stream": context.log_stream_name,
        "left": context.get_remaining_time_in_millis(),
    }
"""
    function = bench.function(source, Timeout=7)
    answer = bench.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    context = json.loads(answer["Payload"].read())
    assert context["request"] == answer["ResponseMetadata"]["RequestId"]
    assert (context["name"], context["version"], context["memory"]) == (function, "$LATEST", 128)
    assert context["arn"] == bench.arn(function)
    assert context["group"] == f"/aws/lambda/{function}"
    assert "[$LATEST]" in context["stream"]
    assert 5000 < context["left"] <= 7000


@pytest.mark.behaviour(
    "functions", "an error comes back with its message, type and stack trace", ERROR_PATTERN
)
def test_an_error_comes_back(bench: Workbench) -> None:
    function = bench.function("def handler(event, context):\n    raise KeyError(event['which'])")
    error, kind = bench.invoke(function, {"which": "lost"})
    assert kind == "Unhandled"
    assert error["errorMessage"] == "'lost'"
    assert error["errorType"] == "KeyError"
    assert "main.py" in "".join(error["stackTrace"])


@pytest.mark.behaviour("functions", "a handler that cannot be imported says so in its answer", ERROR_PATTERN)
def test_an_import_error_comes_back(bench: Workbench) -> None:
    function = bench.function("import nothing_of_the_kind")
    error, kind = bench.invoke(function, {})
    assert kind == "Unhandled"
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "nothing_of_the_kind" in error["errorMessage"]


@pytest.mark.behaviour("functions", "a handler that takes too long is ended, and the next call works", INVOKE)
def test_a_timeout(bench: Workbench) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(event['s'])\n    return 'done'"
    function = bench.function(source, Timeout=1)
    error, kind = bench.invoke(function, {"s": 30})
    assert kind == "Unhandled"
    assert "Task timed out after 1.00 seconds" in error["errorMessage"]
    assert bench.invoke(function, {"s": 0}) == ("done", None)


@pytest.mark.behaviour("functions", "an environment is kept warm, also after an error", INVOKE)
def test_an_environment_stays_warm(bench: Workbench) -> None:
    source = reporting("""
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            if event.get("fail"):
                raise ValueError
            return calls
    """)
    function = bench.function(source)
    assert [bench.invoke(function, {})[0], bench.invoke(function, {"fail": 1})[1]] == [1, "Unhandled"]
    assert bench.invoke(function, {})[0] == 3


@pytest.mark.behaviour("functions", "a changed configuration is what the next invocation runs with", INVOKE)
def test_a_changed_configuration_takes_effect(bench: Workbench) -> None:
    function = bench.function("import os\ndef handler(event, context): return os.environ.get('MINE')")
    assert bench.invoke(function, {}) == (None, None)
    client = bench.client("lambda")
    client.update_function_configuration(FunctionName=function, Environment={"Variables": {"MINE": "new"}})
    during = client.get_function_configuration(FunctionName=function)
    assert during["State"] == "Active"
    assert bench.invoke(function, {})[1] is None
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    assert bench.invoke(function, {}) == ("new", None)


@pytest.mark.behaviour("functions", "over its reserved concurrency, a function is throttled", CONCURRENCY)
def test_reserved_concurrency_throttles(bench: Workbench) -> None:
    source = "import time\ndef handler(event, context): time.sleep(event.get('s', 0))"
    function = bench.function(source)
    bench.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    bench.invoke_async(function, {"s": 2})

    def throttled() -> bool:
        try:
            bench.invoke(function, {})
        except ClientError as error:
            assert error.response["Error"]["Code"] == "TooManyRequestsException"
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
            return True
        return False

    bench.eventually(throttled, what="a throttled call")


@pytest.mark.behaviour("functions", "LogType Tail brings the end of the log along", INVOKE)
def test_the_tail_of_the_log(bench: Workbench) -> None:
    function = bench.function("def handler(event, context): print('the last line')")
    answer = bench.client("lambda").invoke(FunctionName=function, Payload=b"{}", LogType="Tail")
    assert "the last line" in base64.b64decode(answer["LogResult"]).decode()


def subscribed(bench: Workbench, function: str, **attributes: str) -> str:
    """A topic that invokes the function."""
    topic = bench.topic()
    bench.client("lambda").add_permission(
        FunctionName=function,
        StatementId=bench.name("topic"),
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    bench.client("sns").subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=bench.arn(function), Attributes=attributes
    )
    return topic


TELL_NOTIFICATION = reporting("""
    def handler(event, context):
        (record,) = event["Records"]
        say(source=record["EventSource"], **{name: record["Sns"].get(name) for name in (
            "Message", "MessageId", "TopicArn", "Subject", "MessageAttributes"
        )})
""")


@pytest.mark.behaviour("functions", "a topic invokes the functions subscribed to it", TOPIC)
def test_a_topic_invokes_its_subscriber(bench: Workbench) -> None:
    function = bench.function(TELL_NOTIFICATION)
    topic = subscribed(bench, function)
    symbol = {"symbol": {"DataType": "String", "StringValue": "BTC"}}
    published = bench.client("sns").publish(
        TopicArn=topic, Message='{"price": 1}', Subject="A price", MessageAttributes=symbol
    )
    assert bench.eventually(lambda: bench.reports(function), what="the message") == [
        {
            "source": "aws:sns",
            "Message": '{"price": 1}',
            "MessageId": published["MessageId"],
            "TopicArn": topic,
            "Subject": "A price",
            "MessageAttributes": {"symbol": {"Type": "String", "Value": "BTC"}},
        }
    ]


@pytest.mark.behaviour("functions", "a function gets what its subscription's filter lets through", TOPIC)
def test_a_topic_filters_for_its_subscriber(bench: Workbench) -> None:
    function = bench.function(TELL_NOTIFICATION)
    topic = subscribed(bench, function, FilterPolicy=json.dumps({"symbol": ["BTC"]}))
    entries = [
        {
            "Id": symbol,
            "Message": json.dumps({"default": "for others", "lambda": symbol}),
            "MessageStructure": "json",
            "MessageAttributes": {"symbol": {"DataType": "String", "StringValue": symbol}},
        }
        for symbol in ("ETH", "BTC", "XRP")
    ]
    bench.client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    records = bench.eventually(lambda: bench.reports(function), what="the message")
    assert [record["Message"] for record in records] == ["BTC"]


@pytest.mark.behaviour("functions", "what a topic's subscriber fails at is tried three times", TOPIC)
def test_a_subscriber_that_fails_is_invoked_again(bench: Workbench) -> None:
    url, arn = bench.queue()
    fail = reporting("""
        def handler(event, context):
            say(request=context.aws_request_id)
            raise ValueError("no")
    """)
    function = bench.function(fail, DeadLetterConfig={"TargetArn": arn})
    bench.client("sns").publish(TopicArn=subscribed(bench, function), Message="last")
    letter = json.loads(bench.message(url)["Body"])
    assert letter["Records"][0]["Sns"]["Message"] == "last"
    requests = [record["request"] for record in bench.reports(function)]
    assert len(requests) == 3 and len({*requests}) == 1


@pytest.mark.behaviour("functions", "a payload that is no JSON is refused", INVOKE)
def test_a_payload_must_be_json(bench: Workbench) -> None:
    function = bench.function("def handler(event, context): return event")
    for wrong in (b"{not json", b"NaN", b'{"a": -Infinity}', b"[" * 100_000):
        with pytest.raises(ClientError) as raised:
            bench.client("lambda").invoke(FunctionName=function, Payload=wrong)
        assert raised.value.response["Error"]["Code"] == "InvalidRequestContentException"


@pytest.mark.behaviour("functions", "a response of more than 6 MB is an error in its place", QUOTAS)
def test_large_responses_are_errors(bench: Workbench) -> None:
    function = bench.function("def handler(event, context): return 'x' * event")
    largest = 6_291_556 - len('""')
    answered, error = bench.invoke(function, largest)
    assert (len(answered), error) == (largest, None)
    answered, error = bench.invoke(function, largest + 1)
    assert (answered["errorType"], error) == ("Function.ResponseSizeTooLarge", "Unhandled")


@pytest.mark.behaviour("functions", "numbers in an event arrive as Python reads them from JSON", INVOKE)
def test_numbers_arrive_as_json_has_them(bench: Workbench) -> None:
    function = bench.function("def handler(event, context): return [repr(x) for x in event]")
    answer = bench.client("lambda").invoke(
        FunctionName=function, Payload=b"[0.1, 1e400, 12345678901234567890]"
    )
    assert json.loads(answer["Payload"].read()) == ["0.1", "inf", "12345678901234567890"]
