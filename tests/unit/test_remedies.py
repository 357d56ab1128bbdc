"""What a person is told about refusals that do not pass by themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.aws_errors import DENIED, AwsError, refusal, remedy
from cryptoctl.errors import OPEN_FILES_HINT, Failure
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.stack import Stack
from live import WITH_A_SENDER
from unit.answers import SCOPE, STACK, Answers

REFUSALS: list[tuple[Provisioner, str, str, str, str]] = [
    (
        STACK.alarms[0],
        "DeleteAlarms",
        "ValidationError",
        "Cannot delete cryptoctl-dev-webhook-processor-dlq as there are composite alarm(s) depending on it.",
        "--alarm-types CompositeAlarm",
    ),
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
        STACK.notifier,
        "UpdateFunctionConfiguration",
        "InvalidParameterValueException",
        "The target of the dead letter config does not exist: arn:aws:sns:us-east-1:111111111111:gone",
        "`cryptoctl plan` shows what is missing",
    ),
    (
        STACK.prices_to_enricher,
        "CreateEventSourceMapping",
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:us-east-1:111111111111:function:price-enricher-dev",
        "`cryptoctl plan` shows what is missing",
    ),
    (
        STACK.prices_to_enricher,
        "UpdateEventSourceMapping",
        "AccessDeniedException",
        "because no identity-based policy allows the lambda:UpdateEventSourceMapping action",
        "moved to a version or an alias",
    ),
    (
        STACK.webhook,
        "Invoke",
        "TooManyRequestsException",
        "Rate Exceeded.",
        "`cryptoctl plan` shows whether somebody has changed it",
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
    (
        STACK.prices,
        "TagResource",
        "LimitExceededException",
        "Subscriber limit exceeded: There is a limit of 5 TagResource operations per second",
        "five changes of tags a second",
    ),
    (
        STACK.webhook_role,
        "TagRole",
        "LimitExceeded",
        "Cannot exceed quota for TagsPerRole: 50",
        "remove one that nobody needs",
    ),
    (
        STACK.key,
        "TagResource",
        "LimitExceededException",
        "Number of tags exceeds the limit of 50",
        "remove one that nobody needs",
    ),
    (
        STACK.alerts,
        "TagResource",
        "TagLimitExceeded",
        "Could not complete request: tag quota of per resource exceeded",
        "remove one that nobody needs",
    ),
    (
        STACK.webhook,
        "AddPermission",
        "PublicPolicyException",
        "would grant public access to it",
        "take the senders out of cryptoctl.toml",
    ),
    (
        STACK.key,
        "PutKeyPolicy",
        "AccessDeniedException",
        "not authorized to perform: kms:PutKeyPolicy with an explicit deny in a service control policy",
        "The organization forbids it",
    ),
    (
        STACK.prices_to_enricher,
        "ListTags",
        "AccessDeniedException",
        "because no identity-based policy allows the lambda:ListTags action",
        "a mapping with the environment's tags",
    ),
    *(
        (
            STACK.webhook,
            "CreateFunction",
            "AccessDeniedException",
            f"because no {kind} allows the iam:PassRole action",
            words,
        )
        for kind, words in (
            ("permissions boundary", "The permissions boundary"),
            ("session policy", "The session"),
            ("VPC endpoint policy", "The policy of the VPC endpoint"),
            ("resource-based policy", "The policy of the resource itself"),
            ("resource control policy", "The organization forbids it"),
            ("identity-based policy", "run `cryptoctl iam-policy`"),
        )
    ),
]


@pytest.mark.parametrize(("resource", "operation", "code", "message", "expected_remedy"), REFUSALS)
def test_a_refusal_that_stays_says_what_to_do(
    resource: Provisioner, operation: str, code: str, message: str, expected_remedy: str
) -> None:
    error = AwsError(service="s", operation=operation, code=code, message=message)
    assert expected_remedy in remedy(error, resource.remedies)
    assert not any(rule.matches(operation, code, message) for rule in resource.retry_rules)


@pytest.mark.parametrize(
    "ending", ["an explicit deny in an identity-based policy", "a service control policy"]
)
def test_what_a_deny_or_the_organization_forbids_is_waited_for_by_no_rule(ending: str) -> None:
    for resource in STACK:
        for rule in resource.retry_rules:
            operation = next(iter(rule.operations), "Any")
            assert rule.matches(operation, rule.code, f"{rule.contains} no.")
            assert not rule.matches(operation, rule.code, f"{rule.contains} with {ending}"), rule


def test_of_which_policy_denies_only_the_message_knows_and_no_rule_says_it_before() -> None:
    configured = Stack(SCOPE, WITH_A_SENDER, Code(zip_bytes=b"", sha256=""))
    waited = [
        (resource, rule) for resource in configured for rule in resource.retry_rules if rule.code in DENIED
    ]
    assert {resource.kind for resource, _ in waited} == {"key", "parameter"}
    assert [str(resource) for resource, rule in waited if rule.hint] == []


def test_a_denied_read_is_told_as_the_resource_knows_it() -> None:
    mapping = {"UUID": "u", "State": "Enabled", "EventSourceArn": f"{STACK.prices.arn}/stream/1"}

    class Denies(Answers):
        def find(self, service: str, operation: str, **params: Any) -> Any:
            if operation == "ListTags":
                message = "because no identity-based policy allows the lambda:ListTags action"
                code = "AccessDeniedException"
                raise AwsError(service=service, operation=operation, code=code, message=message)
            return super().find(service, operation, **params)

    aws: Any = Denies({"ListEventSourceMappings": {"EventSourceMappings": [mapping]}})
    with pytest.raises(AwsError) as raised:
        observe([STACK.prices_to_enricher], aws)
    assert "tag one that was made by other means by hand first" in remedy(raised.value)


def test_one_function_may_wait_for_what_another_still_has_reserved() -> None:
    refused = "decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
    rules = STACK.webhook.retry_rules
    error_parts = ("PutFunctionConcurrency", "InvalidParameterValueException", refused)
    (rule,) = (candidate for candidate in rules if candidate.matches(*error_parts))
    assert "release the concurrency" in rule.reason
    assert "ask AWS for a higher quota" in rule.hint


def test_a_fault_of_the_embedded_engine_is_not_called_one_of_aws() -> None:
    request: dict[str, str] = {"service": "sqs", "operation": "SendMessage", "code": "InternalFailure"}
    own = AwsError(**request, message="The embedded engine failed; see its log.")
    assert "cryptoctl local status" in remedy(own) and "AWS's" not in remedy(own)
    assert "The fault is AWS's" in remedy(AwsError(**request, message="We failed."))


def test_what_comes_before_the_advice_to_run_the_same_command_again_does_not_say_so_too() -> None:
    messages = (Path(__file__).parent.parent / "hostile" / "messages.txt").read_text(encoding="utf-8")
    hints = re.findall(r"hint:  (.*)\n +Then run the same command again: it goes on from here\.", messages)
    assert len(hints) > 80
    clock = refusal("sts", "GetCallerIdentity", {"Error": {"Code": "RequestExpired"}})
    assert isinstance(clock, Failure)
    all_hints = [*hints, clock.hint, OPEN_FILES_HINT]
    assert [hint for hint in all_hints if re.search(r"next (run|`)|(same|the) command again", hint)] == []


def test_of_what_nobody_knows_nothing_is_promised() -> None:
    error = AwsError(service="s", operation="Do", code="NeverSeen", message="", request_id="id-1")
    assert remedy(error) == (
        "Compare what `cryptoctl plan --verbose` sends with what AWS says, or ask AWS with the "
        "request's id, id-1."
    )


def test_a_refused_look_for_what_is_in_the_way_says_what_it_was_for() -> None:
    aws = Answers({"GetAccountSettings": DENIED[0]})
    with pytest.raises(AwsError, match=r"^looking for what is in the way of a function: lambda:GetAccount"):
        make_plan([STACK.webhook], aws, Goal.PRESENT)  # type: ignore[arg-type]
