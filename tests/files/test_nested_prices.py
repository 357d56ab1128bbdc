"""JSON whose records have an object or a list where a price would be: what to do is said."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.files.records import shell_word
from files.reading import MS, read, refusal, sent


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"timestamp": {"0": MS, "1": MS + 1}, "price": {"0": 1.5, "1": 2.5}}, "an object"),
        ({"timestamp": [MS, MS + 1], "price": [1.5, 2.5]}, "a list"),
    ],
)
def test_a_file_that_is_written_by_columns_is_to_be_written_by_records(
    tmp_path: Path, content: dict[str, Any], what: str
) -> None:
    message = refusal(tmp_path, json.dumps(content), "prices.json")
    assert f"'price' of prices.json is {what}, and no plain price." in message
    assert "to_json(orient='records')" in message


@pytest.mark.parametrize(
    ("price", "member"),
    [
        ({"$numberDecimal": "1.50"}, 'price."$numberDecimal"'),
        ({"currency": "USD", "amount": "1.50"}, "price.amount"),
    ],
)
def test_of_an_object_the_member_that_is_the_price_is_named(
    tmp_path: Path, price: dict[str, str], member: str
) -> None:
    content = json.dumps({"timestamp": MS, "price": price})
    assert f"such as --map {shell_word(f'price={member}')}." in refusal(tmp_path, content)
    [sent_price] = sent(read(tmp_path, content, mapping={"price": member}))
    assert sent_price["price"] == Decimal("1.5")


def test_one_nested_price_among_others_is_its_records_fault(tmp_path: Path) -> None:
    content = f'{{"timestamp":{MS},"price":{{"0":1}}}}\n{{"timestamp":{MS},"price":2}}\n'
    assert len(read(tmp_path, content)) == 2


def test_an_object_whose_member_is_mapped_is_not_asked_about(tmp_path: Path) -> None:
    """As MongoDB exports its documents."""
    content = json.dumps(
        {"_id": {"$oid": "5f1"}, "timestamp": {"$date": "2024-01-01T00:00:00Z"}, "price": 2, "size": 3}
    )
    mapping = {"id": '_id."$oid"', "timestamp": 'timestamp."$date"', "volume": "size"}
    [price] = sent(read(tmp_path, content, mapping=mapping))
    assert (price["id"], price["timestamp"], price["volume"]) == ("5f1", 1704067200000, 3)
    assert "'size' looks like a quantity" in refusal(
        tmp_path, content, mapping={field: mapping[field] for field in ("id", "timestamp")}
    )


def test_beside_a_mapped_member_the_others_of_its_object_are_listed(tmp_path: Path) -> None:
    content = json.dumps({"m": 1, "data": {"px": 2, "begun": "1"}})
    listed = "Its columns: m, data.px, data.begun."
    assert listed in refusal(tmp_path, content, mapping={"price": "data.px"})


def test_lists_inside_of_the_records_of_a_list_have_to_be_taken_out_of_them(tmp_path: Path) -> None:
    trade = {"id": 7, "ts": MS, "amount": 2, "price": 1.5}
    content = json.dumps({"ch": "x", "data": [{"id": 8, "ts": MS, "data": [trade]}]})
    message = refusal(tmp_path, content, "a.json")
    assert "in the lists 'data' inside of the records, write each of their elements as a record" in message
    assert "--records" not in message
