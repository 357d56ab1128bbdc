"""Looking at every resource at the same time, and looking again until AWS shows what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cryptoctl.aws_errors import AwsError
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.orphans import NOTHING, Orphans
from cryptoctl.reconcile.plan import Goal, Plan, Step, Verb, build
from cryptoctl.reconcile.provisioner import Observed, Obstacle, Provisioner
from cryptoctl.reconcile.retry import Clock, RealClock, Retry, Wait

if TYPE_CHECKING:
    from cryptoctl.aws import Aws


def observe(resources: Sequence[Provisioner], aws: Aws) -> Mapping[Provisioner, Observed | None]:
    """Observes all resources at once; the slowest one's round trips are what it takes."""
    seen = aws.gather(*[_looking(resource, aws) for resource in resources])
    return dict(zip(resources, seen, strict=True))


def _looking(resource: Provisioner, aws: Aws) -> Callable[[], Observed | None]:
    def look() -> Observed | None:
        try:
            return resource.observe(aws)
        except AwsError as error:
            error.doing = f"looking at {resource}"
            raise

    return look


def planned(
    resources: Sequence[Provisioner],
    aws: Aws,
    goal: Goal,
    *,
    adopt: bool = False,
    orphans: Orphans | None = None,
) -> Plan:
    """Observes, and builds the plan, with what is known to stand in its way; and for what is left over."""
    if orphans is None:
        seen, over = observe(resources, aws), NOTHING
    else:
        seen, candidates = aws.gather(lambda: observe(resources, aws), lambda: orphans.candidates(aws))
        over = orphans.find(aws, candidates, seen)
    plan = build(resources, seen, goal, adopt=adopt, orphans=over)
    return replace(plan, obstacles=_obstacles(plan, aws))


def remaining(
    look_again: Callable[[], Plan],
    clock: Clock | None = None,
    tell: Callable[[Step, Wait], None] = lambda *_: None,
) -> Plan:
    """Plans again after the work until nothing is left to do, or until AWS had time to show it all.

    `tell` hears what is still waited for, step by step.
    """
    latest = look_again()
    if not (latest.work or latest.refused):
        return latest
    timeout_s = max(step.resource.visible_within_s for step in (*latest.work, *latest.refused))

    def still(wait: Wait) -> None:
        for step in latest.work:
            tell(step, wait)

    for _ in Retry(clock or RealClock(), still).pauses(
        "AWS to show what was done; for a while it may show the old state", timeout_s
    ):
        latest = look_again()
        if not (latest.work or latest.refused):
            break
    return latest


def _obstacles(plan: Plan, aws: Aws) -> tuple[Obstacle, ...]:
    guards = [
        (step, guard)
        for step in plan.destroys
        if step.delta.observed is not None and (guard := step.resource.deletion_blocker(step.delta.observed))
    ]
    if plan.goal is Goal.ABSENT:
        return tuple(guard for _, guard in guards)
    by_kind: dict[type[Provisioner], list[Delta]] = {}
    for step in plan.work:
        if step.verb is not Verb.DELETE:
            by_kind.setdefault(type(step.resource), []).append(step.delta)
    found = aws.gather(*[_checking(kind, deltas, aws) for kind, deltas in by_kind.items()])
    return (
        *(_irreplaceable(step, guard) for step, guard in guards),
        *(obstacle for obstacles in found for obstacle in obstacles),
    )


def _irreplaceable(step: Step, guard: Obstacle) -> Obstacle:
    fixed = [change.path for change in step.changes if change.field in step.resource.immutable]
    return Obstacle(
        what=f"{guard.what} It would have to be replaced, for {', '.join(fixed)} cannot be changed in place.",
        hint="To give up what it holds, take the protection off by hand, then run `cryptoctl up` again.",
    )


def _checking(kind: type[Provisioner], deltas: list[Delta], aws: Aws) -> Callable[[], list[Obstacle]]:
    return lambda: list(kind.preflight(aws, deltas))
