"""Reading the table of prices, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.ops.environments import not_deployed
from cryptoctl.provisioners.table import NOT_FOUND, Table


def table_items(aws: Aws, table: Table, operation: str, **request: Any) -> Iterator[Mapping[str, Any]]:
    """The items of a Query or a Scan, read as they are asked for. Raises Failure where there is no table."""
    with require_table(aws, table):
        yield from aws.paginate("dynamodb", operation, "Items", TableName=table.name, **request)


@contextmanager
def require_table(aws: Aws, table: Table) -> Iterator[None]:
    """A table that is not there is a Failure: its environment does not exist, or is not complete."""
    try:
        yield
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise
        raise not_deployed(aws, table.scope, f"table {table.name}") from error
