"""The plan: which calls run, in which order, and why. A value: shown, compared, and run as it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter

from cryptoctl.reconcile.call import Action, Call
from cryptoctl.reconcile.delta import Change, Delta, difference
from cryptoctl.reconcile.orphans import NOTHING, Found
from cryptoctl.reconcile.provisioner import Observed, Obstacle, Provisioner
from cryptoctl.reconcile.values import Json, Ref, Value, resolve

WITHOUT_TAGS = "bears our name without our tags (--adopt takes it over)"
ORPHANED = "no longer part of the environment"
Observations = Mapping[Provisioner, Observed | None]


class Goal(StrEnum):
    """What is wished of the whole stack."""

    PRESENT = "present"
    ABSENT = "absent"


class Verb(StrEnum):
    """What a step does to its resource."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource's part of a plan: the calls, their reason, and which resources come first."""

    resource: Provisioner
    verb: Verb
    delta: Delta
    actions: tuple[Action, ...] = ()
    after: tuple[Provisioner, ...] = ()
    why: str = ""
    """Why it is refused, or removed although the rest stays."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """The writing calls, without the waits between them."""
        return tuple(action for action in self.actions if isinstance(action, Call))

    @property
    def changes(self) -> tuple[Change, ...]:
        """The fields that differ."""
        return self.delta.changes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every resource of the stack with what is to be done to it, in dependency order."""

    goal: Goal
    steps: tuple[Step, ...]
    known: Mapping[Ref, str]
    """The values that are known before anything runs and that nothing in the plan renews."""
    obstacles: tuple[Obstacle, ...] = ()
    """What would make the plan fail, known beforehand."""
    notes: tuple[str, ...] = ()
    """What a person should know of what the plan leaves as it is."""

    @property
    def work(self) -> tuple[Step, ...]:
        """The steps that do something."""
        return tuple(step for step in self.steps if step.actions)

    @property
    def refused(self) -> tuple[Step, ...]:
        """The resources that bear our names and are somebody else's."""
        return tuple(step for step in self.steps if step.verb is Verb.REFUSED)

    @property
    def way_out(self) -> str:
        """What to do next about what is refused."""
        untagged = any(step.why == WITHOUT_TAGS for step in self.refused)
        adopt = ", or take over what lacks our tags with `cryptoctl up --adopt`" if untagged else ""
        return f"Choose another --env{adopt}."

    @property
    def destroys(self) -> tuple[Step, ...]:
        """The steps that remove something."""
        return tuple(step for step in self.work if step.verb in (Verb.REPLACE, Verb.DELETE))

    @property
    def consents(self) -> tuple[str, ...]:
        """What a person should be asked about: what is removed, and changes that take a protection away."""
        removed = [f"{step.verb} {step.resource}" for step in self.destroys]
        changed = [
            f"{why} of {step.resource}"
            for step in self.work
            if step.verb is Verb.UPDATE and (why := step.resource.consent_reason(step.delta))
        ]
        return (*removed, *changed)

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits of the SHA-256 over everything that the plan does."""
        listed = [
            [str(step.resource), step.verb, [_listed(action) for action in step.actions]]
            for step in self.work
        ]
        text = json.dumps([self.goal, listed], sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def build(
    resources: Sequence[Provisioner],
    observations: Observations,
    goal: Goal,
    *,
    adopt: bool = False,
    orphans: Found = NOTHING,
) -> Plan:
    """Works out the plan from what was observed. Pure: no request is made here.

    With `adopt`, resources that are not ours by tag are taken over; otherwise they are refused.
    Leftovers are removed last: not before what has taken their place stands.
    """
    known: dict[Ref, str] = {
        Ref(resource, name): value
        for resource, observed in observations.items()
        if observed is not None
        for name, value in observed.outputs.items()
    }
    ordered = _in_order(resources)
    steps: list[Step] = []
    replaced: set[Provisioner | None] = set()
    for resource in ordered:
        observed = observations[resource] if resource.parent() not in replaced else None
        if goal is Goal.PRESENT:
            step = present(resource, observed, known, adopt=adopt)
        else:
            step = _absent(resource, observed, dependents=_dependents(resource, ordered))
        for action in step.actions:
            for output in action.gives:
                known.pop(Ref(resource, output), None)
        if step.verb is Verb.REPLACE:
            replaced.add(resource)
        steps.append(step)
    if goal is Goal.ABSENT:
        steps.reverse()
    steps += [_left_over(*each, after=ordered) for each in orphans.removable.items()]
    return Plan(goal=goal, steps=tuple(steps), known=known, notes=orphans.notes)


def next_delta(resource: Provisioner, observed: Observed | None, known: Mapping[Ref, str]) -> Delta:
    """What still differs, with the values known by now."""
    desired = resolve(resource.desired(), lambda ref: known.get(ref, ref))
    return difference(desired, observed, resource.exclusive)


def present(
    resource: Provisioner, observed: Observed | None, known: Mapping[Ref, str], *, adopt: bool
) -> Step:
    """The step that makes or mends one resource, with the values known by now."""
    there = None if observed is None or observed.deleting else observed
    delta = next_delta(resource, there, known)
    afresh = Delta(desired=delta.desired, observed=None, changes=())
    after = resource.dependencies()
    if there is None:
        wait = resource.remove(observed) if observed is not None else ()
        actions = (*wait, *resource.apply(afresh))
        return Step(resource=resource, verb=Verb.CREATE, delta=delta, actions=actions, after=after)
    if why := _refusal(resource, there, adopt=adopt):
        return Step(resource=resource, verb=Verb.REFUSED, delta=delta, why=why)
    if not delta.changes:
        return Step(resource=resource, verb=Verb.NOTHING, delta=delta)
    if delta.touches(*resource.immutable):
        actions = (*resource.remove(there), *resource.apply(afresh))
        return Step(resource=resource, verb=Verb.REPLACE, delta=delta, actions=actions, after=after)
    actions = tuple(resource.apply(delta))
    return Step(resource=resource, verb=Verb.UPDATE, delta=delta, actions=actions, after=after)


def _absent(resource: Provisioner, observed: Observed | None, *, dependents: tuple[Provisioner, ...]) -> Step:
    delta = Delta(desired={}, observed=observed, changes=())
    if observed is None or observed.pending_deletion_until is not None:
        return Step(resource=resource, verb=Verb.NOTHING, delta=delta)
    if why := _refusal(resource, observed, adopt=False):
        return Step(resource=resource, verb=Verb.REFUSED, delta=delta, why=why)
    actions = tuple(resource.remove(observed))
    return Step(resource=resource, verb=Verb.DELETE, delta=delta, actions=actions, after=dependents)


def _left_over(resource: Provisioner, observed: Observed, *, after: tuple[Provisioner, ...]) -> Step:
    delta = Delta(desired={}, observed=observed, changes=())
    actions = tuple(resource.remove(observed))
    return Step(resource=resource, verb=Verb.DELETE, delta=delta, actions=actions, after=after, why=ORPHANED)


def _refusal(resource: Provisioner, observed: Observed, *, adopt: bool) -> str | None:
    if not adopt and not resource.owned(observed):
        return WITHOUT_TAGS
    return resource.conflict(observed)


def _in_order(resources: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    chosen = set(resources)
    graph = {
        resource: [p for p in (*resource.dependencies(), *resource.sources()) if p in chosen]
        for resource in resources
    }
    return tuple(TopologicalSorter(graph).static_order())


def _dependents(resource: Provisioner, resources: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    return tuple(other for other in resources if resource in (*other.dependencies(), *other.sources()))


def with_dependencies(chosen: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    """The chosen resources and all that they depend on, directly or not."""
    found: dict[Provisioner, None] = {}

    def visit(resource: Provisioner) -> None:
        for needed in (*resource.dependencies(), *resource.sources()):
            visit(needed)
        found[resource] = None

    for resource in chosen:
        visit(resource)
    return tuple(found)


def _listed(action: Action) -> Iterator[Value] | list[Value]:
    if isinstance(action, Call):
        return [action.service, action.operation, action.params]
    return ["wait", action.operation, action.path, action.until]


def _plain(value: Value) -> Value:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, Json):
        return value.document
    return str(value)
