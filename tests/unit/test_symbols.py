"""The names of a table's symbols, found by skipping from one to the next; and where they cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.overview_reader import OverviewReader
from cryptoctl.ops.symbols import names
from cryptoctl.provisioners.table import NOT_FOUND
from unit.answers import STACK, Answers

Key = tuple[str, Decimal]


@dataclass
class Scanned:
    """A table that is scanned as DynamoDB does it: from behind a key on, whether or not an item bears it."""

    keys: list[Key]
    requests: int = 0

    def call(self, service: str, operation: str, **request: Any) -> Any:
        self.requests += 1
        assert (operation, request["Limit"]) == ("Scan", 1) and self.requests <= 2 * len(self.keys) + 1
        start = request.get("ExclusiveStartKey")
        after = (start["symbol"]["S"], Decimal(start["timestamp"]["N"])) if start else ("", Decimal(0))
        behind = [key for key in sorted(self.keys) if key > after]
        return {"Items": [{"symbol": {"S": symbol}} for symbol, _ in behind[:1]]}


@pytest.mark.parametrize(
    "latest",
    ["1700000000000", "1e25", "1e31", "9.9999999999999999999999999999999999998e125", "9" * 38 + "e88"],
)
def test_each_symbol_is_found_once_whatever_the_keys_of_its_items(latest: str) -> None:
    table = Scanned(
        [("A", Decimal("-1e17")), ("A", Decimal(latest)), ("B", Decimal(latest)), ("C", Decimal(1))]
    )
    assert list(names(table, STACK.prices)) == ["A", "B", "C"]  # type: ignore[arg-type]
    assert table.requests == 4


def recent_prices(refusal: str) -> object:
    """What an overview has of the symbols, one of which the log names, where its prices are refused."""
    line = '{"level":"INFO","message":"prices taken in","symbols":["A"],"keys":{"A":["1700000000000"]}}'
    logged = {"events": [{"timestamp": 1, "message": line, "eventId": "1"}]}
    aws = Answers({"FilterLogEvents": logged, "Query": refusal})
    symbols = OverviewReader(cast("Aws", aws), STACK)._symbols()
    assert aws.requests[-1][0] == "Query"
    return symbols


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"CreationDateTime": datetime.fromtimestamp(5, UTC)}, ["NEW"]),
        ({"CreationDateTime": datetime.fromtimestamp(5, UTC), "RestoreSummary": {}}, ["NEW", "OLD"]),
        ({}, ["NEW", "OLD"]),
        (None, ["NEW", "OLD"]),
    ],
)
def test_a_symbol_of_a_table_that_was_deleted_is_none_of_the_new_ones(
    table: Mapping[str, Any] | None, expected: list[str]
) -> None:
    """A restored one holds what was stored before it was there."""
    text = '{"level":"INFO","message":"prices taken in","symbols":["%s"],"keys":{"%s":["%d"]}}'
    events = [
        {"timestamp": time_ms, "message": text % (symbol, symbol, time_ms), "eventId": symbol}
        for symbol, time_ms in (("OLD", 4_999), ("NEW", 5_000))
    ]
    described = {} if table is None else {"DescribeTable": {"Table": table}}
    aws = Answers({"FilterLogEvents": {"events": events}, **described})
    assert OverviewReader(cast("Aws", aws), STACK)._names() == expected


def test_somebodys_table_with_other_keys_ends_no_overview() -> None:
    """The resources say what differs; that a table may not be read is told, and what else fails too."""
    assert recent_prices("ValidationException") is None
    for code in ("AccessDeniedException", "InternalServerError"):
        with pytest.raises(AwsError, match=code):
            recent_prices(code)


def test_where_the_table_is_gone_no_overview_looks_for_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would at each look, once for each request that finds no table."""
    monkeypatch.setattr(Answers, "tagged", lambda *_: pytest.fail("the tag index was asked"))
    assert recent_prices(NOT_FOUND) is None


def test_that_prices_cannot_be_reached_is_told_by_an_overview(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> object:
        raise Failure(ExitCode.UNREACHABLE, "No answer came.")

    monkeypatch.setattr(Answers, "paginate", unreachable)
    with pytest.raises(Failure, match="No answer came"):
        recent_prices(NOT_FOUND)
