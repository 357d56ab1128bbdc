"""Whether `up` would succeed, checked before anything is created."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.aws_errors import AwsError, remedy, without_password
from cryptoctl.aws_setup import is_aws_endpoint
from cryptoctl.errors import Failure
from cryptoctl.ops.permissions import Purpose, needed_permissions
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.permissions import Condition, Permission
from cryptoctl.reconcile.plan import Action, Goal, Plan
from cryptoctl.stack import Stack
from cryptoctl.stack_parts import RUNTIME
from cryptoctl.wording import pluralize

# AWS refuses a request whose signature is five minutes off.
SKEW_REFUSED = timedelta(minutes=5)
MAX_NAMED = 12
SKEW_REPORTED = timedelta(seconds=30)


class CheckResult(StrEnum):
    """How a check went."""

    GOOD = "good"
    UNKNOWN = "unknown"
    """it could not be asked, or it does no harm yet"""
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was looked at, how it stands, and what to do about it."""

    name: str
    result: CheckResult
    detail: str
    advice: str = ""


def good(name: str, detail: str) -> Check:
    """A check that found nothing wrong."""
    return Check(name=name, result=CheckResult.GOOD, detail=detail)


def unknown(name: str, detail: str, advice: str = "") -> Check:
    """A check that could not be made, or that found what does no harm yet."""
    return Check(name=name, result=CheckResult.UNKNOWN, detail=detail, advice=advice)


def bad(name: str, detail: str, advice: str) -> Check:
    """A check that found what would make an `up` fail."""
    return Check(name=name, result=CheckResult.BAD, detail=detail, advice=advice)


def examine(stack: Stack, aws: Aws, *, enforced: bool) -> Iterator[Check]:
    """All checks, in the order in which a failure would be met. `enforced`: permissions mean something."""
    yield good("credentials", f"{aws.caller.arn} in account {aws.caller.account}")
    yield _region(aws)
    if enforced:
        yield from _endpoints(aws, needed_permissions(stack, Purpose.DEPLOY))
    yield _clock(aws)
    yield _runtime(aws)
    if enforced:
        yield _permissions(aws, needed_permissions(stack, Purpose.DEPLOY))
    else:
        yield good("permissions", "the embedded engine checks no permissions")
    try:
        plan = make_plan(list(stack), aws, Goal.PRESENT, orphans=stack.orphans)
    except AwsError as error:
        yield bad("environment", str(error), remedy(error))
        return
    yield _names(plan)
    yield _obstacles(plan)
    yield _environment(plan)
    for note in (*plan.notes, *(f"`up` asks before this: {consent}" for consent in plan.consents)):
        yield unknown("attention", note)


def _region(aws: Aws) -> Check:
    if aws.region_is_named:
        return good("region", aws.region)
    unnamed = "neither --region, cryptoctl.toml, AWS_REGION nor the profile names one"
    return good("region", f"{aws.region}, the default: {unnamed}")


def _endpoints(aws: Aws, permissions: Sequence[Permission]) -> Iterator[Check]:
    """Where requests go that do not go to AWS: what was once set for an engine is easily left over."""
    prefixes = {permission.action.partition(":")[0] for permission in permissions}
    services = sorted({"resourcegroupstaggingapi" if prefix == "tag" else prefix for prefix in prefixes})
    urls = {service: without_password(aws.client(service).meta.endpoint_url) for service in services}
    elsewhere = [f"{service} ({url})" for service, url in urls.items() if not is_aws_endpoint(url)]
    if elsewhere and len(set(urls.values())) == 1:
        yield good("endpoints", f"every request goes to {urls[services[0]]}, not to AWS")
    elif elsewhere:
        yield unknown(
            "endpoints",
            f"requests to some services do not go to AWS: {', '.join(elsewhere)}",
            "A part of the environment would be made elsewhere. Unless that is meant, unset "
            "AWS_ENDPOINT_URL_… or take `endpoint_url` out of the AWS configuration.",
        )


def _clock(aws: Aws) -> Check:
    headers = aws.call("sts", "GetCallerIdentity")["ResponseMetadata"].get("HTTPHeaders", {})
    try:
        skew = abs(datetime.now(UTC) - parsedate_to_datetime(headers.get("date", "")))
    except (ValueError, TypeError, OverflowError):  # also a date without a zone
        return unknown(
            "clock",
            "the responses have no readable date",
            "Compare this machine's clock with another one; AWS refuses requests that are 300 s off.",
        )
    seconds = f"{skew.total_seconds():.0f} s off"
    if skew < SKEW_REPORTED:
        return good("clock", seconds)
    check = bad if skew >= SKEW_REFUSED else unknown
    return check(
        "clock", seconds, "Let NTP set this machine's clock; AWS refuses requests that are 300 s off."
    )


