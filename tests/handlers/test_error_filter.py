"""The subscription filters' pattern: what wakes error-notifier, in the words of Lambda itself."""

import json
from typing import Any

import pytest

from cryptoctl.handlers import logs
from cryptoctl.local.logs.patterns import compile_pattern
from cryptoctl.stack import ERRORS
from handlers.events import enrich, http, send, send_prices
from handlers.fake_aws import FakeAws, FaultError

matches = compile_pattern(ERRORS)


def report(kind: str = "platform.report", **record: Any) -> str:
    line = {"time": "2026-11-26T00:00:00.000Z", "type": kind, "record": {"requestId": "r", **record}}
    return json.dumps(line, separators=(",", ":"))


WAKES = {
    "our error": '{"timestamp":"t","level":"ERROR","message":"request not stored"}',
    "the runtime's error": '{"timestamp": "t", "level": "ERROR", "message": "x", "errorType": "KeyError"}',
    "critical": '{"timestamp":"t","level":"CRITICAL","message":"x"}',
    "text format": "[ERROR] KeyError: 'x'\nTraceback (most recent call last):",
    "timeout": "2026-11-26T00:00:00.000Z r Task timed out after 30.00 seconds",
    "timeout, report": report(status="timeout"),
    "out of memory": report(status="error", errorType="Runtime.OutOfMemory"),
    "crash": report(status="error", errorType="Runtime.ExitError"),
    "crash while starting": report("platform.initReport", status="error", errorType="Runtime.ExitError"),
    "crash, of the runtime": report("platform.runtimeDone", status="failure", errorType="Runtime.ExitError"),
    "failure": report(status="failure"),
    "crash, text": "RequestId: r Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
    "exit, text": "RequestId: r Error: Runtime exited without providing a reason\nRuntime.ExitError",
    "exit, old text": "RequestId: r Process exited before completing request",
    "start too slow, text": "INIT_REPORT Init Duration: 10008.81 ms\tPhase: init\tStatus: timeout",
    "report, text": "REPORT RequestId: r\tDuration: 1 ms\tStatus: error\tError Type: Runtime.OutOfMemory",
}
SLEEPS = {
    "info about errors": '{"timestamp":"t","level":"INFO","message":"error rates: 0 errors, no timeout"}',
    "a warning": '{"timestamp":"t","level":"WARNING","message":"will be tried again","errorType":"X"}',
    "success": report(status="success"),
    "quoted by a sender": json.dumps({"level": "INFO", "message": '{"level":"ERROR"} "status":"error"'}),
    "metrics": '{"_aws":{},"Failed":1,"Function":"x"}',
}


@pytest.mark.parametrize("name", WAKES)
def test_every_bad_end_matches(name: str) -> None:
    assert matches(WAKES[name])


@pytest.mark.parametrize("name", SLEEPS)
def test_what_is_no_error_does_not_match(name: str) -> None:
    assert not matches(SLEEPS[name])


def test_the_pattern_is_as_short_as_cloudwatch_wants_it() -> None:
    assert len(ERRORS) <= 1024


def down(operation: str, moment: str) -> None:
    if operation in ("Query", "PutItem"):
        raise FaultError("InternalServerError")


def test_what_will_be_tried_again_wakes_nobody(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    send_prices({"symbol": "BTC"}, {"symbol": "ETH"})
    aws.fault = down
    for call in (
        lambda: enrich(aws.inserts()),
        lambda: send({"body": '{"symbol":"X","price":1,"exchange":"x"}'}),
    ):
        with pytest.raises(logs.RetryError):
            call()
    lines = capsys.readouterr().out.splitlines()
    assert sum("will be tried again" in line and "stackTrace" in line for line in lines) == 3
    assert not [line for line in lines if matches(line)]


def test_what_is_given_up_wakes(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}})
    enrich(aws.inserts())
    aws.fault = down
    assert send(http('{"symbol":"X","price":1,"exchange":"x"}'))[0] == 503
    assert len([line for line in capsys.readouterr().out.splitlines() if matches(line)]) == 2
