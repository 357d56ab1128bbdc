"""Query and Scan: bounds on keys become a walk along an index; the rest filters what the walk finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.http import violation
from cryptoctl.local.tables.expressions import Expressions, KeyCondition
from cryptoctl.local.tables.items import FindTable, item_of
from cryptoctl.local.tables.store import StoredTable, TableStore, check_length
from cryptoctl.local.tables.values import Item, invalid, sortable

_READ: Final = ("FilterExpression", "ProjectionExpression")
PAGE_BYTES: Final[int] = 1_048_576
Bound = tuple[str, bytes]


@dataclass(frozen=True)
class KeyRange:
    """A partition and the bounds within it."""

    hash_key: bytes
    low: Bound | None = None
    high: Bound | None = None

    def has(self, hash_key: bytes, range_key: bytes) -> bool:
        """Whether a key is inside."""
        above = self.low is None or range_key > self.low[1] or self.low == (">=", range_key)
        below = self.high is None or range_key < self.high[1] or self.high == ("<=", range_key)
        return hash_key == self.hash_key and above and below


def query(store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """Query."""
    table = find(params.get("TableName"))
    _refuse_index(params)
    expressions = Expressions(params, "KeyConditionExpression", *_READ)
    keys = _key_range(table, expressions.key_conditions())
    _refuse_filter_by_key(table, expressions)
    page = _Page(table, params, expressions)
    forward = params.get("ScanIndexForward") is not False
    low, high = keys.low, keys.high
    if params.get("ExclusiveStartKey"):
        hash_key, range_key = table.exact_key_bytes(item_of(params["ExclusiveStartKey"]))
        if not keys.has(hash_key, range_key):
            raise invalid(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        if forward:
            low = (">", range_key)
        else:
            high = ("<", range_key)
    return page.fill(store.walk(table, keys.hash_key, low=low, high=high, forward=forward))


def scan(store: TableStore, find: FindTable, params: Mapping[str, Any]) -> dict[str, Any]:
    """Scan. Of a parallel scan, the first segment gets everything."""
    table = find(params.get("TableName"))
    _refuse_index(params)
    _check_segment(params)
    page = _Page(table, params, Expressions(params, *_READ))
    if params.get("Segment"):
        return page.fill(iter(()))
    start = params.get("ExclusiveStartKey")
    return page.fill(store.scan(table, table.exact_key_bytes(item_of(start)) if start else None))


def _refuse_index(params: Mapping[str, Any]) -> None:
    if params.get("IndexName"):
        raise invalid(f"The table does not have the specified index: {params['IndexName']}")


def _check_segment(params: Mapping[str, Any]) -> None:
    segment, total = params.get("Segment"), params.get("TotalSegments")
    if (segment is None) != (total is None):
        absent, present = ("Segment", "TotalSegments") if segment is None else ("TotalSegments", "Segment")
        problem = "parameter is required but was not present in the request when"
        raise invalid(f"The {absent} {problem} {present} parameter is present")
    if segment is not None and segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )


def _check_select(select: str, *, projects: bool) -> None:
    if select == "ALL_PROJECTED_ATTRIBUTES":
        raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if select == "SPECIFIC_ATTRIBUTES" and not projects:
        raise invalid("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
    if projects and select not in ("", "SPECIFIC_ATTRIBUTES"):
        raise invalid(f"Cannot specify the ProjectionExpression when choosing to get {select}")


def _refuse_filter_by_key(table: StoredTable, expressions: Expressions) -> None:
    """What is said of a key belongs into the key condition; a scan has none, and may filter by it."""
    for name, _ in table.keys.values():
        if name in expressions.filtered_attributes():
            problem = "Filter Expression can only contain non-primary key attributes"
            raise invalid(f"{problem}: Primary key attribute: {name}")


class _Page:
    """One page of an answer: as many items as the limit and a megabyte allow, filtered and projected."""

    def __init__(self, table: StoredTable, params: Mapping[str, Any], expressions: Expressions) -> None:
        self._table = table
        self._limit = params.get("Limit")
        if self._limit is not None and self._limit < 1:
            raise violation("Limit", self._limit, "Member must have value greater than or equal to 1")
        _check_select(params.get("Select") or "", projects=params.get("ProjectionExpression") is not None)
        self._expressions = expressions
        self._count_only = params.get("Select") == "COUNT"

    def fill(self, walk: Iterator[tuple[int, Item]]) -> dict[str, Any]:
        """Takes from the walk until the page is full."""
        items: list[Item] = []
        count = scanned = size = 0
        last: Item | None = None
        for item_size, item in walk:
            if scanned == self._limit or (scanned and size + item_size > PAGE_BYTES):
                break
            scanned += 1
            size += item_size
            last = item
            if self._expressions.holds("FilterExpression", item):
                count += 1
                if not self._count_only:
                    items.append(self._expressions.project(item))
        else:
            # DynamoDB knows that there is no more only when it has not reached its limit.
            last = last if scanned == self._limit else None
        response: dict[str, Any] = {"Count": count, "ScannedCount": scanned}
        if not self._count_only:
            response["Items"] = items
        if last is not None:
            response["LastEvaluatedKey"] = self._table.key_of(last)
        return response


def _key_range(table: StoredTable, conditions: list[KeyCondition]) -> KeyRange:
    hash_name, hash_kind = table.keys["HASH"]
    range_name, range_kind = table.keys.get("RANGE", ("", ""))
    by_name: dict[str, KeyCondition] = {}
    for condition in conditions:
        if condition.name not in (hash_name, range_name) or condition.name in by_name:
            raise invalid("Query key condition not supported")
        by_name[condition.name] = condition
    if hash_name not in by_name:
        raise invalid(f"Query condition missed key schema element: {hash_name}")
    if by_name[hash_name].operator != "=":
        raise invalid("Query key condition not supported")
    (hash_key,) = _arguments(by_name[hash_name], "HASH", hash_kind)
    low, high = _bounds(by_name[range_name], range_kind) if range_name in by_name else (None, None)
    return KeyRange(hash_key, low, high)


def _arguments(condition: KeyCondition, role: str, kind: str) -> list[bytes]:
    encoded: list[bytes] = []
    for value in condition.arguments:
        if kind not in value:
            problem = "Condition parameter type does not match schema type"
            raise invalid(f"One or more parameter values were invalid: {problem} for {condition.name}")
        encoded.append(sortable(value))
        check_length(role, condition.name, kind, encoded[-1])
    return encoded


def _bounds(condition: KeyCondition, kind: str) -> tuple[Bound | None, Bound | None]:
    sign, arguments = condition.operator, _arguments(condition, "RANGE", kind)
    if sign == "BETWEEN" and arguments[0] > arguments[1]:
        raise invalid(
            "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or "
            "equal to lower bound"
        )
    if sign in ("=", "BETWEEN"):
        return (">=", arguments[0]), ("<=", arguments[-1])
    if sign in (">", ">="):
        return (sign, arguments[0]), None
    if sign in ("<", "<="):
        return None, (sign, arguments[0])
    if sign == "begins_with" and kind != "N":
        return (">=", arguments[0]), _below_next(arguments[0])
    raise invalid(f"Invalid operator used in KeyConditionExpression: {sign}")


def _below_next(prefix: bytes) -> Bound | None:
    """The bound below which all keys with this prefix are."""
    stripped = prefix.rstrip(b"\xff")
    return ("<", stripped[:-1] + bytes([stripped[-1] + 1])) if stripped else None
