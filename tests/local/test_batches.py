"""What becomes of a batch: the rules alone, over every way in which a function can fail."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.local.mappings.batches import Batch, BatchResult, FailureRules, decide, split_aged
from cryptoctl.local.mappings.worker import FIRST_PAUSE_S, MAX_PAUSE_S, pause_s


def record(number: int) -> dict[str, Any]:
    return {"dynamodb": {"SequenceNumber": str(1000 + number)}}


def number_of(record: Any) -> int:
    return int(record["dynamodb"]["SequenceNumber"]) - 1000


def run(
    count: int, poison: set[int], rules: FailureRules, *, reports: bool
) -> tuple[list[int], list[int], int]:
    """Delivers a batch to a function that fails for the poison: what it took, what was given up, tries."""
    waiting = [Batch(records=tuple(record(number) for number in range(count)))]
    accepted: list[int] = []
    given_up: list[int] = []
    tries = 0
    while waiting:
        batch = waiting.pop(0)
        tries += 1
        bad = [entry for entry in batch.records if number_of(entry) in poison]
        if reports:
            failures = [{"itemIdentifier": entry["dynamodb"]["SequenceNumber"]} for entry in bad]
            answer = BatchResult(error=False, payload=json.dumps({"batchItemFailures": failures}))
        else:
            answer = BatchResult(error=bool(bad), payload="null")
        decision = decide(batch, answer, rules)
        accepted += [number_of(entry) for entry in batch.records[: decision.done]]
        given_up += [number_of(entry) for entry in decision.given_up.records] if decision.given_up else []
        waiting[:0] = decision.to_retry
        assert tries < 10_000
    return accepted, given_up, tries


poisons = st.sets(st.integers(min_value=0, max_value=19), max_size=5)


@given(
    count=st.integers(min_value=1, max_value=20),
    poison=poisons,
    retries=st.integers(0, 3),
    reports=st.booleans(),
)
def test_with_bisecting_only_the_poison_is_given_up(
    count: int, poison: set[int], retries: int, reports: bool
) -> None:
    rules = FailureRules(retries=retries, bisect=True, reports_failures=reports)
    accepted, given_up, _ = run(count, poison, rules, reports=reports)
    assert accepted == [number for number in range(count) if number not in poison]
    assert given_up == sorted(number for number in poison if number < count)


@given(
    count=st.integers(min_value=1, max_value=20),
    poison=poisons,
    retries=st.integers(0, 3),
    reports=st.booleans(),
)
def test_without_bisecting_every_record_ends_once_and_in_order(
    count: int, poison: set[int], retries: int, reports: bool
) -> None:
    rules = FailureRules(retries=retries, bisect=False, reports_failures=reports)
    accepted, given_up, tries = run(count, poison, rules, reports=reports)
    assert [*accepted, *given_up] == [*range(count)]
    first = min((number for number in poison if number < count), default=None)
    if first is None:
        assert tries == 1
    else:
        assert given_up == [*range(first if reports else 0, count)]
        assert tries == 1 + retries


def test_infinite_retries_never_give_up() -> None:
    rules = FailureRules(retries=-1, bisect=False, reports_failures=False)
    decision = decide(
        Batch(records=(record(1),), failures=5000), BatchResult(error=True, payload="null"), rules
    )
    assert decision.given_up is None
    assert decision.to_retry[0].failures == 5001


@given(written_s=st.lists(st.integers(0, 20)), horizon_s=st.integers(0, 20))
def test_whatever_the_clock_did_each_record_is_given_up_or_left_once_and_in_order(
    written_s: list[int], horizon_s: int
) -> None:
    records = [record(number) for number in range(len(written_s))]
    for entry, moment_s in zip(records, written_s, strict=True):
        entry["dynamodb"]["ApproximateCreationDateTime"] = moment_s
    aged, fresh = split_aged(Batch(records=tuple(records), failures=2), horizon_s)
    assert [*aged.records, *fresh.records] == records
    assert all(written_s[number_of(entry)] < horizon_s for entry in aged.records)
    assert not fresh.records or written_s[number_of(fresh.records[0])] >= horizon_s
    assert aged.failures == fresh.failures == 2


@given(st.integers(1, 10**6))
def test_the_pause_after_a_failure_grows_and_has_an_end(failures: int) -> None:
    assert (pause_s(1), pause_s(2)) == (FIRST_PAUSE_S, 2 * FIRST_PAUSE_S)
    assert FIRST_PAUSE_S <= pause_s(failures) <= pause_s(failures + 1) <= MAX_PAUSE_S == pause_s(10**9)
