"""What a person is told about refusals that do not pass by themselves."""

from __future__ import annotations

import pytest

from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.reconcile.provisioner import Provisioner
from unit.answers import STACK

REFUSALS: list[tuple[Provisioner, str, str, str, str]] = [
    (
        STACK.webhook_logs,
        "DeleteLogGroup",
        "ValidationException",
        "Cannot delete log group with deletion protection enabled",
        "put-log-group-deletion-protection",
    ),
    (
        STACK.webhook,
        "UpdateFunctionCode",
        "CodeVerificationFailedException",
        "The code signature failed one or more validation checks",
        "code-signing",
    ),
    (
        STACK.webhook,
        "PutFunctionConcurrency",
        "InvalidParameterValueException",
        "ReservedConcurrentExecutions should not be lower than function's total provisioned concurrency [5].",
        "list-provisioned-concurrency-configs",
    ),
    (
        STACK.webhook,
        "DeleteFunction",
        "InvalidParameterValueException",
        "Lambda was unable to delete arn because it is a replicated function.",
        "24 h",
    ),
    (
        STACK.prices,
        "UpdateTable",
        "LimitExceededException",
        "Subscriber limit exceeded: Update to PayPerRequest mode are limited to once in 1 day(s).",
        "once in 24 h",
    ),
]


@pytest.mark.parametrize(("resource", "operation", "code", "message", "told"), REFUSALS)
def test_a_refusal_that_stays_says_what_to_do(
    resource: Provisioner, operation: str, code: str, message: str, told: str
) -> None:
    error = AwsError(service="s", operation=operation, code=code, message=message)
    assert told in remedy(error, resource.remedies)
    assert not any(rule.matches(operation, code, message) for rule in resource.retry_rules)


def test_of_what_nobody_knows_nothing_is_promised() -> None:
    error = AwsError(service="s", operation="Do", code="NeverSeen", message="", request_id="id-1")
    assert remedy(error) == (
        "Compare what `cryptoctl plan --verbose` sends with what AWS says, or ask AWS with the "
        "request's id, id-1."
    )
