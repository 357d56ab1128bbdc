"""The environments of an account and region, found by their tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cryptoctl import last_location
from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.scope import ENVIRONMENT, MANAGED_BY, Scope
from cryptoctl.settings import Target
from cryptoctl.stack import Stack


def permissions(_: Stack) -> Iterator[Permission]:
    """The tag index is asked for the whole region."""
    yield from allow(Access.DESCRIBE, "tag", "GetResources", "*")


def environments(aws: Aws) -> dict[str, int]:
    """Each environment's name with how many of its resources the tag index lists, in order of name."""
    counts: Counter[str] = Counter()
    for arn, tags in aws.tagged({MANAGED_BY: "cryptoctl"}).items():
        # What `down` leaves is a key that is pending deletion; a key alone is no environment.
        if ENVIRONMENT in tags and arn.split(":")[2] != "kms":
            counts[tags[ENVIRONMENT]] += 1
    return dict(sorted(counts.items()))


def not_deployed(aws: Aws, scope: Scope, what: str) -> Failure:
    """Says that `what` is not there: because there is no such environment, and which there are, or alone."""
    name = scope.environment
    try:
        names = list(environments(aws))
    except AwsError:  # what is missing is worth saying without them
        message = f"There is no {what}: {name} is not deployed {location_text(aws, scope)}."
        return Failure(ExitCode.FAILED, message, f"Run `cryptoctl up --env {name}`.")
    if name in names:
        message = f"There is no {what}: {name} is not complete."
        hint = f"Run `cryptoctl plan --env {name}` to see what is missing, and `cryptoctl up --env {name}`."
    elif (region := _other_region(aws, scope)) is not None:
        message = f"There is no environment {name} in {scope.region}: it was last brought up in {region}."
        hint = f"Name that region: --region {region}."
    else:
        existing = f"there are: {', '.join(names)}" if names else "there is none yet"
        message = f"There is no environment {name} {location_text(aws, scope)} ({existing})."
        hint = f"Choose another one with --env, or create this one with `cryptoctl up --env {name}`."
    return Failure(ExitCode.FAILED, message, hint)


def _other_region(aws: Aws, scope: Scope) -> str | None:
    # The other region of this account in which `up` last put the environment, as far as this machine knows.
    location = last_location.read(scope.environment)
    here = (_target(aws), scope.account)
    if location is None or (location.target, location.account) != here or location.region == scope.region:
        return None
    return location.region


def _target(aws: Aws) -> Target:
    return Target.AWS if aws.endpoint_url is None else Target.LOCAL


def location_text(aws: Aws, scope: Scope) -> str:
    """Where an environment is looked for, as text: account and region, or this machine."""
    return f"in {scope.account}, {scope.region}" if _target(aws) is Target.AWS else "on this machine"
