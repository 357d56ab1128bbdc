"""A price's way from its item, log lines and dead letters."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cryptoctl.ops.dead_letters.messages import DeadLetter, Message, QueueName, decode
from cryptoctl.ops.logs import Line
from cryptoctl.ops.times import duration_text, iso_of_ms
from cryptoctl.ops.trace.events import Stage, Subject, Timeline
from cryptoctl.ops.trace.price_selector import PriceSelector, is_about, item_members, keys_in
from cryptoctl.ops.trace.timeline import requests_naming, timeline
from cryptoctl.ops.trace.tracing import TraceResult, prices_of
from cryptoctl.ops.trace.verdict import verdict
from cryptoctl.ui.dead_letters import show_letter
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.trace import show_request

PARTS = ("webhook", "enricher", "prices", "success", "webhook_dead_letters", "enricher_dead_letters")
NAMES = ("w", "e", "t", "s", "wq", "eq")
STACK: Any = SimpleNamespace(
    **{part: SimpleNamespace(name=name) for part, name in zip(PARTS, NAMES, strict=True)}
)
T = 1_764_000_000_000
KEY = f"{T}.017"
BTC = Subject(symbol="BTC", sort_keys={KEY})


def line(function: str, at_ms: int, request: str, message: str = "", **more: Any) -> Line:
    fields = {"level": "INFO", "message": message, "logger": "l", "requestId": request, **more}
    return Line(
        id=f"{at_ms}{request}{message}", time_ms=T + at_ms, function=function, text=json.dumps(fields)
    )


def start(function: str, at_ms: int, request: str) -> Line:
    text = json.dumps({"type": "platform.start", "record": {"requestId": request}})
    return Line(id=f"{at_ms}", time_ms=T + at_ms, function=function, text=text)


def item(**more: Any) -> dict[str, dict[str, Any]]:
    return {
        "symbol": {"S": "BTC"},
        "timestamp": {"N": KEY},
        "price": {"N": "50000"},
        "exchange": {"S": "coinbase"},
        "id": {"S": "7"},
        "created_at": {"S": iso_of_ms(T + 120)},
        "processed": {"BOOL": True},
        "enriched_at": {"S": iso_of_ms(T + 300)},
        "ma_5": {"N": "49999.123456789"},
        **more,
    }


def keys_by_symbol(*keys: str, symbol: str = "BTC") -> dict[str, list[str]]:
    return {symbol: list(keys)}


TAKEN = [
    start("w", 100, "r1"),
    line("w", 130, "r1", "prices taken in", received=1, stored=1, keys=keys_by_symbol(KEY), sender="desk"),
]
ENRICHED = [start("e", 200, "r2"), line("e", 310, "r2", "prices enriched", keys=keys_by_symbol(KEY, "5"))]


def timeline_of(
    *lines: Line, stored: dict[str, Any] | None = None, letters: list[DeadLetter] | None = None
) -> Timeline:
    return timeline(BTC, STACK, item() if stored is None else stored, lines, letters or [])


def stages(timeline: Timeline) -> list[tuple[str, int]]:
    return [(event.stage.name, event.time_ms - T) for event in timeline.events]


def letter(
    body: object, queue: QueueName = QueueName.WEBHOOK, request: str = "r0", at_ms: int = 50
) -> DeadLetter:
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": request},
        "ErrorMessage": {"DataType": "String", "StringValue": "Teapot: no"},
    }
    return decode(
        Message(
            queue=queue, id="m", body=json.dumps(body), attributes=attributes, sent_ms=T + at_ms, receives=1
        )
    )


def test_the_whole_way_has_its_times_and_lags() -> None:
    result = timeline_of(*TAKEN, *ENRICHED)
    assert stages(result) == [
        ("TRADED", 0),
        ("RECEIVED", 100),
        ("STORED", 120),
        ("ANSWERED", 130),
        ("STARTED", 200),
        ("ANNOUNCED", 300),
        ("ENRICHED", 300),
    ]
    assert [event.lag_ms for event in result.events] == [None, 100, 20, 10, 70, 100, 0]
    assert (result.arrival_ms, result.storing_ms, result.enriching_ms, result.total_ms) == (100, 20, 180, 200)
    assert result.events[1].detail == "from sender desk over HTTPS"
    assert result.events[3].detail == "200: stored"
    assert result.events[-1].detail == "ma_5=49999.123"
    assert result.requests == ("r1", "r2")


def test_a_correction_writes_what_the_item_has_now_and_the_first_pass_keeps_its_own_time() -> None:
    later = [
        start("e", 900, "r3"),
        line("e", 960, "r3", "prices enriched", keys=keys_by_symbol("9"), corrections=keys_by_symbol(KEY)),
    ]
    stored = item(enriched_at={"S": iso_of_ms(T + 950)})
    result = timeline_of(*TAKEN, *ENRICHED, *later, stored=stored)
    assert stages(result)[5:] == [
        ("ANNOUNCED", 310),
        ("ENRICHED", 310),
        ("STARTED", 900),
        ("ANNOUNCED", 950),
        ("CORRECTED", 950),
    ]


def test_an_item_that_was_read_before_a_correction_says_nothing_of_it() -> None:
    later = [
        start("e", 900, "r3"),
        line("e", 960, "r3", "prices enriched", keys=keys_by_symbol("9"), corrections=keys_by_symbol(KEY)),
    ]
    result = timeline_of(*TAKEN, *ENRICHED, *later)  # enriched_at is still the first pass's
    assert stages(result)[4:] == [
        ("STARTED", 200),
        ("ANNOUNCED", 310),
        ("ENRICHED", 310),
        ("STARTED", 900),
        ("ANNOUNCED", 960),
        ("CORRECTED", 960),
    ]
    assert result.events[-1].detail == ""


def test_each_attempt_of_a_failing_request_is_told_and_the_runtime_s_copy_is_not() -> None:
    failed = {"level": "WARNING", "errorType": "Teapot", "errorMessage": "no", "keys": keys_by_symbol(KEY)}
    lines = [
        start("w", 10, "r0"),
        line("w", 20, "r0", "request not stored, and will be tried again", **failed),
        Line(
            id="c",
            time_ms=T + 21,
            function="w",
            text=json.dumps(
                {"level": "ERROR", "errorMessage": "no", "errorType": "RetryError", "requestId": "r0"}
            ),
        ),
        start("w", 60, "r0"),
        line("w", 70, "r0", "prices taken in", received=2, stored=1, rejected=1, keys=keys_by_symbol(KEY)),
    ]
    result = timeline(BTC, STACK, None, lines, [])
    assert stages(result) == [("RECEIVED", 10), ("FAILED", 20), ("RECEIVED", 60), ("ANSWERED", 70)]
    assert result.events[1].detail.endswith("Teapot: no")
    assert result.events[2].detail.endswith("attempt 2")
    assert result.events[3].detail == "207: stored (of 1 stored, 1 rejected)"


def test_a_request_that_was_refused_came_over_https_from_nobody_knows_whom() -> None:
    refused = line("w", 20, "r0", "not proven", level="WARNING", Unauthorized=1, _aws={}, reasons=["a clock"])
    result = timeline(Subject(requests=("r0",)), STACK, None, [start("w", 10, "r0"), refused], [])
    assert stages(result) == [("RECEIVED", 10), ("ANSWERED", 20)]
    assert [event.detail for event in result.events] == ["over HTTPS", "not proven: a clock"]


def test_a_repeat_is_a_duplicate_and_other_prices_of_a_request_are_not_this_one_s() -> None:
    again = line("w", 500, "r4", "prices taken in", received=1, duplicate=1, repeated=keys_by_symbol(KEY))
    other = line("w", 600, "r5", "prices taken in", received=1, stored=1, keys=keys_by_symbol(f"{T}.018"))
    elsewhere = line(
        "w", 600, "r6", "prices taken in", received=1, stored=1, keys=keys_by_symbol(KEY, symbol="ETH")
    )
    result = timeline_of(*TAKEN, *ENRICHED, again, other, elsewhere)
    assert stages(result)[-2:] == [("RECEIVED", 500), ("DUPLICATE", 500)]
    assert set(result.requests) == {"r1", "r2", "r4"}
    assert requests_naming(BTC, [*TAKEN, again, other, elsewhere]) == ["r1", "r4"]


def test_without_any_line_the_item_still_tells_its_times() -> None:
    assert stages(timeline_of()) == [("TRADED", 0), ("STORED", 120), ("ANNOUNCED", 300), ("ENRICHED", 300)]
    assert stages(timeline_of(stored=item(processed={"BOOL": False}))) == [("TRADED", 0), ("STORED", 120)]


def test_a_millisecond_names_what_is_not_stored() -> None:
    subject = Subject(symbol="BTC", between_ms=(T, T))
    failed = line("w", 20, "r0", "request not stored", level="ERROR", errorType="X", keys=keys_by_symbol(KEY))
    assert requests_naming(subject, [failed]) == ["r0"]
    junk = line("w", 20, "r0", "request not stored", keys={"BTC": [None, "x", str(T + 1), {}], "ETH": 5})
    assert requests_naming(subject, [junk]) == []


PRICE = {"symbol": "btc", "price": 50000, "exchange": "coinbase", "timestamp": T, "id": 7}
WANTED = PriceSelector(symbol="BTC", id="7")


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({"body": json.dumps(PRICE)}, True),
        ({"body": json.dumps([{**PRICE, "id": 8}, PRICE])}, True),
        (PRICE, True),
        ({"body": json.dumps({**PRICE, "id": 8})}, False),
        ({"body": json.dumps({**PRICE, "symbol": "ETH"})}, False),
        ({"body": "{"}, False),
        ({"body": 5}, False),
        ([], False),
    ],
)
def test_a_dead_letter_is_about_the_price_that_it_holds(body: object, about: bool) -> None:
    assert is_about(letter(body), WANTED, None, ()) is about
    assert bool(keys_in([letter(body)], WANTED)) is about
    assert is_about(letter(body), WANTED, None, ("r0",)), "its request is known to be about it"


def test_a_record_is_about_the_item_whose_key_it_has() -> None:
    from decimal import Decimal

    body = {
        "kind": "record",
        "reason": "x",
        "record": {"dynamodb": {"Keys": {"symbol": {"S": "BTC"}, "timestamp": {"N": KEY}}}},
    }
    dead_letter = letter(body, QueueName.ENRICHER, request="")
    assert is_about(dead_letter, WANTED, ("BTC", Decimal(KEY)), ())
    assert not is_about(dead_letter, WANTED, ("BTC", Decimal(T)), ())
    assert not is_about(
        letter({"kind": "record", "record": {"dynamodb": []}}, QueueName.ENRICHER, ""),
        WANTED,
        ("BTC", Decimal(T)),
        (),
    )


def traced(
    timeline: Timeline, stored: Any, letters: list[DeadLetter], lines: tuple[Line, ...] = ()
) -> TraceResult:
    return TraceResult(selector=WANTED, item=stored, timeline=timeline, lines=lines, letters=letters)


def test_the_verdict_says_where_the_price_is_and_what_to_type() -> None:
    waiting, dead = item(processed={"BOOL": False}), [letter({"body": json.dumps(PRICE)})]
    pointer = [letter({"DDBStreamBatchInfo": {}}, QueueName.ENRICHER)]
    cases = [
        (traced(timeline_of(*TAKEN, *ENRICHED), item(), []), "announced", ""),
        (traced(timeline_of(stored=waiting), waiting, []), "waiting", "dlq repair"),
        (traced(timeline_of(stored=waiting), waiting, pointer), "not enriched", "dlq replay --id m"),
        (
            traced(timeline_of(stored=item(price={"S": "x"})), item(price={"S": "x"}), pointer),
            "not enriched",
            "--set",
        ),
        (traced(timeline(BTC, STACK, None, [], dead), None, dead), "not stored", "dlq replay --id m"),
        (traced(timeline(BTC, STACK, None, TAKEN, []), None, []), "deleted", ""),
        (traced(timeline(BTC, STACK, None, [], []), None, []), "not stored", "dlq list"),
    ]
    for selected, outcome, hint in cases:
        result = verdict(selected)
        assert result.outcome == outcome
        assert hint in result.hint and bool(hint) == bool(result.hint)
        assert result.text.startswith("BTC")
    assert "200 ms after it came" in verdict(cases[0][0]).text


def test_a_request_s_prices_are_listed_with_what_became_of_each() -> None:
    lines = (
        line("w", 1, "r", "prices taken in", keys={"A": ["1", "2"]}, repeated={"B": ["3"]}),
        line("w", 2, "r", "request not stored", level="ERROR", errorType="X", keys={"C": ["4"], "D": 5}),
    )
    result = traced(timeline(BTC, STACK, None, lines, []), None, [], lines)
    assert prices_of(result) == [
        ("A", "1", "done"),
        ("A", "2", "done"),
        ("B", "3", "stored before"),
        ("C", "4", "failed"),
    ]


def test_the_command_that_is_shown_has_a_sender_s_symbol_as_one_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    symbol = "A$(ID);B&C"
    result = traced(timeline(BTC, STACK, None, (), []), None, [], ())
    show_request(Screen(colour=False), "r", result, [(symbol, "1.02", "done")], "dev")
    [command] = re.findall("`(.*)`", capsys.readouterr().err.replace("\n", " "))
    assert shlex.split(command)[:5] == ["cryptoctl", "trace", symbol, "--sort-key", "1.02"]


def test_a_dead_letter_that_came_once_has_come_one_time(capsys: pytest.CaptureFixture[str]) -> None:
    show_letter(Screen(colour=False), letter({"body": json.dumps(PRICE)}), T + 50, (), "")
    assert "  received: 1 time\n" in capsys.readouterr().out


def test_an_item_is_described_whoever_wrote_it() -> None:
    document = item_members(item(zz={"B": b"x"}, note={"M": {}}))
    assert list(document)[:3] == ["symbol", "timestamp", "price"]
    assert document["processed"] is True and document["timestamp"] == KEY and document["note"] == '{"M": {}}'


@given(st.integers(0, 10**12))
def test_a_span_is_short_and_names_its_unit(milliseconds: int) -> None:
    assert len(duration_text(milliseconds)) <= 14 and duration_text(milliseconds)[-1].isalpha()


LINES = st.lists(
    st.builds(
        line,
        st.sampled_from(["w", "e"]),
        st.integers(0, 10_000),
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["prices taken in", "prices enriched", "request not stored"]),
        level=st.sampled_from(["INFO", "WARNING", "ERROR"]),
        keys=st.one_of(
            st.none(), st.just(keys_by_symbol(KEY)), st.just(keys_by_symbol("1")), st.just({"BTC": None})
        ),
    )
)


NAMED = st.sampled_from([KEY, "BTC", "keys", "corrections", "requestId", "platform.start", "type", "record"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | NAMED | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMED, inner, max_size=3),
    max_leaves=4,
)
FIELDS = (
    *("level", "message", "requestId", "keys", "repeated", "corrections", "errorType", "errorMessage"),
    *("stackTrace", "sender", "reasons", "stored", "rejected", "type", "record", "timestamp"),
)


@example([{"keys": {"BTC": [[], {}, True, 1.5, "NaN", "sNaN", "-Infinity", "1E+999999999"]}}])
@given(
    st.lists(
        st.dictionaries(st.sampled_from(FIELDS), JSON | st.builds(lambda value: {"BTC": value}, JSON)),
        max_size=3,
    )
)
@pytest.mark.parametrize("subject", [BTC, replace(BTC, sort_keys=(), between_ms=(T, T + 1))])
def test_lines_that_are_not_ours_may_have_anything_in_our_fields(subject: Subject, fields: list[Any]) -> None:
    texts = [json.dumps(of_line) for of_line in fields]
    lines = [
        Line(id=str(number), time_ms=T, function="we"[number % 2], text=text)
        for number, text in enumerate(texts)
    ]
    told = timeline(subject, STACK, item(), lines, [])
    assert all(isinstance(event.stage, Stage) for event in told.events)


@pytest.mark.parametrize(
    ("key", "is_meant"),
    [
        *((f"{T - 1}.9", False), (f"{T}", True), (f"{T + 1}.999", True), (f"{T + 2}", False)),
        *(("nan", False), ("inf", False), ("1e999999999999999999", False)),
    ],
)
def test_a_line_is_about_a_time_whose_millisecond_its_key_has(key: str, is_meant: bool) -> None:
    entry = SimpleNamespace(prices={"keys": {"BTC": [key]}}, request="")
    subject = Subject(symbol="BTC", between_ms=(T, T + 1))
    assert subject.field_naming(cast("Any", entry)) == ("keys" if is_meant else None)


@given(LINES)
def test_whatever_the_lines_events_are_in_order_and_lags_add_up(lines: list[Line]) -> None:
    result = timeline_of(*sorted(lines, key=lambda line: line.time_ms))
    times = [event.time_ms for event in result.events]
    assert times == sorted(times)
    assert sum(event.lag_ms or 0 for event in result.events) == times[-1] - times[0]
    assert result.first(Stage.TRADED) is not None
    assert set(result.requests) == {event.request for event in result.events if event.request}


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (999, "999 ms"),
        (1250, "1.25 s"),
        (60_000, "1 min 0 s"),
        (3_600_000, "1 h 0 min"),
        (172_799_999, "47 h 59 min"),
        (172_800_000, "2 d 0 h"),
        (266_400_000, "3 d 2 h"),
    ],
)
def test_a_span_of_time_is_told_in_two_units(milliseconds: int, text: str) -> None:
    assert duration_text(milliseconds) == text
