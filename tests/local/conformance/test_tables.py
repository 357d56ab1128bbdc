"""DynamoDB: items, expressions, queries and streams."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench

CONDITIONS = "DynamoDB developer guide: Condition and filter expressions, operators, and functions"
UPDATES = "DynamoDB developer guide: Using update expressions in DynamoDB"
QUERY = "DynamoDB developer guide: Querying tables in DynamoDB"
TYPES = "DynamoDB developer guide: Supported data types and naming rules"
RESERVED = "DynamoDB developer guide: Reserved words in DynamoDB"
BATCHES = "DynamoDB API reference: BatchWriteItem, BatchGetItem"
PARTIQL = "DynamoDB developer guide: PartiQL update statements, running batch operations"
STREAMS = "DynamoDB developer guide: Change data capture for DynamoDB Streams"

Key = dict[str, Any]


def key(number: float | str, symbol: str = "BTC") -> Key:
    return {"symbol": {"S": symbol}, "at": {"N": str(number)}}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.fixture
def table(bench: Workbench) -> str:
    return bench.table()[0]


@pytest.mark.behaviour("tables", "numbers keep 38 digits, lose nothing and come back in normal form", TYPES)
@pytest.mark.parametrize(
    ("put", "got"),
    [
        ("1.50", "1.5"),
        ("0.00001234", "0.00001234"),
        ("1E+3", "1000"),
        ("-0.0", "0"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
    ],
)
def test_numbers(bench: Workbench, table: str, put: str, got: str) -> None:
    client = bench.client("dynamodb")
    client.put_item(TableName=table, Item={**key(1), "price": {"N": put}})
    assert client.get_item(TableName=table, Key=key(1))["Item"]["price"] == {"N": got}


@pytest.mark.behaviour("tables", "numbers it cannot keep are refused", TYPES)
@pytest.mark.parametrize(
    "wrong", ["123456789012345678901234567890123456789", "1E+126", "1E-131", "NaN", "Infinity", "x"]
)
def test_numbers_refused(bench: Workbench, table: str, wrong: str) -> None:
    with pytest.raises(ClientError) as caught:
        bench.client("dynamodb").put_item(TableName=table, Item={**key(1), "price": {"N": wrong}})
    assert code(caught) == "ValidationException"


@pytest.mark.behaviour(
    "tables", "range keys stand in the order of their numbers, fractions and signs included", QUERY
)
def test_range_keys_are_in_order(bench: Workbench, table: str) -> None:
    numbers = [
        "-10",
        "-9.5",
        "-0.001",
        "0",
        "0.0001",
        "1",
        "1.00000000000000000001",
        "9",
        "10",
        "1700000000000.000001",
    ]
    for number in reversed(numbers):
        bench.client("dynamodb").put_item(TableName=table, Item=key(number))
    answer = bench.client("dynamodb").query(
        TableName=table, KeyConditionExpression="symbol = :s", ExpressionAttributeValues={":s": {"S": "BTC"}}
    )
    assert [item["at"]["N"] for item in answer["Items"]] == numbers


@pytest.mark.behaviour("tables", "a query takes bounds, direction, limit, filter and pages", QUERY)
def test_query(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    bench.put(table, *range(20))
    bench.put(table, 3, symbol="ETH")

    def query(condition: str, **more: Any) -> Any:
        values = {":s": {"S": "BTC"}, ":a": {"N": "5"}, ":b": {"N": "8"}}
        used = {name: value for name, value in values.items() if name in condition + str(more)}
        if "#at" in condition:
            more["ExpressionAttributeNames"] = {"#at": "at"}
        return client.query(
            TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=used, **more
        )

    def numbers(answer: Any) -> list[int]:
        return [int(item["at"]["N"]) for item in answer["Items"]]

    assert numbers(query("symbol = :s AND #at BETWEEN :a AND :b")) == [5, 6, 7, 8]
    assert numbers(query("symbol = :s AND #at < :a", ScanIndexForward=False)) == [4, 3, 2, 1, 0]
    assert numbers(query("symbol = :s AND #at >= :a", Limit=2)) == [5, 6]
    filtered = query("symbol = :s", FilterExpression="#n = :b", ExpressionAttributeNames={"#n": "absent"})
    assert (filtered["Count"], filtered["ScannedCount"]) == (0, 20)
    assert query("symbol = :s", Select="COUNT")["Count"] == 20
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="symbol = :s",
        ExpressionAttributeValues={":s": {"S": "BTC"}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 7},
    )
    assert [numbers(page) for page in pages] == [
        [*range(19, 12, -1)],
        [*range(12, 5, -1)],
        [*range(5, -1, -1)],
    ]


@pytest.mark.behaviour(
    "tables", "a condition that does not hold changes nothing and can show what was found", CONDITIONS
)
def test_conditions(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    item = {**key(1), "price": {"N": "5"}}
    condition = "attribute_not_exists(symbol)"
    client.put_item(TableName=table, Item=item, ConditionExpression=condition)
    with pytest.raises(ClientError) as caught:
        client.put_item(
            TableName=table,
            Item={**key(1), "price": {"N": "6"}},
            ConditionExpression=condition,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert code(caught) == "ConditionalCheckFailedException"
    assert caught.value.response["Item"] == item
    assert client.get_item(TableName=table, Key=key(1))["Item"] == item


@pytest.mark.behaviour("tables", "operators and functions of conditions", CONDITIONS)
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("n = :five", True),
        ("n <> :five", False),
        ("n < :six AND n >= :five", True),
        ("NOT n < :six OR n > :six", False),
        ("n BETWEEN :five AND :six", True),
        ("n IN (:six, :five)", True),
        ("attribute_exists(m.nested) AND attribute_not_exists(m.absent)", True),
        ("attribute_type(t, :kind)", True),
        ("begins_with(t, :he)", True),
        ("contains(t, :he) AND contains(tags, :he)", True),
        ("size(t) = :five", True),
        ("l[0] = :five AND l[1] = :six", True),
        ("n = t", False),
        ("absent = :five", False),
        ("absent <> :five", True),
    ],
)
def test_operators(bench: Workbench, table: str, condition: str, holds: bool) -> None:
    client = bench.client("dynamodb")
    item = {
        **key(1),
        "n": {"N": "5.0"},
        "t": {"S": "hello"},
        "m": {"M": {"nested": {"S": "x"}}},
        "l": {"L": [{"N": "5"}, {"N": "6"}]},
        "tags": {"SS": ["he", "she"]},
    }
    client.put_item(TableName=table, Item=item)
    values = {":five": {"N": "5"}, ":six": {"N": "6"}, ":he": {"S": "he"}, ":kind": {"S": "S"}}
    used = {name: value for name, value in values.items() if name in condition}
    answer = client.scan(
        TableName=table, FilterExpression=condition, **({"ExpressionAttributeValues": used} if used else {})
    )
    assert answer["Count"] == int(holds)


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

    def update(wanted: str) -> Any:
        return client.update_item(
            TableName=table,
            Key=key(1),
            UpdateExpression="SET #m.k = :x REMOVE gone ADD n :n",
            ExpressionAttributeNames={"#m": "m"},
            ExpressionAttributeValues={":x": {"S": "x"}, ":n": {"N": "1"}},
            ReturnValues=wanted,
        )["Attributes"]

    assert update("UPDATED_OLD") == {"n": {"N": "1"}, "gone": {"S": "?"}, "m": {"M": {"k": {"S": "v"}}}}
    assert update("UPDATED_NEW") == {"n": {"N": "3"}, "m": {"M": {"k": {"S": "x"}}}}


@pytest.mark.behaviour("tables", "an update of a key attribute is refused", UPDATES)
@pytest.mark.parametrize("update", ["SET symbol = :s", "SET #at = :n", "ADD #at :n", "REMOVE #at"])
def test_keys_are_not_updated(bench: Workbench, table: str, update: str) -> None:
    client = bench.client("dynamodb")
    client.put_item(TableName=table, Item=key(1))
    more: dict[str, Any] = {"ExpressionAttributeNames": {"#at": "at"}} if "#at" in update else {}
    values = {":s": {"S": "ETH"}, ":n": {"N": "2"}}
    used = {name: value for name, value in values.items() if name in update}
    with pytest.raises(ClientError, match="This attribute is part of the key") as caught:
        client.update_item(
            TableName=table,
            Key=key(1),
            UpdateExpression=update,
            **({"ExpressionAttributeValues": used} if used else {}),
            **more,
        )
    assert code(caught) == "ValidationException"
    assert client.scan(TableName=table)["Items"] == [key(1)]


@pytest.mark.behaviour(
    "tables", "an update creates the item it does not find; with a condition it does not", UPDATES
)
def test_an_update_creates_unless_told_not_to(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    update = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    client.update_item(TableName=table, Key=key(1), **update)
    assert client.get_item(TableName=table, Key=key(1))["Item"] == {**key(1), "n": {"N": "1"}}
    with pytest.raises(ClientError) as caught:
        client.update_item(
            TableName=table, Key=key(2), ConditionExpression="attribute_exists(symbol)", **update
        )
    assert code(caught) == "ConditionalCheckFailedException"
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
def test_wrong_expressions_are_refused(bench: Workbench, table: str, wrong: dict[str, str]) -> None:
    client = bench.client("dynamodb")
    client.put_item(TableName=table, Item=key(1))
    with pytest.raises(ClientError) as caught:
        client.update_item(TableName=table, Key=key(1), ExpressionAttributeValues={":n": {"N": "1"}}, **wrong)
    assert code(caught) == "ValidationException"


@pytest.mark.behaviour("tables", "keys that do not fit the table are refused", TYPES)
@pytest.mark.parametrize(
    "wrong",
    [
        {"symbol": {"S": ""}, "at": {"N": "1"}},
        {"symbol": {"S": "x" * 2049}, "at": {"N": "1"}},
        {"symbol": {"N": "1"}, "at": {"N": "1"}},
        {"symbol": {"S": "BTC"}},
    ],
    ids=["empty", "too long", "another type", "incomplete"],
)
def test_wrong_keys_are_refused(bench: Workbench, table: str, wrong: Key) -> None:
    with pytest.raises(ClientError) as caught:
        bench.client("dynamodb").put_item(TableName=table, Item=wrong)
    assert code(caught) == "ValidationException"


@pytest.mark.behaviour("tables", "an item of more than 400 KB is refused", TYPES)
def test_large_items_are_refused(bench: Workbench, table: str) -> None:
    with pytest.raises(ClientError) as caught:
        bench.client("dynamodb").put_item(TableName=table, Item={**key(1), "big": {"S": "x" * 409_601}})
    assert code(caught) == "ValidationException"


@pytest.mark.behaviour(
    "tables", "batches write and read; a batch that names an item twice is refused", BATCHES
)
def test_batches(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    puts = [{"PutRequest": {"Item": {**key(number), "n": {"N": str(number)}}}} for number in range(25)]
    assert client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    keys = [key(number) for number in (3, 24, 99)]
    found = client.batch_get_item(RequestItems={table: {"Keys": keys, "ProjectionExpression": "n"}})[
        "Responses"
    ]
    assert sorted(item["n"]["N"] for item in found[table]) == ["24", "3"]
    for twice in ({"Keys": [key(1), key(1)]},):
        with pytest.raises(ClientError) as caught:
            client.batch_get_item(RequestItems={table: twice})
        assert code(caught) == "ValidationException"
    with pytest.raises(ClientError) as caught:
        client.batch_write_item(RequestItems={table: [*puts, {"DeleteRequest": {"Key": key(50)}}]})
    assert code(caught) == "ValidationException"


@pytest.mark.behaviour("tables", "PartiQL: a batch updates what is there and creates nothing", PARTIQL)
def test_partiql(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    bench.put(table, 1)
    update = f'UPDATE "{table}" SET price = ? SET "processed" = true WHERE symbol = ? AND "at" = ?'
    statements = [
        {"Statement": update, "Parameters": [{"N": "1.5"}, {"S": "BTC"}, {"N": str(number)}]}
        for number in (1, 2)
    ]
    first, second = client.batch_execute_statement(Statements=statements)["Responses"]
    assert "Error" not in first
    assert second["Error"]["Code"] == "ConditionalCheckFailed"
    assert client.scan(TableName=table)["Items"] == [
        {**key(1), "price": {"N": "1.5"}, "processed": {"BOOL": True}}
    ]
    select = f'SELECT price FROM "{table}" WHERE symbol = \'BTC\' AND "at" = 1'
    assert client.execute_statement(Statement=select)["Items"] == [{"price": {"N": "1.5"}}]


@pytest.mark.behaviour(
    "tables", "the stream tells of each change with its images, and of none where nothing changed", STREAMS
)
def test_stream_records(bench: Workbench) -> None:
    table, stream = bench.table()
    client, streams = bench.client("dynamodb"), bench.client("dynamodbstreams")
    bench.put(table, 1, n={"N": "1"})
    bench.put(table, 1, n={"N": "1"})
    bench.put(table, 1, n={"N": "2"})
    client.delete_item(TableName=table, Key=key(1))
    client.delete_item(TableName=table, Key=key(1))
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records: list[Any] = []
    place = iterator["ShardIterator"]

    def read() -> bool:
        nonlocal place
        answer = streams.get_records(ShardIterator=place)
        records.extend(answer["Records"])
        place = answer["NextShardIterator"]
        return len(records) >= 3

    bench.eventually(read, what="three records")
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert records[1]["dynamodb"]["OldImage"] == {**key(1), "n": {"N": "1"}}
    assert records[1]["dynamodb"]["NewImage"] == {**key(1), "n": {"N": "2"}}
    assert "NewImage" not in records[2]["dynamodb"]


@pytest.mark.behaviour("tables", "a stream switched off and on is another stream", STREAMS)
def test_a_new_stream_has_a_new_arn(bench: Workbench) -> None:
    table, stream = bench.table()
    client = bench.client("dynamodb")
    if bench.real:
        time.sleep(30)
    client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    bench.eventually(lambda: client.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    client.update_table(
        TableName=table, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    assert client.describe_table(TableName=table)["Table"]["LatestStreamArn"] != stream
