"""The page's JSON: what it is made of, and that no text in it can become markup."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.dashboard.documents import MAX_ERRORS, causes, errors, page_candles, state
from cryptoctl.dashboard.page import embedded
from cryptoctl.ops.alarms import AlarmState
from cryptoctl.ops.candles import Interval
from cryptoctl.ops.log_entries import LogEntry
from cryptoctl.ops.overview import Health
from dashboard.prices_of import AT_MS, stored
from ui.overviews import BROKEN, ERROR, HEALTHY

HOSTILE = ["</script>", "<!--", "<script>", "]]>", "\u2028", "\u2029", "\x00", "\ud800", "&lt;", "'\"`"]
texts = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5)).map("".join)
values = st.dictionaries(texts, st.lists(texts | st.none(), max_size=2), max_size=2)


@given(values)
def test_embedded_json_has_no_character_that_means_something_in_markup(value: object) -> None:
    text = embedded(value)
    assert json.loads(text) == value
    assert text.isascii() and not set(text) & set("<>&\n\r")


def test_a_healthy_environment_is_good_and_what_needs_somebody_is_bad() -> None:
    assert set(state(HEALTHY, {})["health"].values()) == {Health.GOOD}
    assert state(BROKEN, {})["health"] == {
        "webhook-processor": Health.BAD,
        "crypto-prices": Health.GOOD,
        "price-enricher": Health.GOOD,
    }
    waiting = replace(HEALTHY, queues=BROKEN.queues)
    assert state(waiting, {})["health"]["webhook-processor"] == Health.DOUBTFUL


def test_what_to_do_is_said_once_however_the_commands_for_it_are_spelled() -> None:
    alarm = AlarmState(
        name="cryptoctl-dev-webhook-processor-dlq",
        state="ALARM",
        since_ms=AT_MS,
        meaning="It is not empty.",
        command="`cryptoctl dlq list --env dev --region eu-west-1`",
        reason="Threshold Crossed",
    )
    overview = replace(HEALTHY, queues=BROKEN.queues, alarms=(alarm,))
    assert len(overview.concerns) == 2
    (hint,) = state(overview, {}, lambda text: text.replace("list", "list --env dev"))["next"]
    assert hint.startswith("`cryptoctl dlq list --env dev` says why")


def test_errors_are_counted_by_cause_and_shown_once_the_newest_first() -> None:
    other = LogEntry(
        time_ms=AT_MS + 5, function="price-enricher-dev", level="ERROR", message="ValueError: 17 is odd"
    )
    overview = replace(BROKEN, errors=(ERROR, replace(ERROR, time_ms=AT_MS + 9), other))
    assert causes(overview) == [
        {"function": ERROR.function, "cause": "ResourceNotFoundException", "count": 2},
        {"function": other.function, "cause": "ValueError", "count": 1},
    ]
    assert [(error["time_ms"], error["times"]) for error in errors(overview)[0]] == [
        (AT_MS + 9, 2),
        (AT_MS + 5, 1),
    ]


def test_a_flood_of_different_errors_is_cut_and_the_others_are_counted() -> None:
    many = tuple(replace(ERROR, message=str(number)) for number in range(3 * MAX_ERRORS))
    shown, older = errors(replace(BROKEN, errors=many))
    assert (len(shown), older) == (MAX_ERRORS, 2 * MAX_ERRORS)
    assert errors(replace(BROKEN, errors=None)) == ([], 0)


def test_a_candle_has_the_indicators_of_its_last_enriched_price_with_every_digit() -> None:
    exact = "1234567890.1234567890123456789"
    candles = page_candles(
        [stored(AT_MS, "1"), stored(AT_MS + 1, exact), stored(AT_MS + 2, "3", processed=False)], Interval.DAY
    )
    (candle,) = candles
    assert (candle["ma_5"], candle["high"], candle["ma_20"]) == (exact, exact, None)
    assert (candle["open"], candle["close"], candle["trades"]) == ("1", "3", 3)
