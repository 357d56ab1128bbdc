"""Filter criteria, by EventBridge's rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cryptoctl.local.filter_rules import FilterError, check_policy
from cryptoctl.local.http import ServiceError
from cryptoctl.local.mappings.filters import parse_filters, record_matches
from cryptoctl.local.mappings.mapping import EventSourceMapping
from cryptoctl.local.mappings.settings import DEFAULTS
from cryptoctl.local.mappings.worker import MappingWorker

RECORD = {
    "eventName": "INSERT",
    "dynamodb": {
        "NewImage": {"symbol": {"S": "BTC"}, "price": {"N": "5"}, "ok": {"BOOL": True}},
        "SizeBytes": 7,
    },
}


def matches(pattern: dict[str, Any]) -> bool:
    return record_matches(RECORD, parse_filters({"Filters": [{"Pattern": json.dumps(pattern)}]}))


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
        (image(symbol={"S": [{"prefix": {"equals-ignore-case": "bt"}}]}), True),
        (image(symbol={"S": [{"prefix": {"equals-ignore-case": "tc"}}]}), False),
        (image(symbol={"S": [{"suffix": {"equals-ignore-case": "tc"}}]}), True),
        (image(symbol={"S": [{"suffix": "tc"}]}), False),
        (image(symbol={"S": [{"anything-but": {"equals-ignore-case": "btc"}}]}), False),
        (image(symbol={"S": [{"anything-but": {"equals-ignore-case": ["eth", "btc"]}}]}), False),
        (image(symbol={"S": [{"anything-but": {"equals-ignore-case": ["eth", "sol"]}}]}), True),
        (image(symbol={"S": [{"anything-but": {"prefix": ["E", "B"]}}]}), False),
        (image(symbol={"S": [{"anything-but": {"suffix": ["H", "L"]}}]}), True),
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
    assert record_matches(RECORD, parse_filters({"Filters": both}))
    assert record_matches(RECORD, parse_filters(None))


BROKEN = [
    "",
    "[]",
    "{}",
    "{",
    '{"a":' * 100_000,
    '{"eventName": "INSERT"}',
    '{"eventName": []}',
    '{"eventName": {}}',
    '{"$or": "INSERT"}',
    '{"$or": [{"eventName": [{"foo": 1}]}]}',
    *(
        f'{{"a": [{rule}]}}'
        for rule in (
            "[1]",
            "{}",
            '{"foo": 1}',
            '{"prefix": 1}',
            '{"prefix": "x", "suffix": "y"}',
            '{"exists": "yes"}',
            '{"numeric": 5}',
            '{"numeric": []}',
            '{"numeric": [">"]}',
            '{"numeric": [">", "x"]}',
            '{"numeric": ["?", 1]}',
            '{"numeric": [">", 1, "<"]}',
            '{"numeric": [">", 2, "<", 1]}',
            '{"numeric": [">", 1, ">", 2]}',
            '{"numeric": ["<", 1, ">", 0]}',
            '{"anything-but": []}',
            '{"anything-but": null}',
            '{"anything-but": {"numeric": ["=", 1]}}',
            '{"anything-but": {}}',
            '{"anything-but": {"prefix": ""}}',
            '{"anything-but": {"suffix": ["x", ""]}}',
            '{"anything-but": {"equals-ignore-case": []}}',
            '{"anything-but": {"equals-ignore-case": ["x", 1]}}',
            '{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}',
            '{"prefix": {}}',
            '{"prefix": ["x"]}',
            '{"prefix": {"prefix": "x"}}',
            '{"suffix": {"equals-ignore-case": ["x"]}}',
            '{"equals-ignore-case": {"equals-ignore-case": "x"}}',
        )
    ),
]


@pytest.mark.parametrize("wrong", BROKEN, ids=lambda text: text[:40])
def test_broken_patterns_are_refused(wrong: str) -> None:
    with pytest.raises(FilterError):
        parse_filters({"Filters": [{"Pattern": wrong}]})


@pytest.mark.parametrize(
    ("policy", "scope"),
    [
        ("", ""),
        ("{}", ""),
        ('{"a": ["x", 1, true, null, {"prefix": "y"}, {"wildcard": "*z"}, {"cidr": "10.0.0.0/8"}]}', ""),
        ('{"a": {"b": [{"anything-but": {"suffix": "x"}}]}}', "MessageBody"),
    ],
)
def test_filter_policies(policy: str, scope: str) -> None:
    check_policy(policy, scope)


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"a": "b"}', "must be an object or an array"),
        ('{"a": [{"foo": "b"}]}', "Unrecognized match type foo"),
        ('{"a": [{"prefix": {"equals-ignore-case": "b"}}]}', "must be a string"),
        ('{"a": [{"anything-but": {"equals-ignore-case": ["b"]}}]}', "must be a string"),
        ('{"p": [{"numeric": [">", "x"]}]}', "must be numeric"),
        ('{"a": {"b": ["c"]}}', "does not support nested"),
        (json.dumps({str(number): ["x"] for number in range(6)}), "more than 5 keys"),
    ],
)
def test_broken_filter_policies_are_refused(policy: str, problem: str) -> None:
    with pytest.raises(ServiceError, match=problem) as raised:
        check_policy(policy, "MessageAttributes")
    assert raised.value.code == "InvalidParameter"


def test_a_pattern_that_was_kept_and_is_refused_now_does_not_keep_the_engine_from_starting() -> None:
    criteria = {"Filters": [{"Pattern": '{"a": [{"foo": 1}]}'}]}
    arns = {"EventSourceArn": "arn:stream", "FunctionArn": "arn:aws:lambda:eu-central-1:1:function:f"}
    mapping = EventSourceMapping(
        uuid="1", region="eu-central-1", settings={**DEFAULTS, **arns, "FilterCriteria": criteria}
    )
    nobody: Any = None
    MappingWorker(mapping, nobody, nobody, nobody)
