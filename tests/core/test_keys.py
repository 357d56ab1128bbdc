"""The key: a millisecond and a fraction."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core import keys

milliseconds = st.integers(0, keys.MAX_MILLISECOND)
exchanges = st.sampled_from(["coinbase", "Coinbase", "kraken"])
numeric_ids = st.integers(0, 10**20 - 1).map(str)
ids = numeric_ids | st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40
)


@given(milliseconds, exchanges, ids, st.integers(0, 3))
def test_a_key_fits_into_38_digits_and_gives_its_millisecond_back(
    ms: int, exchange: str, id_: str, n: int
) -> None:
    for text in (keys.key_of_id(ms, exchange, id_, n), keys.key_of_place(ms, n), keys.last_key_of_place(ms)):
        key = Decimal(text)
        assert len(key.as_tuple().digits) <= 38
        assert keys.millisecond_of_key(key) == ms
        assert not text.endswith((".", "0")) or "." not in text


@given(milliseconds, exchanges, exchanges, numeric_ids, numeric_ids)
def test_numeric_ids_stand_in_numeric_order(
    ms: int, exchange: str, other_exchange: str, a: str, b: str
) -> None:
    if int(a) < int(b):
        assert Decimal(keys.key_of_id(ms, exchange, a)) < Decimal(keys.key_of_id(ms, other_exchange, b))


@given(milliseconds, exchanges, ids, st.integers(0, 10**6))
def test_prices_without_an_id_come_before_those_with_one(
    ms: int, exchange: str, id_: str, place: int
) -> None:
    placed = Decimal(keys.key_of_place(ms, place))
    assert (
        ms
        <= placed
        <= Decimal(keys.last_key_of_place(ms))
        < Decimal(keys.key_of_id(ms, exchange, id_))
        < ms + 1
    )
    assert keys.place_of_key(placed) == place


@given(milliseconds, exchanges, ids)
def test_the_key_is_a_function_of_millisecond_exchange_and_id_alone(ms: int, exchange: str, id_: str) -> None:
    assert keys.key_of_id(ms, exchange, id_) == keys.key_of_id(ms, exchange, id_)
    tried = {keys.key_of_id(ms, exchange, id_, attempt) for attempt in range(3)}
    assert len(tried) >= 2  # a key that another price holds is not the only one


def test_the_keys_that_are_out_there_stay_what_they_are() -> None:
    assert keys.key_of_place(1675329600138, 0) == "1675329600138"
    assert keys.key_of_place(1675329600138, 10) == "1675329600138.00000000000000000000001"
    assert keys.key_of_id(1675329600138, "binance", "1206419187") == "1675329600138.101206419187201769960678"
    assert keys.key_of_id(1675329600138, "binance", "a-1") == "1675329600138.99103272949254346234868"


def test_one_id_on_two_exchanges_has_two_keys() -> None:
    assert keys.key_of_id(1, "coinbase", "7") != keys.key_of_id(1, "kraken", "7")


def test_as_many_prices_as_come_with_an_id_of_20_digits_find_a_key() -> None:
    id_, used = "9" * 20, set()
    for number in range(500):
        tried = [keys.key_of_id(1, f"exchange {number}", id_, attempt) for attempt in range(20)]
        used.add(next(key for key in tried if key not in used))
    assert len(used) == 500
