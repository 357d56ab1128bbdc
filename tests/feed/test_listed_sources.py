"""Which symbols are followed where their exchanges do not list all of them."""

from __future__ import annotations

import pytest

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.feed.listed_sources import listed_sources
from cryptoctl.feed.source import FeedSource

LISTED = {"A/B": {"id": "AB"}, "C/B": {"id": "CB"}}


def sources(*typed: str) -> list[FeedSource]:
    pairs = [name.split(":") for name in typed]
    return [FeedSource(exchange=exchange, symbol=symbol) for exchange, symbol in pairs]


def test_a_delisted_symbol_keeps_no_other_from_being_followed_and_is_told() -> None:
    requested, notices = sources("here:A/B", "here:OLD/B"), list[str]()
    followed = listed_sources(requested, LISTED, stored=sources("here:OLD/B"), notify=notices.append)
    assert followed == sources("here:A/B")
    [notice] = notices
    assert notice.startswith("here:OLD/B is not followed, the others are: here does not list it any more.")


def test_all_that_was_mistyped_is_refused_at_once() -> None:
    with pytest.raises(Failure, match="here has no symbol AB; here has no symbol X/Y") as raised:
        listed_sources(sources("here:AB", "here:C/B", "here:X/Y"), LISTED, (), pytest.fail)
    assert raised.value.exit_code is ExitCode.USAGE
    assert raised.value.hint == "Did you mean A/B?"


def test_a_feed_of_delisted_symbols_alone_is_refused() -> None:
    requested = sources("here:OLD/B")
    with pytest.raises(Failure, match="here has no symbol OLD/B"):
        listed_sources(requested, LISTED, requested, pytest.fail)


def test_an_exchange_whose_symbols_are_all_delisted_keeps_no_other_from_being_followed() -> None:
    requested, notices = sources("here:OLD/B"), list[str]()
    assert listed_sources(requested, LISTED, requested, notices.append, others_followed=True) == []
    assert "here:OLD/B is not followed, the others are" in notices[0]


@pytest.mark.parametrize(
    ("typed", "expected"), [("a/b", "A/B"), ("AB", "A/B"), ("A", "Write it as ccxt does")]
)
def test_another_name_than_ccxts_is_not_taken_for_a_delisted_symbol(typed: str, expected: str) -> None:
    """Of all of them the table has prices: a/b is stored as A/B is, and files call symbols as they like."""
    requested = sources(f"here:{typed}", "here:C/B")
    with pytest.raises(Failure, match=f"here has no symbol {typed}") as raised:
        listed_sources(requested, LISTED, requested, pytest.fail)
    assert expected in raised.value.hint
