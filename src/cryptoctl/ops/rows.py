"""Reading the table of prices, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import Failure, Problem
from cryptoctl.provisioners.table import NOT_FOUND, Table


def rows(aws: Aws, table: Table, operation: str, **request: Any) -> Iterator[Mapping[str, Any]]:
    """The items of a Query or a Scan, read as they are asked for. Raises Failure where there is no table."""
    with existing(table):
        yield from aws.paginate("dynamodb", operation, "Items", TableName=table.name, **request)


@contextmanager
def existing(table: Table) -> Iterator[None]:
    """A table that is not there is a Failure: its environment is not deployed."""
    try:
        yield
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise
        raise Failure(
            Problem.FAILED,
            f"There is no table {table.name}: {table.scope.environment} is not deployed.",
            f"Run `cryptoctl up --env {table.scope.environment}`.",
        ) from error
