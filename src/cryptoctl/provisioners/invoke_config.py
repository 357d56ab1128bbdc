"""How Lambda treats asynchronous invocations of a function: how long, how often, and then what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.function_errors import FORBIDDEN, SPREADS, another_change
from cryptoctl.provisioners.topic import Topic
from cryptoctl.reconcile import (
    Access,
    Aws,
    CallOrWait,
    Delta,
    Fields,
    Observed,
    Permission,
    Provisioner,
    RetryRule,
    allow,
    call,
)

NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True, kw_only=True, eq=False)
class InvokeConfig(Provisioner):
    """The settings for a function's `$LATEST`. Named after the function; it cannot carry tags."""

    function: Function
    event_age_s: int
    retries: int
    on_success: Topic

    kind: ClassVar[str] = "invoke config"
    part_of: ClassVar[str] = "function"
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        RetryRule(
            code="InvalidParameterValueException",
            contains="does not have permissions",
            reason=f"the role's permission to publish to be seen by Lambda; {SPREADS}",
            timeout_s=120,
            hint=FORBIDDEN,
        ),
        RetryRule(
            code="InvalidParameterValueException",
            contains="destination",
            reason="the destination to be seen by Lambda; a new topic takes a while",
            timeout_s=60,
            hint="`cryptoctl plan` shows whether the topic of the message is there.",
        ),
        another_change(timeout_s=120),
    )

    def observe(self, aws: Aws) -> Observed | None:
        response = aws.find(
            "lambda", "GetFunctionEventInvokeConfig", not_found=NOT_FOUND, FunctionName=self.function.name
        )
        if response is None:
            return None
        destinations = response.get("DestinationConfig") or {}
        return Observed(
            fields={
                "MaximumEventAgeInSeconds": response.get("MaximumEventAgeInSeconds"),
                "MaximumRetryAttempts": response.get("MaximumRetryAttempts"),
                "OnSuccess": (destinations.get("OnSuccess") or {}).get("Destination"),
                "OnFailure": (destinations.get("OnFailure") or {}).get("Destination"),
            }
        )

    def desired(self) -> Fields:
        return {
            "MaximumEventAgeInSeconds": self.event_age_s,
            "MaximumRetryAttempts": self.retries,
            "OnSuccess": self.on_success.arn,
            # What failed goes to the function's dead-letter queue.
            "OnFailure": None,
        }

    def permissions(self) -> Iterator[Permission]:
        manage_operations = "PutFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig"
        yield from allow(Access.DESCRIBE, "lambda", "GetFunctionEventInvokeConfig", self.function.arn)
        yield from allow(Access.MANAGE, "lambda", manage_operations, self.function.arn)

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """One call sets it whole."""
        yield call(
            "lambda",
            "PutFunctionEventInvokeConfig",
            FunctionName=self.function.name,
            MaximumEventAgeInSeconds=self.event_age_s,
            MaximumRetryAttempts=self.retries,
            DestinationConfig={"OnSuccess": {"Destination": self.on_success.arn}},
        )

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield call(
            "lambda", "DeleteFunctionEventInvokeConfig", gone=NOT_FOUND, FunctionName=self.function.name
        )
