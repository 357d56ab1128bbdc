"""DynamoDB's tables: conditions, PartiQL, numbers, and what is refused."""

from __future__ import annotations

import json
from typing import Any

from cryptoctl.ops.invoking import invoke
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import (
    AwsClaim,
    Evidence,
    compare,
    differs,
    holds,
    remedy_of,
    retry_rule,
)
from cryptoctl.ops.selftest.provoking import MISSING, Request, StackValue, matches
from cryptoctl.provisioners.table import NOT_FOUND, VIEW_TYPE, Table

LONGEST_NUMBER = "1234567890123456789012345678.9012345678"  # 38 digits
TOO_LONG_NUMBER = f"{LONGEST_NUMBER}1"
SMALLEST_NUMBER = "0.00000000000000000000000000000000001"
SYMBOL = "SELFTEST"
OTHER = {"rev": {"S": "other"}}
INVALID = "ValidationException"
PROTECTED = remedy_of(Table, INVALID, "protected against deletion")


def _table_request(operation: str, **params: Any) -> Request:
    return Request("dynamodb", operation, TableName=StackValue("prices.name"), **params)


def _protection(on: bool) -> Request:
    return _table_request("UpdateTable", DeletionProtectionEnabled=on)


def _missing_table(context: CheckContext) -> str:
    return context.stack.scope.arn("dynamodb", f"table/{context.resource_name('missing')}")


def _key(place: int) -> dict[str, Any]:
    return {"symbol": {"S": SYMBOL}, "timestamp": {"N": str(place)}}


def _put(context: CheckContext, place: int, **more: Any) -> None:
    # No price: where the enricher is there too, it sets the record aside.
    context.send(_table_request("PutItem", Item={**_key(place), **more}).call(context))


def _statement(context: CheckContext, condition: str, *parameters: Any, place: int) -> dict[str, Any]:
    key = [{"S": SYMBOL}, {"N": str(place)}]
    text = f'UPDATE "{context.stack.prices.name}" SET "rev"=? WHERE "symbol"=? AND "timestamp"=?'  # noqa: S608
    return {"Statement": f"{text} AND {condition}", "Parameters": [{"S": "new"}, *key, *parameters]}


def _execute(context: CheckContext, *statements: dict[str, Any]) -> list[str]:
    """The error codes of a batch of statements; empty where there is none."""
    response = context.aws.call("dynamodb", "BatchExecuteStatement", Statements=list(statements))
    return [(result.get("Error") or {}).get("Code", "") for result in response["Responses"]]


def _holder_is_told(context: CheckContext) -> Evidence:
    """With the webhook processor's own code: it compares a price with the one that holds the key."""
    prices = [
        {"symbol": SYMBOL, "price": price, "exchange": "selftest", "timestamp": 1_700_000_000_000}
        for price in (1, 2)
    ]
    first, second = (
        invoke(context.aws, context.stack.webhook, json.dumps({"prices": prices})) for _ in range(2)
    )
    seen = [
        [result.get("status") for result in response.body.get("results", ())] for response in (first, second)
    ]
    return compare(seen, [["stored"] * 2, ["duplicate"] * 2])


def _conditions_of_statements(context: CheckContext) -> Evidence:
    _put(context, 2, **OTHER)
    _put(context, 3)
    codes = _execute(
        context,
        _statement(context, '"rev" IS MISSING', place=2),
        _statement(context, '"rev" IS MISSING', place=3),
        _statement(context, '"rev"=?', {"S": "another"}, place=4),
    )
    item = context.aws.call("dynamodb", "GetItem", TableName=context.stack.prices.name, Key=_key(4)).get(
        "Item"
    )
    failed = "ConditionalCheckFailed"
    return compare((codes, item), ([failed, "", failed], None))


