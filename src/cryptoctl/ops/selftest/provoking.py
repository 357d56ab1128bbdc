"""Claims about what AWS refuses: a request that provokes it, and what the code makes of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from cryptoctl.aws_errors import AwsError, Remedy, remedy
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import (
    AnswerCode,
    AwsClaim,
    Evidence,
    Expectation,
    ExpectedError,
    differs,
    exact_code,
    holds,
    not_shown,
)
from cryptoctl.reconcile.call import Call, RetryRule, call
from cryptoctl.reconcile.provisioner import Provisioner


@dataclass(frozen=True)
class StackValue:
    """A value of the self-test's stack, such as `bare_role.name`: a request with it needs that resource."""

    path: str

    def __call__(self, context: CheckContext) -> Any:
        return attrgetter(self.path)(context.stack)


def tags(context: CheckContext) -> Mapping[str, str]:
    """The tags of everything in the self-test's environment."""
    return context.stack.scope.tags


def resource_name(name: str, prefix: str = "") -> Callable[[CheckContext], str]:
    """A name of something that the check itself makes, or that is not there."""
    return lambda context: prefix + context.resource_name(name)


MISSING = resource_name("missing")


class Request:
    """A request whose parameters stand as AWS names them; one that is a function is given the context."""

    def __init__(self, service: str, operation: str, **params: Any) -> None:
        self._service, self._operation, self._params = service, operation, params

    def call(self, context: CheckContext) -> Call:
        """The request as it is sent."""
        params = {name: value(context) if callable(value) else value for name, value in self._params.items()}
        return call(self._service, self._operation, **params)

    def answered(
        self,
        id: str,  # noqa: A002 - as the claim has it
        kind: type[Provisioner],
        *codes: str,
        text: str = "",
        needs: tuple[str, ...] = (),
        sequence: str = "",
        engine_limit: str = "",
    ) -> AwsClaim:
        """The claim that it is answered with an error code that a kind of resource expects."""
        expectation = exact_code(kind, self._service, self._operation, *codes)
        return self.refused(
            id, expectation, text=text, needs=needs, sequence=sequence, engine_limit=engine_limit
        )

    def refused(
        self,
        id: str,  # noqa: A002
        expectation: Expectation,
        *,
        text: str = "",
        needs: tuple[str, ...] = (),
        sequence: str = "",
        undo: Request | None = None,
        prepare: Request | None = None,
        acceptance_reason: str = "",
        engine_limit: str = "",
    ) -> AwsClaim:
        """The claim that it is refused as a rule, a remedy or a code of a kind of resource expects.

        `needs` is what must be there beside what the request names of the stack. `prepare` is sent before
        it, `undo` where AWS accepts it all the same. Where it may rightly be accepted, because what it runs
        into does not last, `acceptance_reason` says so.
        """

        def check(context: CheckContext) -> Evidence:
            if prepare is not None:
                context.send(prepare.call(context))
            error = _refusal(context, self.call(context), expectation)
            if error is None and undo is not None:
                context.send(undo.call(context))
            if error is None and acceptance_reason:
                return not_shown(f"{acceptance_reason}: AWS accepted it")
            return refusal_evidence(error, expectation)

        named_here = [
            value.path.partition(".")[0] for value in self._params.values() if isinstance(value, StackValue)
        ]
        return AwsClaim(
            id=id,
            text=text or claim_text(expectation[1]),
            relied_on=(code_reference(expectation),),
            check=check,
            sequence=sequence,
            needs=(*named_here, *needs),
            covers=(expectation,),
            engine_limit=engine_limit,
        )


def _refusal(context: CheckContext, request: Call, expectation: Expectation) -> AwsError | None:
    """What the request is refused with, once what passes by itself has passed."""
    kind, expected = expectation
    others = [rule for rule in (kind.retry_rules if kind else ()) if rule != expected]
    last: list[AwsError | None] = []

    def attempt() -> bool | None:
        last[:] = [context.refusal(request)]
        error = last[0]
        passes = error and not matches(error, expected) and _is_retried(error, others)
        return None if passes else True

    timeout_s = max((rule.timeout_s for rule in others), default=0)
    context.retry.until(attempt, "what passes by itself", timeout_s)
    return last[0]


def _is_retried(error: AwsError, rules: list[RetryRule]) -> bool:
    return any(rule.matches(error.operation, error.code, error.message) for rule in rules)


def matches(error: AwsError, expected: ExpectedError) -> bool:
    """Whether an error is the one that is expected."""
    if isinstance(expected, RetryRule):
        return expected.matches(error.operation, error.code, error.message)
    if isinstance(expected, Remedy):
        return expected.matches(error)
    return error.code in expected.codes


def refusal_evidence(error: AwsError | None, expectation: Expectation) -> Evidence:
    """What an answer says of a claim about a refusal."""
    kind, expected = expectation
    if error is None:
        return differs("AWS accepted the request")
    seen = str(error)
    if not matches(error, expected):
        return differs(seen)
    rules = list(kind.retry_rules) if kind else []
    if not isinstance(expected, RetryRule) and _is_retried(error, rules):
        return differs(f"{seen} (a retry rule takes it for what passes by itself)")
    if isinstance(expected, Remedy) and remedy(error, kind.remedies if kind else ()) != expected.hint:
        return differs(f"{seen} (another remedy comes first)")
    return holds(seen)


def claim_text(expected: ExpectedError) -> str:
    """What a rule, a remedy or a code says of AWS, in a sentence or two."""
    if isinstance(expected, AnswerCode):
        return f"{expected.service}:{expected.operation} is answered with {' or '.join(expected.codes)}."
    codes = (expected.code,) if isinstance(expected, RetryRule) else expected.codes
    message = f", with “{expected.contains}” in the message" if expected.contains else ""
    request = " or ".join(expected.operations) or "A request"
    remark = (
        f"It passes within {expected.timeout_s:.0f} s: what is waited for is {expected.reason}."
        if isinstance(expected, RetryRule)
        else f"What to do: {expected.hint}"
    )
    return f"{request} is refused with {' or '.join(codes)}{message}. {remark}"


def code_reference(expectation: Expectation) -> str:
    """Where the code relies on a rule, a remedy or a code."""
    kind, expected = expectation
    if kind is None:
        return "aws_errors.py: COMMON"
    module = f"{kind.__module__.removeprefix('cryptoctl.').replace('.', '/')}.py"
    kinds = {RetryRule: "retry_rules", Remedy: "remedies", AnswerCode: "an exact code"}
    return f"{module}: {kind.__name__}, {kinds[type(expected)]}"
