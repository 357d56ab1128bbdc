"""CloudWatch log groups: made before the function that writes to them, removed after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.provisioners.customer_key import Encrypted, permissions
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.tags import changed_tags
from cryptoctl.reconcile import (
    Access,
    Aws,
    Call,
    CallOrWait,
    DeletionProtected,
    Delta,
    Fields,
    Listed,
    Observed,
    Obstacle,
    Permission,
    Priced,
    Remedy,
    RetryRule,
    Traffic,
    Usage,
    Value,
    allow,
    call,
    one_change_at_a_time,
)

NOT_FOUND = "ResourceNotFoundException"
STANDARD = "STANDARD"
ANOTHER_CHANGE = one_change_at_a_time(
    "log group", "CloudWatch Logs", "OperationAbortedException", timeout_s=30
)
# CloudWatch Logs keeps lines compressed, and bills them so: to 15 %, as AWS's own calculator assumes.
STORED_OF_INGESTED = 0.15


def _unprotect(name: str) -> str:
    return (
        "`aws logs put-log-group-deletion-protection --no-deletion-protection-enabled "
        f"--log-group-identifier {name}`"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class LogGroup(Encrypted, DeletionProtected, Listed, Priced):
    """A log group that keeps its lines for some days, or for ever, perhaps under a customer's key."""

    retention_days: int | None
    """None for ever."""

    kind: ClassVar[str] = "log group"
    key_field: ClassVar[str] = "kmsKeyId"
    key_service: ClassVar[str | None] = "logs"
    # A late line of our own function makes a deleted group again, without tags.
    untagged_is_ours: ClassVar[bool] = True
    # A group of another class takes no subscription.
    immutable: ClassVar[frozenset[str]] = frozenset({"logGroupClass"})
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (ANOTHER_CHANGE,)
    remedies: ClassVar[tuple[Remedy, ...]] = (
        Remedy(
            codes=("ValidationException", "InvalidParameterException"),
            contains="deletion protection",
            operations=("DeleteLogGroup",),
            hint=f"Somebody has protected the log group since: {_unprotect('NAME')} takes that off.",
        ),
        Remedy(
            codes=("AccessDeniedException", "InvalidParameterException"),
            contains="KMS key",
            operations=("CreateLogGroup", "AssociateKmsKey"),
            hint="The customer managed key must be enabled, and its policy must let CloudWatch Logs use it: "
            "`cryptoctl doctor` says what is missing in it.",
        ),
    )

    @property
    def arn(self) -> str:
        """Its ARN, without the `:*` that grants and permissions on its streams need."""
        return self.scope.arn("logs", f"log-group:{self.name}")

    @property
    def streams_arn(self) -> str:
        """The ARN that stands for all its streams."""
        return f"{self.arn}:*"

    def consent_reasons(self, delta: Delta) -> Iterator[str]:
        """Also that a group of others' keeps its lines for a shorter time: no one brings back older ones."""
        has_tags = bool(delta.old("Tags"))  # one without any tag is ours
        shorter = any(
            change.field == "retentionInDays"
            and change.new
            and (change.old is None or change.old > change.new)
            for change in delta.changes
        )
        if shorter and has_tags and self.takes_over(delta):
            yield "delete older log lines"
        yield from super().consent_reasons(delta)

    def observe(self, aws: Aws) -> Observed | None:
        groups, tags = aws.gather(
            lambda: list(
                aws.paginate("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=self.name)
            ),
            lambda: self.tags_of(aws),
        )
        own_groups = [group for group in groups if group["logGroupName"] == self.name]
        if not own_groups or tags is None:
            return None
        return Observed(
            fields={
                "retentionInDays": own_groups[0].get("retentionInDays"),
                "logGroupClass": own_groups[0].get("logGroupClass", STANDARD),
                "kmsKeyId": own_groups[0].get("kmsKeyId"),
                "deletionProtectionEnabled": bool(own_groups[0].get("deletionProtectionEnabled")),
                "Tags": tags,
            }
        )

    def deletion_blocker(self, observed: Observed) -> Obstacle | None:
        """Only somebody else protects a log group, and takes the protection off again."""
        if not observed.fields["deletionProtectionEnabled"]:
            return None
        return Obstacle(
            what=f"The {self} is protected from deletion.",
            hint=f"Take the protection off: {_unprotect(self.name)}.",
        )

    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """One page at most: CloudWatch Logs takes few of these requests a second."""
        response = aws.call("logs", "DescribeLogGroups", logGroupNamePattern=self.scope.environment, limit=50)
        names = (group["logGroupName"] for group in response["logGroups"])
        yield from (self.scope.arn("logs", f"log-group:{name}") for name in self.scope.likeliest(names))

    def tags_of(self, aws: Aws) -> dict[str, str] | None:
        response = aws.find("logs", "ListTagsForResource", not_found=NOT_FOUND, resourceArn=self.arn)
        tags: dict[str, str] | None = None if response is None else response.get("tags", {})
        return tags

    def desired(self) -> Fields:
        return {
            "retentionInDays": self.retention_days,
            "logGroupClass": STANDARD,
            "kmsKeyId": self.customer_key,
            "Tags": self.scope.tags,
        }

    def permissions(self) -> Iterator[Permission]:
        """For the ARN with and without `:*`: CloudWatch Logs checks the one or the other."""
        arns = self.arn, self.streams_arn
        yield from allow(Access.DESCRIBE, "logs", "DescribeLogGroups", "*")
        yield from allow(Access.DESCRIBE, "logs", "ListTagsForResource", *arns)
        manage_operations = "CreateLogGroup PutRetentionPolicy TagResource DisassociateKmsKey DeleteLogGroup"
        yield from allow(Access.MANAGE, "logs", manage_operations, *arns)
        if self.customer_key:
            yield from allow(Access.MANAGE, "logs", "AssociateKmsKey", *arns)
            yield from permissions(self.scope, self.customer_key, "logs", {})
        if self.retention_days is None:
            yield from allow(Access.MANAGE, "logs", "DeleteRetentionPolicy", *arns)

    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        months = min(self.retention_days or traffic.days, traffic.days) / 30
        yield Usage(item="logs_ingested_gb", amount=traffic.ingested_gb, driver="lines, by invocations")
        stored_gb = traffic.ingested_gb * STORED_OF_INGESTED
        yield Usage(item="logs_gb_months", amount=stored_gb * months, driver="log_retention_days")

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        if delta.creating:
            yield call(
                "logs",
                "CreateLogGroup",
                exists="ResourceAlreadyExistsException",
                logGroupName=self.name,
                tags=delta.desired["Tags"],
                kmsKeyId=self.customer_key,
            )
        if self.retention_days is not None and (delta.creating or delta.touches("retentionInDays")):
            yield self._call("PutRetentionPolicy", retentionInDays=self.retention_days)
        elif delta.touches("retentionInDays"):
            yield self._call("DeleteRetentionPolicy")
        if delta.touches("kmsKeyId"):
            if self.customer_key:
                yield self._call("AssociateKmsKey", kmsKeyId=self.customer_key)
            else:
                yield self._call("DisassociateKmsKey")
        if delta.touches("Tags"):
            yield call("logs", "TagResource", resourceArn=self.arn, tags=changed_tags(delta))

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield self._call("DeleteLogGroup", gone=NOT_FOUND)

    def _call(self, operation: str, **params: Value) -> Call:
        return call("logs", operation, logGroupName=self.name, **params)


def may_write(group: LogGroup) -> Statement:
    """Allows writing lines. No role may create a log group: a late line would bring a deleted one back."""
    return Statement(actions=("logs:CreateLogStream", "logs:PutLogEvents"), resources=(group.streams_arn,))
