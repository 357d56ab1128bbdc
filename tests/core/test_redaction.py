"""A sender's secret is taken out of what is kept, however it is spelled."""

from __future__ import annotations

import json
import string
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cryptoctl.core.authentication import NoScheme
from cryptoctl.core.prices import Price, Rejected, TimeLimits
from cryptoctl.core.redaction import MIN_REDACTED_LENGTH, REDACTED, _readings, redacted, redacted_body
from cryptoctl.core.senders import AllowedSender
from cryptoctl.core.webhook_messages import Arrival
from cryptoctl.core.webhook_prices import dead_letters_of, prices_in_request, unread_event
from cryptoctl.core.webhook_requests import WebhookRequest

LIMITS = TimeLimits(now_ms=1_800_000_000_000, arrival_ms=1_800_000_000_000)
SENDER = AllowedSender(name="desk", scheme=NoScheme())
SHORT = {character: json.dumps(character)[1:-1] for character in '"\\\b\f\n\r\t'} | {"/": "\\/"}

secrets = st.text(
    st.sampled_from(string.ascii_letters + string.digits + "/+=-_%\"\\ u&<'\n\u00fc\u4e2d\U0001f600"),
    min_size=MIN_REDACTED_LENGTH,
    max_size=40,
)


def _by_number(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[index : index + 4]}" for index in range(0, len(units), 4))


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """The text between the quotation marks of a JSON string, each character in one of its spellings."""
    characters = []
    for character in text:
        ways = [_by_number(character), _by_number(character).upper().replace("\\U", "\\u")]
        ways += [SHORT[character]] if character in SHORT else []
        ways += [] if character in '"\\' or character < " " else [character]
        characters.append(draw(st.sampled_from(ways)))
    return "".join(characters)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and a price's JSON text that holds it."""
    secret = draw(secrets)
    before, after = (
        draw(st.sampled_from(["", "I am ", "\\", '"', "%", "\n", "u"])),
        draw(st.text("\\/.", max_size=2)),
    )
    text = draw(spelled(before + secret + after))
    where = draw(
        st.sampled_from(['"note": "{}"', '"auth": {{"k": ["x", "{}"]}}', '"{}": 1', '"a": {{"{}": 1}}'])
    )
    body = f'{{"symbol": "BTC", "price": 50000.25, "exchange": "x", "rsi": 1.10, {where.format(text)}}}'
    return secret, body


def strings(value: Any) -> list[str]:
    """All names and values in it, and in what is JSON there."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.thorough
@given(bodies())
@example(
    ("abc/def/ghi/jkl/mno/pqr", r'{"symbol":"A","price":1,"exchange":"x","k":"abc\/def\/ghi\/jkl\/mno\/pqr"}')
)
@example(("abcdefghijklmno=pqr", r'{"symbol":"A","price":1,"exchange":"x","abcdefghijklmno\u003dpqr":1}'))
def test_no_spelling_of_json_brings_a_secret_into_the_table_or_a_dead_letter(
    secret_and_body: tuple[str, str],
) -> None:
    secret, body = secret_and_body
    request = WebhookRequest(headers={}, body=body.encode())
    parsed = prices_in_request(request, SENDER, [secret], LIMITS)
    [price] = parsed.prices
    assert isinstance(price, Price)
    [dead_letter] = dead_letters_of(parsed, Arrival(ms=1))
    for text in (price.raw, dead_letter["body"], unread_event(request, [secret], Arrival(ms=1))["body"]):
        read = json.loads(text)
        assert REDACTED in text and read["price"] in (50000.25, "50000.25", 1, "1")
        assert [string for string in strings(read) if secret in string] == []
        assert secret not in text


@given(secrets, st.sampled_from(["json in json", "form", "json in form", "form in json", "address"]))
def test_what_is_spelled_twice_is_taken_out(secret: str, way: str) -> None:
    inner = json.dumps({"token": secret})
    text = {
        "json in json": json.dumps({"message": inner.replace("/", "\\/")}),
        "form": urlencode({"token": secret, "symbol": "BTC"}),
        "json in form": urlencode({"message": inner.replace("/", "\\/")}),
        "form in json": json.dumps({"message": f"token={quote_plus(secret)}"}),
        "address": f"https://example.com/{quote(secret, safe='').lower()}",
    }[way]
    assume(way != "address" or secret == secret.lower())
    body = redacted_body(text, [secret], form=way in ("form", "json in form"))
    assert REDACTED in body
    assert redacted(body, [secret]) == body


@given(st.text('\\"/%+u \n0a\u00fc', max_size=60), secrets)
def test_a_text_without_a_secret_stays_as_it_is(text: str, secret: str) -> None:
    assert redacted(text, [secret + "Z"]) == text
    assert redacted_body(json.dumps(text), [secret + "Z", "BTC"]) == json.dumps(text)


@pytest.mark.parametrize("spelled", ["{}", "%41{}", "\\u0041{}"])
@pytest.mark.parametrize("name", ["symbol", "exchange", "id"])
def test_a_field_with_a_secret_is_refused_in_whatever_case_it_is_spelled(name: str, spelled: str) -> None:
    members = {"symbol": "BTC", "price": 1, "exchange": "x", name: spelled.format("BCDEFGHIJKLMNOPQ")}
    secret = "ABCDEFGHIJKLMNOPQ" if "41" in spelled else "BcDEFGHIJKLMNOPQ"
    request = WebhookRequest(headers={}, body=json.dumps(members).encode())
    [price] = prices_in_request(request, SENDER, [secret], LIMITS).prices
    assert isinstance(price, Rejected) and price.field == name


@pytest.mark.parametrize(
    "body",
    ['{"symbol": "BTC", "pri', "{}", "hello {} & you=1;2", '{"a": "{}", "a": 1, "price": 2}'],
)
def test_of_what_is_neither_json_nor_a_form_only_the_secret_is_changed(body: str) -> None:
    secret = "abcdefghijklmnopqr"
    text = body.replace("{}", secret) if "{}" in body else f"{body}{secret}"
    request = WebhookRequest(headers={"content-type": "text/plain"}, body=text.encode())
    redacted_text = unread_event(request, [secret], Arrival(ms=1))["body"]
    assert redacted_text == text.replace(secret, REDACTED)


def test_each_reading_of_a_text_is_looked_at_once() -> None:
    readings = list(_readings('100 % + 5 \\\\u0025 "%2525+"'))
    assert len(readings) == len(set(readings)) > 5
    assert list(_readings("5 %")) == ["5 %"]


def test_a_number_that_is_a_secret_leaves_json() -> None:
    text = '{"pin": 1234567890123456, "price": 1.10}'
    assert redacted_body(text, ["1234567890123456"]) == '{"pin": "(secret)", "price": 1.10}'


def test_what_stands_around_a_secret_is_kept() -> None:
    note = {"note": "I am abc/def/ghi/jkl/mno, and so is 100% \\ abc/def/ghi/jkl/mno!", "rsi": 5}
    assert json.loads(redacted_body(json.dumps(note), ["abc/def/ghi/jkl/mno"])) == {
        "note": "I am (secret), and so is 100% \\ (secret)!",
        "rsi": 5,
    }
