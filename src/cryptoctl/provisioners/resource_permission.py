"""Statements in a function's resource policy: who may invoke it, how, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptoctl.provisioners.log_group import LogGroup
from cryptoctl.provisioners.policy import statements_of
from cryptoctl.provisioners.resource_policy import is_public, principals
from cryptoctl.reconcile import CallOrWait, Delta, Response, Value, call

BY_LAMBDA = frozenset({"StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool"})
"""How Lambda may choose to compare the values that AddPermission takes."""


@dataclass(frozen=True, kw_only=True)
class ResourcePermission:
    """One statement. What is None is no condition.

    `principal` is a service such as logs.amazonaws.com, or `*` for everybody.
    """

    principal: str
    action: str = "lambda:InvokeFunction"
    source_arn: str | None = None
    source_account: str | None = None
    function_url_auth_type: str | None = None
    invoked_via_function_url: bool | None = None

    @property
    def params(self) -> dict[str, Value]:
        """What AddPermission takes, but for the function and the statement's id."""
        members = {
            "Action": self.action,
            "Principal": self.principal,
            "SourceArn": self.source_arn,
            "SourceAccount": self.source_account,
            "FunctionUrlAuthType": self.function_url_auth_type,
            "InvokedViaFunctionUrl": self.invoked_via_function_url,
        }
        return {name: value for name, value in members.items() if value is not None}

    @property
    def normal_form(self) -> dict[str, Value]:
        """The statement in the normal form in which it is compared."""
        url = self.invoked_via_function_url
        conditions = {
            "aws:sourcearn": self.source_arn,
            "aws:sourceaccount": self.source_account,
            "lambda:functionurlauthtype": self.function_url_auth_type,
            "lambda:invokedviafunctionurl": None if url is None else str(url).lower(),
        }
        return {
            "Effect": "Allow",
            "Action": (self.action,),
            "Principal": (self.principal,),
            "Condition": {key: (value,) for key, value in conditions.items() if value is not None},
        }


def logs_may_invoke(group: LogGroup) -> ResourcePermission:
    """CloudWatch Logs may invoke a function with the lines of one log group."""
    return ResourcePermission(
        principal="logs.amazonaws.com", source_arn=group.streams_arn, source_account=group.scope.account
    )


def changed_statements(
    function: str, delta: Delta, desired: Mapping[str, ResourcePermission | None]
) -> Iterator[CallOrWait]:
    """The calls that set the desired statements: one that differs is removed and added again."""
    changed_sids = [change.key or "" for change in delta.keys("Permissions")]
    existing = delta.old("Permissions") or {}
    for sid in changed_sids:
        if sid in existing:
            yield call(
                "lambda",
                "RemovePermission",
                gone="ResourceNotFoundException",
                FunctionName=function,
                StatementId=sid,
            )
    for sid, permission in desired.items():
        if permission and (delta.creating or sid in changed_sids):
            yield call(
                "lambda",
                "AddPermission",
                exists="ResourceConflictException",
                FunctionName=function,
                StatementId=sid,
                **permission.params,
            )


def statements_in(policy: Response | None) -> dict[str, Value]:
    """The statements in a GetPolicy answer by their id, in their normal form."""
    return {_id(statement): _normal_form(statement) for statement in _statements(policy)}


def foreign_statement_notes(
    name: str, policy: Response | None, own_permissions: Mapping[str, ResourcePermission | None]
) -> Iterator[str]:
    """A sentence on each statement of a function's policy that allows or denies what ours do not."""
    allowed = [permission.normal_form for permission in own_permissions.values() if permission]
    for statement in sorted(_statements(policy), key=_id):
        described, sid = _normal_form(statement), _id(statement)
        if sid in own_permissions or described in allowed:
            continue
        if statement.get("Effect") == "Deny":
            actions = ", ".join(map(str, statement.get("Action", ("what is not named",))))
            yield (
                f"the policy of function {name} denies {actions} "
                f"(statement {sid or 'without an id'}): check whether that concerns what invokes it"
            )
            continue
        invokers = ", ".join(described["Principal"]) or "all but some"
        extent = "everybody" if is_public(statement) else _tests(described["Condition"])
        command = f"aws lambda remove-permission --function-name {name} --statement-id {sid}"
        yield (
            f"function {name} may also be invoked by {invokers}{extent and f' ({extent})'}, by the statement "
            f"{sid or 'without an id'} that cryptoctl did not set: "
            + (f"`{command}` takes it away if nobody needs it" if sid else "check whether anybody needs it")
        )


def _tests(condition: Mapping[str, Value]) -> str:
    texts = (f"{key} {' or '.join(map(str, values))}" for key, values in condition.items())
    return ", ".join(texts)


def _statements(policy: Response | None) -> tuple[Mapping[str, Value], ...]:
    return () if policy is None else statements_of(policy["Policy"])


def _id(statement: Mapping[str, Value]) -> str:
    return str(statement.get("Sid", ""))


def _normal_form(statement: Mapping[str, Value]) -> dict[str, Value]:
    principal = statement.get("Principal", {})
    conditions: dict[str, tuple[Value, ...]] = {}
    for operator, tests in statement.get("Condition", {}).items():
        for key, values in tests.items():
            # StringEquals takes a pattern to the letter.
            literal = operator == "StringEquals" and any("*" in str(value) for value in values)
            usual = operator in BY_LAMBDA and not literal
            name = key.lower() if usual else f"{operator} {key.lower()}"
            conditions[name] = (*conditions.get(name, ()), *values)
    return {
        "Effect": statement.get("Effect"),
        "Action": statement.get("Action"),
        "Principal": tuple(principals(principal)),
        "Condition": conditions,
    }
