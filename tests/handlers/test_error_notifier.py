"""The error notifier: one alert that a person can read, whatever came."""

import base64
import gzip
import io
import json
import logging
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptoctl.handlers import error_notifier, log_events, logs
from handlers.deliveries import MS, Minutes, alert, delivery, line, packed, report
from handlers.fake_aws import FakeAws, FaultError

OUR_LINE = json.dumps(
    {
        "timestamp": "2026-11-22T21:20:00.000001+00:00",
        "level": "ERROR",
        "message": "request not stored",
        "logger": "cryptoctl.webhook_processor",
        "requestId": "req-1",
        "errorType": "NotStoredError",
        "errorMessage": "the time was up",
        "stackTrace": "Traceback (most recent call last):\n  File x\nNotStoredError",
    },
    separators=(",", ":"),
)


def test_an_alert_says_what_where_when_and_where_to_look(aws: FakeAws) -> None:
    message = alert(aws, delivery(OUR_LINE))
    assert message["TopicArn"].endswith(":alerts")
    assert message["Subject"] == "[test] webhook-processor-prod: request not stored"
    for part in (
        "webhook-processor-prod",
        "Environment: test",
        "2026-11-22T21:20:00",
        "request not stored",
        "NotStoredError: the time was up",
        "Request id: req-1",
        "Traceback",
        "cryptoctl logs webhook-processor-prod --env test --since 2023-02-02T09:20:00Z\n",
    ):
        assert part in message["Message"]


def test_several_events_make_one_alert(aws: FakeAws) -> None:
    message = alert(aws, delivery("plain text", OUR_LINE, OUR_LINE))
    text = message["Message"]
    assert message["Subject"] == "[test] webhook-processor-prod: 3 errors: request not stored"
    assert "3 errors in webhook-processor-prod, 2 causes" in text
    assert re.search(r"1\. 2 times, 2026-11-22T21:20:00\S+ to \S+  request not stored", text)
    assert "2. 2023-02-02T09:20:00.138+00:00  plain text" in text


def test_of_a_traceback_that_is_text_the_error_is_told(aws: FakeAws) -> None:
    message = alert(aws, delivery("Traceback (most recent call last):\n  File x\nValueError: no"))
    assert message["Subject"] == "[test] webhook-processor-prod: ValueError: no"
    assert "  File x\n" in message["Message"]


def test_a_traceback_in_a_sender_s_text_does_not_stand_for_the_error(aws: FakeAws) -> None:
    text = "Traceback (most recent call last):\n  File x\nAll is well: no"
    unhandled = line("", errorType="KeyError", errorMessage=f"\n{text}", requestId="r")
    assert (
        alert(aws, delivery(logEvents=[unhandled]))["Subject"] == "[test] webhook-processor-prod: KeyError:"
    )


def test_what_stands_before_a_traceback_is_told_too(aws: FakeAws) -> None:
    text = "not sent:\nTraceback (most recent call last):\n  File x\nValueError: no"
    subject = alert(aws, delivery(logEvents=[line(text)]))["Subject"]
    assert subject == "[test] webhook-processor-prod: not sent: ValueError: no"


def test_lambda_s_own_lines_are_understood(aws: FakeAws) -> None:
    unhandled: dict[str, Any] = {"timestamp": "t1", "level": "ERROR", "requestId": "r", "message": "'x'"}
    unhandled |= {"errorType": "KeyError", "errorMessage": "'x'", "stackTrace": ["  File a", "  File b"]}
    timeout = {"time": "t2", "type": "platform.report", "record": {"requestId": "r2", "status": "timeout"}}
    text = alert(
        aws,
        delivery(json.dumps(unhandled), json.dumps(timeout), "2026 r3 Task timed out after 30.00 seconds\n"),
    )["Message"]
    for part in ("KeyError: 'x'", "File b", "platform.report: timeout", "Request id: r2", "Task timed out"):
        assert part in text


