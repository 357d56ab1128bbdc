"""Whatever a stranger sends to the address: refused, in few words, and nothing is stored or raised."""

from __future__ import annotations

import base64
import json
import os
import random
from collections import Counter
from typing import Any

import pytest

from cryptoctl.handlers import webhook_processor
from handlers.fake_aws import FakeAws
from handlers.senders import SECRETS, SENDERS, honest

pytestmark = pytest.mark.thorough

ODD: list[Any] = [
    "",
    " ",
    "\x00",
    "\ud800",
    "é",
    "１",
    "v1,",
    "t=,v1=",
    "Bearer ",
    "Basic ",
    "=" * 8,
    None,
    7,
    [],
    {},
]
HEADERS = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-signature",
    "stripe-signature",
    "x-hub-signature-256",
    "authorization",
    "content-type",
    "content-encoding",
]


def mutated(text: str, chance: random.Random) -> str:
    """The text with one character changed, left out or added; never as it was."""
    at = chance.randrange(len(text) + 1)
    letter = chance.choice('aZ09+/=-_.,:{}[]"\\ \x00é😀')
    changed = chance.choice(
        [text[:at] + letter + text[at + 1 :], text[:at] + text[at + 1 :], text[:at] + letter + text[at:]]
    )
    return changed if changed != text else text + letter


def forged(text: str, chance: random.Random, start: int = 0) -> str:
    """The text with one letter or digit changed: a space, a slash or a zero at its end may change nothing."""
    places = [at for at in range(start, len(text) - 1) if text[at].isalnum()]
    at = chance.choice(places)
    letter = chance.choice([digit for digit in "abcdef0123456789" if digit != text[at].lower()])
    return text[:at] + letter + text[at + 1 :]


def forged_signature(header: str, chance: random.Random) -> str:
    """The header with its signature changed, and no right one beside it."""
    return forged(header, chance, max(header.rstrip("=").rfind("="), header.rfind(",")) + 1)


def wrong_secret(name: str, chance: random.Random) -> str:
    if SENDERS[name].get("secret_encoding") == "base64":
        return "whsec_" + base64.b64encode(chance.randbytes(32)).decode()
    return chance.choice([forged(SECRETS[name], chance), "", chance.choice(list(SECRETS.values()))[:-1]])


def strangers_event(chance: random.Random) -> dict[str, Any]:
    """A request that nobody who knows the secret has made."""
    name = chance.choice(list(SENDERS))
    event = honest(name, secret=wrong_secret(name, chance) or "x")
    kind = chance.random()
    if kind < 0.3:  # right, but for one thing
        event = honest(name)
        signed = SENDERS[name]["scheme"] == "hmac"
        if signed and chance.random() < 0.5:
            event["body"] = mutated(event["body"], chance)
        elif signed:
            header = SENDERS[name]["signature_header"]
            event["headers"][header] = forged_signature(event["headers"][header], chance)
        else:
            event = honest(name, secret=forged(SECRETS[name], chance))
    while chance.random() < 0.4:
        event["headers"][chance.choice(HEADERS)] = chance.choice(ODD)
    while chance.random() < 0.15:
        place = chance.choice(["rawPath", "headers", "body", "isBase64Encoded", "rawQueryString"])
        event[place] = chance.choice([*ODD, f"/{chance.choice(list(SENDERS))}/", True, "/" * 50])
    if chance.random() < 0.1:
        event["requestContext"]["http"] = chance.choice(
            [None, [], {}, {"method": "POST"}, {"method": ["POST"]}]
        )
    if chance.random() < 0.1 and isinstance(event.get("body"), str):
        event["body"] = base64.b64encode(event["body"].encode(errors="replace")).decode()
        event["isBase64Encoded"] = True
    return event


def fuzz(aws: FakeAws, seed: int, count: int) -> Counter[int]:
    chance = random.Random(seed)
    statuses: Counter[int] = Counter()
    for number in range(count):
        event = strangers_event(chance)
        try:
            answer = webhook_processor.handler(event, None)
        except Exception as error:
            raise AssertionError(f"seed {seed}, event {number}: {event!r:.500}") from error
        assert answer["statusCode"] in {401, 404, 405, 413, 415}, (seed, number, answer, event)
        assert all(secret not in json.dumps(answer) for secret in SECRETS.values())
        statuses[answer["statusCode"]] += 1
    assert not aws.items and not aws.queue
    return statuses


def test_a_sample(door: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    statuses = fuzz(door, seed=1, count=2000)
    assert set(statuses) == {401, 404, 405, 415}
    output = capsys.readouterr().out
    lines = [json.loads(line) for line in output.splitlines()]
    assert sum(line.get("Unauthorized", 0) for line in lines) == statuses[401] == len(lines)
    assert all(secret[8:] not in output for secret in SECRETS.values())


@pytest.mark.torture
@pytest.mark.parametrize("part", range(20))
def test_a_million_requests(door: FakeAws, part: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("FUZZ_SEED", "0")) + 100 + part
    for block in range(50):
        fuzz(door, seed=seed * 1000 + block, count=1000)
        capsys.readouterr()
