"""No float on the path from the body to the table, and from the table to the announcement."""

import ast
import decimal
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cryptoctl.core
import cryptoctl.handlers
from handlers.events import Mapping, announcements, send
from handlers.fake_aws import FakeAws

SOURCES = sorted(Path(cryptoctl.core.__file__).parent.glob("*.py"))
digits = st.from_regex(r"[1-9][0-9]{0,20}(\.[0-9]{0,15}[1-9])?(e-?[1-9])?", fullmatch=True)


@pytest.mark.thorough
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(digits, digits)
def test_what_is_sent_is_what_is_stored_and_announced(direct: FakeAws, price: str, volume: str) -> None:
    direct.items.clear()
    direct.stream.clear()
    direct.announced.clear()
    body = f'{{"symbol":"BTC","exchange":"x","price":{price},"volume":"{volume}"}}'
    assert send({"body": body})[0] == 200
    Mapping(direct).run()
    (item,), (announcement,) = direct.items_of("BTC"), announcements(direct)
    for name, text in (("price", price), ("volume", volume)):
        assert (
            decimal.Decimal(item[name]["N"]) == decimal.Decimal(announcement[name]) == decimal.Decimal(text)
        )


def test_a_body_s_numbers_never_become_floats(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """`decimal` is told to refuse floats, and every way to parse JSON into one is closed."""

    def no_float(*_: Any, **__: Any) -> None:
        raise AssertionError("a float")

    monkeypatch.setattr("cryptoctl.core.numbers.repr", no_float, raising=False)
    with decimal.localcontext() as context:
        context.traps[decimal.FloatOperation] = True
        context.prec = 5  # nothing may lean on the ambient precision either
        price = "1.2345678901234567890123456789012345678"
        sent = [{"symbol": "BTC", "exchange": "x", "timestamp": 1675329600138, "id": n} for n in range(20)]
        body = json.dumps(sent).replace('"id"', f'"price": {price}, "id"')
        assert send({"body": body})[0] == 200
        Mapping(aws).run()
        assert {item["price"]["N"] for item in aws.items_of("BTC")} == {price}
        assert aws.items_of("BTC")[-1]["ma_20"]["N"] == price


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_core_neither_writes_nor_makes_a_float(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), node.lineno
        assert not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
        )
        assert not (isinstance(node, ast.Attribute) and node.attr in {"sqrt", "from_float"}), node.lineno
