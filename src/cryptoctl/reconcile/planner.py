"""From what was observed to the plan. Pure: no request is made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cryptoctl.reconcile.delta import Delta, difference
from cryptoctl.reconcile.graph import dependencies, dependents, in_order, parent
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import ORPHANED, TAKEN_OVER, WITHOUT_TAGS, Action, Goal, Plan, Step
from cryptoctl.reconcile.provisioner import Observations, Provisioner
from cryptoctl.reconcile.scope import ENVIRONMENT, MANAGED_BY
from cryptoctl.reconcile.traits import ConflictChecked
from cryptoctl.reconcile.values import Ref, resolve


def build_plan(
    resources: Sequence[Provisioner],
    observations: Observations,
    goal: Goal,
    *,
    adopt: bool = False,
    orphans: Mapping[Provisioner, Observed] | None = None,
    notes: tuple[str, ...] = (),
) -> Plan:
    """Works out the plan.

    With `adopt`, resources that are not ours by tag are taken over; otherwise they are refused.
    Orphans are deleted last: not before what has taken their place stands. One that is a part goes before
    what it is a part of changes, for that may be what shows whose it is. Raises Failure where what is to be
    compared could not be read.
    """
    known = known_values(observations)
    ordered = in_order(resources)
    whole = {
        orphan: observation
        for orphan, observation in (orphans or {}).items()
        if parent(orphan) not in observations
    }
    parts = {orphan: observation for orphan, observation in (orphans or {}).items() if orphan not in whole}
    first_gone = dependents(ordered) if goal is Goal.ABSENT else {}
    steps: list[Step] = []
    replaced: set[Provisioner | None] = set()
    for resource in ordered:
        observed = observations[resource] if parent(resource) not in replaced else None
        if goal is Goal.PRESENT:
            step = plan_present(resource, observed, known, adopt=adopt)
        else:
            step = plan_absent(resource, observed, after=first_gone[resource])
        for ref in outputs_of(step):
            known.pop(ref, None)
        if step.action is Action.REPLACE:
            replaced.add(resource)
        first = tuple(part for part in parts if parent(part) is resource)
        steps.append(replace(step, after=(*step.after, *first)))
    if goal is Goal.ABSENT:
        steps.reverse()
    steps = [_orphaned(*pair, after=()) for pair in parts.items()] + steps
    steps += [_orphaned(*pair, after=ordered) for pair in whole.items()]
    return Plan(goal=goal, steps=tuple(steps), known=known, notes=(*notes, *_notes(goal, steps)))


def _notes(goal: Goal, steps: Sequence[Step]) -> Iterator[str]:
    """A sentence on each resource that stays."""
    for step in steps:
        if goal is Goal.ABSENT and step.action is Action.NOTHING and step.reason:
            yield f"{step.resource} stays: it {step.reason}"
        elif goal is Goal.PRESENT and step.delta.observed and step.action in (Action.NOTHING, Action.UPDATE):
            yield from step.delta.observed.notes


def known_values(observations: Observations) -> dict[Ref, str]:
    """The values that AWS has assigned to what was observed."""
    return {
        Ref(resource, name): value
        for resource, observed in observations.items()
        if observed is not None
        for name, value in observed.outputs.items()
    }


def outputs_of(step: Step) -> set[Ref]:
    """The values that a step gives while it runs: what was known of them before does not count any more."""
    return {Ref(step.resource, output) for request in step.requests for output in request.gives}


def plan_present(
    resource: Provisioner, observed: Observed | None, known: Mapping[Ref, str], *, adopt: bool
) -> Step:
    """The step that creates or changes one resource, with the values known by now."""
    current = None if observed is None or observed.deleting else observed
    desired = resolve(resource.desired(), lambda ref: known.get(ref, ref))
    delta = difference(desired, current, resource.exclusive)
    new_delta = Delta(desired=delta.desired, observed=None, changes=())
    after = dependencies(resource)
    if current is None:
        wait = resource.remove(observed) if observed is not None else ()
        requests = (*wait, *resource.apply(new_delta))
        return Step(resource=resource, action=Action.CREATE, delta=delta, requests=requests, after=after)
    if reason := _refusal(resource, current, adopt=adopt):
        return Step(resource=resource, action=Action.REFUSED, delta=delta, reason=reason)
    if current.unreadable:
        raise current.unreadable
    if not delta.changes:
        return Step(resource=resource, action=Action.NOTHING, delta=delta)
    reasons = () if is_owned(resource, current) else (TAKEN_OVER,)
    if delta.touches(*resource.immutable):
        requests = (*resource.remove(current), *resource.apply(new_delta))
        step = Step(resource=resource, action=Action.REPLACE, delta=delta, requests=requests, after=after)
        lost = "; its data is deleted" * step.replaces_data
        immutable = f"{', '.join(step.immutable_changes)} cannot be changed in place{lost}"
        return replace(step, reason="; ".join((*reasons, immutable)))
    requests, reason = tuple(resource.apply(delta)), "".join(reasons)
    return Step(
        resource=resource, action=Action.UPDATE, delta=delta, requests=requests, after=after, reason=reason
    )


def plan_absent(resource: Provisioner, observed: Observed | None, *, after: tuple[Provisioner, ...]) -> Step:
    """The step that deletes one resource after those that need it; what is in use elsewhere stays."""
    delta = Delta(desired={}, observed=observed, changes=())
    if observed is None or observed.pending_deletion_until is not None:
        return Step(resource=resource, action=Action.NOTHING, delta=delta)
    if reason := _conflict(resource, observed):
        return Step(resource=resource, action=Action.NOTHING, delta=delta, reason=reason)
    if reason := _refusal(resource, observed, adopt=False):
        return Step(resource=resource, action=Action.REFUSED, delta=delta, reason=reason)
    requests = tuple(resource.remove(observed))
    return Step(resource=resource, action=Action.DELETE, delta=delta, requests=requests, after=after)


def _orphaned(resource: Provisioner, observed: Observed, *, after: tuple[Provisioner, ...]) -> Step:
    return replace(plan_absent(resource, observed, after=after), reason=ORPHANED)


def _conflict(resource: Provisioner, observed: Observed) -> str | None:
    return resource.conflict(observed) if isinstance(resource, ConflictChecked) else None


def _refusal(resource: Provisioner, observed: Observed, *, adopt: bool) -> str | None:
    if conflict := _conflict(resource, observed):
        return conflict
    if is_owned(resource, observed):
        return None
    if owner := _other_environment(observed):
        return (
            f"belongs to environment {owner}, as its tags say (if it does not, set its tag Environment to "
            f"{resource.scope.environment})"
        )
    return None if adopt else WITHOUT_TAGS


def _other_environment(observed: Observed) -> str | None:
    """The environment that what is not ours belongs to: some names of two environments are the same."""
    tags = observed.fields["Tags"]
    return tags.get(ENVIRONMENT) if tags.get(MANAGED_BY) == "cryptoctl" else None


def untagged_yet(resource: Provisioner, observed: Observed) -> bool:
    """Whether all that is against its being ours is that AWS shows no tag of it at all.

    Of what was made a moment ago it may show them later.
    """
    return not is_owned(resource, observed) and not observed.fields["Tags"]


def is_owned(resource: Provisioner, observed: Observed) -> bool:
    """Whether it is ours: it carries our tags, or it cannot carry any and belongs to its parent."""
    tags = observed.fields.get("Tags")
    if tags is None or (not tags and resource.untagged_is_ours):
        return True
    return bool(resource.scope.owner_tags.items() <= tags.items())
