"""DynamoDB: items, expressions, queries and streams."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.conformance.items import Key, code, key
from local.workbench import Workbench

CONDITIONS = "DynamoDB developer guide: Condition and filter expressions, operators, and functions"
QUERY = "DynamoDB developer guide: Querying tables in DynamoDB"
TYPES = "DynamoDB developer guide: Supported data types and naming rules"
BATCHES = "DynamoDB API reference: BatchWriteItem, BatchGetItem"
PARTIQL = "DynamoDB developer guide: PartiQL update statements, running batch operations"
STREAMS = "DynamoDB developer guide: Change data capture for DynamoDB Streams"


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
    "wrong",
    [
        "123456789012345678901234567890123456789",
        "1E+126",
        "1E-131",
        "1E+99999999",
        "1E-99999999",
        "NaN",
        "Infinity",
        "x",
        "",
        " 1",
        "1_000",
        "\u0661",
    ],
)
def test_numbers_refused(bench: Workbench, file_table: str, wrong: str) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("dynamodb").put_item(TableName=file_table, Item={**key(1), "price": {"N": wrong}})
    assert code(raised) == "ValidationException"


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


@pytest.mark.behaviour("tables", "a query that cannot be right is refused, of an empty table too", QUERY)
@pytest.mark.parametrize(
    ("condition", "values", "more"),
    [
        ("symbol = :s", {":s": {"S": ""}}, {}),
        ("symbol = :s", {":s": {"S": "x" * 2049}}, {}),
        ("symbol = :s", {":s": {"N": "1"}}, {}),
        (
            "symbol = :s AND #at BETWEEN :b AND :a",
            {":s": {"S": "BTC"}, ":a": {"N": "5"}, ":b": {"N": "8"}},
            {},
        ),
        ("symbol = :s", {":s": {"S": "BTC"}, ":a": {"N": "5"}}, {"FilterExpression": "#at > :a"}),
        (
            "symbol = :s",
            {":s": {"S": "BTC"}, ":a": {"S": "B"}},
            {"FilterExpression": "begins_with(symbol, :a)"},
        ),
        ("symbol = :s", {":s": {"S": "BTC"}}, {"ExclusiveStartKey": key(1, "ETH")}),
        ("symbol = :s AND #at > :a", {":s": {"S": "BTC"}, ":a": {"N": "5"}}, {"ExclusiveStartKey": key(1)}),
    ],
    ids=[
        "an empty key",
        "a long key",
        "another type",
        "bounds in the wrong order",
        "a filter by the range key",
        "a filter by the hash key",
        "a start in another partition",
        "a start outside the bounds",
    ],
)
def test_wrong_queries_are_refused(
    bench: Workbench, file_table: str, condition: str, values: Key, more: dict[str, Any]
) -> None:
    names = {"ExpressionAttributeNames": {"#at": "at"}} if "#at" in condition + str(more) else {}
    with pytest.raises(ClientError) as raised:
        bench.client("dynamodb").query(
            TableName=file_table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            **names,
            **more,
        )
    assert code(raised) == "ValidationException"


@pytest.mark.behaviour("tables", "a scan may filter by a key", CONDITIONS)
def test_a_scan_filters_by_keys(bench: Workbench, table: str) -> None:
    bench.put(table, 1, 2)
    answer = bench.client("dynamodb").scan(
        TableName=table,
        FilterExpression="#at > :a",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":a": {"N": "1"}},
    )
    assert answer["Items"] == [key(2)]


@pytest.mark.behaviour(
    "tables", "a condition that does not hold changes nothing and can show what was found", CONDITIONS
)
def test_conditions(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    item = {**key(1), "price": {"N": "5"}}
    condition = "attribute_not_exists(symbol)"
    client.put_item(TableName=table, Item=item, ConditionExpression=condition)
    with pytest.raises(ClientError) as raised:
        client.put_item(
            TableName=table,
            Item={**key(1), "price": {"N": "6"}},
            ConditionExpression=condition,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert code(raised) == "ConditionalCheckFailedException"
    assert raised.value.response["Item"] == item
    assert client.get_item(TableName=table, Key=key(1))["Item"] == item


@pytest.fixture(scope="module")
def table_of_one(file_bench: Workbench) -> str:
    """The name of a table with one item, which has values of many types."""
    table, _ = file_bench.table()
    item = {
        **key(1),
        "n": {"N": "5.0"},
        "t": {"S": "hello"},
        "m": {"M": {"nested": {"S": "x"}}},
        "l": {"L": [{"N": "5"}, {"N": "6"}]},
        "tags": {"SS": ["he", "she"]},
    }
    file_bench.client("dynamodb").put_item(TableName=table, Item=item)
    return table


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
def test_operators(bench: Workbench, table_of_one: str, condition: str, holds: bool) -> None:
    values = {":five": {"N": "5"}, ":six": {"N": "6"}, ":he": {"S": "he"}, ":kind": {"S": "S"}}
    used = {name: value for name, value in values.items() if name in condition}
    answer = bench.client("dynamodb").scan(
        TableName=table_of_one,
        FilterExpression=condition,
        **({"ExpressionAttributeValues": used} if used else {}),
    )
    assert answer["Count"] == int(holds)


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
def test_wrong_keys_are_refused(bench: Workbench, file_table: str, wrong: Key) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("dynamodb").put_item(TableName=file_table, Item=wrong)
    assert code(raised) == "ValidationException"


@pytest.mark.behaviour("tables", "an item of more than 400 KB is refused", TYPES)
def test_large_items_are_refused(bench: Workbench, file_table: str) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("dynamodb").put_item(TableName=file_table, Item={**key(1), "big": {"S": "x" * 409_601}})
    assert code(raised) == "ValidationException"


@pytest.mark.behaviour(
    "tables", "batches write and read; a batch that names an item twice is refused", BATCHES
)
def test_batches(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    puts = [{"PutRequest": {"Item": {**key(number), "n": {"N": str(number)}}}} for number in range(25)]
    assert client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    keys = [key(number) for number in (3, 24, 99)]
    responses = client.batch_get_item(RequestItems={table: {"Keys": keys, "ProjectionExpression": "n"}})[
        "Responses"
    ]
    assert sorted(item["n"]["N"] for item in responses[table]) == ["24", "3"]
    for twice in ({"Keys": [key(1), key(1)]},):
        with pytest.raises(ClientError) as raised:
            client.batch_get_item(RequestItems={table: twice})
        assert code(raised) == "ValidationException"
    with pytest.raises(ClientError) as raised:
        client.batch_write_item(RequestItems={table: [*puts, {"DeleteRequest": {"Key": key(50)}}]})
    assert code(raised) == "ValidationException"


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


@pytest.mark.behaviour("tables", "PartiQL: no key is updated, and nothing is inserted over an item", PARTIQL)
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE \"{}\" SET symbol = 'ETH' WHERE symbol = 'BTC' AND \"at\" = 1", "ValidationException"),
        ('UPDATE "{}" REMOVE "at" WHERE symbol = \'BTC\' AND "at" = 1', "ValidationException"),
        ("INSERT INTO \"{}\" VALUE {{'symbol': 'BTC', 'at': 1}}", "DuplicateItemException"),
    ],
    ids=["SET", "REMOVE", "INSERT"],
)
def test_partiql_keeps_keys(bench: Workbench, table: str, statement: str, expected: str) -> None:
    client = bench.client("dynamodb")
    bench.put(table, 1, price={"N": "1"})
    with pytest.raises(ClientError) as raised:
        client.execute_statement(Statement=statement.format(table))
    assert code(raised) == expected
    assert client.scan(TableName=table)["Items"] == [{**key(1), "price": {"N": "1"}}]


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


@pytest.mark.behaviour("tables", "a sequence number that is none is refused", STREAMS)
def test_wrong_sequence_numbers_are_refused(bench: Workbench) -> None:
    (_, stream), streams = bench.table(), bench.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    with pytest.raises(ClientError) as raised:
        streams.get_shard_iterator(
            StreamArn=stream,
            ShardId=shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber="x" * 21,
        )
    assert code(raised) == "ValidationException"


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
