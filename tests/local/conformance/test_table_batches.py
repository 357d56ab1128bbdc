"""Batches over several tables."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from local.conformance.items import code, key
from local.workbench import Workbench

CAPACITY = "DynamoDB API reference: ConsumedCapacity"
PARTIQL = "DynamoDB API reference: BatchExecuteStatement"


@pytest.mark.behaviour("tables", "a batch over several tables tells the capacity of each", CAPACITY)
def test_the_capacity_of_each_table(bench: Workbench) -> None:
    client = bench.client("dynamodb")
    names = sorted(bench.table()[0] for _ in range(2))
    puts = {name: [{"PutRequest": {"Item": key(number)}} for number in (1, 2)] for name in names}
    gets = {name: {"Keys": [key(1), key(2)]} for name in names}
    select = [
        {"Statement": f'SELECT * FROM "{name}" WHERE symbol = \'BTC\' AND "at" = {number}'}
        for name in names
        for number in (1, 2)
    ]
    for answer in (
        client.batch_write_item(RequestItems=puts, ReturnConsumedCapacity="TOTAL"),
        client.batch_get_item(RequestItems=gets, ReturnConsumedCapacity="INDEXES"),
        client.batch_execute_statement(Statements=select, ReturnConsumedCapacity="TOTAL"),
    ):
        capacities = answer["ConsumedCapacity"]
        assert sorted(capacity["TableName"] for capacity in capacities) == names
        assert all(capacity["CapacityUnits"] > 0 for capacity in capacities)
    one = client.execute_statement(**select[0], ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert one["TableName"] == names[0]


@pytest.mark.behaviour("tables", "a batch with a table that is not there", PARTIQL)
def test_a_table_that_is_not_there(bench: Workbench, table: str) -> None:
    client, missing = bench.client("dynamodb"), bench.name("no-table")
    bench.put(table, 1)
    select = 'SELECT * FROM "{}" WHERE symbol = \'BTC\' AND "at" = 1'
    statements = [{"Statement": select.format(name)} for name in (missing, table)]
    refused, found = client.batch_execute_statement(Statements=statements)["Responses"]
    assert (refused["Error"]["Code"], found["Item"]) == ("ResourceNotFound", key(1))
    gets = {name: {"Keys": [key(1)]} for name in (missing, table)}
    with pytest.raises(ClientError) as raised:
        client.batch_get_item(RequestItems=gets)
    assert code(raised) == "ResourceNotFoundException"
    with pytest.raises(ClientError) as raised:
        client.execute_statement(Statement=select.format(missing))
    assert code(raised) == "ResourceNotFoundException"
