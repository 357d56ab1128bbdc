"""A KMS key that its owner administers: the environment's data lies under it, and cryptoctl never changes it.

What a resource is given is the key's ARN. All that is said of such a key in common is here: who needs what
of it, and why it cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.provisioners.key_material import SPEC_AND_USAGE, spec_and_usage
from cryptoctl.provisioners.key_search import tags_of
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.reads import if_allowed
from cryptoctl.provisioners.resource_policy import allows_service
from cryptoctl.reconcile import (
    Access,
    Aws,
    AwsError,
    ConsentRequired,
    Delta,
    Obstacle,
    Permission,
    Preflight,
    Provisioner,
    Scope,
    allow,
)
from cryptoctl.reconcile.scope import ENVIRONMENT, MANAGED_BY

NOT_FOUND = ("NotFoundException", "InvalidArnException")
SETTING = "security.customer_key"
LOGS_NEED = frozenset({"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"})
ALARMS_NEED = frozenset({"kms:Decrypt", "kms:GenerateDataKey"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Encrypted(Preflight, ConsentRequired):
    """A resource whose content lies under a customer's key, or under AWS's own."""

    customer_key: str | None = None
    """The key's ARN; None for AWS's own encryption."""

    key_field: ClassVar[str]
    """The field, or the key in a field, that has the ARN."""
    key_service: ClassVar[str | None] = None
    """The service that must itself be allowed to use the key, where it does not use it in a caller's name."""

    def consent_reasons(self, delta: Delta) -> Iterator[str]:
        """Another key, or none, in place of one that is there."""
        for change in delta.changes:
            if self.key_field in (change.field, change.key) and change.old:
                yield f"replace the encryption key {change.old}"

    @classmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """Yields an obstacle for each key that is to be used and cannot be, as far as the caller may look."""
        keys = {
            resource.customer_key: resource.scope
            for resource, delta in changes.items()
            if isinstance(resource, Encrypted) and _begins(resource.key_field, delta)
        }
        for key, scope in keys.items():
            if key is not None:
                yield from _obstacles(aws, scope, key, cls.key_service)


def _begins(field: str, delta: Delta) -> bool:
    return delta.creating or any(field in (change.field, change.key) for change in delta.changes)


def _obstacles(aws: Aws, scope: Scope, key: str, service: str | None) -> Iterator[Obstacle]:
    if reason := unusable(aws, scope, key):
        yield Obstacle(
            what=f"The customer's key {key} {reason}.",
            hint=f"Name another key in `{SETTING}`, or have the key's owner put that right.",
        )
    elif service and not allows(key_policy(aws, key), principal(scope, service), LOGS_NEED):
        yield Obstacle(
            what=f"The policy of the customer's key {key} does not let CloudWatch Logs use it.",
            hint=f"Have the key's owner allow {', '.join(sorted(LOGS_NEED))} to {principal(scope, service)} "
            f'in that policy, or take "log_groups" out of `{SETTING}_encrypts`.',
        )


def key_arn(scope: Scope, key_id: str | None) -> str | None:
    """The ARN of a key that is shown by its id alone; None, an ARN or an alias as they are.

    SQS, SNS and SSM show a key as the request named it.
    """
    bare = key_id is not None and ":" not in key_id and not key_id.startswith("alias/")
    return scope.arn("kms", f"key/{key_id}") if bare else key_id


def principal(scope: Scope, service: str) -> str:
    """A service of this region as `kms:ViaService` and CloudWatch Logs' principal name it."""
    suffix = ".cn" if scope.partition == "aws-cn" else ""
    return f"{service}.{scope.region}.amazonaws.com{suffix}"


def may_use(scope: Scope, key: str, *services: str) -> Statement:
    """Allows reading and writing what the services keep under the key, through them alone."""
    return Statement(
        actions=("kms:Decrypt", "kms:GenerateDataKey"),
        resources=(key,),
        condition={
            "StringEquals": {"kms:ViaService": tuple(principal(scope, service) for service in services)}
        },
    )


def permissions(
    scope: Scope, key: str | None, service: str, needed: Mapping[Access, str]
) -> Iterator[Permission]:
    """What people need of the key, through the service alone; nothing where there is no key."""
    if key is None:
        return
    condition = {"StringEquals": {"kms:ViaService": principal(scope, service)}}
    yield from allow(Access.DESCRIBE, "kms", "DescribeKey", key)
    for access, operations in needed.items():
        yield from allow(access, "kms", operations, key, condition=condition)


def unusable(aws: Aws, scope: Scope, key: str) -> str | None:
    """Why nothing can lie under the key, in a few words; None where nothing speaks against it."""
    region = key.split(":")[3]
    if region != scope.region:
        return f"is in {region}, and the environment in {scope.region}"
    try:
        response = aws.find("kms", "DescribeKey", not_found=NOT_FOUND, KeyId=key)
    except AwsError as error:
        if error.denied:
            return "cannot be looked at with these credentials (kms:DescribeKey)"
        raise
    if response is None:
        return "does not exist"
    metadata = response["KeyMetadata"]
    if spec_and_usage(metadata) != SPEC_AND_USAGE:
        return "is no symmetric encryption key"
    if (state := metadata["KeyState"]) != "Enabled":
        return f"is not enabled: its state is {state}"
    tags = tags_of(aws, key)
    if tags.get(MANAGED_BY) == scope.owner_tags[MANAGED_BY]:
        return f"is the key of the functions of {tags.get(ENVIRONMENT)}, and is deleted with that environment"
    return None


def key_policy(aws: Aws, key: str) -> str | None:
    """The key's policy; None where these credentials may not read it, as of another account's key."""
    response = if_allowed(
        lambda: aws.find("kms", "GetKeyPolicy", not_found=NOT_FOUND, KeyId=key, PolicyName="default")
    )
    return str(response["Policy"]) if response else None


def allows(policy: str | None, service: str, needed: frozenset[str]) -> bool:
    """Whether a key's policy lets a service do all of this; True where the policy is not known.

    A condition is taken to hold where it allows, and not to hold where it denies.
    """
    return policy is None or all(allows_service(policy, service, action) for action in needed)
