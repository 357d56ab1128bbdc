"""After the work it is planned again, until AWS shows what was done or had the time to."""

from __future__ import annotations

from collections.abc import Iterator

from cryptoctl.reconcile.observe import planned, remaining
from cryptoctl.reconcile.plan import Goal, Plan, Step
from cryptoctl.reconcile.retry import Wait
from unit.things import FakeAws, FakeClock, Thing

THING = Thing(name="a")


def plans(*counts: int) -> Iterator[Plan]:
    """Plans with so many steps to do; the last one again and again."""
    left = planned([THING], FakeAws(), Goal.PRESENT)  # type: ignore[arg-type]
    nothing = planned([], FakeAws(), Goal.PRESENT)  # type: ignore[arg-type]
    for count in counts:
        yield left if count else nothing
    while True:
        yield left if counts[-1] else nothing


def test_where_nothing_remains_nobody_waits() -> None:
    clock, again = FakeClock(), plans(0)
    assert remaining(lambda: next(again), clock).work == ()
    assert clock.time_s == 0


def test_what_aws_shows_late_is_waited_for_and_told() -> None:
    clock, again = FakeClock(), plans(1, 1, 0)
    told: list[str] = []

    def tell(step: Step, wait: Wait) -> None:
        told.append(f"{step.resource}: {wait.reason}")

    assert remaining(lambda: next(again), clock, tell).work == ()
    assert told == ["thing a: AWS to show what was done; for a while it may show the old state"] * 2


def test_what_never_comes_is_given_back_when_its_time_is_over() -> None:
    clock, again = FakeClock(), plans(1)
    assert [step.resource for step in remaining(lambda: next(again), clock).work] == [THING]
    assert clock.time_s == THING.visible_within_s


def test_a_fingerprint_is_twelve_hex_digits() -> None:
    assert len(next(plans(1)).fingerprint) == 12
    assert int(next(plans(1)).fingerprint, 16) >= 0
