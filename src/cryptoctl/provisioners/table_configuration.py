"""What DynamoDB answers of a table, in the form in which it is compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptoctl.provisioners.policy import denials
from cryptoctl.reconcile import Aws, AwsError

NO_POLICY = ("PolicyNotFoundException", "ResourceNotFoundException")


def schema(table: dict[str, Any]) -> dict[str, str]:
    """The key's attributes, each with its part and type, such as `RANGE N`."""
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    return {
        each["AttributeName"]: f"{each['KeyType']} {types[each['AttributeName']]}"
        for each in table["KeySchema"]
    }


def customer_key(table: dict[str, Any]) -> str | None:
    """The ARN of the key that the table lies under; None for DynamoDB's own, which has none."""
    encryption = table.get("SSEDescription") or {}
    going = encryption.get("Status") in ("DISABLING", "DISABLED")
    return None if going else encryption.get("KMSMasterKeyArn")


def recovery(backups: dict[str, Any]) -> str:
    """ENABLED or DISABLED: whether the table can be restored to a point in time."""
    description = backups.get("ContinuousBackupsDescription", {})
    status: str = description.get("PointInTimeRecoveryDescription", {}).get(
        "PointInTimeRecoveryStatus", "DISABLED"
    )
    return status


def resource_policy_notes(aws: Aws, table: object, arn: str) -> Iterator[str]:
    """What a policy of the table itself denies, or that these credentials may not read it."""
    try:
        found = aws.find("dynamodb", "GetResourcePolicy", absent=NO_POLICY, ResourceArn=arn)
    except AwsError as error:
        if not error.denied:
            raise
        yield (
            f"the policy of {table} could not be read (dynamodb:GetResourcePolicy answered {error.code}): "
            "whether it denies anything is not known"
        )
    else:
        yield from denials(table, found["Policy"] if found else None, but="")
