"""What a provisioner asks for, as frozen data: requests that change something, and waits between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptoctl.aws_errors import forbidden
from cryptoctl.reconcile.values import Fields, Value


@dataclass(frozen=True, kw_only=True)
class Call:
    """One writing request to AWS.

    `gives` names outputs and where they stand in the answer (JMESPath). `exists` is the error code that
    means "such a thing is there already": then the resource is observed again, and what still differs is
    worked out anew. `gone` is the code that means a removal has nothing left to remove. `once` marks a
    request that AWS cannot recognise as a repeat: after a lost answer it is not sent again blindly.
    `undo` takes back what this call made where another run's turned out to be the resource: where a value
    that the call gave is, once the step has converged, none of the resource's other outputs.
    """

    service: str
    operation: str
    params: Fields
    gives: Mapping[str, str] = field(default_factory=dict)
    exists: str | None = None
    gone: str | None = None
    once: bool = False
    undo: Call | None = None

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


def call(
    service: str,
    operation: str,
    *,
    gives: Mapping[str, str] | None = None,
    exists: str | None = None,
    gone: str | None = None,
    once: bool = False,
    undo: Call | None = None,
    **params: Value,
) -> Call:
    """A Call whose parameters stand as AWS names them: `call("sqs", "DeleteQueue", QueueUrl=url)`.

    One that is None is not sent.
    """
    return Call(
        service=service,
        operation=operation,
        params={name: value for name, value in params.items() if value is not None},
        gives=gives or {},
        exists=exists,
        gone=gone,
        once=once,
        undo=undo,
    )


@dataclass(frozen=True, kw_only=True)
class WaitUntil:
    """A wait until a reading request shows one of the values in `until` at `path` (JMESPath).

    The error code `gone` reads as the value None, and so does an answer about another thing of that name, one
    that has something else at a path (JMESPath) of `identity`. A value in `fails` ends the wait as a failure,
    with the text at `failure_reason` (JMESPath). `gives` is as in a Call, from the answer that ends the wait.
    `hint` is what a person does next where it takes longer than `timeout_s`, `failure_hint` where it fails.
    """

    service: str
    operation: str
    params: Fields
    path: str
    until: tuple[Value, ...]
    reason: str
    timeout_s: float
    gone: str | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    fails: tuple[Value, ...] = ()
    failure_reason: str | None = None
    failure_hint: str = ""
    hint: str = ""


CallOrWait: TypeAlias = Call | WaitUntil


@dataclass(frozen=True, kw_only=True)
class RetryRule:
    """An error that passes by itself: its exact code, the shortest stable piece of its message, and why.

    `operations` narrows it to those requests; empty means all of the provisioner's. With `new_only` it is
    for a resource that this run creates or that was created a moment ago, and of which nothing was removed
    yet. `hint` is what a person does next where it has not passed after `timeout_s`. What a deny or the
    organization forbids is never waited for.
    """

    code: str
    contains: str = ""
    reason: str
    timeout_s: float
    operations: tuple[str, ...] = ()
    new_only: bool = False
    hint: str = ""

    def matches(self, operation: str, code: str, message: str) -> bool:
        """Whether this rule speaks of that error."""
        return (
            code == self.code
            and self.contains.lower() in message.lower()
            and (not self.operations or operation in self.operations)
            and not forbidden(message)
        )


def one_change_at_a_time(
    what: str, service: str, code: str, *operations: str, timeout_s: float, contains: str = ""
) -> RetryRule:
    """For a service that makes one change of a thing at a time, and refuses these requests meanwhile."""
    return RetryRule(
        code=code,
        contains=contains,
        reason=f"another change of the {what} to finish; {service} makes one at a time",
        timeout_s=timeout_s,
        operations=operations,
        hint=f"Another run or another tool keeps changing the {what}: let that end first.",
    )
