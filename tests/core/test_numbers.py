"""Numbers from their text to Decimal and back, exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.numbers import JsonNumber, NumberError, decimal_from, plain

storable = st.builds(
    lambda digits, exponent, negative: Decimal((negative, tuple(map(int, str(digits))), exponent)),
    st.integers(1, 10**38 - 1),
    st.integers(-130, 88),
    st.booleans(),
)


@given(storable)
def test_a_storable_number_survives_its_text_digit_for_digit(number: Decimal) -> None:
    assert decimal_from(JsonNumber(str(number))) == number
    assert decimal_from(plain(number)) == number
    assert "e" not in plain(number).lower()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_by_its_shortest_text(number: float) -> None:
    try:
        assert decimal_from(number) == Decimal(repr(number))
    except NumberError as error:
        assert "range" in str(error) and not 1e-130 <= abs(number) < 1e126


def test_zero_is_zero_however_it_is_written() -> None:
    assert [plain(decimal_from(text)) for text in ("0", "-0", "0.00", "0e9")] == ["0"] * 4


@pytest.mark.parametrize(
    "text", ["1e-130", "9.9999999999999999999999999999999999999e125", "0." + "0" * 129 + "1"]
)
def test_the_ends_of_the_range_are_taken(text: str) -> None:
    assert decimal_from(text) == Decimal(text)


@pytest.mark.parametrize("text", ["9e-131", "1e126", "1e400", "1e999999999999999999999", "-1e126"])
def test_beyond_the_range_is_refused(text: str) -> None:
    with pytest.raises(NumberError, match="range"):
        decimal_from(text)


def test_trailing_zeros_are_no_digits_but_a_39th_digit_is() -> None:
    assert decimal_from("1." + "0" * 60) == 1
    with pytest.raises(NumberError, match="38 significant"):
        decimal_from("1" * 39)


NO_NUMBERS: list[object] = ["NaN", "Infinity", "-Infinity", "1_000", "1,000", "٣", "+1", ".5", "5.", "0x10"]
NO_NUMBERS += [
    "",
    " ",
    "abc",
    "1e",
    "--1",
    float("nan"),
    float("inf"),
    None,
    True,
    [],
    {},
    10**400,
    "1" * 501,
]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(NumberError):
        decimal_from(value)


def test_a_number_may_stand_between_spaces() -> None:
    assert decimal_from(" 1.5\n") == Decimal("1.5")
