"""Alerts: a failure of which several lines tell is one error, and says what it is and where to look."""

import json
from typing import Any

import pytest

from cryptoctl.handlers import error_notifier
from handlers.deliveries import MS, Minutes, alert, delivery, line, report
from handlers.events import enrich
from handlers.fake_aws import FakeAws


def platform(kind: str, status: str, error_type: str = "", request: str = "") -> dict[str, Any]:
    record = {"requestId": request, "status": status, "errorType": error_type}
    report = {"type": f"platform.{kind}", "record": {name: text for name, text in record.items() if text}}
    return {"timestamp": MS, "message": json.dumps(report)}


IMPORT, TIMEOUT = "Runtime.ImportModuleError", "Sandbox.Timedout"
OWN = line("denied", requestId="r", errorType="RetryError")
NOT_IMPORTED = {
    "timestamp": MS,
    "message": json.dumps(
        {"log_level": "ERROR", "errorType": IMPORT, "errorMessage": "no module", "requestId": ""}
    ),
}
ONE_FAILURE: dict[str, tuple[list[dict[str, Any]], str]] = {  # Lambda's lines; what the alert says of them
    "retried": ([OWN, platform("runtimeDone", "failure", request="r"), report("error")], "denied"),
    "timeout": (
        [platform("runtimeDone", "timeout", request="r"), report("timeout", errorType=TIMEOUT)],
        f"platform.report: timeout\n   {TIMEOUT}",
    ),
    "crash": (
        [platform("runtimeDone", "error", request="r"), report("error", errorType="Runtime.ExitError")],
        "platform.report: error\n   Runtime.ExitError",
    ),
    "crash, told first with its type": (
        [platform("runtimeDone", "error", "Runtime.ExitError", "r"), report("error")],
        "platform.runtimeDone: error\n   Runtime.ExitError",
    ),
    "import": (
        [
            NOT_IMPORTED,
            platform("initRuntimeDone", "error", IMPORT),
            platform("initReport", "error", IMPORT),
            report("error", errorType=IMPORT),
        ],
        f"{IMPORT}: no module",
    ),
    "start": (
        [
            platform("initRuntimeDone", "error", "Runtime.Unknown"),
            platform("initReport", "error", "Runtime.Unknown"),
        ],
        "platform.initRuntimeDone: error\n   Runtime.Unknown",
    ),
}


@pytest.mark.parametrize("name", ONE_FAILURE)
def test_one_failure_of_which_several_lines_tell_is_one_error(aws: FakeAws, name: str) -> None:
    events, expected = ONE_FAILURE[name]
    text = alert(aws, delivery(logEvents=events))["Message"]
    assert text.startswith("1 error in webhook-processor-prod\n")
    assert expected in text


@pytest.mark.parametrize("name", ["retried", "timeout", "crash", "start"])
def test_one_failure_whose_lines_come_one_by_one_is_one_error_each_time_it_occurs(
    aws: FakeAws, minutes: Minutes, name: str
) -> None:
    for _ in range(3):
        results = [
            error_notifier.handler(delivery(logEvents=[event]), None) for event in ONE_FAILURE[name][0]
        ]
        assert [result["events"] for result in results] == [1] + [0] * (len(results) - 1)
        minutes.minute += 20
    assert len(aws.announced) == 3


def test_the_command_reaches_back_to_what_was_held_back(aws: FakeAws, minutes: Minutes) -> None:
    error_notifier.handler(delivery(logEvents=[line("a")]), None)
    for seconds in (20, 10, 30):
        error_notifier.handler(delivery(logEvents=[line("a", MS + seconds * 1000)]), None)
    minutes.minute += 60
    error_notifier.handler(delivery(logEvents=[line("b", MS + 3_600_000)]), None)
    text = aws.announced[-1]["Message"]
    assert "Since:       2023-02-02T10:20:00Z" in text and "3 more since the last alert" in text
    assert "--since 2023-02-02T09:20:10Z\n" in text
    minutes.minute += 60
    error_notifier.handler(delivery(logEvents=[line("c", MS + 7_200_000)]), None)
    assert "--since 2023-02-02T11:20:00Z\n" in aws.announced[-1]["Message"]


def test_damaged_deliveries_are_alerts_within_the_cap_that_lead_to_this_functions_log(
    aws: FakeAws, minutes: Minutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "error-notifier-prod")
    for n in range(50):
        error_notifier.handler({"awslogs": {"data": "!" * n}}, None)
    assert 1 <= len(aws.announced) <= 5
    assert "cryptoctl logs error-notifier-prod --env test --since 1970-01-01T" in aws.announced[0]["Message"]


def test_of_a_record_that_is_set_aside_the_alert_says_which_symbol_and_why(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}})
    aws.put({"symbol": {"S": "ETH"}, "timestamp": {"N": "5"}, "price": {"N": "-1"}})
    enrich(aws.inserts())
    errors = [line for line in capsys.readouterr().out.splitlines() if '"ERROR"' in line]
    message = alert(aws, delivery(*errors))
    assert "2 errors in webhook-processor-prod, 2 causes" in message["Message"]
    assert "it has no price" in message["Subject"]
    for part in ("its price is not greater than 0", "Symbol: BTC", "Symbol: ETH"):
        assert part in message["Message"]


def test_failed_starts_of_two_functions_are_two(aws: FakeAws) -> None:
    starts = (("webhook-processor-prod", "initReport"), ("price-enricher-prod", "initRuntimeDone"))
    for function, kind in starts * 2:
        events = [platform(kind, "error", IMPORT)]
        error_notifier.handler(delivery(logGroup=f"/aws/lambda/{function}", logEvents=events), None)
    subjects = [message["Message"].splitlines()[0] for message in aws.announced]
    assert [sum(function in line for line in subjects) for function in ("webhook", "enricher")] == [1, 1]
