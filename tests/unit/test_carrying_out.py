"""The look after the work: what AWS shows late is waited for, and what cannot be seen is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cryptoctl.cli.apply import carry_out
from cryptoctl.cli.command import CommandRun
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.call import CallOrWait, WaitUntil
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.values import Fields
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from cryptoctl.ui.screen import Screen
from kit.clocks import FakeClock
from unit.fake_resources import FakeAws, FakeResource, refusal


@dataclass(frozen=True, kw_only=True, eq=False)
class Slow(FakeResource):
    """A thing whose changes AWS works on for a while."""

    def observe(self, aws: Any) -> Observed | None:
        observed = super().observe(aws)
        return observed and Observed(
            fields={**observed.fields, "State": aws.state()}, outputs=observed.outputs
        )

    def desired(self) -> Fields:
        return {**super().desired(), "State": "Ready"}

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        yield from (
            action
            for action in super().apply(delta)
            if delta.touches("Size") or isinstance(action, WaitUntil)
        )


class SlowAws(FakeAws):
    """Shows the old state for some seconds after a change, and then for 40 s that it is at work."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock, self.changed_s = clock, -1000.0

    def state(self) -> str:
        """At this time."""
        return "Busy" if 1 <= self.clock.time_s - self.changed_s < 40 else "Ready"

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        self.changed_s = self.clock.time_s
        return super().call(service, operation, once=once, **params)

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        response = super().find(service, operation, not_found=not_found, **params)
        return response and {**response, "State": self.state()}


def carried_out(
    aws: FakeAws, clock: FakeClock, thing: FakeResource, answers: dict[str, Any] | None = None
) -> Plan:
    session = Session(SessionOptions(environment="E", target=Target.AWS))
    session.__dict__ |= {"aws": aws, "environment": "E"}
    run = CommandRun(session=session, screen=Screen(colour=False), clock=clock)

    def look() -> Plan:
        clock.time_s += 1  # a look takes its time
        return make_plan([thing], aws, Goal.PRESENT)  # type: ignore[arg-type]

    try:
        return carry_out(run, look(), look)
    finally:
        if answers is not None:
            answers |= run.members


def test_what_aws_shows_late_to_be_at_work_on_is_waited_for_as_long_as_the_thing_says() -> None:
    clock = FakeClock()
    aws = SlowAws(clock)
    aws.things["a"] = {"Fields": FakeResource(name="a", size=1).desired(), "Id": "x"}
    answers: dict[str, Any] = {}
    assert carried_out(aws, clock, Slow(name="a", size=2, settles=True), answers).nothing_to_do
    assert [result["resource"] for result in answers["results"]] == ["thing a"]
    assert [operation for operation, _ in aws.calls] == ["UpdateThing"]


def test_where_it_cannot_be_looked_at_again_it_is_said_that_everything_was_done() -> None:
    aws = FakeAws()
    aws.after = lambda operation, _: setattr(aws, "find", refuse)

    def refuse(*_: Any, **__: Any) -> None:
        raise refusal("GetThing", "Throttling", "Rate exceeded")

    with pytest.raises(Failure, match="All calls succeeded, but the result could not be read") as raised:
        carried_out(aws, FakeClock(), FakeResource(name="a"))
    assert raised.value.exit_code is ExitCode.AWS
    assert raised.value.hint.endswith("Then run the same command again: it goes on from here.")