UNREADABLE: list[Any] = [
    None,
    5,
    [],
    {},
    {"awslogs": None},
    {"awslogs": {"data": 5}},
    {"awslogs": {"data": "!"}},
]
UNREADABLE += [packed(content) for content in (b"{", b"[]", b"\xff", b"[" * 100_000)]
UNREADABLE += [{"awslogs": {"data": base64.b64encode(b"x").decode()}}]
UNREADABLE += [{"awslogs": {"data": base64.b64encode(gzip.compress(b"{}")[:-9]).decode()}}]


@pytest.mark.parametrize("event", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_cannot_be_read_is_an_alert_of_its_own(aws: FakeAws, event: Any) -> None:
    assert "cannot be read" in alert(aws, event)["Subject"]


@pytest.mark.parametrize(
    "event",
    [delivery(messageType="CONTROL_MESSAGE"), delivery(), delivery(logEvents=5), delivery(logEvents=None)],
    ids=range(4),
)
def test_a_delivery_without_errors_is_no_alert(aws: FakeAws, event: Any) -> None:
    assert error_notifier.handler(event, None) == {"alerts": 0, "events": 0}
    assert not aws.announced


def test_a_flood_of_long_errors_is_cut_to_what_the_topic_takes(aws: FakeAws) -> None:
    text = alert(aws, delivery(*["é€😀" * 20_000] * 30))["Message"]
    assert text.endswith("cut off here; the log has the rest")


def test_a_decompression_bomb_is_not_unpacked(aws: FakeAws) -> None:
    assert "cannot be read" in alert(aws, packed(b'{"a":"' + b"x" * 50_000_000 + b'"}'))["Subject"]


def test_an_alert_that_the_topic_refuses_is_tried_again_by_lambda(aws: FakeAws) -> None:
    def no_topic(operation: str, moment: str) -> None:
        raise FaultError("InternalError")

    aws.fault = no_topic
    with pytest.raises(ClientError):
        error_notifier.handler(delivery("x"), None)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["message", "timestamp", "record", "type", "stackTrace", "errorType", "status"]),
            inner,
        )
    ),
)


@pytest.mark.thorough
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(anything, min_size=1, max_size=3), anything, st.booleans())
def test_events_of_any_shape_make_an_alert(aws: FakeAws, events: list[Any], group: Any, lines: bool) -> None:
    aws.announced.clear()
    error_notifier.windows.clear()
    sent = [{"message": json.dumps(event)} for event in events] if lines else events
    alert(aws, delivery(logEvents=sent, logGroup=group, logStream=group))


def test_our_own_error_lines_reach_the_alert_in_full(aws: FakeAws) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("test_error_notifier")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        raise ArithmeticError("no average")
    except ArithmeticError:
        logger.exception("enrichment failed")
    text = alert(aws, delivery(stream.getvalue()))["Message"]
    assert "enrichment failed" in text and "ArithmeticError: no average" in text


def test_one_cause_is_told_once_however_often_it_occurs(aws: FakeAws) -> None:
    events = [line(f"price {n} lost in request 6f7c5d1e-0000-4000-8000-{n:012}", MS + n) for n in range(12)]
    message = alert(aws, delivery(logEvents=events))
    assert message["Subject"].startswith("[test] webhook-processor-prod: 12 times: price 0 lost")
    assert len(re.findall(r"^\d+\. ", message["Message"], re.MULTILINE)) == 1


RETRIED = line("slow", requestId="r", errorType="RetryError", errorMessage="slow")


DENIED = "User: arn:aws:sts::123456789012:assumed-role/x is not authorized to perform: dynamodb:PutItem"


def attempt(price: int) -> list[dict[str, Any]]:
    """What one attempt of an asynchronous invocation, which Lambda retries, brings to the notifier."""
    request = f"request-{price}"
    failure = line(DENIED, errorType="RetryError", errorMessage=DENIED, requestId=request)
    return [failure, report("error", request)]


