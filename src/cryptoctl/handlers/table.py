"""The table of prices, as both sides of the pipeline use it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from cryptoctl.core import keys
from cryptoctl.core.enrichment import Enrichment
from cryptoctl.core.indicators import INDICATORS
from cryptoctl.core.items import Item, StoredPrice, UnusableError, stored_price
from cryptoctl.core.numbers import plain
from cryptoctl.handlers.clients import Deadline, OutOfTimeError, client, setting

_MAX_STATEMENTS = 25  # in one BatchExecuteStatement
_PROJECTION = (
    "#symbol, #timestamp, price, volume, exchange, id, occurrence, #processed, rev, ma_5, ma_20, volatility"
)
_NAMES = {"#symbol": "symbol", "#timestamp": "timestamp", "#processed": "processed"}


class UpdateError(RuntimeError):
    """DynamoDB refused an update for a reason that may pass."""


def put_if_new(item: Item) -> Item | None:
    """Stores the item where its key is free, else gives the item that holds the key. One write."""
    try:
        client("dynamodb").put_item(
            TableName=setting("DYNAMODB_TABLE"),
            Item=item,
            ConditionExpression="attribute_not_exists(symbol)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        holder: Item = error.response["Item"]
        return holder
    return None


def items_without_id(symbol: str, timestamp_ms: int) -> list[Item]:
    """The items that hold the keys of prices without an id in one millisecond, in key order."""
    first, last = keys.key_of_place(timestamp_ms, 0), keys.last_key_of_place(timestamp_ms)
    condition = "#symbol = :symbol AND #timestamp BETWEEN :first AND :last"
    values = {":first": {"N": first}, ":last": {"N": last}}
    return [item for page in _query(symbol, condition, values, forward=True) for item in page]


class PriceReader:
    """The usable prices of a symbol on one side of a key, nearest first, read only as far as asked for."""

    def __init__(
        self, symbol: str, condition: str, key: Decimal | None, *, forward: bool, limit: int
    ) -> None:
        values = {} if key is None else {":key": {"N": plain(key)}}
        condition = "#symbol = :symbol" + (f" AND #timestamp {condition} :key" if key is not None else "")
        self._pages = _query(symbol, condition, values, forward=forward, limit=limit)
        self.prices: list[StoredPrice] = []
        self.exhausted = False
        self.pages = 0

    def read(self, count: int) -> list[StoredPrice]:
        """At least `count` prices, or all there are. What is no price is passed over."""
        while len(self.prices) < count and not self.exhausted:
            page = next(self._pages, None)
            self.exhausted = page is None
            self.pages += not self.exhausted
            self.prices += _usable(page or ())
        return self.prices


def newest(symbol: str, limit: int) -> PriceReader:
    """From the newest price back."""
    return PriceReader(symbol, "", None, forward=False, limit=limit)


def before(symbol: str, key: Decimal, limit: int) -> PriceReader:
    """From the key back, without it."""
    return PriceReader(symbol, "<", key, forward=False, limit=limit)


def up_to(symbol: str, key: Decimal, limit: int) -> PriceReader:
    """From the key back, with it."""
    return PriceReader(symbol, "<=", key, forward=False, limit=limit)


def since(symbol: str, key: Decimal, limit: int) -> PriceReader:
    """From the key on, with it."""
    return PriceReader(symbol, ">=", key, forward=True, limit=limit)


def update(enrichments: Sequence[Enrichment], enriched_at: str, deadline: Deadline) -> list[Exception | None]:
    """Writes the enrichments, 25 in a call, and says of each what went wrong.

    A price that was deleted, or written by another pass since it was read, is left alone: `OvertakenError`.
    Of those that no time was left for, `OutOfTimeError`.
    """
    outcomes: list[Exception | None] = []
    for start in range(0, len(enrichments), _MAX_STATEMENTS):
        chunk = enrichments[start : start + _MAX_STATEMENTS]
        if deadline.passed():
            outcomes += [OutOfTimeError("the time was up before every price was written")] * len(chunk)
        else:
            outcomes += _update_chunk(chunk, enriched_at)
    return outcomes


def _update_chunk(chunk: Sequence[Enrichment], enriched_at: str) -> list[Exception | None]:
    try:
        statements = [_update_statement(enrichment, enriched_at) for enrichment in chunk]
        response = client("dynamodb").batch_execute_statement(Statements=statements)
    except Exception as error:  # the other chunks may be written nevertheless
        return [error] * len(chunk)
    return [_update_error(result.get("Error")) for result in response["Responses"]]


class OvertakenError(RuntimeError):
    """The price is no longer as it was read."""


def _update_error(error: dict[str, str] | None) -> Exception | None:
    if error is None:
        return None
    if error.get("Code") == "ConditionalCheckFailed":
        return OvertakenError()
    return UpdateError(f"{error.get('Code')}: {error.get('Message')}")


def _update_statement(enrichment: Enrichment, enriched_at: str) -> dict[str, Any]:
    """An UPDATE, which in PartiQL never creates an item, on condition that the revision is the one read."""
    price, indicators = enrichment.price, enrichment.indicators
    values = {name: getattr(indicators, name) for name in INDICATORS}
    sets = [f'SET "{name}"=?' for name, value in values.items() if value is not None]
    stored = {name for name in values if getattr(price.indicators, name) is not None} | price.unreadable
    removes = [f'REMOVE "{name}"' for name in values if values[name] is None and name in stored]
    parameters: list[Any] = [{"N": plain(value)} for value in values.values() if value is not None]
    parameters += [{"BOOL": True}, {"S": enriched_at}, {"S": enrichment.revision}]
    parameters += [{"S": price.symbol}, {"N": plain(price.key)}]
    unchanged = '"rev" IS MISSING'
    if price.revision is not None:
        unchanged = '"rev"=?'
        parameters.append(price.revision)
    actions = " ".join([*sets, 'SET "processed"=?', 'SET "enriched_at"=?', 'SET "rev"=?', *removes])
    where = f'WHERE "symbol"=? AND "timestamp"=? AND {unchanged}'
    return {"Statement": f'UPDATE "{setting("DYNAMODB_TABLE")}" {actions} {where}', "Parameters": parameters}


def _usable(page: Sequence[Item]) -> Iterator[StoredPrice]:
    for item in page:
        try:
            yield stored_price(item)
        except UnusableError:  # its own record sets it aside
            continue


def _query(
    symbol: str, condition: str, values: dict[str, Any], *, forward: bool, limit: int | None = None
) -> Iterator[list[Item]]:
    """The pages of a query that misses nothing written before it."""
    request: dict[str, Any] = {
        "TableName": setting("DYNAMODB_TABLE"),
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": _NAMES,
        "ExpressionAttributeValues": {":symbol": {"S": symbol}, **values},
        "ProjectionExpression": _PROJECTION,
        "ConsistentRead": True,
        "ScanIndexForward": forward,
    }
    if limit is not None:
        request["Limit"] = limit
    while True:
        page = client("dynamodb").query(**request)
        yield page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
