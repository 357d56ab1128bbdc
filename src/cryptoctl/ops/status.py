"""The state of an environment: its resources, and what differs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cryptoctl.aws import Aws
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.stream_mapping import StreamMapping
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import WITHOUT_TAGS, Action, Goal, Step
from cryptoctl.stack import Stack


class ResourceState(StrEnum):
    """The state of a resource."""

    PRESENT = "present"
    DRIFTED = "drifted"
    MISSING = "missing"
    FOREIGN = "not managed"
    ORPHANED = "orphaned"


_STATES = {
    Action.NOTHING: ResourceState.PRESENT,
    Action.CREATE: ResourceState.MISSING,
    Action.UPDATE: ResourceState.DRIFTED,
    Action.REPLACE: ResourceState.DRIFTED,
    Action.REFUSED: ResourceState.FOREIGN,
    Action.DELETE: ResourceState.ORPHANED,
}


@dataclass(frozen=True, kw_only=True)
class MappingState:
    """A stream mapping as Lambda reports it."""

    name: str
    state: str
    last_result: str


@dataclass(frozen=True, kw_only=True)
class ResourceReport:
    """A resource, its state, and the fields that differ."""

    name: str
    state: ResourceState
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Every resource of the environment."""

    resources: tuple[ResourceReport, ...]
    notes: tuple[str, ...] = ()
    """what else should be known, a sentence each"""
    exists: bool = True
    """whether there is anything of the environment at all"""


def inventory(stack: Stack, aws: Aws) -> Inventory:
    """Observes every resource; all reads run at the same time."""
    resources = list(stack)
    plan = make_plan(resources, aws, Goal.PRESENT, orphans=stack.orphans)
    return Inventory(
        resources=tuple(map(_resource, plan.steps)), notes=plan.notes, exists=any(map(_is_there, plan.steps))
    )


def _is_there(step: Step) -> bool:
    # `down` leaves a key that is pending deletion, and roles are in every region: neither is an environment.
    if step.action is Action.REFUSED:
        return step.reason == WITHOUT_TAGS
    return step.action is not Action.CREATE and step.resource.kind != Key.kind


def _resource(step: Step) -> ResourceReport:
    differs = tuple(change.path for change in step.changes)
    return ResourceReport(name=str(step.resource), state=_STATES[step.action], differs=differs)


def mapping_state(aws: Aws, mapping: StreamMapping) -> MappingState | None:
    """The mapping as Lambda reports it; None where there is none."""
    response = mapping.find(aws)
    if response is None:
        return None
    last_result = response.get("LastProcessingResult", "")
    return MappingState(name=str(mapping), state=response["State"], last_result=last_result)
