"""After an unclean end: brings the engine's store and ministack's state to the same tables and log groups.

Each is whole in itself, but a file that was damaged and kept aside leaves one of them without what the other
knows. What ministack describes exists; what it does not, does not.
"""

from __future__ import annotations

from typing import Any

from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.logs.store import LogStore
from cryptoctl.local.tables.store import TableStore


async def recover(client: InternalClient, tables: TableStore, logs: LogStore, regions: set[str]) -> None:
    """Takes up what is missing in the store, and drops what nobody describes."""
    stored_regions = {table.region for table in tables.tables()} | {region for region, _ in logs.groups()}
    for region in sorted(regions | stored_regions):
        table_names = await _tables(client, region)
        for table in tables.tables():
            if table.region == region and table.name not in table_names:
                tables.drop(region, table.name)
        groups = await _groups(client, region)
        for group in groups:
            logs.add_group(region, group["logGroupName"])
            logs.retain(region, group["logGroupName"], group.get("retentionInDays"))
        names = {group["logGroupName"] for group in groups}
        for group_region, name in logs.groups():
            if group_region == region and name not in names:
                logs.remove_group(region, name)


async def _tables(client: InternalClient, region: str) -> set[str]:
    """The tables of a region. Describing one is what makes the store take it up."""
    names: set[str] = set()
    page: dict[str, Any] = {}
    while True:
        response = await client.json("dynamodb", "ListTables", region, **page)
        for name in response["TableNames"]:
            await client.json("dynamodb", "DescribeTable", region, TableName=name)
            names.add(name)
        if "LastEvaluatedTableName" not in response:
            return names
        page = {"ExclusiveStartTableName": response["LastEvaluatedTableName"]}


async def _groups(client: InternalClient, region: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    page: dict[str, Any] = {}
    while True:
        response = await client.json("logs", "DescribeLogGroups", region, **page)
        groups += response["logGroups"]
        if not response.get("nextToken"):
            return groups
        page = {"nextToken": response["nextToken"]}
