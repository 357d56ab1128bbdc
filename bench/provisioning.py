"""`plan` and `up` with 50 ms added to every call: round trips in sequence, and the critical path.

The critical path of an `up` is: the look before, the longest chain of steps that wait for each other (each
step's calls one after the other, and the time until AWS is at rest), the look after. Start-up and imports are
outside: the clock runs from the first call to the last.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptoctl.aws import Aws, Response
from cryptoctl.local.engine import Engine
from cryptoctl.reconcile.call import Call
from cryptoctl.reconcile.execute import Executor, StepResult
from cryptoctl.reconcile.observe import make_plan, plan_until_done
from cryptoctl.reconcile.orphans import Orphans
from cryptoctl.reconcile.plan import Goal, Plan, Step
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import RealClock, Wait
from cryptoctl.reconcile.values import Ref, refs
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from hostile.proxy import HostileProxy

LATENCY_S = 0.05
ANSIBLE_S = 27.0  # two thirds of this stack at this latency, with the usual modules; again for no change
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One request: when it went out and when its answer was there."""

    operation: str
    thread: str
    began_s: float
    ended_s: float

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return not self.operation.split(":")[1].startswith(("Get", "List", "Describe"))


class TimedAws(Aws):
    """Measures each request."""

    def __init__(self, url: str) -> None:
        super().__init__(region="us-east-1", endpoint_url=url)
        self.intervals: list[Interval] = []

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        """Measures, and sends."""
        began_s = time.monotonic()
        try:
            return super().call(service, operation, once=once, **params)
        finally:
            self.intervals.append(
                Interval(
                    operation=f"{service}:{operation}",
                    thread=threading.current_thread().name,
                    began_s=began_s,
                    ended_s=time.monotonic(),
                )
            )


class Unheard:
    """Nobody listens."""

    def started(self, step: Step) -> None:
        """Nothing to do."""

    def waiting(self, step: Step, wait: Wait) -> None:
        """Nothing to do."""

    def ended(self, result: StepResult) -> None:
        """Nothing to do."""

    def stopping(self) -> None:
        """Nothing to show."""


def in_sequence(intervals: list[Interval]) -> int:
    """The largest number of requests of which each went out after the one before was answered."""
    count, free_s = 0, 0.0
    for busy in sorted(intervals, key=lambda interval: interval.ended_s):
        if busy.began_s >= free_s:
            count, free_s = count + 1, busy.ended_s
    return count


def critical_path_s(plan: Plan, intervals: list[Interval]) -> float:
    """When the last step would end if nothing ever waited but for what it needs.

    Each call and each wait for rest takes as long as was measured. A step begins when the steps that it
    depends on are done; a call goes out when the values in it are known.
    """
    done: dict[Provisioner, float] = {}
    ready_s: dict[Ref, float] = {}
    for step in plan.work:
        now_s = max((done[resource] for resource in step.after if resource in done), default=0.0)
        measured = _durations([interval for interval in intervals if interval.thread == str(step.resource)])
        for request, seconds in zip(step.requests, measured, strict=True):
            if isinstance(request, Call):
                now_s = max([now_s, *(ready_s.get(ref, 0.0) for ref in refs(request.params))])
            now_s += seconds
            if isinstance(request, Call):
                ready_s.update({Ref(step.resource, name): now_s for name in request.gives})
        done[step.resource] = now_s
    return max(done.values(), default=0.0)


def _durations(intervals: list[Interval]) -> list[float]:
    """Of each writing call, and of each wait: from the call before it to the last reading call of it."""
    durations_s: list[float] = []
    waiting_since_s: float | None = None
    for interval in intervals:
        if interval.writes:
            durations_s.append(interval.ended_s - interval.began_s)
            waiting_since_s = None
        elif waiting_since_s is None:
            waiting_since_s = interval.began_s
            durations_s.append(interval.ended_s - waiting_since_s)
        else:
            durations_s[-1] = interval.ended_s - waiting_since_s
    return durations_s


def _span(intervals: list[Interval]) -> float:
    return max(interval.ended_s for interval in intervals) - min(interval.began_s for interval in intervals)


