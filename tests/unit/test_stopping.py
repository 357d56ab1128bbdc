"""A run that is interrupted, or whose screen is gone or stuck, finishes what is under way and ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cryptoctl.reconcile.call import Call, CallOrWait
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.execute import Executor, StepOutcome, StepResult
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal, Step
from cryptoctl.reconcile.retry import StopRequest, Wait
from kit.clocks import FakeClock
from live import Silent
from unit.fake_resources import FakeAws, FakeResource
from unit.running import failing, outcomes, run


def test_an_interruption_finishes_the_call_and_begins_no_other() -> None:
    stop = StopRequest()
    aws = FakeAws(after=lambda *_: stop.requested.set())
    first = FakeResource(name="first")
    plan = make_plan([first, FakeResource(name="last", needs=(first,))], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Silent(), clock=FakeClock(stop.requested)).run(plan, stop)  # type: ignore[arg-type]
    assert outcomes(report) == {"first": StepOutcome.DONE, "last": StepOutcome.INTERRUPTED}
    assert list(aws.things) == ["first"]


def test_a_handler_that_requests_it_does_not_wait_for_the_sleep_that_it_has_interrupted() -> None:
    stop = StopRequest()

    def interrupted_sleep() -> None:
        with stop.requested._cond:  # type: ignore[attr-defined]
            stop.request()

    thread = threading.Thread(target=interrupted_sleep, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert stop.requested.wait(60)


def test_it_is_told_what_a_step_waits_for_and_that_what_is_under_way_is_finished() -> None:
    stop, waits, stopped = StopRequest(), list[str](), threading.Event()

    class Listener(Silent):
        def waiting(self, step: Step, wait: Wait) -> None:
            waits.append(f"{step.resource} waits for {wait.reason}")
            stop.requested.set()

        def stopping(self) -> None:
            stopped.set()

    def until_told(*_: object) -> None:
        stopped.wait(60)

    first, aws = FakeResource(name="first"), FakeAws(before=until_told)
    plan = make_plan([first, FakeResource(name="last", needs=(first,))], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Listener(), clock=FakeClock(stop.requested)).run(plan, stop)  # type: ignore[arg-type]
    assert waits == ["thing last waits for thing first, which comes first"]
    assert stopped.is_set()
    assert outcomes(report) == {"first": StepOutcome.DONE, "last": StepOutcome.INTERRUPTED}


def test_an_interruption_between_two_calls_of_a_step_ends_it_before_the_second() -> None:
    class InTwoCalls(FakeResource):
        def apply(self, delta: Delta) -> Iterator[CallOrWait]:
            yield from super().apply(delta)
            params = {"Name": self.name, "Fields": delta.desired}
            yield Call(service="things", operation="UpdateThing", params=params)

    stop = StopRequest()
    aws = FakeAws(after=lambda *_: stop.requested.set())
    plan = make_plan([InTwoCalls(name="a")], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Silent(), clock=FakeClock(stop.requested)).run(plan, stop)  # type: ignore[arg-type]
    assert outcomes(report) == {"a": StepOutcome.INTERRUPTED}
    assert aws.calls == [("CreateThing", "a")]


def test_a_second_interruption_does_not_wait_for_what_is_under_way_and_is_told_no_more() -> None:
    stop, answered, ended = StopRequest(), threading.Event(), threading.Event()

    def hangs(*_: object) -> None:
        stop.requested.set()
        stop.at_once.set()
        answered.wait(60)

    class Listener(Silent):
        def ended(self, result: StepResult) -> None:
            ended.set()

    aws = FakeAws(before=hangs)
    first = FakeResource(name="first")
    plan = make_plan([first, FakeResource(name="last", needs=(first,))], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Listener(), clock=FakeClock(stop.requested)).run(plan, stop)  # type: ignore[arg-type]
    assert outcomes(report) == {"first": StepOutcome.ABANDONED, "last": StepOutcome.INTERRUPTED}
    ended.clear()
    answered.set()
    for thread in threading.enumerate():
        if thread.name == str(first):
            thread.join(60)
            assert not thread.is_alive(), "it ends by itself"
    assert list(aws.things) == ["first"]
    assert not ended.is_set()


def test_a_screen_that_is_gone_stops_nothing() -> None:
    class Gone(Silent):
        def started(self, step: Step) -> None:
            raise BrokenPipeError

        def ended(self, result: StepResult) -> None:
            raise SystemExit(1)

    aws = FakeAws()
    first = FakeResource(name="first")
    plan = make_plan([first, FakeResource(name="last", needs=(first,))], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Gone(), clock=FakeClock()).run(plan)  # type: ignore[arg-type]
    assert outcomes(report) == {"first": StepOutcome.DONE, "last": StepOutcome.DONE}


@pytest.mark.thorough
def test_a_screen_that_is_stuck_does_not_keep_a_run_from_ending_at_once() -> None:
    class Stuck(Silent):
        def started(self, step: Step) -> None:
            began.set()
            assert goes_on.wait(60)

    began, goes_on, stop = threading.Event(), threading.Event(), StopRequest()
    plan = make_plan([FakeResource(name="data")], FakeAws(), Goal.PRESENT)  # type: ignore[arg-type]
    executor = Executor(aws=FakeAws(), listener=Stuck(), clock=FakeClock())  # type: ignore[arg-type]
    running = threading.Thread(target=executor.run, args=(plan, stop), daemon=True)
    running.start()
    assert began.wait(10)
    stop.requested.set()
    stop.at_once.set()
    running.join(10)
    ended = not running.is_alive()
    goes_on.set()
    assert ended


def test_a_defect_while_a_failure_is_told_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that dies without a word would be waited for for ever."""

    def broken(*_: object) -> str:
        raise ValueError("odd")

    monkeypatch.setattr("cryptoctl.reconcile.execute.remedy", broken)
    bad = FakeResource(name="bad")
    aws = FakeAws(before=failing("CreateThing", "Denied", "no", name="bad"))
    report, _, _ = run(aws, bad, FakeResource(name="child", needs=(bad,)), FakeResource(name="free"))
    assert outcomes(report) == {
        "bad": StepOutcome.FAILED,
        "child": StepOutcome.BLOCKED,
        "free": StepOutcome.DONE,
    }
    [failed] = report.ended(StepOutcome.FAILED)
    assert failed.problem == "ValueError: odd" and "please report it" in failed.hint


def test_an_interruption_ends_a_wait_on_the_real_clock_at_once() -> None:
    stop = StopRequest()

    class Impatient(Silent):
        def waiting(self, step: Step, wait: Wait) -> None:
            stop.requested.set()

    def never(operation: str, params: Mapping[str, Any]) -> None:
        aws.things["a"]["State"] = "Pending"

    aws = FakeAws(after=never)
    plan = make_plan([FakeResource(name="a", settles=True)], aws, Goal.PRESENT)  # type: ignore[arg-type]
    report = Executor(aws=aws, listener=Impatient()).run(plan, stop)  # type: ignore[arg-type]
    assert outcomes(report) == {"a": StepOutcome.INTERRUPTED}
