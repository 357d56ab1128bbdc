"""DynamoDB: UpdateItem."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.conformance.items import code, key
from local.workbench import Workbench

UPDATES = "DynamoDB developer guide: Using update expressions in DynamoDB"
RESERVED = "DynamoDB developer guide: Reserved words in DynamoDB"


@pytest.mark.behaviour(
    "tables", "update expressions: SET, REMOVE, ADD, DELETE, all from the item as it was", UPDATES
)
def test_updates(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    start = {
        "a": {"N": "0.1"},
        "b": {"N": "2"},
        "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
        "s": {"SS": ["x", "y"]},
    }
    client.put_item(TableName=table, Item={**key(1), **start, "gone": {"S": "?"}})
    answer = client.update_item(
        TableName=table,
        Key=key(1),
        UpdateExpression=(
            "SET a = b, b = a + :d, m = if_not_exists(m, :m), l[5] = :d REMOVE gone, l[0] "
            "ADD tally :d DELETE s :x"
        ),
        ExpressionAttributeValues={":d": {"N": "0.2"}, ":m": {"M": {"k": {"S": "v"}}}, ":x": {"SS": ["x"]}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {
        **key(1),
        "a": {"N": "2"},
        "b": {"N": "0.3"},
        "m": {"M": {"k": {"S": "v"}}},
        "l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "0.2"}]},
        "tally": {"N": "0.2"},
        "s": {"SS": ["y"]},
    }


@pytest.mark.behaviour(
    "tables", "an update returns what it names, before or after; of a map only the member", UPDATES
)
def test_updated_attributes(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    nested = {"M": {"k": {"S": "v"}, "other": {"S": "w"}}}
    client.put_item(TableName=table, Item={**key(1), "n": {"N": "1"}, "gone": {"S": "?"}, "m": nested})

    def update(return_values: str) -> Any:
        return client.update_item(
            TableName=table,
            Key=key(1),
            UpdateExpression="SET #m.k = :x REMOVE gone ADD n :n",
            ExpressionAttributeNames={"#m": "m"},
            ExpressionAttributeValues={":x": {"S": "x"}, ":n": {"N": "1"}},
            ReturnValues=return_values,
        )["Attributes"]

    assert update("UPDATED_OLD") == {"n": {"N": "1"}, "gone": {"S": "?"}, "m": {"M": {"k": {"S": "v"}}}}
    assert update("UPDATED_NEW") == {"n": {"N": "3"}, "m": {"M": {"k": {"S": "x"}}}}


@pytest.fixture(scope="module")
def table_of_one(file_bench: Workbench) -> str:
    """The name of a table with one item, which stays as it is: each update is refused."""
    table, _ = file_bench.table()
    file_bench.client("dynamodb").put_item(TableName=table, Item=key(1))
    return table


@pytest.mark.behaviour("tables", "an update of a key attribute is refused", UPDATES)
@pytest.mark.parametrize("update", ["SET symbol = :s", "SET #at = :n", "ADD #at :n", "REMOVE #at"])
def test_keys_are_not_updated(bench: Workbench, table_of_one: str, update: str) -> None:
    client = bench.client("dynamodb")
    more: dict[str, Any] = {"ExpressionAttributeNames": {"#at": "at"}} if "#at" in update else {}
    values = {":s": {"S": "ETH"}, ":n": {"N": "2"}}
    used = {name: value for name, value in values.items() if name in update}
    with pytest.raises(ClientError, match="This attribute is part of the key") as raised:
        client.update_item(
            TableName=table_of_one,
            Key=key(1),
            UpdateExpression=update,
            **({"ExpressionAttributeValues": used} if used else {}),
            **more,
        )
    assert code(raised) == "ValidationException"
    assert client.scan(TableName=table_of_one)["Items"] == [key(1)]


@pytest.mark.behaviour(
    "tables", "an update creates the item it does not find; with a condition it does not", UPDATES
)
def test_an_update_creates_unless_told_not_to(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    update = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    client.update_item(TableName=table, Key=key(1), **update)
    assert client.get_item(TableName=table, Key=key(1))["Item"] == {**key(1), "n": {"N": "1"}}
    with pytest.raises(ClientError) as raised:
        client.update_item(
            TableName=table, Key=key(2), ConditionExpression="attribute_exists(symbol)", **update
        )
    assert code(raised) == "ConditionalCheckFailedException"
    assert "Item" not in client.get_item(TableName=table, Key=key(2))


@pytest.mark.behaviour("tables", "expressions that cannot be right are refused", RESERVED)
@pytest.mark.parametrize(
    "wrong",
    [
        {"UpdateExpression": "SET timestamp = :n"},
        {"UpdateExpression": "SET a = :undefined"},
        {"UpdateExpression": "SET #undefined = :n"},
        {"UpdateExpression": "SET a = :n, a.b = :n"},
        {"UpdateExpression": "SET at = :n"},
        {"UpdateExpression": "SET a = b"},
        {"UpdateExpression": "SET a = "},
        {"UpdateExpression": "REMOVE a", "ConditionExpression": "b = :n AND"},
        {"UpdateExpression": "REMOVE a"},
    ],
    ids=str,
)
def test_wrong_expressions_are_refused(bench: Workbench, table_of_one: str, wrong: dict[str, str]) -> None:
    one: dict[str, Any] = {"TableName": table_of_one, "Key": key(1)}
    with pytest.raises(ClientError) as raised:
        bench.client("dynamodb").update_item(**one, ExpressionAttributeValues={":n": {"N": "1"}}, **wrong)
    assert code(raised) == "ValidationException"
