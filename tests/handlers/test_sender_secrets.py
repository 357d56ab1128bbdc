"""Senders' secrets: read once a minute, rotated without a refusal, and those that cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cryptoctl.handlers import webhook_processor
from handlers.conftest import Clock
from handlers.fake_aws import FakeAws, FaultError
from handlers.senders import SECRETS, SENDERS, event, honest


def answer(event: Any) -> dict[str, Any]:
    return webhook_processor.handler(event, None)


def test_secrets_are_read_at_first_use_and_again_after_a_minute(door: FakeAws, clock: Clock) -> None:
    for _ in range(3):
        answer(honest("standard"))
        answer(event("/nobody"))
    assert door.calls["GetParameter"] == len(SENDERS)
    clock.now_s += 59
    answer(event("/nobody"))
    assert door.calls["GetParameter"] == len(SENDERS)
    clock.now_s += 2
    answer(event("/nobody"))
    assert door.calls["GetParameter"] == 2 * len(SENDERS), "an unknown sender costs the same reads"


def test_a_rotation_refuses_none_within_the_grace_and_the_old_secret_after_it(
    door: FakeAws, clock: Clock
) -> None:
    start_s = clock.now_s
    assert answer(honest("github"))["statusCode"] == 200
    until_ms = int((start_s + 600) * 1000)
    door.parameters["/cryptoctl/test/webhook/github"] = json.dumps(
        {"secret": "the-new-one", "previous": {"secret": SECRETS["github"], "until_ms": until_ms}}
    )
    statuses = []
    for second in range(1, 700):
        clock.now_s = start_s + second
        # The sender changes to the new secret when every function knows it, and before the grace is over.
        secret = SECRETS["github"] if second < 100 else "the-new-one"
        statuses.append(answer(honest("github", secret=secret))["statusCode"])
    assert set(statuses) == {200}
    clock.now_s = start_s + 599.999
    assert answer(honest("github"))["statusCode"] == 200
    clock.now_s = start_s + 600
    assert answer(honest("github"))["statusCode"] == 401
    assert answer(honest("github", secret="the-new-one"))["statusCode"] == 200


@pytest.mark.parametrize("text", [None, "no JSON", '{"secret": 1}', '{"secret": "no base64!"}'])
def test_a_secret_that_cannot_be_read_is_a_503_and_no_default(
    door: FakeAws, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "/cryptoctl/test/webhook/standard"
    request = honest("standard")
    if text is None:
        del door.parameters[name]
    else:
        door.parameters[name] = text
    response = answer(request)
    assert response["statusCode"] == 503
    assert int(response["headers"]["Retry-After"]) > 0
    assert not door.items and not door.queue
    assert answer(honest("github"))["statusCode"] == 200, "the others come in"
    assert [answer(event("/standard"))["statusCode"] for _ in range(3)] == [503] * 3
    out = capsys.readouterr().out
    assert "no base64!" not in out
    assert out.count('"level":"ERROR"') == 1, "as often as it is read, not as often as a stranger asks"
    # Of one that is gone, `plan` tells, and `up` makes another.
    assert ("cryptoctl webhook rotate standard --replace --env test" in out) is (text is not None)


def test_what_could_not_be_read_is_asked_for_again_soon_but_not_at_each_request(
    door: FakeAws, clock: Clock
) -> None:
    door.fault = lambda operation, moment: (_ for _ in ()).throw(FaultError("ThrottlingException"))
    assert [answer(honest("github"))["statusCode"] for _ in range(5)] == [503] * 5
    assert door.calls["GetParameter"] == len(SENDERS)
    door.fault = lambda operation, moment: None
    clock.now_s += 6
    assert answer(honest("github"))["statusCode"] == 200


def levels(output: str) -> list[str]:
    return [line["level"] for line in map(json.loads, output.splitlines()) if "level" in line]


def throttled(operation: str, moment: str) -> None:
    if operation == "GetParameter":
        raise FaultError("ThrottlingException")


def test_a_secret_that_cannot_be_read_again_counts_for_five_minutes(
    door: FakeAws, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(honest("github"))["statusCode"] == 200
    door.fault = throttled
    capsys.readouterr()
    for _ in range(4):
        clock.now_s += 61
        assert answer(honest("github"))["statusCode"] == 200
    assert set(levels(capsys.readouterr().out)) == {"WARNING", "INFO"}
    clock.now_s += 61
    assert answer(honest("github"))["statusCode"] == 503
    assert levels(capsys.readouterr().out) == ["ERROR"] * len(SENDERS)
    door.fault = lambda operation, moment: None
    clock.now_s += 6
    assert answer(honest("github"))["statusCode"] == 200


def test_what_is_signed_with_a_new_secret_is_no_401_while_the_old_one_cannot_be_read_again(
    door: FakeAws, clock: Clock
) -> None:
    assert answer(honest("github"))["statusCode"] == 200
    door.parameters["/cryptoctl/test/webhook/github"] = json.dumps({"secret": "the-new-one"})
    door.fault = throttled
    clock.now_s += 61
    assert answer(honest("github", secret="the-new-one"))["statusCode"] == 503
    assert answer(event("/nobody"))["statusCode"] == 401
    door.fault = lambda operation, moment: None
    clock.now_s += 6
    assert answer(honest("github", secret="the-new-one"))["statusCode"] == 200
    assert answer(honest("github"))["statusCode"] == 401


@pytest.mark.parametrize("text", [None, "no JSON"])
def test_a_secret_that_is_gone_counts_no_longer_and_is_alone_asked_for_soon(
    door: FakeAws, clock: Clock, text: str | None
) -> None:
    assert answer(honest("github"))["statusCode"] == 200
    door.parameters.pop("/cryptoctl/test/webhook/github")
    if text is not None:
        door.parameters["/cryptoctl/test/webhook/github"] = text
    clock.now_s += 61
    door.calls.clear()
    assert answer(honest("github"))["statusCode"] == 503
    assert door.calls["GetParameter"] == len(SENDERS)
    for _ in range(9):
        clock.now_s += 6
        assert answer(honest("standard"))["statusCode"] == 200
    assert door.calls["GetParameter"] == len(SENDERS) + 9


@pytest.mark.parametrize(
    ("name", "value"), [("WEBHOOK_SENDERS", "{x"), ("WEBHOOK_SENDERS", "[]"), ("ENVIRONMENT", "")]
)
def test_where_nobody_can_be_let_in_somebody_is_told(
    door: FakeAws,
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    assert answer(honest("github"))["statusCode"] == 503
    assert levels(capsys.readouterr().out) == ["ERROR"]
    assert not door.queue, "nobody knows whose it is"
    assert answer(event("/health", method="GET"))["statusCode"] == 200
