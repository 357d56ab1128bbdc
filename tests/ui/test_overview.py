"""The overview's verdict and concerns, and the live screen at every size."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError
from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.activity import MINUTES, Activity, FunctionActivity
from cryptoctl.ops.alarms import AlarmState
from cryptoctl.ops.health import Health, health
from cryptoctl.ops.next_steps import next_steps
from cryptoctl.ops.overview import (
    MAX_SYMBOLS,
    THE_ERRORS,
    THE_SYMBOLS,
    Concern,
    ErrorLine,
    Overview,
    OverviewReader,
)
from cryptoctl.ops.queue_depth import QueueDepth
from cryptoctl.ops.status import Inventory, MappingState, ResourceReport, ResourceState
from cryptoctl.ops.symbols import SymbolState
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.sparklines import BARS, sparkline
from cryptoctl.ui.status import show_concerns, verdict
from cryptoctl.ui.watch import ESCAPE, draw, pressed
from cryptoctl.ui.watch_view import view
from kit.screens import shown
from unit.answers import STACK, Answers

AT_MS = 1_700_000_000_000
NAMES = ("webhook-processor", "price-enricher")


def state(symbol: str) -> SymbolState:
    price = StoredPrice(
        symbol=symbol,
        key=Decimal(AT_MS - 3_000),
        price=Decimal("50000.12345678"),
        volume=Decimal(0),
        exchange="here",
        processed=True,
    )
    recent = tuple(Decimal(each) for each in range(60))
    return SymbolState(symbol=symbol, last=price, change_5m=Decimal("-0.013"), change_1h=None, recent=recent)


def activity(*, errors: float = 0, lag_s: float | None = 1.6) -> Activity:
    hour = tuple(float(each) for each in range(MINUTES))
    functions = tuple(
        FunctionActivity(function=f"{name}-dev", prices=hour, invocations=hour, errors=(errors,) * MINUTES)
        for name in NAMES
    )
    return Activity(functions=functions, iterator_age_s=lag_s, oldest_s={})


HEALTHY = Overview(
    environment="dev",
    at_ms=AT_MS,
    inventory=Inventory(
        resources=tuple(
            ResourceReport(name=f"function {name}-dev", state=ResourceState.PRESENT) for name in NAMES
        )
    ),
    queues=tuple(QueueDepth(name=f"{name}-dlq-dev", visible=0, in_flight=0, delayed=0) for name in NAMES),
    mappings=(MappingState(name="stream mapping price-enricher-dev", state="Enabled", last_result="OK"),),
    activity=activity(),
    errors=(),
    alarms=(
        AlarmState(
            name="cryptoctl-dev-price-enricher-lag",
            state="OK",
            since_ms=AT_MS - 300_000,
            meaning="Prices wait too long.",
            command="`cryptoctl logs price-enricher --env dev`",
            reason="Threshold Crossed",
        ),
    ),
    symbols=(state("BTC"), state("ETH")),
)
ERROR = ErrorLine(
    time_ms=AT_MS - 1000,
    function="webhook-processor-dev",
    text="An error occurred (ResourceNotFoundException) when calling the PutItem operation: none",
)
BROKEN = replace(
    HEALTHY,
    inventory=Inventory(
        resources=(
            ResourceReport(
                name="function webhook-processor-dev",
                state=ResourceState.DRIFTED,
                differs=("Environment.DYNAMODB_TABLE",),
            ),
            HEALTHY.inventory.resources[1],
        )
    ),
    queues=(replace(HEALTHY.queues[0], visible=4, in_flight=1, delayed=1), HEALTHY.queues[1]),
    errors=(ERROR, ERROR),
)


def test_where_all_is_well_nothing_needs_somebody() -> None:
    assert HEALTHY.concerns == ()
    said = verdict(HEALTHY, "dev on this machine").plain
    assert said == "✓ dev on this machine: 2 of 2 resources as configured, no dead letters, last price 3s ago"


def test_what_differs_and_what_waits_is_named_with_its_cause() -> None:
    drift, letters = BROKEN.concerns
    assert (drift.subject, drift.what) == (
        "function webhook-processor-dev",
        "drifted: Environment.DYNAMODB_TABLE",
    )
    assert letters.what == (
        "6 dead letters, 1 in flight, 1 delayed; its function's errors: ResourceNotFoundException"
    )
    assert "`cryptoctl dlq replay`" in letters.hint
    assert verdict(BROKEN, "dev").plain.startswith("! dev: 1 of 2 resources as configured, 6 dead letters")


def test_a_raised_alarm_needs_somebody_and_says_what_to_type() -> None:
    assert HEALTHY.alarms is not None
    raised = replace(HEALTHY, alarms=(replace(HEALTHY.alarms[0], state="ALARM"),))
    (concern,) = raised.concerns
    assert concern.subject == "alarm cryptoctl-dev-price-enricher-lag"
    assert concern.what == "raised 5 min ago: Prices wait too long. It clears 5 min after its cause."
    assert concern.hint == "`cryptoctl logs price-enricher --env dev` shows more"
    assert verdict(raised, "dev").plain.startswith("!")
    unread = replace(HEALTHY, alarms=None)
    assert unread.concerns == ()


def test_where_one_queue_is_missing_the_other_one_s_letters_stay_with_their_function() -> None:
    """And the next step is one that does not need the missing queue."""
    letters = replace(HEALTHY.queues[1], visible=5)
    missing = ResourceReport(name="queue webhook-processor-dlq-dev", state=ResourceState.MISSING)
    found = replace(HEALTHY, queues=(letters,), inventory=Inventory(resources=(missing,)))
    assert health(found, "webhook-processor") is Health.BAD
    assert health(found, "price-enricher") is Health.DOUBTFUL
    for columns in (60, 80, 120):
        said = "\n".join(on_a_terminal(found, columns, 30))
        assert said.index("▼ no queue") < said.index("▼ 5 dead letters")
    assert [each.hint for each in found.concerns][1] == (
        "`cryptoctl dlq list --queue enricher` says why, "
        "and `cryptoctl dlq replay --queue enricher` processes them again"
    )


@pytest.mark.parametrize(
    ("mapping", "lag_s", "what"),
    [
        ({"state": "Disabled"}, None, "Disabled: no price is enriched"),
        ({"last_result": "PROBLEM: Function call failed"}, None, "its last batch failed"),
        ({}, 61.0, "61 s behind"),
    ],
)
def test_a_stream_that_stands_or_lags_needs_somebody(
    mapping: dict[str, str], lag_s: float | None, what: str
) -> None:
    found = replace(
        HEALTHY,
        mappings=(replace(HEALTHY.mappings[0], **mapping),),
        activity=activity(lag_s=lag_s),
    )
    (concern,) = found.concerns
    assert concern.what.startswith(what)


def test_who_may_not_read_the_logs_is_not_told_that_no_price_came() -> None:
    reader = OverviewReader(cast("Aws", Answers({"FilterLogEvents": "AccessDeniedException"})), STACK)
    assert reader._symbols() is None
    assert list(reader._unread) == [THE_SYMBOLS]
    found = replace(HEALTHY, symbols=None, unread=(THE_SYMBOLS,))
    assert "price" not in verdict(found, "dev").plain
    assert "no prices" not in "\n".join(on_a_terminal(found, 120, 30))


def test_a_search_that_has_not_seen_all_of_the_log_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    event = {"timestamp": AT_MS, "message": '{"level":"ERROR","message":"no"}', "eventId": "1"}
    for token, whole in (({"nextToken": "more"}, False), ({}, True)):
        aws = Answers({"FilterLogEvents": {"events": [event], **token}})
        reader = OverviewReader(cast("Aws", aws), STACK)
        assert reader._errors() and reader._names() == []
        assert reader._complete == {THE_ERRORS: whole, THE_SYMBOLS: whole}
    cut = replace(HEALTHY, incomplete=(THE_ERRORS,))
    show_concerns(Screen(colour=False), cut, "dev")
    assert "only a part was read, and there may be more: the errors." in capsys.readouterr().err
    show_concerns(Screen(colour=False), HEALTHY, "dev")
    assert "part" not in capsys.readouterr().err


@given(
    symbols=st.integers(0, 12),
    more=st.integers(0, 100),
    errors=st.integers(0, 40),
    width=st.integers(60, 200),
    height=st.integers(16, 60),
)
def test_what_the_live_screen_has_no_room_for_is_counted(
    symbols: int, more: int, errors: int, width: int, height: int
) -> None:
    found = replace(
        HEALTHY,
        symbols=tuple(state(f"S{number:02}") for number in range(symbols)),
        more_symbols=more if symbols else 0,
        errors=tuple(replace(ERROR, time_ms=number, text=f"E{number:02}") for number in range(errors)),
    )
    lines = [line.plain for line in view(found, "dev", width, height)]
    text = "\n".join(lines)
    rows = sum(line.startswith("S") for line in lines)
    counts = re.findall(r"^(?:  and )?(\d+) (?:more|symbols): `", text, re.MULTILINE)
    assert rows + sum(map(int, counts)) == symbols + found.more_symbols
    older = sum(int(each) for each in re.findall(r"^(\d+) older errors: `", text, re.MULTILINE))
    assert text.count(" ERROR ") + older == errors
    if more and symbols:
        assert "all enriched" not in text


def test_the_table_s_box_says_whole_what_is_enriched_on_a_narrow_terminal() -> None:
    states = (state("S"),) * 12
    waits = replace(states[0], last=replace(states[0].last, processed=False))
    cases = (states, 0, "all enriched"), (states, 30, "12 enriched"), ((waits,), 30, "some waiting")
    for symbols, more, said in cases:
        found = replace(HEALTHY, symbols=symbols, more_symbols=more)
        assert any(f"│ {said} " in line.plain for line in view(found, "dev", 80, 40))


@pytest.mark.parametrize(("prices", "more"), [((), 5), (None, 0)])
def test_symbols_whose_prices_may_not_be_read_are_not_counted_as_more(
    prices: tuple[SymbolState, ...] | None, more: int
) -> None:
    reader = OverviewReader(cast("Aws", Answers({})), STACK)
    others = ("the resources", "the metrics", "the stream mapping", "the queues", "the alarms", THE_ERRORS)
    known = dict.fromkeys(others) | {
        "the prices": prices,
        THE_SYMBOLS: [f"S{number}" for number in range(MAX_SYMBOLS + 5)],
    }
    reader._read = {name: (math.inf, each) for name, each in known.items()}
    assert reader.overview().more_symbols == more


def test_without_the_right_to_read_prices_the_verdict_says_nothing_of_them() -> None:
    found = replace(HEALTHY, symbols=None, errors=None, activity=None, unread=("the prices",))
    assert "price" not in verdict(found, "dev").plain
    assert view(found, "dev", 80, 24)


@given(
    broken=st.booleans(),
    width=st.integers(20, 200),
    height=st.integers(6, 60),
    symbols=st.integers(0, 12),
    errors=st.integers(0, 40),
)
def test_the_live_screen_fits_every_terminal(
    broken: bool, width: int, height: int, symbols: int, errors: int
) -> None:
    found = replace(
        BROKEN if broken else HEALTHY,
        symbols=tuple(state(f"S{number}") for number in range(symbols)),
        errors=(ERROR,) * errors,
    )
    lines = view(found, "dev in 123456789012, eu-central-1", width, height)
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width
    assert "[q]" in lines[-1].plain or width < 60


def on_a_terminal(found: Overview, columns: int, rows: int, screen: Screen | None = None) -> list[str]:
    """What the live screen leaves on a terminal of that size."""
    screen, both = screen or Screen(colour=False), io.StringIO()
    screen.terminal.out = Console(
        file=both, width=columns, height=rows, force_terminal=True, soft_wrap=True, highlight=False
    )
    draw(screen, found, "dev on this machine")
    return shown(both.getvalue(), columns, rows)


@pytest.mark.parametrize(("columns", "rows"), [(200, 50), (120, 30), (80, 24), (60, 24)])
@pytest.mark.parametrize("found", [HEALTHY, BROKEN])
def test_a_terminal_shows_all_of_it_and_scrolls_nothing_away(
    found: Overview, columns: int, rows: int
) -> None:
    lines = on_a_terminal(found, columns, rows)
    assert lines[0].startswith(("✓", "!"))
    assert lines[-1].startswith("[p] plan")
    assert len(lines) <= rows
    assert any(line.startswith("sender") for line in lines) == (columns >= 80)


def test_who_sees_no_colours_sees_which_part_needs_somebody() -> None:
    waiting = replace(HEALTHY, queues=(HEALTHY.queues[0], replace(HEALTHY.queues[1], visible=4)))
    for columns in (60, 80, 120):
        assert any(
            "!webhook-processor " in line.replace("! w", "!w") for line in on_a_terminal(BROKEN, columns, 24)
        )
        said = "\n".join(on_a_terminal(waiting, columns, 24)).replace("? ", "?")
        assert "?price-enricher" in said and "?webhook-processor" not in said


@pytest.mark.parametrize(("width", "height"), [(200, 50), (120, 30), (80, 24), (60, 24)])
def test_the_live_screen_shows_what_matters_without_colours(width: int, height: int) -> None:
    plain = "\n".join(line.plain for line in view(BROKEN, "dev on this machine", width, height))
    for part in (
        "webhook-processor",
        "price-enricher",
        "▼ 6 dead letters",
        "! function",
        "BTC",
        "ERROR",
        "58/min",
        "failed 0",
    ):
        assert part in plain, part
    assert "50000.12345678" in plain


def test_of_many_concerns_the_first_are_shown_and_the_others_counted() -> None:
    resources = tuple(ResourceReport(name=f"r{n}", state=ResourceState.MISSING) for n in range(9))
    found = replace(HEALTHY, inventory=Inventory(resources=resources))
    assert {type(each) for each in found.concerns} == {Concern}
    assert "and 6 more" in "\n".join(line.plain for line in view(found, "dev", 80, 24))


def test_commands_on_the_live_screen_lead_to_the_environment_that_is_watched() -> None:
    resources = tuple(ResourceReport(name=f"r{n}", state=ResourceState.MISSING) for n in range(9))
    screen = Screen(colour=False, given={"--env": "qq", "--local": ""})
    lines = on_a_terminal(replace(HEALTHY, inventory=Inventory(resources=resources)), 120, 30, screen)
    assert "  and 6 more: `cryptoctl status --env qq --local`" in lines


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("q", ["q"]),
        ("\x1b", [ESCAPE]),
        ("\x1b\x1b", [ESCAPE]),
        ("\x1b[A\x1b[1;5Cp", ["", "", "p"]),
        ("\x1b[15~\x1bOPd", ["", "", "d"]),
        ("\x1bxq", ["", "q"]),
    ],
)
def test_only_a_lone_escape_ends_the_live_screen_not_an_arrow_key_or_the_mouse_wheel(
    typed: str, keys: list[str]
) -> None:
    left = iter(typed)
    assert [pressed(lambda _: next(left, ""), 0.0) for _ in keys] == keys
    assert next(left, "") == ""


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_from_zero_a_bar_is_nothing_only_where_nothing_is(numbers: list[int]) -> None:
    line = sparkline([float(each) for each in numbers], 40, from_zero=True)
    assert [bar == BARS[0] for bar in line] == [each == 0 for each in numbers]


@given(st.lists(st.decimals(0, 10**9, allow_nan=False), max_size=200), st.integers(1, 80))
def test_a_sparkline_is_as_wide_as_it_may_be_and_has_its_extremes(numbers: list[Decimal], width: int) -> None:
    line = sparkline(numbers, width)
    assert len(line) == min(width, len(numbers))
    assert set(line) <= set(BARS)
    if len(set(numbers)) > 1 and len(numbers) <= width:
        assert line[numbers.index(max(numbers))] == BARS[-1]
        assert line[numbers.index(min(numbers))] == BARS[0]


def test_a_next_step_that_only_names_commands_which_were_named_is_left_out() -> None:
    hints = [
        "Run `cryptoctl plan --env dev` to see more.",
        "`cryptoctl plan --env dev` and `cryptoctl up --env dev` repair it.",
        "Run `cryptoctl up --env dev --yes`.",
        "Ask who owns the account.",
    ]
    concerns = [Concern(subject="queue", what="is odd", hint=hint) for hint in hints]
    assert list(next_steps([*concerns, *concerns])) == [hints[0], hints[1], hints[3]]


def test_what_may_be_read_again_is_not_said_to_be_unreadable_any_more() -> None:
    reader = OverviewReader(None, None)  # type: ignore[arg-type]

    def refused() -> None:
        raise AwsError(service="logs", operation="FilterLogEvents", code="AccessDenied", message="no")

    assert reader._part("the errors", 0.0, refused) is None
    assert set(reader._unread) == {"the errors"}
    assert (reader._part("the errors", 0.0, lambda: ("an error",)), reader._unread) == (("an error",), {})
