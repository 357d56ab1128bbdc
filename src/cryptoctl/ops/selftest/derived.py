"""Claims that follow from the code itself: each retry rule, remedy, exact code and wait that it has.

What a written claim covers is left out. So a new kind of resource is in the report by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from cryptoctl.aws_errors import COMMON, AwsError
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import (
    AnswerCode,
    AwsClaim,
    Evidence,
    Expectation,
    ExpectedError,
    exact_code,
    holds,
    not_shown,
)
from cryptoctl.ops.selftest.provoking import claim_text, code_reference, matches
from cryptoctl.ops.selftest.recorder import MetRefusal, Recorder
from cryptoctl.reconcile.call import RetryRule, WaitUntil
from cryptoctl.reconcile.plan import Step
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.wording import pluralize

DID_NOT_OCCUR = "it did not occur in this run, and no check provokes it"
OF_THE_ENGINE = "how long it takes on the embedded engine says nothing of AWS"


def declared_expectations(stack: Iterable[Provisioner], steps: Sequence[Step] = ()) -> Iterator[Expectation]:
    """Each rule, remedy and code of the kinds in a stack, in order; codes as far as the steps have them."""
    expectations: list[Expectation] = []
    for kind in dict.fromkeys(type(resource) for resource in stack):
        expectations += [(kind, rule) for rule in kind.retry_rules]
        expectations += [(kind, remedy) for remedy in kind.remedies]
    expectations += [(None, remedy) for remedy in COMMON]
    for step in steps:
        kind = type(step.resource)
        for call in step.calls:
            codes = filter(None, (call.exists, call.gone))
            expectations += [exact_code(kind, call.service, call.operation, code) for code in codes]
    yield from dict.fromkeys(expectations)


def derived_claims(
    stack: Sequence[Provisioner],
    steps: Sequence[Step],
    recorder: Recorder,
    written_claims: Iterable[AwsClaim],
    *,
    on_engine: bool,
) -> Iterator[AwsClaim]:
    """The claims that the written ones do not cover, with what the recorder saw of them."""
    covered = {expectation for claim in written_claims for expectation in claim.covers}
    requests = _requests(steps)
    for kind, expected in declared_expectations(stack, steps):
        if (kind, expected) not in covered:
            met = [
                refusal
                for refusal in recorder.refusals()
                if kind is None or _request(refusal.error) in requests[kind]
            ]
            yield _refusal_claim(kind, expected, met)
    waits = {
        (step.resource.kind, request.reason): request
        for step in steps
        for request in step.requests
        if isinstance(request, WaitUntil)
    }
    for (kind_name, _), wait in waits.items():
        yield _wait_claim(kind_name, wait, recorder, on_engine=on_engine)


def _requests(steps: Sequence[Step]) -> dict[type[Provisioner], set[tuple[str, str]]]:
    """The requests that change a resource of a kind: only their errors are the kind's."""
    requests: dict[type[Provisioner], set[tuple[str, str]]] = defaultdict(set)
    for step in steps:
        requests[type(step.resource)] |= {(call.service, call.operation) for call in step.calls}
    return requests


def _request(error: AwsError) -> tuple[str, str]:
    return error.service, error.operation


def _refusal_claim(
    kind: type[Provisioner] | None, expected: ExpectedError, met: list[MetRefusal]
) -> AwsClaim:
    refusals = [refusal for refusal in met if _concerns(refusal.error, expected)]
    code = expected.code if isinstance(expected, RetryRule) else expected.codes[0]
    kind_name = "every service" if kind is None else kind.kind
    piece = getattr(expected, "contains", "") or ", ".join(getattr(expected, "operations", ()))
    piece = piece or getattr(expected, "operation", "")
    return AwsClaim(
        id=f"{kind_name}: {code}{f' ({piece})' if piece else ''}",
        text=claim_text(expected),
        relied_on=(code_reference((kind, expected)),),
        check=lambda _: _evidence(refusals, expected),
    )


def _concerns(error: AwsError, expected: ExpectedError) -> bool:
    if isinstance(expected, AnswerCode) and _request(error) != (expected.service, expected.operation):
        return False
    return matches(error, expected)


def _evidence(met: list[MetRefusal], expected: ExpectedError) -> Evidence:
    if not met:
        return not_shown(DID_NOT_OCCUR)
    times = pluralize(sum(refusal.times for refusal in met), "time")
    seen = f"met {times}: {met[0].error}"
    if isinstance(expected, RetryRule):
        passed_s = [refusal.passed_after_s for refusal in met if refusal.passed_after_s is not None]
        if len(passed_s) < len(met):
            return not_shown(f"{seen} (it was not waited for to the end)")
        seen = f"{seen} (passed after {max(passed_s):.1f} s)"
    return holds(seen)


def _wait_claim(kind: str, wait: WaitUntil, recorder: Recorder, *, on_engine: bool) -> AwsClaim:
    def check(_: CheckContext) -> Evidence:
        if on_engine:
            return not_shown(OF_THE_ENGINE)
        waited_s = recorder.waits.get((kind, wait.reason), 0.0)
        return holds(f"waited {waited_s:.1f} s")

    return AwsClaim(
        id=f"{kind}: {wait.reason.partition(';')[0]}",
        text=f"{wait.operation} shows it within {wait.timeout_s:.0f} s: {wait.reason}.",
        relied_on=(f"{kind}: WaitUntil {wait.path}",),
        check=check,
    )
