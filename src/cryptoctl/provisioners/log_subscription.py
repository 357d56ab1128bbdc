"""Log subscription filters: lines that somebody should see are handed to a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.log_group import ANOTHER_CHANGE, LogGroup
from cryptoctl.provisioners.reads import all_pages
from cryptoctl.reconcile import (
    Access,
    Aws,
    CallOrWait,
    Delta,
    Fields,
    Observed,
    Permission,
    Provisioner,
    Remedy,
    RetryRule,
    Value,
    allow,
    call,
)

NOT_FOUND = "ResourceNotFoundException"
# What the filter has not, and how that is taken off one that has it.
TAKEN_OFF: Mapping[str, Value] = {"fieldSelectionCriteria": "", "applyOnTransformedLogs": False}


@dataclass(frozen=True, kw_only=True, eq=False)
class LogSubscription(Provisioner):
    """Sends the lines of a log group that match a pattern to a function. It cannot carry tags."""

    group: LogGroup
    pattern: str
    destination: Function

    kind: ClassVar[str] = "log subscription"
    part_of: ClassVar[str] = "group"
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        *(
            RetryRule(
                code="InvalidParameterException",
                contains=contains,
                reason="the permission to invoke the function to be seen by CloudWatch Logs; "
                "a new one takes a while to spread",
                timeout_s=90,
                hint="`cryptoctl plan` shows whether the function's permission is as it should be.",
            )
            for contains in ("Could not deliver test message", "Could not execute the lambda function")
        ),
        ANOTHER_CHANGE,
    )
    remedies: ClassVar[tuple[Remedy, ...]] = (
        Remedy(
            codes=("LimitExceededException",),
            hint="A log group can have two subscription filters, and both are taken: delete one of them "
            "(`aws logs describe-subscription-filters --log-group-name NAME` lists them).",
        ),
    )

    def observe(self, aws: Aws) -> Observed | None:
        operation, key = "DescribeSubscriptionFilters", "subscriptionFilters"
        entries = all_pages(aws, "logs", operation, key, not_found=NOT_FOUND, logGroupName=self.group.name)
        filters = {entry["filterName"]: entry for entry in entries or ()}
        own_filter = filters.pop(self.name, None)
        if own_filter is None:
            return None
        return Observed(
            fields={
                "filterPattern": own_filter["filterPattern"],
                "destinationArn": own_filter["destinationArn"],
                "fieldSelectionCriteria": own_filter.get("fieldSelectionCriteria") or None,
                "applyOnTransformedLogs": bool(own_filter.get("applyOnTransformedLogs")),
            },
            notes=tuple(
                f"the filter {name} of {self.group} hands lines to {self.destination} as well: what both let "
                "through is told twice; `aws logs delete-subscription-filter --log-group-name "
                f"{self.group.name} --filter-name {name}` ends that"
                for name, entry in filters.items()
                if entry.get("destinationArn") == self.destination.arn
            ),
        )

    def desired(self) -> Fields:
        return {
            "filterPattern": self.pattern,
            "destinationArn": self.destination.arn,
            # Either may keep the lines that match from the function.
            "fieldSelectionCriteria": None,
            "applyOnTransformedLogs": False,
        }

    def permissions(self) -> Iterator[Permission]:
        arns = self.group.arn, self.group.streams_arn
        yield from allow(Access.DESCRIBE, "logs", "DescribeSubscriptionFilters", *arns)
        yield from allow(Access.MANAGE, "logs", "PutSubscriptionFilter DeleteSubscriptionFilter", *arns)

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """One call creates or replaces it."""
        yield call(
            "logs",
            "PutSubscriptionFilter",
            logGroupName=self.group.name,
            filterName=self.name,
            filterPattern=self.pattern,
            destinationArn=self.destination.arn,
            **{name: value for name, value in TAKEN_OFF.items() if delta.touches(name)},
        )

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield call(
            "logs",
            "DeleteSubscriptionFilter",
            gone=NOT_FOUND,
            logGroupName=self.group.name,
            filterName=self.name,
        )