def phases(look_count: int, worked: int, intervals: list[Interval]) -> str:
    """How long each phase took; `look_count` requests are the first look's, the next to `worked` the work's.

    Writing is the time in which at least one writing request is under way, settling the rest of the work:
    what is being made is asked for, or nothing is.
    """
    look, work, again = intervals[:look_count], intervals[look_count:worked], intervals[worked:]
    parts = {"look": _span(look)}
    if work:
        writing_s = covered_s([interval for interval in work if interval.writes])
        parts |= {"write": writing_s, "settle": _span(work) - writing_s}
    if again:
        parts["second look"] = _span(again)
    between_s = _span(intervals) - sum(parts.values())
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in {**parts, "between": between_s}.items())


class Span(Protocol):
    """Something that began and ended, in seconds of one clock."""

    @property
    def began_s(self) -> float:
        """When it began."""

    @property
    def ended_s(self) -> float:
        """When it ended."""


def covered_s(spans: Sequence[Span]) -> float:
    """How long at least one of them lasts."""
    total_s = until_s = 0.0
    for interval in sorted(spans, key=lambda span: span.began_s):
        total_s += max(0.0, interval.ended_s - max(interval.began_s, until_s))
        until_s = max(until_s, interval.ended_s)
    return total_s


def _session(environment: str, aws: Aws) -> Session:
    session = Session(SessionOptions(environment=environment, target=Target.LOCAL))
    session.aws = aws
    return session


def _measure(engine: Engine, url: str, number: int) -> None:
    made_up = engine.credentials(f"bench{number}")
    os.environ |= {"AWS_ACCESS_KEY_ID": made_up.access_key, "AWS_SECRET_ACCESS_KEY": made_up.secret_key}
    aws = TimedAws(url)
    resources = list(_session(f"bench{number}", aws).stack)
    for service in ("sts", "kms", "dynamodb", "sqs", "sns", "iam", "logs", "lambda"):
        aws.client(service)  # building clients is start-up, not calls

    def look() -> Plan:
        return make_plan(resources, aws, Goal.PRESENT, orphans=Orphans(stack=resources))

    plan = look()
    look_count, looked_s = len(aws.intervals), _span(aws.intervals)
    Executor(aws=aws, listener=Unheard()).run(plan)
    before_last_look = len(aws.intervals)
    plan_until_done(look, RealClock())
    after_s = _span(aws.intervals[before_last_look:])
    total_s = _span(aws.intervals)
    path_s = looked_s + critical_path_s(plan, aws.intervals) + after_s
    calls, summary = len(aws.intervals), phases(look_count, before_last_look, aws.intervals)

    aws.intervals.clear()
    again = look()
    assert not again.work
    plan_s = _span(aws.intervals)
    print(
        f"up: {total_s:.2f} s in {calls} calls; critical path {path_s:.2f} s, ratio {total_s / path_s:.2f}; "
        f"{ANSIBLE_S / total_s:.0f} times faster than 27 s"
    )
    print(f"    {summary}")
    print(
        f"plan on the finished stack: {plan_s:.2f} s, {len(aws.intervals)} calls, "
        f"{in_sequence(aws.intervals)} in sequence; {ANSIBLE_S / plan_s:.0f} times faster than 27 s"
    )

    aws.intervals.clear()
    removal = make_plan(resources, aws, Goal.ABSENT)
    look_count = len(aws.intervals)
    Executor(aws=aws, listener=Unheard()).run(removal)
    path_s = _span(aws.intervals[:look_count]) + critical_path_s(removal, aws.intervals[look_count:])
    total_s = _span(aws.intervals)
    print(f"removal: {total_s:.2f} s; critical path {path_s:.2f} s, ratio {total_s / path_s:.2f}")
    print(f"    {phases(look_count, len(aws.intervals), aws.intervals)}")


def main() -> None:
    """Prints the figures, some rounds of them."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CRYPTOCTL_STATE_DIR"] = directory
        engine = Engine(Path(directory) / "engine")
        url = engine.start(port=0).url
        assert url is not None
        try:
            with HostileProxy(url) as proxy:
                proxy.behave(latency_s=LATENCY_S)
                # Requests are signed for the engine, which takes no other: they go through an HTTP proxy.
                os.environ |= {"HTTP_PROXY": proxy.url, "NO_PROXY": ""}
                os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
                for number in range(ROUNDS):
                    _measure(engine, url, number)
        finally:
            engine.stop()
