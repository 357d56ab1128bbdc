"""Filter criteria, by EventBridge's rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cryptoctl.local.mappings.filters import FilterError, parse_filters, passes

RECORD = {
    "eventName": "INSERT",
    "dynamodb": {
        "NewImage": {"symbol": {"S": "BTC"}, "price": {"N": "5"}, "ok": {"BOOL": True}},
        "SizeBytes": 7,
    },
}


def matches(pattern: dict[str, Any]) -> bool:
    return passes(RECORD, parse_filters({"Filters": [{"Pattern": json.dumps(pattern)}]}))


def image(**rules: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": rules}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "REMOVE"]}, False),
        ({"eventName": [{"anything-but": ["REMOVE"]}]}, True),
        ({"eventName": [{"anything-but": "INSERT"}]}, False),
        (image(symbol={"S": [{"prefix": "BT"}]}), True),
        (image(symbol={"S": [{"suffix": "TC"}]}), True),
        (image(symbol={"S": [{"equals-ignore-case": "btc"}]}), True),
        (image(price={"N": [{"numeric": [">", 4, "<=", 5]}]}), True),
        (image(price={"N": [{"numeric": ["<", 5]}]}), False),
        (image(absent=[{"exists": False}]), True),
        (image(price=[{"exists": False}]), False),
        (image(ok={"BOOL": [True]}), True),
        (image(ok={"BOOL": [False]}), False),
        ({"$or": [{"eventName": ["REMOVE"]}, image(symbol={"S": ["BTC"]})]}, True),
        ({"dynamodb": {"SizeBytes": [7]}}, True),
        ({"dynamodb": {"SizeBytes": [True]}}, False),
        ({"dynamodb": {"OldImage": {"symbol": {"S": ["BTC"]}}}}, False),
    ],
    ids=json.dumps,
)
def test_patterns(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern) is expected


def test_any_of_several_patterns_is_enough_and_none_means_all() -> None:
    both = [{"Pattern": '{"eventName": ["REMOVE"]}'}, {"Pattern": '{"eventName": ["INSERT"]}'}]
    assert passes(RECORD, parse_filters({"Filters": both}))
    assert passes(RECORD, parse_filters(None))


@pytest.mark.parametrize("wrong", ["", "[]", "{}", "{", '{"eventName": "INSERT"}', '{"eventName": []}'])
def test_broken_patterns_are_refused(wrong: str) -> None:
    with pytest.raises(FilterError):
        parse_filters({"Filters": [{"Pattern": wrong}]})
