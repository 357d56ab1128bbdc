"""A sender's message has one item of its own, which is no price."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.names import BadName, stored_symbol
from cryptoctl.core.webhook_messages import (
    INVOCATIONS,
    Arrival,
    arrival_in,
    first_ms,
    is_message,
    message_item,
    short_id,
    unwrap_event,
    wrap_event,
)

IDS = st.text(st.characters(), min_size=1, max_size=300)
arrivals = st.builds(
    Arrival,
    ms=st.integers(1, 10**14),
    sender=st.sampled_from(["desk", INVOCATIONS]),
    message_id=st.text(),
    content_type=st.none() | st.text(),
)


def _item(sender: str, message_id: str, arrival_ms: int) -> dict[str, dict[str, Any]]:
    return message_item(Arrival(ms=arrival_ms, sender=sender, message_id=message_id))


@pytest.mark.parametrize("message_id", ["msg_1", "!" * 100, "~"])
def test_a_short_id_is_itself(message_id: str) -> None:
    assert short_id(message_id) == message_id


@pytest.mark.parametrize("message_id", ["", "a b", "x" * 101, "né", "\ud83d"])
def test_any_other_is_its_sha_256(message_id: str) -> None:
    digest = hashlib.sha256(message_id.encode(errors="surrogatepass")).hexdigest()
    assert short_id(message_id) == digest


@given(st.sampled_from(["desk", "tv"]), IDS, st.sampled_from(["desk", "tv"]), IDS)
def test_two_messages_have_two_items_and_one_has_one(
    sender: str, first: str, other_sender: str, second: str
) -> None:
    item, other_item = _item(sender, first, 1), _item(other_sender, second, 2)
    same_item = (item["symbol"], item["timestamp"]) == (other_item["symbol"], other_item["timestamp"])
    assert same_item == ((sender, first) == (other_sender, second))
    assert (item["message_id"] == other_item["message_id"]) == (first == second)
    assert (first_ms(item), first_ms(other_item)) == (1, 2)


@given(IDS)
def test_it_is_told_from_every_price_and_looks_processed(message_id: str) -> None:
    item = _item("desk", message_id, 1_700_000_000_000)
    assert is_message(item) and item["processed"] == {"BOOL": True}
    assert 0 <= int(item["timestamp"]["N"]) < 10**28
    with pytest.raises(BadName):
        stored_symbol(item["symbol"]["S"])


@pytest.mark.parametrize("symbol", [None, {"N": "1"}, {"S": "BTC"}, "webhook messages of desk"])
def test_what_is_odd_is_no_message(symbol: object) -> None:
    assert not is_message({"symbol": symbol})


@given(arrivals)
def test_an_envelope_holds_the_event_to_the_digit_and_all_that_is_known_of_its_arrival(
    arrival: Arrival,
) -> None:
    event = '{"price": 0.10000000000000000000000001}'
    sent = wrap_event(event, arrival)
    assert event in sent
    assert unwrap_event(json.loads(sent)) == (json.loads(event), arrival)
    assert arrival_in({**arrival.document(), "http": {}}) == arrival


@pytest.mark.parametrize("ms", [None, True, 0, -1, 1.5, "5", 10**400 * -1, 99_999_999_999_999_999_999])
def test_an_arrival_without_a_time_is_none(ms: object) -> None:
    assert arrival_in({"timeEpoch": ms}) is None
    assert unwrap_event({"event": {}, "arrival": {"timeEpoch": ms}}) is None


@pytest.mark.parametrize("payload", [None, [], {}, {"event": 1}, {"event": 1, "arrival": {}, "more": 1}])
def test_what_is_no_envelope_is_an_event_like_any(payload: object) -> None:
    assert unwrap_event(payload) is None
