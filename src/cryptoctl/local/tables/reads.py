"""Query and Scan: bounds on keys become a walk along an index; the rest filters what the walk finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.tables.evaluate import holds, project
from cryptoctl.local.tables.grammar import Compare, FunctionCall, Literal, Logic, Names, Path, parse_condition
from cryptoctl.local.tables.items import item_of, projection, refuse_legacy
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.values import Item, Value, invalid, sortable

PAGE_BYTES: Final[int] = 1_048_576
Bound = tuple[str, bytes]


@dataclass(frozen=True)
class KeyRange:
    """A partition and the bounds within it."""

    hash_key: bytes
    low: Bound | None = None
    high: Bound | None = None


def query(store: TableStore, table: StoredTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Query."""
    _refuse_index(asked)
    names = Names(asked.get("ExpressionAttributeNames"), asked.get("ExpressionAttributeValues"))
    text = asked.get("KeyConditionExpression")
    if text is None:
        raise invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    keys = _key_range(table, parse_condition(text, "KeyConditionExpression", names))
    page = _Page(table, asked, names)
    forward = asked.get("ScanIndexForward") is not False
    low, high = keys.low, keys.high
    if asked.get("ExclusiveStartKey"):
        _, after = table.exact_place(item_of(asked["ExclusiveStartKey"]))
        if forward:
            low = (">", after)
        else:
            high = ("<", after)
    return page.fill(store.walk(table, keys.hash_key, low=low, high=high, forward=forward))


def scan(store: TableStore, table: StoredTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Scan. Of a parallel scan, the first segment gets everything."""
    _refuse_index(asked)
    names = Names(asked.get("ExpressionAttributeNames"), asked.get("ExpressionAttributeValues"))
    page = _Page(table, asked, names)
    if asked.get("Segment"):
        return page.fill(iter(()))
    start = asked.get("ExclusiveStartKey")
    return page.fill(store.scan(table, table.exact_place(item_of(start)) if start else None))


def _refuse_index(asked: Mapping[str, Any]) -> None:
    refuse_legacy(asked)
    if asked.get("IndexName"):
        raise invalid(f"The table does not have the specified index: {asked['IndexName']}")


class _Page:
    """One page of an answer: as many items as the limit and a megabyte allow, filtered and projected."""

    def __init__(self, table: StoredTable, asked: Mapping[str, Any], names: Names) -> None:
        self._table = table
        self._limit = asked.get("Limit")
        if self._limit is not None and self._limit < 1:
            raise invalid(
                f"1 validation error detected: Value '{self._limit}' at 'limit' "
                "failed to satisfy constraint: Member must have value greater than or equal to 1"
            )
        text = asked.get("FilterExpression")
        self._filter = None if text is None else parse_condition(text, "FilterExpression", names)
        self._paths = projection(asked, names)
        names.check_all_used()
        self._count_only = asked.get("Select") == "COUNT"

    def fill(self, walk: Iterator[tuple[int, Item]]) -> dict[str, Any]:
        """Takes from the walk until the page is full."""
        items: list[Item] = []
        matching = scanned = size = 0
        last: Item | None = None
        for item_size, item in walk:
            if scanned == self._limit or (scanned and size + item_size > PAGE_BYTES):
                break
            scanned += 1
            size += item_size
            last = item
            if self._filter is None or holds(self._filter, item):
                matching += 1
                if not self._count_only:
                    items.append(project(item, self._paths))
        else:
            # DynamoDB knows that there is no more only when it has not reached its limit.
            last = last if scanned == self._limit else None
        answer: dict[str, Any] = {"Count": matching, "ScannedCount": scanned}
        if not self._count_only:
            answer["Items"] = items
        if last is not None:
            answer["LastEvaluatedKey"] = self._table.key_of(last)
        return answer


def _key_range(table: StoredTable, tree: Any) -> KeyRange:
    parts = list(tree.parts) if isinstance(tree, Logic) and tree.sign == "AND" else [tree]
    hash_name, hash_kind = table.keys["HASH"]
    range_name, range_kind = table.keys.get("RANGE", ("", ""))
    hash_key: bytes | None = None
    low: Bound | None = None
    high: Bound | None = None
    for part in parts:
        name = _subject(part)
        if name == hash_name and isinstance(part, Compare) and part.sign == "=" and hash_key is None:
            hash_key = sortable(_argument(part.operands[1], hash_name, hash_kind))
        elif name == range_name and name and low is None and high is None:
            low, high = _bounds(part, range_name, range_kind)
        else:
            raise invalid("Query key condition not supported")
    if hash_key is None:
        raise invalid(f"Query condition missed key schema element: {hash_name}")
    return KeyRange(hash_key, low, high)


def _subject(part: Any) -> str:
    if isinstance(part, Logic):
        raise invalid("Invalid operator used in KeyConditionExpression: " + part.sign)
    path = part.operands[0]
    if not isinstance(path, Path) or len(path.steps) != 1:
        raise invalid("KeyConditionExpressions must have the key attribute on their left")
    return str(path.steps[0])


def _argument(operand: Any, name: str, kind: str) -> Value:
    if not isinstance(operand, Literal):
        raise invalid("Invalid KeyConditionExpression: an expression attribute value is needed on the right")
    if kind not in operand.value:
        problem = "Condition parameter type does not match schema type"
        raise invalid(f"One or more parameter values were invalid: {problem} for {name}")
    return operand.value


def _bounds(part: Any, name: str, kind: str) -> tuple[Bound | None, Bound | None]:
    arguments = [sortable(_argument(operand, name, kind)) for operand in part.operands[1:]]
    sign = part.name if isinstance(part, FunctionCall) else part.sign
    if sign == "=":
        return (">=", arguments[0]), ("<=", arguments[0])
    if sign in (">", ">="):
        return (sign, arguments[0]), None
    if sign in ("<", "<="):
        return None, (sign, arguments[0])
    if sign == "BETWEEN":
        return (">=", arguments[0]), ("<=", arguments[1])
    if sign == "begins_with" and kind != "N":
        return (">=", arguments[0]), _below_next(arguments[0])
    raise invalid(f"Invalid operator used in KeyConditionExpression: {sign}")


def _below_next(prefix: bytes) -> Bound | None:
    """The bound below which all keys with this prefix are."""
    stripped = prefix.rstrip(b"\xff")
    return ("<", stripped[:-1] + bytes([stripped[-1] + 1])) if stripped else None
