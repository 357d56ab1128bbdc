"""A sender's message has one item of its own, which is no price."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.names import BadName, stored_symbol
from cryptoctl.core.webhook_messages import first_ms, is_message, message_item, short_id

IDS = st.text(st.characters(), min_size=1, max_size=300)


@pytest.mark.parametrize("message_id", ["msg_1", "!" * 100, "~"])
def test_a_short_id_is_itself(message_id: str) -> None:
    assert short_id(message_id) == message_id


@pytest.mark.parametrize("message_id", ["", "a b", "x" * 101, "né", "\ud83d"])
def test_any_other_is_its_sha_256(message_id: str) -> None:
    digest = hashlib.sha256(message_id.encode(errors="surrogatepass")).hexdigest()
    assert short_id(message_id) == digest


@given(st.sampled_from(["desk", "tv"]), IDS, st.sampled_from(["desk", "tv"]), IDS)
def test_two_messages_have_two_items_and_one_has_one(one: str, first: str, other: str, second: str) -> None:
    here, there = message_item(one, first, 1), message_item(other, second, 2)
    same_item = (here["symbol"], here["timestamp"]) == (there["symbol"], there["timestamp"])
    assert same_item == ((one, first) == (other, second))
    assert (here["message_id"] == there["message_id"]) == (first == second)
    assert (first_ms(here), first_ms(there)) == (1, 2)


@given(IDS)
def test_it_is_told_from_every_price_and_looks_processed(message_id: str) -> None:
    item = message_item("desk", message_id, 1_700_000_000_000)
    assert is_message(item) and item["processed"] == {"BOOL": True}
    assert 0 <= int(item["timestamp"]["N"]) < 10**28
    with pytest.raises(BadName):
        stored_symbol(item["symbol"]["S"])


@pytest.mark.parametrize("symbol", [None, {"N": "1"}, {"S": "BTC"}, "webhook messages of desk"])
def test_what_is_odd_is_no_message(symbol: object) -> None:
    assert not is_message({"symbol": symbol})
