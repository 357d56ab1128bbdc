"""Lambda permissions: which service may invoke a function, and on whose behalf."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptoctl.provisioners.log_group import LogGroup
from cryptoctl.provisioners.policy import normal
from cryptoctl.reconcile import (
    Answer,
    Value,
)


@dataclass(frozen=True, kw_only=True)
class ResourcePermission:
    """A service that may invoke the function, on behalf of one source in one account."""

    principal: str
    source_arn: str
    account: str


def logs_may_invoke(group: LogGroup) -> ResourcePermission:
    """CloudWatch Logs may hand a function the lines of one log group."""
    return ResourcePermission(
        principal="logs.amazonaws.com", source_arn=group.streams_arn, account=group.scope.account
    )


def permissions_in(policy: Answer | None) -> dict[str, Value]:
    """What GetPolicy answered, by statement id, as `described` writes it."""
    if policy is None:
        return {}
    loaded = json.loads(policy["Policy"])
    return {statement.get("Sid", ""): _plain(statement) for statement in normal(loaded)["Statement"]}


def _plain(statement: Mapping[str, Value]) -> dict[str, Value]:
    tests = {
        key.lower(): value
        for operator in statement.get("Condition", {}).values()
        for key, value in operator.items()
    }
    principal = statement.get("Principal", {})
    return {
        "Action": statement.get("Action"),
        "Principal": principal if isinstance(principal, str) else principal.get("Service"),
        "SourceArn": tests.get("aws:sourcearn"),
        "SourceAccount": tests.get("aws:sourceaccount"),
    }


def described(permission: ResourcePermission) -> dict[str, Value]:
    """A permission in the normal form in which it is compared."""
    return {
        "Action": ("lambda:InvokeFunction",),
        "Principal": (permission.principal,),
        "SourceArn": (permission.source_arn,),
        "SourceAccount": (permission.account,),
    }
