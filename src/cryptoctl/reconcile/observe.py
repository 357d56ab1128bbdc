"""Observing every resource at the same time, and again until AWS shows what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError, Remedy
from cryptoctl.reconcile.graph import affected
from cryptoctl.reconcile.observed import Observed, Obstacle
from cryptoctl.reconcile.orphans import NONE_FOUND, Orphans
from cryptoctl.reconcile.plan import Action, Goal, Plan, Step
from cryptoctl.reconcile.planner import build_plan, is_owned, untagged_yet
from cryptoctl.reconcile.provisioner import Observations, Provisioner
from cryptoctl.reconcile.retry import Clock, Retry, Wait
from cryptoctl.reconcile.traits import DeletionProtected, Preflight


def observe(resources: Sequence[Provisioner], aws: Aws) -> Observations:
    """Observes all resources at once; the slowest one's round trips are what it takes."""

    def read(resource: Provisioner) -> Observed | None:
        with _explained_refusals(f"reading {resource}", resource.remedies):
            return resource.observe_or_fail(aws)

    return dict(zip(resources, aws.map(read, resources), strict=True))


@contextmanager
def _explained_refusals(purpose: str, remedies: tuple[Remedy, ...]) -> Iterator[None]:
    """What AWS refuses in the block says what it was for, if it does not yet."""
    try:
        yield
    except AwsError as error:
        if not error.purpose:
            error.purpose, error.remedies = purpose, remedies
        raise


def make_plan(
    resources: Sequence[Provisioner],
    aws: Aws,
    goal: Goal,
    *,
    adopt: bool = False,
    orphans: Orphans | None = None,
    after: Plan | None = None,
) -> Plan:
    """Observes the resources and the orphans; returns the plan with its obstacles.

    With `after`, a plan for the same resources that was carried out, only what it has changed is observed
    again, and what needs that; orphans are looked for again if it did more than update.
    """
    observations: dict[Provisioner, Observed | None] = {}
    if after is not None:
        observations = {step.resource: step.delta.observed for step in after.steps}
        if all(step.action is Action.UPDATE for step in after.work):
            orphans = None
    looked_at = resources if after is None else affected([step.resource for step in after.work], resources)
    shared = aws.with_shared_lists()
    if orphans is None:
        observations, found = {**observations, **observe(looked_at, shared)}, NONE_FOUND
    else:
        fresh, candidates = aws.gather(lambda: observe(looked_at, shared), lambda: orphans.candidates(shared))
        observations = {**observations, **fresh}
        found = orphans.find(shared, candidates, observations)
    plan = build_plan(resources, observations, goal, adopt=adopt, orphans=found.removable, notes=found.notes)
    return replace(plan, obstacles=_obstacles(plan, aws))


TAGS_TO_SHOW = "AWS to show its tags, without which nobody knows whose it is; it was made a moment ago"
WORK_TO_SHOW = "AWS to show what was done; for a while it may show the old state"


OnWait: TypeAlias = Callable[[Step, Wait], None]


def plan_until_tags_show(replan: Callable[[], Plan], clock: Clock, on_wait: OnWait = lambda *_: None) -> Plan:
    """Plans, again where something is refused for tags that AWS may not show yet, for as long as that takes.

    `on_wait` hears what is waited for, step by step.
    """
    return _until_shown(replan, new_without_tags, TAGS_TO_SHOW, clock, on_wait)


def plan_until_done(replan: Callable[[], Plan], clock: Clock, on_wait: OnWait = lambda *_: None) -> Plan:
    """Plans again after the work until nothing is left to do, or until AWS had time to show it all.

    `on_wait` hears what is still waited for, step by step.
    """
    return _until_shown(replan, lambda plan: [*plan.work, *plan.refused], WORK_TO_SHOW, clock, on_wait)


def _until_shown(
    replan: Callable[[], Plan],
    pending_steps: Callable[[Plan], Sequence[Step]],
    reason: str,
    clock: Clock,
    on_wait: OnWait,
) -> Plan:
    latest = replan()

    def report_wait(wait: Wait) -> None:
        for step in pending_steps(latest):
            on_wait(step, wait)

    timeout_s = max((step.resource.visible_within_s for step in pending_steps(latest)), default=0.0)
    for _ in Retry(clock, report_wait).pauses(reason, timeout_s):
        latest = replan()
        if not pending_steps(latest):
            break
    return latest


def new_without_tags(plan: Plan) -> list[Step]:
    """The steps that are refused for want of tags that AWS may not show yet."""
    refused = [(step, step.delta.observed) for step in plan.refused]
    return [
        step
        for step, observed in refused
        if observed and observed.new and untagged_yet(step.resource, observed)
    ]


def _obstacles(plan: Plan, aws: Aws) -> tuple[Obstacle, ...]:
    foreign = [step for step in plan.destroys if _has_foreign_data(step)]
    # What others have made is left as it is, whether or not they protect it.
    own_steps = (step for step in plan.destroys if step not in foreign)
    blockers = [(step, blocker) for step in own_steps if (blocker := deletion_blocker(step))]
    if plan.goal is Goal.ABSENT:
        return tuple(blocker for _, blocker in blockers)
    checked: dict[type[Preflight], list[Step]] = {}
    for step in plan.work:
        if step.action is not Action.DELETE and isinstance(step.resource, Preflight):
            checked.setdefault(type(step.resource), []).append(step)

    def check(kind: type[Preflight]) -> list[Obstacle]:
        with _explained_refusals(f"looking for what is in the way of a {kind.kind}", kind.remedies):
            return list(kind.preflight(aws, {step.resource: step.delta for step in checked[kind]}))

    obstacle_lists = aws.map(check, checked)
    # Several kinds may meet the same one, a key that they share, say.
    distinct = dict.fromkeys(obstacle for obstacles in obstacle_lists for obstacle in obstacles)
    refused = (_irreplaceable(step, blocker) for step, blocker in blockers)
    return (*refused, *map(_foreign_data, foreign), *distinct)


def deletion_blocker(step: Step) -> Obstacle | None:
    """Why the step's resource must not be deleted; None where it may be."""
    observed = step.delta.observed
    if observed is None or not isinstance(step.resource, DeletionProtected):
        return None
    return step.resource.deletion_blocker(observed)


def _has_foreign_data(step: Step) -> bool:
    """Whether it holds data that somebody else has put there: only what is adopted is not ours."""
    observed = step.delta.observed
    return step.replaces_data and observed is not None and not is_owned(step.resource, observed)


def _foreign_data(step: Step) -> Obstacle:
    fields = ", ".join(step.immutable_changes)
    return Obstacle(
        what=f"{step.resource} was made by others, and cannot be adopted with its data: {fields} cannot be "
        "changed in place.",
        hint="Choose another --env. If nobody needs its data, delete it by its name in the AWS console, then "
        "run `cryptoctl up --adopt` again.",
    )


def _irreplaceable(step: Step, blocker: Obstacle) -> Obstacle:
    fields = ", ".join(step.immutable_changes)
    return Obstacle(
        what=f"{blocker.what} It would have to be replaced, for {fields} cannot be changed in place.",
        hint="To give up what it holds, take the protection off by hand, then run the same command again.",
    )
