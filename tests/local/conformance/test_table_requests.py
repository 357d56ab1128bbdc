"""Requests about tables and streams that DynamoDB refuses whatever is in them, and pages of streams."""

from __future__ import annotations

from typing import Any

import pytest
from boto3.dynamodb.conditions import ConditionExpressionBuilder, Key
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from local.conformance.items import code, key
from local.workbench import Workbench

SCAN = "DynamoDB API reference: Scan"
WRITE = "DynamoDB API reference: BatchWriteItem"
PARTIQL = "DynamoDB API reference: BatchExecuteStatement"
UPDATE = "DynamoDB API reference: UpdateTable"
QUERY = "DynamoDB API reference: Query"
LIST = "DynamoDB API reference: ListStreams"


@pytest.mark.behaviour("tables", "settings of a read that cannot be right are refused", SCAN)
@pytest.mark.parametrize(
    "wrong",
    [
        {"Segment": 0},
        {"TotalSegments": 2},
        {"Segment": 2, "TotalSegments": 2},
        {"Select": "EVERYTHING"},
        {"Select": "SPECIFIC_ATTRIBUTES"},
        {"Select": "ALL_PROJECTED_ATTRIBUTES"},
        {"Select": "COUNT", "ProjectionExpression": "price"},
        {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "price"},
        {"ReturnConsumedCapacity": "ALL"},
    ],
    ids=lambda wrong: " ".join(map(str, wrong.items())),
)
def test_impossible_reads(bench: Workbench, file_table: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("dynamodb").scan(TableName=file_table, **wrong)
    assert code(raised) == "ValidationException"


@pytest.mark.behaviour("tables", "a write of a batch is one put or one deletion", WRITE)
def test_impossible_writes(bench: Workbench, file_table: str) -> None:
    both = {"PutRequest": {"Item": key(1)}, "DeleteRequest": {"Key": key(2)}}
    for write in ({}, both):
        with pytest.raises(ClientError) as raised:
            bench.client("dynamodb").batch_write_item(RequestItems={file_table: [write]})
        assert code(raised) == "ValidationException"


@pytest.mark.behaviour("tables", "PartiQL: a failed condition can show what was found", PARTIQL)
def test_what_a_failed_condition_found(bench: Workbench, table: str) -> None:
    client = bench.client("dynamodb")
    bench.put(table, 1)
    update = f'UPDATE "{table}" SET price = 1 WHERE symbol = \'BTC\' AND "at" = 1 AND price = 2'
    statement = {"Statement": update, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    with pytest.raises(ClientError) as raised:
        client.execute_statement(**statement)
    assert raised.value.response["Item"] == key(1)
    shown, hidden = client.batch_execute_statement(Statements=[statement, {"Statement": update}])["Responses"]
    assert (shown["Error"]["Item"], "Item" in hidden["Error"]) == (key(1), False)


@pytest.mark.behaviour("tables", "PartiQL: a batch has reads or writes, not both", PARTIQL)
def test_reads_and_writes_are_not_mixed(bench: Workbench, file_table: str) -> None:
    where = f'"{file_table}" WHERE symbol = \'BTC\' AND "at" = 1'
    statements = [{"Statement": f"{verb} {where}"} for verb in ("select * from", "DELETE FROM")]
    with pytest.raises(ClientError) as raised:
        bench.client("dynamodb").batch_execute_statement(Statements=statements)
    assert code(raised) == "ValidationException"


@pytest.mark.behaviour(
    "tables", "a stream is not switched on twice, nor off, nor on without a view type", UPDATE
)
def test_streams_are_switched_once(bench: Workbench) -> None:
    client, (table, _) = bench.client("dynamodb"), bench.table()

    def refused(**stream: Any) -> bool:
        with pytest.raises(ClientError) as raised:
            client.update_table(TableName=table, StreamSpecification=stream)
        return code(raised) == "ValidationException"

    assert refused(StreamEnabled=True, StreamViewType="KEYS_ONLY")
    client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    bench.eventually(lambda: client.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")
    assert refused(StreamEnabled=False)
    assert refused(StreamEnabled=True)  # without a view type, no record could be written
    bench.put(table, 1)


@pytest.mark.behaviour("tables", "streams are listed page by page", LIST)
def test_pages_of_streams(bench: Workbench) -> None:
    client, streams = bench.client("dynamodbstreams"), {bench.table()[1] for _ in range(2)}
    listed: list[str] = []
    start: dict[str, str] = {}
    while True:
        page = client.list_streams(Limit=1, **start)
        assert len(page["Streams"]) <= 1
        listed += [stream["StreamArn"] for stream in page["Streams"]]
        if "LastEvaluatedStreamArn" not in page:
            break
        start = {"ExclusiveStartStreamArn": page["LastEvaluatedStreamArn"]}
    assert streams <= set(listed)
    assert len(set(listed)) == len(listed)


@pytest.mark.behaviour("tables", "a key condition may be in parentheses, as a whole and in parts", QUERY)
@pytest.mark.parametrize(
    "condition",
    [
        "({hash} AND {range})",
        "({hash}) AND ({range})",
        "({hash}) AND {range}",
        "({range} AND ({hash}))",
        Key("symbol").eq("BTC") & Key("at").between(2, 3),
    ],
    ids=["whole", "parts", "one part", "both", "boto3"],
)
def test_parentheses_in_key_conditions(bench: Workbench, table: str, condition: Any) -> None:
    bench.put(table, 1, 2, 3, 4)
    values = {":symbol": {"S": "BTC"}, ":low": {"N": "2"}, ":high": {"N": "3"}}
    names: dict[str, str] = {}
    if isinstance(condition, str):
        text = condition.format(hash="symbol = :symbol", range="#at BETWEEN :low AND :high")
        names = {"#at": "at"}
    else:
        built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=True)
        text, names = built.condition_expression, built.attribute_name_placeholders
        serialize = TypeSerializer().serialize
        values = {name: serialize(value) for name, value in built.attribute_value_placeholders.items()}
    page = bench.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression=text,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )
    assert page["Items"] == [key(2), key(3)]
