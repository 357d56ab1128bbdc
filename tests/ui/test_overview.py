"""The overview's verdict, its concerns, and what they lead to."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

import pytest

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError
from cryptoctl.ops.overview import Concern, Health, health, next_steps
from cryptoctl.ops.overview_reader import MAX_SYMBOLS, THE_ERRORS, THE_SYMBOLS, OverviewReader
from cryptoctl.ops.status import Inventory, ResourceReport, ResourceState
from cryptoctl.ops.symbols import SymbolState
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.status import show_concerns, verdict
from cryptoctl.ui.watch_view import view
from ui.overviews import AT_MS, BROKEN, HEALTHY, activity, on_a_terminal
from unit.answers import STACK, Answers


def test_where_all_is_well_nothing_needs_somebody() -> None:
    assert HEALTHY.concerns == ()
    line = verdict(HEALTHY, "dev on this machine").plain
    assert line == "✓ dev on this machine: 2 of 2 resources as configured, no dead letters, last price 3s ago"


def test_what_differs_and_what_waits_is_named_with_its_cause() -> None:
    drift, letters = BROKEN.concerns
    assert (drift.subject, drift.description) == (
        "function webhook-processor-dev",
        "drifted: Environment.DYNAMODB_TABLE",
    )
    assert letters.description == (
        "6 dead letters, 1 in flight, 1 delayed; its function's errors: ResourceNotFoundException"
    )
    assert "`cryptoctl dlq replay`" in letters.hint
    assert verdict(BROKEN, "dev").plain.startswith("! dev: 1 of 2 resources as configured, 6 dead letters")


def test_a_raised_alarm_needs_somebody_and_says_what_to_type() -> None:
    assert HEALTHY.alarms is not None
    raised = replace(HEALTHY, alarms=(replace(HEALTHY.alarms[0], state="ALARM"),))
    (concern,) = raised.concerns
    assert concern.subject == "alarm cryptoctl-dev-price-enricher-lag"
    assert concern.description == "raised 5 min ago: Prices wait too long. It clears 5 min after its cause."
    assert concern.hint == "`cryptoctl logs price-enricher --env dev` shows more"
    assert verdict(raised, "dev").plain.startswith("!")
    unread = replace(HEALTHY, alarms=None)
    assert unread.concerns == ()


def test_where_one_queue_is_missing_the_other_one_s_letters_stay_with_their_function() -> None:
    """And the next step is one that does not need the missing queue."""
    letters = replace(HEALTHY.queues[1], visible=5)
    missing = ResourceReport(name="queue webhook-processor-dlq-dev", state=ResourceState.MISSING)
    overview = replace(HEALTHY, queues=(letters,), inventory=Inventory(resources=(missing,)))
    assert health(overview, "webhook-processor") is Health.BAD
    assert health(overview, "price-enricher") is Health.DOUBTFUL
    for columns in (60, 80, 120):
        text = "\n".join(on_a_terminal(overview, columns, 30))
        assert text.index("▼ no queue") < text.index("▼ 5 dead letters")
    assert [concern.hint for concern in overview.concerns][1] == (
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
    overview = replace(
        HEALTHY,
        mappings=(replace(HEALTHY.mappings[0], **mapping),),
        activity=activity(lag_s=lag_s),
    )
    (concern,) = overview.concerns
    assert concern.description.startswith(what)


def test_who_may_not_read_the_logs_is_not_told_that_no_price_came() -> None:
    reader = OverviewReader(cast("Aws", Answers({"FilterLogEvents": "AccessDeniedException"})), STACK)
    assert reader._symbols() is None
    assert list(reader._unread) == [THE_SYMBOLS]
    overview = replace(HEALTHY, symbols=None, unread=(THE_SYMBOLS,))
    assert "price" not in verdict(overview, "dev").plain
    assert "no prices" not in "\n".join(on_a_terminal(overview, 120, 30))


def test_a_search_that_has_not_seen_all_of_the_log_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    event = {"timestamp": AT_MS, "message": '{"level":"ERROR","message":"no"}', "eventId": "1"}
    for token, complete in (({"nextToken": "more"}, False), ({}, True)):
        aws = Answers({"FilterLogEvents": {"events": [event], **token}})
        reader = OverviewReader(cast("Aws", aws), STACK)
        assert reader._errors() and reader._names() == []
        assert reader._complete == {THE_ERRORS: complete, THE_SYMBOLS: complete}
    cut = replace(HEALTHY, incomplete=(THE_ERRORS,))
    show_concerns(Screen(colour=False), cut, "dev")
    assert "only a part was read, and there may be more: the errors." in capsys.readouterr().err
    show_concerns(Screen(colour=False), HEALTHY, "dev")
    assert "part" not in capsys.readouterr().err


@pytest.mark.parametrize(("prices", "more"), [((), 5), (None, 0)])
def test_symbols_whose_prices_may_not_be_read_are_not_counted_as_more(
    prices: tuple[SymbolState, ...] | None, more: int
) -> None:
    reader = OverviewReader(cast("Aws", Answers({})), STACK)
    others = ("the resources", "the metrics", "the stream mapping", "the queues", "the alarms", THE_ERRORS)
    results = dict.fromkeys(others) | {
        "the prices": prices,
        THE_SYMBOLS: [f"S{number}" for number in range(MAX_SYMBOLS + 5)],
    }
    reader._read = {name: (math.inf, result) for name, result in results.items()}
    assert reader.overview().more_symbols == more


def test_without_the_right_to_read_prices_the_verdict_says_nothing_of_them() -> None:
    overview = replace(HEALTHY, symbols=None, errors=None, activity=None, unread=("the prices",))
    assert "price" not in verdict(overview, "dev").plain
    assert view(overview, "dev", 80, 24)


def test_a_next_step_that_only_names_commands_which_were_named_is_left_out() -> None:
    hints = [
        "Run `cryptoctl plan --env dev` to see more.",
        "`cryptoctl plan --env dev` and `cryptoctl up --env dev` repair it.",
        "Run `cryptoctl up --env dev --yes`.",
        "Ask who owns the account.",
    ]
    concerns = [Concern(subject="queue", description="is odd", hint=hint) for hint in hints]
    assert list(next_steps([*concerns, *concerns])) == [hints[0], hints[1], hints[3]]


def test_what_may_be_read_again_is_not_said_to_be_unreadable_any_more() -> None:
    reader = OverviewReader(None, None)  # type: ignore[arg-type]

    def refused() -> None:
        raise AwsError(service="logs", operation="FilterLogEvents", code="AccessDenied", message="no")

    assert reader._part("the errors", 0.0, refused) is None
    assert set(reader._unread) == {"the errors"}
    assert (reader._part("the errors", 0.0, lambda: ("an error",)), reader._unread) == (("an error",), set())
