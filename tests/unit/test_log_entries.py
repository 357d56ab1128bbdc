"""What `logs` makes of lines: one entry for one thing, whoever logged it and how often."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cryptoctl.cli.logs import matching
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.log_entries import entries, fold_repeats, latest, lines_of
from cryptoctl.ops.logs import Line
from cryptoctl.ops.times import parse_duration, parse_time_ms

SAID = "An error occurred (ResourceNotFoundException) when calling the PutItem operation: none"
PATH = "/var/task/cryptoctl/handlers"
TRACE = (
    f'  File "{PATH}/webhook_processor.py", line 46, in handler\n    return _answer(event)\n'
    f'  File "{PATH}/table.py", line 60, in put\n    put()\n'
    '  File "/opt/botocore/client.py", line 1094, in _make_api_call\n    raise\n'
)


def line(function: str = "webhook", at_ms: int = 0, **fields: Any) -> Line:
    return Line(id=str(at_ms), time_ms=at_ms, function=function, text=json.dumps(fields))


def handler_line(request: str, at_ms: int = 0, **more: Any) -> Line:
    fields = {"errorType": "ResourceNotFoundException", "errorMessage": SAID, "stackTrace": TRACE}
    return line(
        at_ms=at_ms,
        level="WARNING",
        message="request not stored, and will be tried again",
        logger="cryptoctl.webhook_processor",
        requestId=request,
        **{**fields, **more},
    )


def runtimes(request: str, at_ms: int = 1) -> Line:
    return line(
        at_ms=at_ms,
        log_level="ERROR",
        errorType="RetryError",
        errorMessage=SAID,
        requestId=request,
        stackTrace=[],
    )


def report(request: str, status: str = "error", at_ms: int = 2) -> Line:
    return line(at_ms=at_ms, type="platform.report", record={"requestId": request, "status": status})


METRICS = line(_aws={"Timestamp": 1}, Stored=1)


def test_an_error_is_one_entry_with_type_text_and_place() -> None:
    lines = [report("r", "success"), handler_line("r"), runtimes("r"), report("r"), METRICS]
    (entry,) = entries(lines)
    assert entry.message == "request not stored, and will be tried again"
    assert entry.error == f"ResourceNotFoundException: {SAID}"
    assert entry.raised_at == "handlers/table.py:60 in put"
    assert entry.request == "r"
    assert entry.other_fields == {}
    assert len(list(entries(lines, everything=True))) == len(lines)


def test_what_only_the_runtime_or_the_platform_has_logged_is_shown() -> None:
    assert [entry.message for entry in entries([runtimes("r")])] == [SAID]
    (timeout,) = entries([report("r", "timeout")])
    assert timeout.level == "ERROR"
    assert "timeout" in timeout.message
    killed = line(
        type="platform.report",
        record={"requestId": "r", "status": "error", "errorType": "Runtime.OutOfMemory"},
    )
    assert len(list(entries([killed]))) == 1


def plain(text: str, at_ms: int = 0) -> Line:
    return Line(id=str(at_ms), time_ms=at_ms, function="webhook", text=text)


TRACEBACK = "Traceback (most recent call last):\n  File x, line 1\nValueError: {}"


def test_of_a_text_of_several_lines_nothing_is_lost() -> None:
    (entry,) = entries([plain(f"{TRACEBACK.format('no')}\r" + "y" * 9000)])
    assert (entry.level, entry.message) == ("ERROR", "ValueError: no")
    assert entry.trace.splitlines() == ["  File x, line 1", "ValueError: no", "y" * 9000]
    (entry,) = entries([line(level="ERROR", message="\nfirst\nsecond", stackTrace=["third"])])
    assert (entry.message, entry.trace) == ("first", "second\nthird")


def test_of_a_chain_of_errors_the_last_is_told() -> None:
    first, last = TRACEBACK.format("no"), TRACEBACK.format("never\nat all")
    (entry,) = entries([plain(f"Exception in thread x:\n{first}\n\nDuring handling of it:\n\n{last}")])
    assert (entry.level, entry.message) == ("ERROR", "Exception in thread x: ValueError: never")


def test_texts_that_only_begin_alike_are_told_apart() -> None:
    lines = [plain(TRACEBACK.format(why), at_ms) for at_ms, why in enumerate(("no", "no", "never"))]
    assert [entry.count for entry in fold_repeats(entries(lines))] == [2, 1]
    lines = [plain(f"it holds:\n{detail}", at_ms) for at_ms, detail in enumerate(("a", "a", "b"))]
    assert [entry.count for entry in fold_repeats(entries(lines))] == [2, 1]


@pytest.mark.parametrize("text", ["", " ", "\t\r"])
def test_an_empty_line_is_no_error(text: str) -> None:
    (entry,) = entries([plain(text)])
    assert (entry.message, entry.level, entry.trace) == ("(empty line)", "", "")


def test_a_refusal_in_the_request_that_met_another_error_is_no_copy() -> None:
    refused = line(_aws={}, level="WARNING", message="refused with 401", requestId="r", Unauthorized=1)
    assert [entry.message for entry in entries([handler_line("r"), refused])][1:] == ["refused with 401"]


def test_another_error_of_the_same_request_is_no_copy() -> None:
    other = line(log_level="ERROR", errorType="KeyError", errorMessage="'x'", requestId="r")
    assert len(list(entries([handler_line("r"), other]))) == 2


def test_a_line_is_of_a_request_only_with_its_whole_id() -> None:
    mine, others = line(requestId="5c-Abc"), (line(requestId="5c-abc-d"), line(requestId="15c-abc"))
    plain = replace(mine, text="REPORT RequestId: 5c-ABC\tDuration: 3 ms")
    assert list(matching([mine, *others, plain], request="5c-abc")) == [mine, plain]


def test_repeats_are_one_entry_with_their_number_and_the_last_time() -> None:
    lines = [
        line for n in range(300) for line in (handler_line(f"r{n}", n * 10), runtimes(f"r{n}", n * 10 + 1))
    ]
    (entry,) = fold_repeats(entries(lines))
    assert (entry.count, entry.time_ms, entry.last_ms) == (300, 0, 2990)


def test_information_is_folded_only_in_a_row_and_only_where_it_is_the_same() -> None:
    def info(at_ms: int, **more: Any) -> Line:
        return line(at_ms=at_ms, level="INFO", message="prices taken in", logger="l", **more)

    lines = [info(1, stored=1), info(2, stored=1), info(3, stored=2), info(4, stored=1)]
    assert [entry.count for entry in fold_repeats(entries(lines))] == [2, 1, 1]


def warning(at_ms: int, *reasons: str, **more: Any) -> Line:
    return line(
        at_ms=at_ms, level="WARNING", message="prices refused", logger="l", reasons=list(reasons), **more
    )


def test_warnings_of_different_reasons_are_told_apart_and_show_only_what_holds_for_all() -> None:
    lines = [
        warning(1, "price: is missing", received=2, rejected=1),
        warning(2, "symbol: is missing", received=1, rejected=1),
        warning(3, "price: is missing", received=5, rejected=1),
    ]
    first, second = fold_repeats(entries(lines))
    assert (first.count, first.other_fields) == (2, {"reasons": ["price: is missing"], "rejected": 1})
    assert (second.count, second.other_fields) == (
        1,
        {"reasons": ["symbol: is missing"], "received": 1, "rejected": 1},
    )


def test_warnings_whose_reasons_differ_in_a_number_are_one_entry_with_the_first_one_s() -> None:
    lines = [warning(at_ms, f"body: {500_000 + at_ms} bytes", received=at_ms) for at_ms in (1, 2)]
    (entry,) = fold_repeats(entries([*lines, warning(3, "body: 500003 bytes", "price: is missing")]))[:-1]
    assert (entry.count, entry.other_fields) == (2, {"reasons": ["body: 500001 bytes"]})


def test_of_the_last_entries_a_repeat_counts_by_its_last_time() -> None:
    lines = [
        warning(1, "price: is missing"),
        *(line(at_ms=at_ms, level="INFO", message=f"m{at_ms}", logger="l") for at_ms in range(2, 9)),
        warning(9, "price: is missing"),
    ]
    newest = latest(fold_repeats(entries(lines)), 2)
    assert [(entry.message, entry.count) for entry in newest] == [("prices refused", 2), ("m8", 1)]
    assert [entry.time_ms for entry in lines_of(newest)] == [1, 8, 9]
    assert len(latest(fold_repeats(entries(lines)), 100)) == 8


NOW_MS = 1_795_696_496_789  # 12:34:56.789 UTC


@pytest.mark.parametrize(
    ("text", "ago_ms"),
    [
        ("1h30m", 5_400_000),
        ("1 h 30 min", 5_400_000),
        ("2 hours ago", 7_200_000),
        ("10 Minutes", 600_000),
        ("1d12h", 129_600_000),
        ("250ms", 250),
        ("12:34", 56_789),
        ("12:34:56", 789),
        ("12:35", 86_400_000 - 3_211),
        ("0:00", 45_296_789),
    ],
)
def test_times_as_people_type_them(text: str, ago_ms: int) -> None:
    assert parse_time_ms(text, NOW_MS) == NOW_MS - ago_ms


@pytest.mark.parametrize("text", ["1h30", "1 month", "25:00", "12:60", "h", "1hm", "-1h", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        parse_time_ms(text, NOW_MS)


@pytest.mark.parametrize(
    "text", ["1969-12-31T23:59:59.999Z", "1700-01-01", "0001-01-01", "1970-01-01T00:00+01:00"]
)
def test_a_time_before_1970_is_refused_as_such(text: str) -> None:
    with pytest.raises(Failure, match="is before 1970") as raised:
        parse_time_ms(text, NOW_MS)
    assert raised.value.exit_code is ExitCode.USAGE
    assert parse_time_ms("1970-01-01", NOW_MS) == parse_time_ms("9999w", NOW_MS) == 0


@pytest.mark.parametrize("text", ["99999999999d", "999999999999w 999999999999w", "36501d"])
def test_a_length_of_time_that_no_clock_can_count_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="is longer than 100 years") as raised:
        parse_duration(text)
    assert raised.value.exit_code is ExitCode.USAGE
    assert parse_duration("36500d").days == 36_500
