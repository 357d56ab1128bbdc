"""The table in memory answers as the embedded engine does, call by call."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from handlers.conftest import ENVIRONMENT
from handlers.fake_aws import FakeAws, connect

pytestmark = pytest.mark.engine
TABLE = ENVIRONMENT["DYNAMODB_TABLE"]
NAMES = {"#symbol": "symbol", "#timestamp": "timestamp"}
CREDENTIALS = {"aws_access_key_id": "111122223333", "aws_secret_access_key": "x", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """DynamoDB of an engine that lives as long as this module."""
    pytest.importorskip("ministack")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hypercorn", "ministack.app:app", "-b", f"127.0.0.1:{port}"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path_factory.mktemp("home")), "IOT_MTLS_ENABLED": "0"}
    env |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    engine = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client = boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{port}", **CREDENTIALS)
        _make_table(client)
        yield client
        client.close()
    finally:
        engine.terminate()
        engine.wait(10)


def _make_table(client: Any) -> None:
    for _ in range(100):
        try:
            client.list_tables()
            break
        except BotoCoreError:
            time.sleep(0.1)
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "symbol", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "symbol", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "N"},
        ],
    )
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})


def put(client: Any, symbol: str, key: str, price: str) -> Any:
    item = {"symbol": {"S": symbol}, "timestamp": {"N": key}, "price": {"N": price}}
    return client.put_item(
        TableName=TABLE,
        Item=item,
        ConditionExpression="attribute_not_exists(symbol)",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


def query(client: Any, condition: str, values: dict[str, Any], **more: Any) -> Any:
    return client.query(
        TableName=TABLE,
        KeyConditionExpression=f"#symbol = :symbol{condition}",
        ExpressionAttributeNames=NAMES if condition else {"#symbol": "symbol"},
        ExpressionAttributeValues={":symbol": {"S": "BTC"}, **values},
        ConsistentRead=True,
        **more,
    )


def update(client: Any, sets: str, where: str, parameters: list[dict[str, Any]]) -> Any:
    text = f'UPDATE "{TABLE}" {sets} WHERE "symbol"=? AND "timestamp"=? AND "rev"{where}'
    return client.batch_execute_statement(Statements=[{"Statement": text, "Parameters": parameters}])


def answer(call: Any, *arguments: Any, **more: Any) -> Any:
    """What a call gives, without what says nothing about the table."""
    try:
        result = call(*arguments, **more)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")
    members = {name: result[name] for name in ("Items", "LastEvaluatedKey") if name in result}
    codes = [response.get("Error", {}).get("Code") for response in result.get("Responses", [])]
    return members, codes


def test_every_kind_of_call_has_the_same_answer(live: Any, aws: FakeAws) -> None:
    fake = boto3.client("dynamodb", **CREDENTIALS)
    connect(fake, lambda: aws)
    keys = [f"1675329600{n:03}" for n in range(30)]
    keys += ["1675329600005.01", "1675329600005.101206419187201769960678"]
    random.Random(1).shuffle(keys)

    def both(call: Any, *arguments: Any, **more: Any) -> None:
        assert answer(call, fake, *arguments, **more) == answer(call, live, *arguments, **more)

    for key in [*keys, *keys[:5]]:
        both(put, "BTC", key, "0.000000000000000001")
    both(put, "ETH", keys[0], "1")
    middle = {":key": {"N": "1675329600005.05"}}
    between = {":first": {"N": "1675329600005"}, ":last": {"N": "1675329600006"}}
    for forward in (True, False):
        both(query, "", {}, ScanIndexForward=forward)
        both(query, " AND #timestamp BETWEEN :first AND :last", between, ScanIndexForward=forward)
        for sign in ("<", "<=", ">="):
            both(query, f" AND #timestamp {sign} :key", middle, ScanIndexForward=forward, Limit=4)
    at = [{"S": "BTC"}, {"N": keys[0]}]
    stamp, sets = {"S": "2026-11-22"}, 'SET "ma_5"=? SET "rev"=?'
    both(update, sets, " IS MISSING", [{"N": "1.5"}, stamp, *at])
    both(update, sets, " IS MISSING", [{"N": "1.5"}, stamp, *at])
    both(update, f'{sets} REMOVE "price"', "=?", [{"N": "2.5"}, {"S": "later"}, *at, stamp])
    both(update, sets, "=?", [{"N": "1.5"}, stamp, *at, stamp])
    both(update, sets, " IS MISSING", [{"N": "1.5"}, stamp, {"S": "BTC"}, {"N": "7"}])
    both(query, "", {})