def _numbers(context: CheckContext) -> Evidence:
    name = context.stack.prices.name
    _put(context, 5, long={"N": LONGEST_NUMBER}, small={"N": SMALLEST_NUMBER})
    item = context.aws.call("dynamodb", "GetItem", TableName=name, Key=_key(5))["Item"]
    request = _table_request("PutItem", Item={**_key(6), "price": {"N": TOO_LONG_NUMBER}})
    error = context.refusal(request.call(context))
    numbers = [number["N"] for number in (item["long"], item["small"])]
    if error is None or error.code != INVALID:
        return differs(f"39 digits: {error}")
    return compare(numbers, [LONGEST_NUMBER, SMALLEST_NUMBER])


def _protected(context: CheckContext) -> Evidence:
    """Also that DynamoDB makes one change of a table at a time."""
    _, expected = PROTECTED
    _wait_until_active(context)
    context.send(_protection(True).call(context))
    try:
        _wait_until_active(context)
        error = context.refusal(_table_request("DeleteTable").call(context))
    finally:
        _wait_until_active(context)
        context.send(_protection(False).call(context))
    _wait_until_active(context)
    if error is None:
        return differs("AWS accepted the request")
    return holds(str(error)) if matches(error, expected) else differs(str(error))


def _wait_until_active(context: CheckContext) -> None:
    def active() -> bool | None:
        response = context.aws.call("dynamodb", "DescribeTable", TableName=context.stack.prices.name)
        return response["Table"]["TableStatus"] == "ACTIVE" or None

    context.retry.until(active, "the table", 120)


TABLE = (
    AwsClaim(
        id="table-condition-tells-the-holder",
        text="A put whose condition fails is answered with the item that holds the key.",
        relied_on=("handlers/table.py: put_if_new",),
        check=_holder_is_told,
        needs=("prices", "webhook"),
    ),
    AwsClaim(
        id="table-statements",
        text="In a batch, an UPDATE whose condition fails has the code ConditionalCheckFailed, IS MISSING is "
        "such a condition, and no UPDATE makes an item.",
        relied_on=("handlers/table.py: update",),
        check=_conditions_of_statements,
        needs=("prices",),
    ),
    AwsClaim(
        id="table-numbers",
        text="A number keeps 38 digits, and one of 39 is refused.",
        relied_on=("core/numbers.py", "handlers/table.py"),
        check=_numbers,
        needs=("prices",),
    ),
    _table_request(
        "CreateTable",
        AttributeDefinitions=[{"AttributeName": "symbol", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "symbol", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    ).answered("table-exists", Table, "ResourceInUseException"),
    Request("dynamodb", "DescribeTable", TableName=MISSING).answered("table-missing", Table, NOT_FOUND),
    Request("dynamodb", "DeleteTable", TableName=MISSING).answered("table-delete-missing", Table, NOT_FOUND),
    Request("dynamodb", "DescribeContinuousBackups", TableName=MISSING).answered(
        "table-backups-missing",
        Table,
        "TableNotFoundException",
        engine_limit="the embedded engine answers ResourceNotFoundException",
    ),
    Request("dynamodb", "ListTagsOfResource", ResourceArn=_missing_table).answered(
        "table-tags-missing",
        Table,
        NOT_FOUND,
        engine_limit="the embedded engine answers AccessDeniedException",
    ),
    _table_request(
        "UpdateTable", StreamSpecification={"StreamEnabled": True, "StreamViewType": VIEW_TYPE}
    ).answered(
        "table-stream-on-twice",
        Table,
        INVALID,
        text="A stream that is on cannot be switched on again: UpdateTable answers ValidationException.",
        engine_limit="the embedded engine takes it",
    ),
    _protection(False).refused(
        "table-another-change",
        retry_rule(Table, "ResourceInUseException"),
        prepare=_protection(False),
        acceptance_reason="the first change was done before the second one came",
    ),
    AwsClaim(
        id="table-protected",
        text="A table with deletion protection is not deleted, and the error says so.",
        relied_on=("provisioners/table.py: Table, remedies",),
        check=_protected,
        needs=("prices",),
        covers=(PROTECTED,),
    ),
)
