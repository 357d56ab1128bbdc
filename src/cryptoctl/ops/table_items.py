"""Reading the table of prices, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.environments import not_deployed
from cryptoctl.provisioners.table import NOT_FOUND, Table

# What DynamoDB says of a request whose keys are not the table's.
OTHER_KEYS = ("key schema", "key condition", "match the schema", "match schema type", "starting key")


def table_items(aws: Aws, table: Table, operation: str, **request: Any) -> Iterator[Mapping[str, Any]]:
    """The items of a Query or a Scan, read as they are asked for. Raises Failure as `require_table` does."""
    with require_table(aws, table):
        for item in aws.paginate("dynamodb", operation, "Items", TableName=table.name, **request):
            check_key(item, table, table.partition_key, table.sort_key)
            yield item


def check_key(item: Mapping[str, Any], table: Table, *keys: tuple[str, str]) -> None:
    """Raises Failure for an item without these keys (name and type): it is of a table with others."""
    if not all(kind in item.get(name, {}) for name, kind in keys):
        raise _other_keys(table)


def symbol_query(symbol: str, condition: str = "", **bounds: str) -> dict[str, Any]:
    """A Query of a symbol's items; of those whose `#timestamp` meets the condition, with its numbers."""
    names, values = {"#symbol": "symbol"}, {":symbol": {"S": symbol}}
    if condition:
        names["#timestamp"], condition = "timestamp", f" AND #timestamp {condition}"
    return {
        "KeyConditionExpression": f"#symbol = :symbol{condition}",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values | {f":{name}": {"N": number} for name, number in bounds.items()},
        "ConsistentRead": True,
    }


@contextmanager
def require_table(aws: Aws, table: Table) -> Iterator[None]:
    """A table that is not there is a Failure: its environment does not exist, or is not complete.

    So is one that somebody has made with other keys.
    """
    try:
        yield
    except AwsError as error:
        if error.code == "ValidationException" and any(piece in error.message for piece in OTHER_KEYS):
            raise _other_keys(table) from error
        if error.code != NOT_FOUND:
            raise
        raise not_deployed(aws, table.scope, f"table {table.name}") from error


def _other_keys(table: Table) -> Failure:
    keys = " and ".join(name for name, _ in (table.partition_key, table.sort_key))
    return Failure(
        ExitCode.REFUSED,
        f"Table {table.name} has other keys than {keys}: somebody has made another one under that name, and "
        "no price can be in it.",
        "`cryptoctl plan --adopt` shows what differs, and what to do about it: the keys of a table cannot be "
        "changed, and what is in it would be deleted with it.",
    )