def _runtime(aws: Aws) -> Check:
    runtimes = aws.client("lambda").meta.service_model.shape_for("Runtime").enum
    if RUNTIME in runtimes:
        return good("runtime", f"{RUNTIME} is known to this boto3")
    return unknown("runtime", f"this boto3 does not know {RUNTIME}", "Update boto3.")


def _permissions(aws: Aws, permissions: Sequence[Permission]) -> Check:
    try:
        source = _principal(aws)
        denied = sorted(_denied(aws, source, permissions)) if source else []
    except Failure as failure:
        return unknown("permissions", f"IAM could not be asked: {failure.message}", failure.hint)
    except AwsError as error:
        return unknown(
            "permissions",
            f"IAM could not be asked ({error.service}:{error.operation} answered {error.code})",
            (not error.denied and error.endpoint_hint)
            or "Compare with `cryptoctl iam-policy --for deploy`, or allow iam:SimulatePrincipalPolicy, "
            "and iam:GetRole on the role you work as.",
        )
    if source is None:
        return good("permissions", "the account's root user may do everything")
    if denied:
        more = f" and {len(denied) - MAX_NAMED} more" if len(denied) > MAX_NAMED else ""
        return bad(
            "permissions",
            f"denied: {', '.join(denied[:MAX_NAMED])}{more}",
            "Attach the policy that `cryptoctl iam-policy --for deploy` prints to that user or role.",
        )
    return good("permissions", f"all of {len(permissions)} are allowed")


def _principal(aws: Aws) -> str | None:
    """The user or role whose policies decide; None for the root user.

    A session's ARN names its role, but not the role's path, which those of IAM Identity Center have.
    """
    kind, _, name = aws.caller.arn.split(":", 5)[5].partition("/")
    if kind == "root":
        return None
    if kind == "assumed-role":
        role = aws.call("iam", "GetRole", RoleName=name.partition("/")[0])
        return str(role["Role"]["Arn"])
    return aws.caller.arn


def _denied(aws: Aws, source: str, permissions: Sequence[Permission]) -> set[str]:
    groups: dict[tuple[tuple[str, ...], str], list[Permission]] = defaultdict(list)
    for permission in permissions:
        groups[permission.resources, repr(permission.condition)].append(permission)

    def simulate(group: Sequence[Permission]) -> list[str]:
        results = aws.paginate(
            "iam",
            "SimulatePrincipalPolicy",
            "EvaluationResults",
            PolicySourceArn=source,
            ActionNames=[permission.action for permission in group],
            ResourceArns=list(group[0].resources),
            ContextEntries=list(_context(group[0].condition)),
        )
        return [result["EvalActionName"] for result in results if result["EvalDecision"] != "allowed"]

    return {action for actions in aws.map(simulate, groups.values()) for action in actions}


def _context(condition: Condition) -> Iterator[dict[str, Any]]:
    for operator, tests in condition.items():
        # Null asks that a key be absent: IAM is told nothing of it then.
        for key, value in tests.items() if operator != "Null" else ():
            yield {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}


def _names(plan: Plan) -> Check:
    if not plan.refused:
        return good("names", "no name is taken by a resource that cryptoctl does not manage")
    return bad(
        "names", "; ".join(f"{step.resource} {step.reason}" for step in plan.refused), plan.refusal_hint()
    )


def _obstacles(plan: Plan) -> Check:
    if not plan.obstacles:
        return good("quotas", "the account's limits allow it")
    return bad(
        "quotas",
        " ".join(obstacle.what for obstacle in plan.obstacles),
        " ".join(obstacle.hint for obstacle in plan.obstacles),
    )


def _environment(plan: Plan) -> Check:
    pending_deletion = [
        str(step.resource)
        for step in plan.steps
        if step.delta.observed and step.delta.observed.pending_deletion_until
    ]
    deletions = sum(step.action is Action.DELETE for step in plan.work)
    counts = {"create or update": len(plan.work) - deletions, "delete": deletions}
    parts = [f"{pluralize(count, 'resource')} to {operation}" for operation, count in counts.items() if count]
    changes = ", ".join(parts) or "no changes"
    if pending_deletion:
        changes += f"; pending deletion, and taken back by `up`: {', '.join(pending_deletion)}"
    return good("environment", changes)
