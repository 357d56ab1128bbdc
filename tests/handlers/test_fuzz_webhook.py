"""Whatever is sent to the webhook: 200, 207, 400 or 413, no exception; what it takes is in the table."""

import base64
import copy
import json
import os
import random
from decimal import Decimal
from typing import Any

import pytest

from handlers.events import http, send
from handlers.fake_aws import FakeAws

pytestmark = pytest.mark.thorough

MS = 1_675_329_600_138
TEXTS = [
    "",
    " ",
    "BTC",
    "btc\n",
    "é",
    "\ud800",
    "\x00",
    "x" * 65,
    "x" * 3000,
    "😀",
    "NaN",
    "null",
    "1e5",
    "0x1",
    "１",
]
NUMBERS = [
    0,
    -0.0,
    0.1,
    -1,
    1e-18,
    1e308,
    5e-324,
    10**37,
    10**38 - 1,
    10**38,
    10**400,
    float("nan"),
    float("inf"),
]
NUMBER_TEXTS = [
    "1e-130",
    "1e-131",
    "9.99e125",
    "1e126",
    "1e999999999",
    "0." + "1" * 38,
    "0." + "1" * 39,
    "1_0",
    "-0",
]
TIMES: list[Any] = [
    MS,
    MS / 1000,
    MS // 1000,
    "2023-02-02T09:20:00Z",
    "2023-02-02",
    "24:00",
    10**14,
    99_999_999_999,
]
VALUES: list[Any] = [*TEXTS, *NUMBERS, *NUMBER_TEXTS, *TIMES, None, True, [], {}, [[]], {"S": "BTC"}, [1, 2]]
NAMES = [
    "symbol",
    "price",
    "exchange",
    "volume",
    "timestamp",
    "id",
    "note",
    "prices",
    "body",
    "requestContext",
    "Price",
]
SNIPPETS = [
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    ":",
    "\\",
    "\\u",
    "NaN",
    "1e999999",
    "\x00",
    "\ufeff",
    "é",
    "[[[[",
    "-",
    "0",
    " ",
]


def a_price(chance: random.Random) -> dict[str, Any]:
    price: dict[str, Any] = {
        "symbol": chance.choice(["BTC", "eth", " SOL-USD "]),
        "price": chance.choice([50000.0, "1666.80", 1e-18, 3]),
        "exchange": chance.choice(["coinbase", "binance"]),
        "timestamp": MS + chance.randrange(50),
    }
    if chance.random() < 0.5:
        price["id"] = chance.randrange(20)
    while chance.random() < 0.4:
        name = chance.choice(NAMES)
        if chance.random() < 0.2:
            price.pop(name, None)
        else:
            price[name] = copy.deepcopy(chance.choice(VALUES))
    return price


def a_request(chance: random.Random) -> Any:
    kind = chance.random()
    if kind < 0.5:
        return a_price(chance)
    prices = [
        a_price(chance) if chance.random() < 0.95 else chance.choice(VALUES)
        for _ in range(chance.randrange(6))
    ]
    if kind < 0.52:
        prices *= 300
    return prices if kind < 0.7 else {"prices": prices} if kind < 0.97 else chance.choice(VALUES)


def mangled(text: str, chance: random.Random) -> str:
    while chance.random() < 0.5:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(SNIPPETS) + text[at + chance.randrange(3) :]
    return text


def an_event(chance: random.Random) -> Any:
    request = a_request(chance)
    way = chance.random()
    if way < 0.25:
        return request
    text = json.dumps(request, ensure_ascii=chance.random() < 0.8)
    if chance.random() < 0.4:
        text = mangled(text, chance)
    if way < 0.5:
        return {"body": text}
    if way < 0.8:
        return http(text)
    content = text.encode(errors="surrogatepass")
    if chance.random() < 0.2:
        content = content[:-1] + bytes([chance.randrange(256)])
    encoded = base64.b64encode(content).decode()
    return http(mangled(encoded, chance) if chance.random() < 0.1 else encoded, isBase64Encoded=True)


def fuzz(aws: FakeAws, seed: int, count: int) -> dict[int, int]:
    """Sends `count` events; how many got which status."""
    chance = random.Random(seed)
    statuses: dict[int, int] = {}
    for number in range(count):
        event = an_event(chance)
        try:
            status, answer = send(event)
        except Exception as error:
            raise AssertionError(f"seed {seed}, event {number}: {event!r:.300}") from error
        statuses[status] = statuses.get(status, 0) + 1
        assert status in {200, 207, 400, 413}, (seed, number, answer)
        results = answer.get("results", [answer] if status == 200 else [])
        for result in results:
            if result["status"] != "rejected":
                assert (result["symbol"], Decimal(result["sort_key"])) in aws.items, (seed, number)
        if len(aws.items) > 5000:
            aws.items.clear()
            aws.stream.clear()
    assert not aws.queue
    return statuses


def test_a_sample(aws: FakeAws) -> None:
    assert set(fuzz(aws, seed=1, count=1000)) == {200, 207, 400, 413}


@pytest.mark.torture
@pytest.mark.parametrize("part", range(10))
def test_at_least_100_000_events(aws: FakeAws, part: int) -> None:
    seed = int(os.environ.get("FUZZ_SEED", "0")) + 100 + part
    fuzz(aws, seed=seed, count=10_000)
