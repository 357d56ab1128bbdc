"""Runs one step of a plan: its calls in order, with retries for transient errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import chain

import jmespath

from cryptoctl.aws import Response
from cryptoctl.aws_errors import DELETED, AwsError, one_line, remedy
from cryptoctl.aws_responses import NOT_AWS
from cryptoctl.errors import Failure
from cryptoctl.reconcile.call import Call, CallOrWait, RetryRule, WaitUntil
from cryptoctl.reconcile.graph import dependencies
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Action, Step
from cryptoctl.reconcile.plan_run import Blocked, PlanRun, StepFailed
from cryptoctl.reconcile.planner import outputs_of, plan_absent, plan_present, untagged_yet
from cryptoctl.reconcile.retry import Retry
from cryptoctl.reconcile.revealed_secrets import NOT_PUT_BACK, PUT_BACK, RevealedSecrets
from cryptoctl.reconcile.values import Ref, Value, refs, resolve, serialize

THROTTLED_RULE = RetryRule(code="", reason="AWS to take requests again; it is throttling them", timeout_s=60)
# New things are shown by then, so that what is not there was deleted.
SHOWN_AFTER_S = 30
ANOTHER_RUN = "Let the other run, or the other tool, end first."
CHECK_OWNER = "Find out who made it before you take it over or delete it."
RUN_PLAN_FIRST = "Run `cryptoctl plan` to see what would happen now."
RESOURCE_TO_SHOW = "AWS to show the resource; it answered that there is one, or its answer was lost"
RESOURCE_TO_SHOW_AGAIN = "AWS to show the resource again; it was there a moment ago"
# Both are denied in the same words: whoever lacks the permission need not wait to hear of it.
DENIED_UNTIL_THEN = "; AWS denies {} until then, as it does where a permission is missing"
TAGS_TO_SHOW = "AWS to show the tags of what is there now; without them nobody knows whose it is"


class ObserveAgain(Exception):
    """The thing is there already or no more, or an answer was lost: what is there decides how it goes on.

    `to_show` is what is waited for meanwhile, `failure` how the step ends where it goes on like that.
    """

    def __init__(self, failure: StepFailed, to_show: str = RESOURCE_TO_SHOW) -> None:
        super().__init__(str(failure))
        self.failure, self.to_show = failure, to_show


class Convergence:
    """Runs one step to its desired state."""

    def __init__(self, run: PlanRun, step: Step) -> None:
        self._run, self._step = run, step
        self._retry = Retry(run.clock, lambda wait: run.notify_waiting(self._step, wait))
        self._made: list[Call] = []
        self._removing = self._looked = self._answer_lost = False
        self._revealed = RevealedSecrets(run.aws)

    def converge(self) -> None:
        """Runs the step's calls; where what is there is not what was planned for, goes on from that.

        Raises StepFailed, AwsError, Failure or Interrupted where it cannot go on.
        """
        self._follow_others()
        failure: StepFailed
        # AWS may show what it says is there only after a while; another run may be at work on it.
        pauses = self._retry.pauses(RESOURCE_TO_SHOW, self._step.resource.visible_within_s)
        for _ in chain((0.0,), pauses):
            try:
                self._attempt()
            except ObserveAgain as again:
                failure = again.failure
                # What was made a moment ago may be shown to nobody yet; to make it again would double it.
                within_s = self._step.resource.visible_within_s
                self._plan_again(self._retry.until(self._observe, again.to_show, within_s))
            except AwsError as error:
                failure = _final_failure(error)
                self._plan_again(self._changed_meanwhile(error))
            else:
                self._undo_superseded()
                return
        raise failure

    def _follow_others(self) -> None:
        """Plans again if others write in what it sends or have made it, or values it needs are now known.

        A value that comes out as it was before is no reason to change anything: what was looked for in vain
        may have been there all the time.
        """
        step, observed = self._step, self._step.delta.observed
        if step.action is Action.CREATE and step.resource.creation_overwrites:
            if current := self._observe():
                self._plan_again(current)
            return
        if step.action not in (Action.UPDATE, Action.REPLACE):
            return
        awaited = {ref for change in step.delta.changes for ref in refs(change.new)}
        for ref in awaited:
            with contextlib.suppress(Blocked):  # where the call that needs it says so, if one does
                self._run.value(step, ref)
        if step.action is Action.UPDATE and step.delta.touches(*step.resource.shared):
            observed = self._observe()
        if awaited & self._run.known().keys() or observed != step.delta.observed:
            self._plan_again(observed)

    def _attempt(self) -> None:
        for request in self._step.requests:
            self._run.check_stop()
            if isinstance(request, WaitUntil):
                self._wait(request)
                continue
            self._call(request)
            if request.undo:
                self._made.append(request)

    def _changed_meanwhile(self, error: AwsError) -> Observed | None:
        """What is there now. Raises `error` where it is what was there before.

        A change that AWS refuses may have been made by another run a moment before, or by this one, where an
        answer was lost; then it may be shown late.
        """
        if error.denied:
            raise error

        def changed() -> tuple[Observed | None] | None:
            try:
                observed = self._observe()
            except Exception as unreadable:
                # The refusal is what a person must hear of, not that nothing more can be read.
                raise error from unreadable
            return None if observed == self._step.delta.observed else (observed,)

        within_s = self._step.resource.visible_within_s if self._answer_lost else 0
        found = self._retry.until(changed, RESOURCE_TO_SHOW, within_s)
        if found is None:
            raise error
        return found[0]

    def _observe(self) -> Observed | None:
        return self._step.resource.observe_or_fail(self._run.aws)

    def _plan_again(self, observed: Observed | None) -> None:
        """The step from here on. Raises StepFailed where it would do more than what was agreed to."""
        if observed is not self._step.delta.observed:
            observed = self._with_its_tags(observed)
        step, resource = self._step, self._step.resource
        if step.action is Action.DELETE:
            self._step = plan_absent(resource, observed, after=step.after)
            if self._step.reason:
                raise StepFailed(f"it was changed meanwhile, and {self._step.reason}", CHECK_OWNER)
            return
        values = observed.outputs if observed else {}
        outputs = {Ref(resource, name): value for name, value in values.items()}
        # What was accepted as it was found is still accepted; what appeared meanwhile must be ours.
        adopt = step.delta.observed is not None
        new_step = plan_present(resource, observed, {**self._run.known(), **outputs}, adopt=adopt)
        if new_step.action is Action.REFUSED:
            raise StepFailed(f"it was created meanwhile, and {new_step.reason}", CHECK_OWNER)
        if more := new_step.beyond(step):
            raise StepFailed(f"it was changed meanwhile, and this would now {more}", RUN_PLAN_FIRST)
        # What the step itself is going to give may still change: nobody must use it before.
        given_refs = outputs_of(new_step)
        self._run.publish({ref: value for ref, value in outputs.items() if ref not in given_refs})
        self._step = new_step

    def _with_its_tags(self, observed: Observed | None) -> Observed | None:
        """What is there now; where it shows no tag at all, looked at again until it does."""
        resource = self._step.resource
        pauses = self._retry.pauses(TAGS_TO_SHOW, resource.visible_within_s)
        while observed and untagged_yet(resource, observed) and next(pauses, None) is not None:
            observed = self._observe()
        return observed

    def _undo_superseded(self) -> None:
        """Takes back what this run made where another run's turned out to be the resource."""
        known = self._run.known()
        for call in self._made:
            made = {Ref(self._step.resource, name) for name in call.gives}
            outputs = {ref for ref in known if ref.resource is self._step.resource} - made
            if call.undo and outputs and not {known[ref] for ref in made} & {known[ref] for ref in outputs}:
                self._call(call.undo)

    def _resolve_params(self, request: CallOrWait) -> dict[str, Value]:
        resolved: dict[str, Value] = resolve(request.params, lambda ref: self._run.value(self._step, ref))
        self._run.notify_started(self._step)
        return resolved

    def _wait(self, wait: WaitUntil) -> None:
        params = serialize(self._resolve_params(wait))
        state: Value = None
        shown = False
        for _ in chain((0.0,), self._retry.pauses(wait.reason, wait.timeout_s)):
            try:
                response = self._run.aws.find(wait.service, wait.operation, not_found=wait.gone, **params)
            except AwsError as error:
                if error.throttled:  # asked again after the pause
                    continue
                raise
            if response is None and None not in wait.until and self._vanished(shown=shown):
                raise ObserveAgain(
                    StepFailed(f"it was deleted during the wait for {wait.reason}", RUN_PLAN_FIRST),
                    RESOURCE_TO_SHOW_AGAIN,
                )
            shown = response is not None
            is_it = all(jmespath.search(path, response) == name for path, name in wait.identity.items())
            state = jmespath.search(wait.path, response) if response is not None and is_it else None
            if state in wait.fails:
                reason = jmespath.search(wait.failure_reason, response) if wait.failure_reason else None
                ending = f"{wait.path} ended as {state}"
                raise StepFailed(f"{ending}: {one_line(reason or 'AWS gives no reason')}", wait.failure_hint)
            if state in wait.until:
                self._publish(wait, response)
                return
        waited = f"waited {wait.timeout_s:.0f} s for {wait.reason}"
        raise StepFailed(f"{waited}: {wait.path} is still {state or 'absent'}", wait.hint)

    def _vanished(self, *, shown: bool) -> bool:
        """Whether what a wait does not find was there before: then no waiting brings it back.

        What the step has just made, a key's name say, may only be shown late.
        """
        return shown or (self._step.action is Action.UPDATE and self._observe() is None)

    def _call(self, call: Call) -> None:
        resolved = self._resolve_params(call)
        pauses: dict[RetryRule, Iterator[float]] = {}
        while True:
            try:
                params = serialize(resolved, self._revealed)
                response = self._run.aws.call(call.service, call.operation, once=call.once, **params)
                if self._revealed.overwrote(resolved, response):
                    continue
                break
            except (AwsError, Failure) as error:
                self._revealed.hide_in(error)
                if isinstance(error, Failure):
                    raise
                rule = THROTTLED_RULE if error.throttled else self._rule(error)
                if rule is None:
                    if self._revealed.overwritten:
                        raise StepFailed(f"{NOT_PUT_BACK}: {error}", PUT_BACK) from error
                    if error.code == call.gone:
                        return
                    if error.code == call.exists or (call.once and error.response_lost):
                        self._answer_lost = self._answer_lost or error.response_lost
                        raise ObserveAgain(_final_failure(error)) from error
                    raise
                reason = rule.reason + (DENIED_UNTIL_THEN.format(call) if error.denied else "")
                waits = pauses.setdefault(rule, self._retry.pauses(reason, rule.timeout_s))
                self._pause(rule, waits, error)
        self._removing = self._step.action is Action.DELETE
        self._publish(call, response)

    def _pause(self, rule: RetryRule, waits: Iterator[float], error: AwsError) -> None:
        """Waits before the next attempt. Raises StepFailed where that is in vain."""
        waited_s = next(waits, None)
        if waited_s is None:
            hint = rule.hint or remedy(error, self._step.resource.remedies)
            raise StepFailed(f"{error} (waited {rule.timeout_s:.0f} s for {rule.reason})", hint) from error
        # One that throttles says nothing of what is there, and would have more to answer.
        if waited_s < SHOWN_AFTER_S or self._looked or error.throttled or self._step.action is Action.DELETE:
            return
        self._looked = True
        for dependency in dependencies(self._step.resource):
            with contextlib.suppress(AwsError, Failure):
                if dependency.observe_or_fail(self._run.aws) is None:
                    problem = f"needs {dependency}, which was deleted meanwhile ({error})"
                    raise StepFailed(problem, DELETED) from error

    def _rule(self, error: AwsError) -> RetryRule | None:
        """The rule for an error, of the call itself or of the read of a value that it writes again."""
        observed = self._step.delta.observed
        # Whoever could remove a part of it has the rights for which what is new waits.
        new = observed is None or (observed.new and not self._removing)
        rules = (rule for rule in self._step.resource.retry_rules if new or not rule.new_only)
        matching = (rule for rule in rules if rule.matches(error.operation, error.code, error.message))
        return next(matching, None)

    def _publish(self, request: CallOrWait, response: Response | None) -> None:
        outputs = {name: jmespath.search(path, response) for name, path in request.gives.items()}
        for name in (name for name, value in outputs.items() if value is None):
            call_name = f"{request.service}:{request.operation}"
            # It is as if the answer were lost: what is there has it.
            raise ObserveAgain(StepFailed(f"the answer to {call_name} has no {request.gives[name]}", NOT_AWS))
        self._run.publish({Ref(self._step.resource, name): value for name, value in outputs.items()})


def _final_failure(error: AwsError) -> StepFailed:
    """What to say where a step, looked at again and again, goes on to meet that error."""
    if error.response_lost:
        return StepFailed(str(error), remedy(error))
    return StepFailed(f"it is being changed by another run; {error}", ANOTHER_RUN)
