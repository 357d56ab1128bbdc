"""The subscription filters' pattern: what wakes error-notifier, in the words of Lambda itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.error_filter import ERROR_PATTERN
from cryptoctl.handlers import logs
from cryptoctl.local.functions.environment import OUT_OF_MEMORY
from cryptoctl.local.functions.function import FunctionConfig
from cryptoctl.local.functions.platform_log import PlatformLog
from cryptoctl.local.logs.patterns import compile_pattern
from handlers.events import enrich, http, send, send_prices
from handlers.fake_aws import FakeAws, FaultError

matches = compile_pattern(ERROR_PATTERN)


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
    "a part given back": json.dumps(
        {"level": "WARNING", "message": logs.RETRY_MESSAGE, "errorType": "X"}, separators=(",", ":")
    ),
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
    "a part given back, by a sender": json.dumps(
        {"level": "INFO", "symbol": f'"message":"{logs.RETRY_MESSAGE}"'}
    ),
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
    assert len(ERROR_PATTERN) <= 1024


FUNCTION: dict[str, Any] = {
    "name": "f",
    "arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
    "region": "us-east-1",
    "version": "$LATEST",
    "state": "Active",
    "runtime": "python3.14",
    "handler": "f.handler",
    "code": Path("f"),
    "timeout_s": 30.0,
    "memory_mb": 128,
    "variables": {},
    "log_level": "INFO",
    "system_log_level": "INFO",
    "log_group": "/aws/lambda/f",
    "reserved": None,
    "dead_letters": None,
    "key": "",
}
BAD_ENDS = {
    "timeout": ("Sandbox.Timedout", "timeout", "timeout"),
    "out of memory": ("Runtime.OutOfMemory", OUT_OF_MEMORY, "error"),
    "crash": ("Runtime.ExitError", "signal: segmentation fault", "error"),
}


def engine_lines(json_logs: bool, bad_end: str = "", status: str = "success") -> list[str]:
    lines: list[str] = []
    function = FunctionConfig(**FUNCTION, json_logs=json_logs)
    log = PlatformLog(function, "r", lambda _moment, texts: lines.extend(texts))
    log.init()
    log.start()
    if bad_end:
        error_type, how, status = BAD_ENDS[bad_end]
        log.environment_lost(error_type, how, 1.0, status)
    else:
        log.report(1.0, status)
    return lines


@pytest.mark.parametrize("json_logs", [True, False], ids=["json", "text"])
@pytest.mark.parametrize("bad_end", BAD_ENDS)
def test_every_bad_end_on_the_embedded_engine_matches(bad_end: str, json_logs: bool) -> None:
    assert [text for text in engine_lines(json_logs, bad_end) if matches(text)]


@pytest.mark.parametrize("json_logs", [True, False], ids=["json", "text"])
def test_on_the_embedded_engine_a_failure_matches_and_a_success_does_not(json_logs: bool) -> None:
    assert [text for text in engine_lines(json_logs, status="error") if matches(text)]
    assert not [text for text in engine_lines(json_logs) if matches(text)]


def down(operation: str, moment: str) -> None:
    if operation in ("Query", "PutItem"):
        raise FaultError("InternalServerError")


def test_the_handlers_own_lines_of_what_will_be_retried_do_not_match(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
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
