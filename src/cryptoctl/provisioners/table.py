"""The DynamoDB table of prices, with the stream that feeds the enricher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.provisioners.customer_key import Encrypted, permissions
from cryptoctl.provisioners.reads import all_pages
from cryptoctl.provisioners.table_configuration import (
    ARCHIVAL,
    RECOVERY_PERIOD_DAYS,
    customer_key,
    limit_and_replica_notes,
    out_of_use,
    recovery,
    resource_policy_notes,
    schema,
)
from cryptoctl.provisioners.table_errors import GOES_ON, REMEDIES, RETRY_RULES
from cryptoctl.provisioners.tags import changed_tags, key_values, mapped, may_be_late
from cryptoctl.reconcile import (
    Access,
    Aws,
    Call,
    CallOrWait,
    DeletionProtected,
    Delta,
    Fields,
    Observed,
    Obstacle,
    Permission,
    Priced,
    Provisioner,
    Ref,
    Remedy,
    RetryRule,
    Traffic,
    Usage,
    Value,
    WaitUntil,
    allow,
    call,
)

NOT_FOUND = "ResourceNotFoundException"
VIEW_TYPE = "NEW_AND_OLD_IMAGES"
ACTIVE, DELETING = "ACTIVE", "DELETING"


@dataclass(frozen=True, kw_only=True, eq=False)
class Table(Encrypted, DeletionProtected, Priced):
    """An on-demand table with a stream of old and new images and point-in-time recovery.

    It lies under DynamoDB's own key or a customer's.
    """

    partition_key: tuple[str, str]
    """Name and type (S, N or B) of the partition key."""
    sort_key: tuple[str, str]
    """Name and type of the sort key."""
    deletion_protection: bool

    kind: ClassVar[str] = "table"
    key_field: ClassVar[str] = "KMSMasterKeyArn"
    immutable: ClassVar[frozenset[str]] = frozenset({"KeySchema"})
    holds_data: ClassVar[bool] = True
    retry_rules: ClassVar[tuple[RetryRule, ...]] = RETRY_RULES
    remedies: ClassVar[tuple[Remedy, ...]] = REMEDIES

    @property
    def arn(self) -> str:
        return self.scope.arn("dynamodb", f"table/{self.name}")

    @property
    def stream_arn(self) -> Ref:
        """The ARN of its stream, whose last part AWS assigns anew whenever the stream is switched on."""
        return Ref(self, "LatestStreamArn")

    def observe(self, aws: Aws) -> Observed | None:
        """Of a table that is being deleted only that it is."""
        response = aws.find("dynamodb", "DescribeTable", not_found=NOT_FOUND, TableName=self.name)
        if response is None:
            return None
        table = response["Table"]
        table_id = {"TableId": table["TableId"]} if table.get("TableId") else {}
        if table["TableStatus"] == DELETING:
            return Observed(fields={}, outputs=table_id, deleting=True)
        backups, tags, notes = aws.gather(
            lambda: aws.find(
                "dynamodb",
                "DescribeContinuousBackups",
                not_found=("TableNotFoundException", NOT_FOUND),  # the second is other engines' word for it
                TableName=self.name,
            ),
            lambda: self._tags(aws),
            lambda: tuple(resource_policy_notes(aws, self, self.arn)),
        )
        if tags is None or (backups is None and table["TableStatus"] not in ARCHIVAL):
            return None  # deleted between the two reads
        stream = table.get("StreamSpecification", {})
        streaming = bool(stream.get("StreamEnabled"))
        return Observed(
            fields={
                "TableStatus": table["TableStatus"],
                "KeySchema": schema(table),
                "BillingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
                "StreamViewType": stream.get("StreamViewType") if streaming else None,
                # Of an archived table DynamoDB answers that there is none.
                **recovery(backups or {}),
                "DeletionProtectionEnabled": bool(table.get("DeletionProtectionEnabled")),
                "KMSMasterKeyArn": customer_key(table),
                "Tags": tags,
            },
            outputs={**({"LatestStreamArn": table["LatestStreamArn"]} if streaming else {}), **table_id},
            notes=(*notes, *limit_and_replica_notes(self.name, table)),
            new=may_be_late(table.get("CreationDateTime")),
        )

    def _tags(self, aws: Aws) -> dict[str, str] | None:
        operation = "ListTagsOfResource"
        tags = all_pages(aws, "dynamodb", operation, "Tags", not_found=NOT_FOUND, ResourceArn=self.arn)
        return None if tags is None else mapped(tags)

    def desired(self) -> Fields:
        return {
            "TableStatus": ACTIVE,
            "KeySchema": {
                self.partition_key[0]: f"HASH {self.partition_key[1]}",
                self.sort_key[0]: f"RANGE {self.sort_key[1]}",
            },
            "BillingMode": "PAY_PER_REQUEST",
            "StreamViewType": VIEW_TYPE,
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": RECOVERY_PERIOD_DAYS,
            "DeletionProtectionEnabled": self.deletion_protection,
            "KMSMasterKeyArn": self.customer_key,
            "Tags": self.scope.tags,
        }

    def permissions(self) -> Iterator[Permission]:
        describe_operations = "DescribeTable DescribeContinuousBackups ListTagsOfResource GetResourcePolicy"
        manage_operations = "CreateTable UpdateTable UpdateContinuousBackups TagResource DeleteTable"
        yield from allow(Access.DESCRIBE, "dynamodb", describe_operations, self.arn)
        yield from allow(Access.MANAGE, "dynamodb", manage_operations, self.arn)
        # DynamoDB asks these of whoever puts a table under a key, and Decrypt of whoever reads or writes it.
        key_operations = "CreateGrant Decrypt Encrypt GenerateDataKey ReEncryptFrom ReEncryptTo"
        needed = {
            Access.MANAGE: key_operations,
            Access.READ_DATA: "Decrypt",
            Access.OPERATE: "GenerateDataKey",
        }
        yield from permissions(self.scope, self.customer_key, "dynamodb", needed)

    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        """Lambda's reads of the stream are free."""
        gb_months = traffic.stored_gb * traffic.months
        yield Usage(item="dynamodb_write_units", amount=traffic.write_units, driver="two writes a price")
        yield Usage(
            item="dynamodb_read_units", amount=traffic.read_units, driver="a query a batch and symbol"
        )
        yield Usage(item="dynamodb_gb_months", amount=gb_months, driver="prices so far")
        yield Usage(item="dynamodb_recovery_gb_months", amount=gb_months, driver="prices so far")
        if self.customer_key:
            yield Usage(item="kms_requests", amount=traffic.key_requests, driver="security.customer_key")

    def consent_reasons(self, delta: Delta) -> Iterator[str]:
        """Also that without deletion protection a `down` is possible that was refused before."""
        if delta.touches("DeletionProtectionEnabled") and delta.old("DeletionProtectionEnabled"):
            yield "lift the deletion protection"
        yield from super().consent_reasons(delta)

    def deletion_blocker(self, observed: Observed) -> Obstacle | None:
        """Deletion protection counts, whatever this machine's configuration says."""
        if not observed.fields.get("DeletionProtectionEnabled"):
            return None
        return Obstacle(
            what=f"{self} has deletion protection: the environment was set up as protected.",
            hint="To remove it, set `protected = false`, run `cryptoctl up`, then `cryptoctl down` again.",
        )

    @classmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """Also yields one for a table that is out of use, and does not come back by itself."""
        yield from super().preflight(aws, changes)
        for table, delta in changes.items():
            yield from out_of_use(table, delta.observed)

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """Creates the table, or makes one change after the other, as DynamoDB requires."""
        if delta.creating:
            yield self._create(delta.desired)
            yield self._await_active()
        if delta.touches("TableStatus"):
            yield self._await_active()
        if delta.touches("BillingMode"):
            yield from self._update(BillingMode="PAY_PER_REQUEST")
        if delta.touches("StreamViewType"):
            if delta.old("StreamViewType") is not None:
                yield from self._update(StreamSpecification={"StreamEnabled": False})
            yield from self._update(
                StreamSpecification={"StreamEnabled": True, "StreamViewType": VIEW_TYPE},
                gives={"LatestStreamArn": "TableDescription.LatestStreamArn"},
            )
        if delta.touches("KMSMasterKeyArn"):
            yield from self._update(SSESpecification=self._encryption())
            yield self._await_encryption()
        if delta.touches("DeletionProtectionEnabled"):
            yield from self._update(DeletionProtectionEnabled=self.deletion_protection)
        if delta.creating or delta.touches("PointInTimeRecoveryStatus", "RecoveryPeriodInDays"):
            recovery_settings = {
                "PointInTimeRecoveryEnabled": True,
                "RecoveryPeriodInDays": delta.desired["RecoveryPeriodInDays"],
            }
            yield self._call("UpdateContinuousBackups", PointInTimeRecoverySpecification=recovery_settings)
        if delta.touches("Tags"):
            yield call("dynamodb", "TagResource", ResourceArn=self.arn, Tags=key_values(changed_tags(delta)))

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """Deletes the table with its data, and waits until it is gone."""
        if not observed.deleting:
            yield call("dynamodb", "DeleteTable", gone=NOT_FOUND, TableName=self.name)
        reason = "the table to be gone; DynamoDB does it in the background"
        # Another run may make one of that name meanwhile, which stays.
        identity = {f"Table.{name}": value for name, value in observed.outputs.items() if name == "TableId"}
        yield self._await(until=(None,), reason=reason, timeout_s=600, identity=identity)

    def _create(self, desired: Fields) -> Call:
        keys = (self.partition_key, self.sort_key)
        return call(
            "dynamodb",
            "CreateTable",
            gives={"LatestStreamArn": "TableDescription.LatestStreamArn"},
            exists="ResourceInUseException",
            TableName=self.name,
            AttributeDefinitions=tuple({"AttributeName": name, "AttributeType": kind} for name, kind in keys),
            KeySchema=(
                {"AttributeName": self.partition_key[0], "KeyType": "HASH"},
                {"AttributeName": self.sort_key[0], "KeyType": "RANGE"},
            ),
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": VIEW_TYPE},
            DeletionProtectionEnabled=self.deletion_protection,
            SSESpecification=self._encryption() if self.customer_key else None,
            Tags=key_values(desired["Tags"]),
        )

    def _encryption(self) -> dict[str, Value]:
        if self.customer_key is None:
            return {"Enabled": False}
        return {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": self.customer_key}

    def _update(self, **params: Value) -> Iterator[CallOrWait]:
        yield self._call("UpdateTable", **params)
        yield self._await_active()

    def _call(self, operation: str, **params: Value) -> Call:
        return call(
            "dynamodb",
            operation,
            # A stream that is on cannot be switched on again: after a lost answer, what is there decides.
            once=operation == "UpdateTable",
            TableName=self.name,
            **params,
        )

    def _await_active(self) -> WaitUntil:
        reason = "the table to be active; DynamoDB does it in the background"
        return self._await(until=(ACTIVE,), reason=reason, timeout_s=300)

    def _await_encryption(self) -> WaitUntil:
        return self._await(
            path="Table.SSEDescription.Status",
            until=("ENABLED", "DISABLED", None),
            reason="the table to be encrypted with its new key; DynamoDB does it in the background",
            timeout_s=300,
        )

    def _await(
        self,
        *,
        until: tuple[Value, ...],
        reason: str,
        timeout_s: float,
        path: str = "Table.TableStatus",
        identity: Mapping[str, str] | None = None,
    ) -> WaitUntil:
        return WaitUntil(
            service="dynamodb",
            operation="DescribeTable",
            params={"TableName": self.name},
            path=path,
            until=until,
            reason=reason,
            timeout_s=timeout_s,
            gone=NOT_FOUND,
            identity=identity or {},
            hint=GOES_ON,
        )
