"""The plan: which calls run, in which order, and why. A value: shown, compared, and run as it stands."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptoctl.reconcile.call import Call, CallOrWait
from cryptoctl.reconcile.delta import Change, Delta
from cryptoctl.reconcile.observed import Obstacle
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.traits import REPLACE, ConsentRequired, DeletionProtected, FollowUp
from cryptoctl.reconcile.values import Ref, Value, map_leaves

WITHOUT_TAGS = "exists without cryptoctl's tags (--adopt takes it over)"
TAKEN_OVER = "without cryptoctl's tags, and taken over"
SENSITIVE = "(sensitive value)"
ORPHANED = "no longer part of the environment"


class Goal(StrEnum):
    """The desired state of the whole stack."""

    PRESENT = "present"
    ABSENT = "absent"


class Action(StrEnum):
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
    action: Action
    delta: Delta
    requests: tuple[CallOrWait, ...] = ()
    """In the order in which they are sent: calls, and waits between them, which repeat one that reads."""
    after: tuple[Provisioner, ...] = ()
    reason: str = ""
    """Why it is refused, deleted although the rest stays, or changed although it lacks our tags."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """The writing calls, without the waits between them."""
        return tuple(request for request in self.requests if isinstance(request, Call))

    @property
    def changes(self) -> tuple[Change, ...]:
        """The fields that differ."""
        return self.delta.changes

    @property
    def consent_reasons(self) -> tuple[str, ...]:
        """What a person is asked about before this change in place."""
        if self.action is not Action.UPDATE or not isinstance(self.resource, ConsentRequired):
            return ()
        return tuple(self.resource.consent_reasons(self.delta))

    def beyond(self, agreed: Step) -> str | None:
        """What it deletes, or asks about, and the step that was agreed to did not; None for nothing."""
        if self.action is Action.REPLACE and agreed.action is not Action.REPLACE:
            return "delete and create it again"
        return (
            _join_reasons(reason for reason in self.consent_reasons if reason not in agreed.consent_reasons)
            or None
        )

    @property
    def replaces_data(self) -> bool:
        """Whether data goes with what is replaced: what AWS can protect from deletion holds some, too."""
        holds_data = self.resource.holds_data or isinstance(self.resource, DeletionProtected)
        return self.action is Action.REPLACE and holds_data

    @property
    def follow_up(self) -> str | None:
        """What a person does after this change, in a sentence; None where nothing is left to do."""
        return self.resource.follow_up(self.delta) if isinstance(self.resource, FollowUp) else None

    @property
    def immutable_changes(self) -> tuple[str, ...]:
        """The fields that differ and cannot be changed in place."""
        return tuple(change.path for change in self.changes if change.field in self.resource.immutable)


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
        return tuple(step for step in self.steps if step.requests)

    @property
    def refused(self) -> tuple[Step, ...]:
        """The resources with our names that belong to somebody else."""
        return tuple(step for step in self.steps if step.action is Action.REFUSED)

    def left_by_others(self, since: Plan) -> tuple[Step, ...]:
        """The orphans that `since`, the plan that was agreed to, did not have: another run has left them."""
        agreed = {str(step.resource) for step in since.steps}
        return tuple(
            step for step in self.work if step.reason == ORPHANED and str(step.resource) not in agreed
        )

    @property
    def nothing_to_do(self) -> bool:
        """Whether there is nothing to do and nothing to refuse."""
        return not (self.work or self.refused)

    @property
    def only_waits(self) -> bool:
        """Whether all there is to do is wait for changes that AWS is still making."""
        return bool(self.work) and not any(step.calls for step in self.work)

    def refusal_hint(self, options: Sequence[str] = ()) -> str:
        """What to do next about what is refused; `options` are those of `up` that choose resources."""
        untagged = [str(step.resource) for step in self.refused if step.reason == WITHOUT_TAGS]
        if not untagged:
            return "Choose another --env."
        adopt, then = "Choose another --env, or take over what lacks cryptoctl's tags with", ""
        if self.goal is Goal.ABSENT:  # `up` alone would first create all the rest
            options = [word for resource in untagged for word in ("--only", resource)]
            then = ", then run the same command again"
        return f"{adopt} `{shlex.join(['cryptoctl', 'up', *options, '--adopt'])}`{then}."

    @property
    def destroys(self) -> tuple[Step, ...]:
        """The steps that delete something."""
        return tuple(step for step in self.work if step.action in (Action.REPLACE, Action.DELETE))

    @property
    def consents(self) -> tuple[str, ...]:
        """What a person is asked about: what is deleted, and changes that take a protection away."""
        deletions = [
            f"{step.action} {step.resource}{' and delete its data' * step.replaces_data}"
            for step in self.destroys
        ]
        changes = [
            f"{_join_reasons(step.consent_reasons)} of {step.resource}"
            for step in self.work
            if step.consent_reasons
        ]
        return (*deletions, *changes)

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits of the SHA-256 over everything that the plan does."""
        steps = [
            [str(step.resource), step.action, [_request_fingerprint(request) for request in step.requests]]
            for step in self.work
        ]
        locations = {(scope.account, scope.region) for scope in (step.resource.scope for step in self.work)}
        text = json.dumps([self.goal, sorted(locations), steps], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _join_reasons(reasons: Iterable[str]) -> str:
    return " and ".join(reasons).replace(f" and {REPLACE}", " and ")


def _request_fingerprint(request: CallOrWait) -> list[Value]:
    if isinstance(request, Call):
        return [request.service, request.operation, shown(request.params)]
    return ["wait", request.service, request.operation, request.path, shown(request.until)]


def shown_params(step: Step, call: Call) -> Value:
    """A call's parameters as a person may see them."""
    return {
        name: SENSITIVE if name in step.resource.sensitive else shown(value)
        for name, value in call.params.items()
    }


def shown_change(step: Step, change: Change) -> tuple[Value, Value]:
    """A change's old and new value as a person may see them."""
    hidden = change.field in step.resource.sensitive

    def side(value: Value) -> Value:
        return SENSITIVE if hidden and value is not None else shown(value)

    return side(change.old), side(change.new)


def shown(value: Value) -> Value:
    """A value as JSON can hold it and a person may see it: bytes as their hash, Refs and secrets in words."""
    return map_leaves(_shown, value, sequence=list, document=lambda content: content)


def _shown(leaf: Value) -> Value:
    if isinstance(leaf, bytes):
        return f"({len(leaf)} bytes, sha256 {hashlib.sha256(leaf).hexdigest()[:12]})"
    return leaf if leaf is None or isinstance(leaf, str | int | float | bool) else str(leaf)
