"""What the functions print: a JSON line for each record, metrics in the embedded format, no secrets."""

import json
import subprocess
import sys
import textwrap
from datetime import datetime
from typing import Any

import pytest

from cryptoctl.handlers import logs, metrics
from handlers.events import GOOD, Context, Mapping, http, send, send_prices
from handlers.fake_aws import FakeAws, FaultError

UNITS = {"Seconds", "Microseconds", "Milliseconds", "Bytes", "Percent", "Count", "Count/Second", "None"}


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in printed(capsys) if "_aws" not in line]


def metric_values(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Metric → value of the lines without a further dimension, each checked against the specification."""
    metrics: dict[str, Any] = {}
    for line in lines:
        if "_aws" in line:
            check_embedded_metric_format(line)
            if "Reason" not in line:
                names = [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
                metrics |= {name: line[name] for name in names}
    return metrics


def check_embedded_metric_format(line: dict[str, Any]) -> None:
    """The schema of the embedded metric format, and the limits its specification names."""
    assert isinstance(line["_aws"]["Timestamp"], int) and line["_aws"]["Timestamp"] > 10**12
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Namespace"]) <= 1024
        assert directive["Dimensions"] and 1 <= len(directive["Metrics"]) <= 100
        for dimensions in directive["Dimensions"]:
            assert 1 <= len(dimensions) <= 30 and len(set(dimensions)) == len(dimensions)
            for name in dimensions:
                assert isinstance(line[name], str) and 1 <= len(line[name]) <= 1024 and line[name].isascii()
        for metric in directive["Metrics"]:
            assert set(metric) == {"Name", "Unit"} and metric["Unit"] in UNITS
            values = line[metric["Name"]]
            values = values if isinstance(values, list) else [values]
            assert 1 <= len(values) <= 100
            assert all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def test_a_line_has_the_fields_that_lambda_s_own_lines_have(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "webhook-processor-test")
    _, answer = send(GOOD, Context())
    (line,) = log_lines(capsys)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {
        "level": "INFO",
        "message": "prices taken in",
        "logger": "cryptoctl.webhook_processor",
        "function": "webhook-processor-test",
        "requestId": Context().aws_request_id,
        "received": 1,
        "stored": 1,
        "symbols": ["BTC"],
        "keys": {"BTC": [answer["sort_key"]]},
    }


def test_only_an_error_is_written_as_the_subscription_filter_looks_for_it(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    send({**GOOD, "symbol": '"level":"ERROR"'})
    send({**GOOD, "exchange": "Traceback"})
    assert '"level":"ERROR"' not in capsys.readouterr().out

    def down(operation: str, moment: str) -> None:
        raise FaultError("InternalServerError")

    aws.fault = down
    send(http(json.dumps(GOOD)))
    assert '"level":"ERROR"' in capsys.readouterr().out


def test_a_bad_request_is_a_warning_without_what_was_sent(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    send(http('{"symbol":"BTC","price":"hunter2","exchange":"x"}', headers={"authorization": "hunter2"}))
    send(http("hunter2"))
    send_prices({"price": "hunter2"}, {"symbol": "hunter2é"})
    text = capsys.readouterr().out
    assert "hunter2" not in text
    assert text.count('"level":"WARNING"') == 3


def test_an_error_line_carries_type_message_and_traceback_on_one_line(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(operation: str, moment: str) -> None:
        if operation == "PutItem":
            raise FaultError("InternalServerError")

    aws.fault = down
    send(http(json.dumps(GOOD)))
    line = next(line for line in log_lines(capsys) if line["level"] == "ERROR")
    assert line["errorType"] == "InternalServerError"
    assert line["stackTrace"].startswith("Traceback") and "\n" in line["stackTrace"]


def test_the_metrics_of_both_functions_count_what_became_of_each_price(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    send_prices({"id": 1}, {"id": 2}, {"price": -1}, {"symbol": ""}, {"volume": -1})
    assert metric_values(printed(capsys)) == {"Received": 5, "Stored": 2, "Rejected": 3}
    send_prices({"id": 1, "timestamp": 1_675_329_600}, {"id": 1, "timestamp": 1_675_329_600})
    assert metric_values(printed(capsys)) == {"Received": 2, "Stored": 1, "Duplicate": 1}
    aws.put({"symbol": {"S": "BTC"}, "timestamp": {"N": "5"}})
    Mapping(aws).run()
    metrics = metric_values(printed(capsys))
    assert (metrics["Enriched"], metrics["DeadLettered"]) == (3, 1)
    assert len(metrics["Lag"]) == 3 and min(metrics["Lag"]) >= 0


def test_rejections_are_counted_by_field(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    send_prices({"price": -1}, {"price": 0}, {"symbol": ""})
    by_reason = {line["Reason"]: line["Rejected"] for line in printed(capsys) if "Reason" in line}
    assert by_reason == {"price": 2, "symbol": 1}


def test_more_values_than_a_line_holds_keep_the_largest(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"Lag": list(range(500))})
    (line,) = printed(capsys)
    check_embedded_metric_format(line)
    assert max(line["Lag"]) == 499


def test_nothing_to_count_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"Stored": 0, "Lag": []})
    assert not capsys.readouterr().out


def test_a_moment_is_written_with_microseconds_and_offset() -> None:
    assert logs.iso_utc(1675329600.138) == "2023-02-02T09:20:00.138+00:00"


@pytest.mark.process
@pytest.mark.parametrize("runtime_has_a_handler", [True, False])
def test_a_line_is_printed_once_whether_or_not_the_runtime_logs_too(runtime_has_a_handler: bool) -> None:
    script = """
        import logging, sys
        if {has}:
            logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
        from cryptoctl.handlers import logs
        logs.logger("x").info("hello %s", "there", extra={{"n": 1}})
        logs.logger("x").debug("not this")
        """
    code = textwrap.dedent(script).format(has=runtime_has_a_handler)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    (line,) = done.stdout.splitlines()
    assert (json.loads(line)["message"], json.loads(line)["n"], done.stderr) == ("hello there", 1, "")


@pytest.mark.process
def test_botocore_does_not_tell_where_it_found_its_credentials() -> None:
    source = """
        import logging, sys
        logging.basicConfig(level=logging.INFO, stream=sys.stdout)  # as Lambda's runtime does
        from cryptoctl.handlers import logs
        logs.logger("any")
        logging.getLogger("botocore.credentials").info("Found credentials in environment variables.")
        logging.getLogger("botocore.endpoint").warning("something is wrong")
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=True
    )
    assert "credentials" not in ran.stdout
    assert "something is wrong" in ran.stdout
