"""What DynamoDB answers of a table, in the form in which it is compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptoctl.provisioners.resource_policy import policy_notes
from cryptoctl.reconcile import Aws, AwsError, Observed, Obstacle

NO_POLICY = ("PolicyNotFoundException", "ResourceNotFoundException")
RECOVERY_PERIOD_DAYS = 35  # the longest, and DynamoDB's default
ARCHIVAL = ("ARCHIVING", "ARCHIVED")
WRITTEN_AS = {
    **dict.fromkeys(("symbol", "exchange", "raw_data", "created_at", "id", "enriched_at", "rev"), "S"),
    **dict.fromkeys(("timestamp", "price", "volume", "occurrence", "ma_5", "ma_20", "volatility"), "N"),
    "processed": "BOOL",
}
"""The attributes of a price (core/items.py) that an index may be keyed by, with their types."""


def schema(table: dict[str, Any]) -> dict[str, str]:
    """The key's attributes, each with its part and type, such as `RANGE N`."""
    types = {
        definition["AttributeName"]: definition["AttributeType"]
        for definition in table["AttributeDefinitions"]
    }
    return {
        key["AttributeName"]: f"{key['KeyType']} {types[key['AttributeName']]}" for key in table["KeySchema"]
    }


def customer_key(table: dict[str, Any]) -> str | None:
    """The ARN of the key that the table lies under; None for DynamoDB's own, which has none."""
    encryption = table.get("SSEDescription") or {}
    disabled = encryption.get("Status") in ("DISABLING", "DISABLED")
    return None if disabled else encryption.get("KMSMasterKeyArn")


def recovery(backups: dict[str, Any]) -> dict[str, Any]:
    """Whether the table can be restored to a point in time (ENABLED or DISABLED), and how far back.

    The period counts only while that is enabled; an answer without one means DynamoDB's default.
    """
    description = backups.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
    status = description.get("PointInTimeRecoveryStatus", "DISABLED")
    period = description.get("RecoveryPeriodInDays") if status == "ENABLED" else None
    return {"PointInTimeRecoveryStatus": status, "RecoveryPeriodInDays": period or RECOVERY_PERIOD_DAYS}


def limit_and_replica_notes(name: str, table: dict[str, Any]) -> Iterator[str]:
    """A sentence on each thing of somebody's that limits what may be written, or copies it elsewhere."""
    types = {
        definition["AttributeName"]: definition["AttributeType"]
        for definition in table.get("AttributeDefinitions", ())
    }
    indexes = table.get("GlobalSecondaryIndexes") or ()
    for index in (candidate for candidate in indexes if candidate.get("IndexStatus") != "DELETING"):
        for key in index["KeySchema"]:
            attribute = key["AttributeName"]
            if WRITTEN_AS.get(attribute, types[attribute]) != types[attribute]:
                yield (
                    f"the index {index['IndexName']} of table {name} wants {attribute} to be of type "
                    f"{types[attribute]}, and prices have it as {WRITTEN_AS[attribute]}: DynamoDB refuses "
                    "the prices that have it, or their enrichment; `aws dynamodb update-table "
                    f"--table-name {name} --global-secondary-index-updates "
                    f'\'[{{"Delete": {{"IndexName": "{index["IndexName"]}"}}}}]\'` takes it off'
                )
    caps = table.get("OnDemandThroughput") or {}
    kinds = {"write": caps.get("MaxWriteRequestUnits", -1), "read": caps.get("MaxReadRequestUnits", -1)}
    if capped := [f"{units:,} {kind} units" for kind, units in kinds.items() if units >= 0]:
        yield (
            f"table {name} takes no more than {' and '.join(capped)} a second, which cryptoctl did not set: "
            "beyond that prices are refused, and senders have to send them again; "
            f"`aws dynamodb update-table --table-name {name} --on-demand-throughput "
            "MaxReadRequestUnits=-1,MaxWriteRequestUnits=-1` takes that off"
        )
    if regions := [replica["RegionName"] for replica in table.get("Replicas") or ()]:
        yield (
            f"table {name} has replicas, which cryptoctl did not make, in {', '.join(regions)}: what is "
            "written there is enriched and announced here too, and DynamoDB refuses `down` until the last "
            "one is 24 h old"
        )


def out_of_use(table: object, observed: Observed | None) -> Iterator[Obstacle]:
    """An obstacle where the table is in a state that does not end by itself."""
    status = observed.fields["TableStatus"] if observed else None
    if status == "INACCESSIBLE_ENCRYPTION_CREDENTIALS":
        yield Obstacle(
            what=f"The {table} cannot be used: DynamoDB may not use its key, and archives it after a week.",
            hint="Enable the key, or take its deletion back, and let DynamoDB use it as before; then run "
            "the same command again.",
        )
    if status in ARCHIVAL:
        yield Obstacle(
            what=f"The {table} is archived: DynamoDB could not use its key for a week, and has made a backup "
            "of it.",
            hint="`aws dynamodb describe-table` names the backup (ArchivalSummary): delete the table, "
            "restore the backup under its name, then run `cryptoctl up --adopt`.",
        )


def resource_policy_notes(aws: Aws, table: object, arn: str) -> Iterator[str]:
    """Whom a policy of the table itself shuts out or lets in, or that it could not be read."""
    try:
        response = aws.find("dynamodb", "GetResourcePolicy", not_found=NO_POLICY, ResourceArn=arn)
    except AwsError as error:  # whatever it is: nothing that is done needs the policy
        yield (
            f"the policy of {table} could not be read (dynamodb:GetResourcePolicy answered {error.code}): "
            "whom it shuts out and lets in is not known"
        )
    else:
        yield from policy_notes(table, response["Policy"] if response else None, own_sid="")