def test_an_invocation_that_lambda_retries_is_an_alert_that_leads_to_the_dead_letters(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    message = alert(aws, delivery(logEvents=[*attempt(1), *attempt(2)]))
    assert message["Subject"].startswith("[test] webhook-processor-prod: being retried: 2 times: User: arn:")
    for part in (
        "2 errors in webhook-processor-prod\n",
        DENIED,
        "2 invocations of webhook-processor-prod failed with this.\n",
        "Lambda retries them; what still fails becomes a dead letter. Look with:\n",
        "   cryptoctl dlq list --env test --region eu-central-1\n",
        "cryptoctl logs webhook-processor-prod --env test --since ",
    ):
        assert part in message["Message"]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_eight_failing_prices_with_three_attempts_each_are_one_alert(
    aws: FakeAws, minutes: Minutes, size: int
) -> None:
    events: list[dict[str, Any]] = []
    for _ in range(3):
        for price in range(8):
            events += attempt(price)
    for at in range(0, len(events), size):
        error_notifier.handler(delivery(logEvents=events[at : at + size]), None)
        minutes.minute += at % 3  # Lambda waits a minute and two between the attempts
        minutes.minute = min(minutes.minute, 110)
    assert len(aws.announced) == 1
    minutes.minute = 116
    error_notifier.handler(delivery(logEvents=attempt(9)), None)
    assert len(aws.announced) == 2
    held_back = 24 - len([event for event in events[:size] if "RetryError" in event["message"]])
    assert f"Held back:   {held_back} more since the last alert" in aws.announced[-1]["Message"]


def test_what_is_raised_to_be_retried_is_told_by_what_went_wrong(aws: FakeAws) -> None:
    runtime_s = line("", requestId="r", errorType="RetryError", errorMessage="no topic")
    subject = alert(aws, delivery(logEvents=[runtime_s]))["Subject"]
    assert subject == "[test] webhook-processor-prod: being retried: no topic"


def test_another_cause_is_told_while_one_is_being_retried(aws: FakeAws, minutes: Minutes) -> None:
    error_notifier.handler(delivery(logEvents=attempt(1)), None)
    error_notifier.handler(delivery(logEvents=[*attempt(2), line("lost", requestId="q")]), None)
    text = aws.announced[-1]["Message"]
    assert len(aws.announced) == 2
    assert "lost" in text and DENIED not in text and "Held back:   1 more" in text


def test_what_is_given_up_is_told_before_what_is_retried(aws: FakeAws) -> None:
    message = alert(aws, delivery(logEvents=[*attempt(1), *attempt(2), line("lost", requestId="q")]))
    assert message["Subject"].endswith("3 errors: lost")
    assert re.search(r"^1\. .*lost$", message["Message"], re.MULTILINE)


@pytest.mark.parametrize("level", ["WARNING", "WARN", "INFO", "DEBUG", "TRACE"])
def test_a_line_below_error_that_matches_by_chance_is_no_alert(aws: FakeAws, level: str) -> None:
    event = line("prices taken in", level=level, symbols=["[ERROR]"], requestId="q")
    assert error_notifier.handler(delivery(logEvents=[event]), None) == {"alerts": 0, "events": 0}


def test_the_memory_of_causes_is_bounded(aws: FakeAws, minutes: Minutes) -> None:
    letters = "abcdefghijkl"
    events = [line(f"x{a}{b}{c}") for a in letters for b in letters for c in letters]
    error_notifier.handler(delivery(logEvents=events), None)
    assert len(error_notifier.windows["webhook-processor-prod"].quiet_until) == 1000


@pytest.mark.parametrize("status", ["failure", "error"])
def test_lambda_s_report_in_a_later_delivery_than_the_function_s_own_line_is_no_alert(
    aws: FakeAws, status: str
) -> None:
    error_notifier.handler(delivery(logEvents=[RETRIED, line("lost", requestId="q")]), None)
    later = delivery(logEvents=[report(status), report(status, "q")])
    assert error_notifier.handler(later, None) == {"alerts": 0, "events": 0}
    assert len(aws.announced) == 1


def test_lambda_s_report_of_a_failure_is_not_told_beside_the_function_s_own_line(aws: FakeAws) -> None:
    text = alert(aws, delivery(logEvents=[report("failure", "q"), line("lost", requestId="q")]))["Message"]
    assert "1 error in" in text and "platform.report" not in text


def test_a_report_of_a_failure_of_which_nothing_else_tells_is_an_alert(aws: FakeAws) -> None:
    events = [RETRIED, report("failure", "other")]
    assert "platform.report: failure" in alert(aws, delivery(logEvents=events))["Message"]


PLATFORM = [  # as Lambda's own lines say it
    {"status": "timeout"},
    {"status": "error", "errorType": "Runtime.OutOfMemory"},
    {"status": "error", "errorType": "Runtime.ExitError"},
    {"status": "failure", "errorType": "Runtime.ExitError"},
]


@pytest.mark.parametrize("record", PLATFORM, ids=str)
def test_an_end_of_the_process_is_an_alert(aws: FakeAws, record: dict[str, str]) -> None:
    events = [line("other", requestId="r"), report(request="r", **record)]
    text = alert(aws, delivery(logEvents=events))["Message"]
    assert f"platform.report: {record['status']}" in text
    assert record.get("errorType", "timeout") in text


def test_the_command_looks_from_the_first_event_on_and_in_the_functions_region(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    events = [line("x", MS + 60_000), line("x", MS), {"message": "no time"}, line("y", 10**30)]
    text = alert(aws, delivery(logEvents=events))["Message"]
    assert "--env test --since 2023-02-02T09:20:00Z --region eu-central-1\n" in text


def test_where_no_event_has_a_time_the_command_looks_ten_minutes_back(aws: FakeAws) -> None:
    assert "--since 10m" in alert(aws, delivery(logEvents=[{"message": "x"}]))["Message"]


def test_the_same_cause_is_told_again_only_in_another_minute_with_what_was_held_back(
    aws: FakeAws, minutes: Minutes
) -> None:
    for _ in range(7):
        error_notifier.handler(delivery(OUR_LINE, OUR_LINE), None)
    assert len(aws.announced) == 1
    minutes.minute += 1
    error_notifier.handler(delivery(OUR_LINE), None)
    assert len(aws.announced) == 2
    assert "12 more since the last alert" in aws.announced[-1]["Message"]
    minutes.minute += 1
    error_notifier.handler(delivery(OUR_LINE), None)
    assert "Held back" not in aws.announced[-1]["Message"]


def test_a_flood_of_different_errors_is_five_alerts_in_a_minute_and_the_last_says_so(
    aws: FakeAws, minutes: Minutes
) -> None:
    for n in range(50):
        error_notifier.handler(delivery("error " + chr(97 + n % 26) * (n + 1)), None)
    assert len(aws.announced) == 5
    counted = ["held back, and counted" in message["Message"] for message in aws.announced]
    assert counted == [False] * 4 + [True]


def test_one_function_s_flood_holds_back_no_other_s_alert(aws: FakeAws, minutes: Minutes) -> None:
    for n in range(50):
        error_notifier.handler(delivery(chr(97 + n % 26) * (n + 1)), None)
    error_notifier.handler(delivery("x", logGroup="/aws/lambda/price-enricher-prod"), None)
    assert "price-enricher-prod" in aws.announced[-1]["Subject"]


def test_an_alert_that_was_refused_is_not_held_back_when_it_comes_again(
    aws: FakeAws, minutes: Minutes
) -> None:
    def no_topic(operation: str, moment: str) -> None:
        raise FaultError("InternalError")

    aws.fault = no_topic
    with pytest.raises(ClientError):
        error_notifier.handler(delivery(OUR_LINE), None)
    aws.fault = lambda operation, moment: None
    assert error_notifier.handler(delivery(OUR_LINE), None)["alerts"] == 1


def test_a_part_of_a_batch_that_is_given_back_is_an_alert_though_its_line_is_a_warning() -> None:
    line = {
        "level": "WARNING",
        "message": logs.RETRY_MESSAGE,
        "requestId": "r",
        "errorType": "ThrottlingError",
    }
    events = [log_events.read({"message": json.dumps(line), "timestamp": 1})]
    [event] = log_events.worth_an_alert(events, logged_requests=())
    assert event.will_be_retried
