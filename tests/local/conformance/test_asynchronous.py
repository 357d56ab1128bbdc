"""Asynchronous invocations: retries, dead letters, destinations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.workbench import Workbench, reporting

RETRIES = "Lambda developer guide: How Lambda handles errors and retries with asynchronous invocation"
DEAD_LETTERS = "Lambda developer guide: Adding a dead-letter queue"
DESTINATIONS = "Lambda developer guide: Capturing records of Lambda asynchronous invocations"

FAIL = reporting("""
    def handler(event, context):
        say(request=context.aws_request_id, event=event)
        raise ValueError("it " + "failed " * 300)
""")
ODD = reporting("""
    def handler(event, context):
        raise ValueError("no " + chr(27) + "[1m " + chr(0xFFFF) + chr(9) + chr(0xFC))
""")
ECHO = reporting("""
    def handler(event, context):
        say(request=context.aws_request_id, event=event)
        return {"echo": event}
""")


def configure(bench: Workbench, function: str, **settings: Any) -> None:
    bench.client("lambda").put_function_event_invoke_config(FunctionName=function, **settings)


@pytest.mark.behaviour(
    "asynchronous", "the answer comes at once, the function runs once when it succeeds", RETRIES
)
def test_a_successful_event_runs_once(bench: Workbench) -> None:
    function = bench.function(ECHO)
    request = bench.invoke_async(function, {"a": 1})
    bench.eventually(lambda: bench.reports(function), what="the invocation")
    assert bench.reports(function) == [{"request": request, "event": {"a": 1}}]


@pytest.mark.behaviour("asynchronous", "a failing event is tried three times under one request id", RETRIES)
def test_every_attempt_has_the_same_request_id(bench: Workbench) -> None:
    url, arn = bench.queue()
    function = bench.function(FAIL, DeadLetterConfig={"TargetArn": arn})
    request = bench.invoke_async(function, {})
    bench.message(url)
    assert [record["request"] for record in bench.reports(function)] == [request] * 3


@pytest.mark.behaviour(
    "asynchronous", "the DLQ gets the event itself; id, code and message as attributes", DEAD_LETTERS
)
def test_the_dead_letter_is_the_event(bench: Workbench) -> None:
    url, arn = bench.queue()
    function = bench.function(FAIL, DeadLetterConfig={"TargetArn": arn})
    configure(bench, function, MaximumRetryAttempts=0)
    request = bench.invoke_async(function, {"price": 50000.0, "symbol": "BTC"})
    letter = bench.message(url)
    assert json.loads(letter["Body"]) == {"price": 50000.0, "symbol": "BTC"}
    attributes = letter["MessageAttributes"]
    assert attributes["RequestID"] == {"DataType": "String", "StringValue": request}
    assert attributes["ErrorCode"]["DataType"] == "Number"
    assert attributes["ErrorCode"]["StringValue"] == "200"
    message = attributes["ErrorMessage"]["StringValue"]
    assert message.startswith("it failed")
    assert len(message.encode()) == 1024


@pytest.mark.behaviour(
    "asynchronous", "an error message with characters that SQS refuses loses no event", DEAD_LETTERS
)
def test_an_error_message_with_a_control_character(bench: Workbench) -> None:
    url, arn = bench.queue()
    function = bench.function(ODD, DeadLetterConfig={"TargetArn": arn})
    configure(bench, function, MaximumRetryAttempts=0)
    bench.invoke_async(function, {"a": 1})
    assert bench.message(url)["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no ?[1m ?\t\u00fc"


@pytest.mark.behaviour("asynchronous", "MaximumRetryAttempts 0 means one attempt", RETRIES)
def test_no_retries(bench: Workbench) -> None:
    url, arn = bench.queue()
    function = bench.function(FAIL, DeadLetterConfig={"TargetArn": arn})
    configure(bench, function, MaximumRetryAttempts=0)
    bench.invoke_async(function, {})
    bench.message(url)
    assert len(bench.reports(function)) == 1


@pytest.mark.behaviour("asynchronous", "on success, the destination gets AWS's envelope", DESTINATIONS)
def test_on_success(bench: Workbench) -> None:
    url, arn = bench.queue()
    function = bench.function(ECHO)
    configure(bench, function, DestinationConfig={"OnSuccess": {"Destination": arn}})
    request = bench.invoke_async(function, {"a": 1})
    record = json.loads(bench.message(url)["Body"])
    assert record["version"] == "1.0"
    context = record["requestContext"]
    assert context["requestId"] == request
    assert context["functionArn"] == bench.arn(function) + ":$LATEST"
    assert (context["condition"], context["approximateInvokeCount"]) == ("Success", 1)
    assert record["requestPayload"] == {"a": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] == {"echo": {"a": 1}}


@pytest.mark.behaviour(
    "asynchronous", "after a failure both destination and DLQ are told, where both are set", DESTINATIONS
)
def test_on_failure_and_dead_letters(bench: Workbench) -> None:
    (dlq, dlq_arn), (url, arn) = bench.queue(), bench.queue()
    function = bench.function(FAIL, DeadLetterConfig={"TargetArn": dlq_arn})
    configure(bench, function, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": arn}})
    request = bench.invoke_async(function, {"a": 1})
    record = json.loads(bench.message(url)["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert bench.message(dlq)["MessageAttributes"]["RequestID"]["StringValue"] == request


@pytest.mark.behaviour("asynchronous", "a function can be another's destination", DESTINATIONS)
def test_a_function_as_destination(bench: Workbench) -> None:
    second, first = bench.function(ECHO), bench.function(ECHO)
    configure(bench, first, DestinationConfig={"OnSuccess": {"Destination": bench.arn(second)}})
    bench.invoke_async(first, {"a": 1})
    bench.eventually(lambda: bench.reports(second), what="the second function's invocation")
    assert bench.reports(second)[0]["event"]["responsePayload"] == {"echo": {"a": 1}}


@pytest.mark.torture  # the youngest age that AWS takes is a minute
@pytest.mark.behaviour("asynchronous", "an event that waited too long is given up, and told of", RETRIES)
def test_an_event_that_grows_too_old_is_given_up(bench: Workbench) -> None:
    (dlq, dlq_arn), (url, arn) = bench.queue(), bench.queue()
    function = bench.function(ECHO, DeadLetterConfig={"TargetArn": dlq_arn})
    bench.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    destination = {"OnFailure": {"Destination": arn}}
    configure(bench, function, MaximumEventAgeInSeconds=60, DestinationConfig=destination)
    bench.invoke_async(function, {"a": 1})
    letter = bench.eventually(lambda: bench.messages(url), within_s=150, what="the record of the failure")[0]
    record = json.loads(letter["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestPayload"] == {"a": 1}
    assert json.loads(bench.message(dlq)["Body"]) == {"a": 1}
    assert bench.reports(function) == []


@pytest.mark.behaviour("asynchronous", "a throttled event waits; that is no attempt", RETRIES)
def test_a_throttled_event_waits(bench: Workbench) -> None:
    function = bench.function(ECHO)
    client = bench.client("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    configure(bench, function, MaximumRetryAttempts=0)
    bench.invoke_async(function, {"late": True})
    with pytest.raises(client.exceptions.TooManyRequestsException):
        bench.invoke(function, {})
    client.delete_function_concurrency(FunctionName=function)
    bench.eventually(lambda: bench.reports(function), what="the late invocation")
    assert bench.reports(function)[0]["event"] == {"late": True}
