"""The front door: who comes in, who does not, and that both learn no more than they should."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from cryptoctl.core.senders import allowed_senders
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.handlers import price_enricher, webhook_processor
from cryptoctl.handlers.exact_jmespath import ExactExpression
from handlers.conftest import Clock
from handlers.events import ARRIVED_MS
from handlers.fake_aws import FakeAws, FaultError
from handlers.senders import BODIES, PRICE, SECRETS, SENDERS, event, honest, signature, variable


def answer(event: Any) -> dict[str, Any]:
    return webhook_processor.handler(event, None)


def body_of(event: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer(event)["body"])
    return document


def unauthorized(output: str) -> list[str]:
    lines = [json.loads(line) for line in output.splitlines()]
    return [line["Sender"] for line in lines if "Unauthorized" in line]


@pytest.mark.parametrize("name", SENDERS)
def test_a_price_of_each_kind_of_sender_is_stored(door: FakeAws, name: str) -> None:
    assert answer(honest(name))["statusCode"] == 200
    (item,) = door.items.values()
    values = (item["symbol"]["S"], item["price"]["N"])
    assert values == (("ZEC-USD", "150") if name == "alerting" else ("BTC", "50000.25"))
    assert SECRETS[name] not in json.dumps(item)


REFUSED: dict[str, Any] = {
    "unknown sender": lambda: event("/nobody", json.dumps(PRICE).encode()),
    "unknown sender with a token": lambda: event(f"/nobody/{SECRETS['alerting']}", b"{}"),
    "no signature": lambda: event("/standard", json.dumps(PRICE).encode()),
    "forged": lambda: honest("standard", secret="whsec_" + "A" * 44),
    "truncated": lambda: {**honest("standard"), "body": json.dumps(PRICE)[:-1]},
    "other bytes": lambda: {**honest("standard"), "body": json.dumps(PRICE).replace("50000", "60000")},
    "another sender's secret": lambda: honest("github", secret=SECRETS["stripe"]),
    "replayed after the window": lambda: event(
        "/standard", b"{}", signature("standard", b"{}", SECRETS["standard"], at_s=time.time() - 301)
    ),
    "from the future": lambda: event(
        "/standard", b"{}", signature("standard", b"{}", SECRETS["standard"], at_s=time.time() + 302)
    ),
    "wrong source": lambda: honest("tradingview", source="203.0.113.1"),
    "no source": lambda: honest("tradingview", source=""),
    "token in the header instead of the path": lambda: event(
        "/alerting", BODIES["alerting"], {"authorization": f"Bearer {SECRETS['alerting']}"}
    ),
    "token in the path instead of the header": lambda: event(f"/header/{SECRETS['header']}", b"{}"),
    "token in the query": lambda: {
        **event("/alerting", b"{}"),
        "rawQueryString": f"secret={SECRETS['alerting']}",
    },
    "token without its prefix": lambda: event("/header", b"{}", {"authorization": SECRETS["header"]}),
    "secret as the signature": lambda: event("/github", b"{}", {"x-hub-signature-256": SECRETS["github"]}),
    "nothing at all": lambda: {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/standard"},
    "odd types": lambda: {
        "requestContext": {"http": {"method": "POST", "sourceIp": []}},
        "rawPath": "/standard",
        "headers": {"webhook-id": None, "x": 1},
        "body": {"a": 1},
    },
    "half a character": lambda: {
        **event("/standard"),
        "body": "\ud800",
        "headers": {"webhook-signature": "\ud800"},
    },
    "no base64": lambda: {**event("/standard"), "body": "###", "isBase64Encoded": True},
    "basic for another user": lambda: event("/basic", b"{}", {"authorization": "Basic ZGVzayA6eA=="}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_whoever_cannot_prove_it_gets_the_same_answer_and_leaves_nothing(
    door: FakeAws, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = answer(REFUSED[case]())
    assert refused == answer(event("/nobody"))
    assert refused["statusCode"] == 401
    assert not door.items and not door.queue
    output = capsys.readouterr().out
    sender = REFUSED[case]()["rawPath"].split("/")[1]
    assert unauthorized(output) == [sender if sender in SENDERS else "unknown", "unknown"]
    assert all("Unauthorized" in line for line in output.splitlines()), "nothing else is logged"
    assert all(secret not in output for secret in SECRETS.values())
    assert "nobody" not in output and "50000" not in output


@pytest.mark.parametrize(
    ("http_event", "status"),
    [
        (event("/", b"{}"), 404),
        (event("", b"{}"), 404),
        (event("//standard", b"{}"), 404),
        (event("/standard/a/b", b"{}"), 404),
        (event("/standard", method="GET"), 405),
        (event("/nobody", method="PUT"), 405),
        (event("/standard", method="OPTIONS"), 405),
        (event("/health", method="POST"), 405),
        (event("/health", method="GET"), 200),
        (event("/standard", b"x" * 500_001), 413),
        (event("/nobody", b"x" * 500_001, encoded=True), 413),
        (event("/nobody", b"x" * 5_000_000, encoded=True), 413),
        (event("/standard", "é".encode() * 250_001), 413),
        (event("/standard", b"{}", {"content-encoding": "gzip"}), 415),
        (event("/standard", b"x" * 500_000), 401),
        (event("/standard", b"x" * 500_000, encoded=True), 401),
        (
            {
                **honest("header"),
                "headers": {**honest("header")["headers"], "content-type": "application/xml"},
            },
            415,
        ),
    ],
)
def test_path_method_size_and_encoding(door: FakeAws, http_event: Any, status: int) -> None:
    response = answer(http_event)
    assert response["statusCode"] == status
    assert ("Allow" in response["headers"]) == (status == 405)
    assert not door.items


def test_a_slash_at_the_end_is_no_other_path(door: FakeAws) -> None:
    request = honest("standard")
    assert answer({**request, "rawPath": "/standard/"})["statusCode"] == 200


def test_nobody_comes_in_where_no_sender_is_configured(
    door: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEBHOOK_SENDERS")
    assert answer(honest("standard"))["statusCode"] == 401
    assert not door.calls


def test_header_names_count_in_any_case(door: FakeAws) -> None:
    request = honest("standard")
    headers = {name.title(): value for name, value in request["headers"].items()}
    assert answer({**request, "headers": headers})["statusCode"] == 200


MESSAGE = (
    '{"symbol":"BTCUSD","exchange":"BITSTAMP","price":50000.25,"volume":1.5,'
    '"timestamp":"2023-11-14T22:13:20Z"}'
)


@pytest.mark.parametrize(
    "sent",
    [
        MESSAGE,
        MESSAGE + "\n",
        "\r\n" + MESSAGE + "\r\n",
        "\ufeff" + MESSAGE,
        MESSAGE.replace('"symbol"', '"secret": "SECRET", "symbol"'),
        MESSAGE.replace("}", ', "plot_0": NaN, "comment": null, "extra": [[1, {"a": -Infinity}]]}'),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain; charset=utf-8", ""])
@pytest.mark.parametrize("encoded", [False, True])
def test_an_alert_of_tradingview_in_every_form_it_comes(
    door: FakeAws, sent: str, content_type: str, encoded: bool
) -> None:
    body = sent.replace("SECRET", SECRETS["tradingview"]).encode()
    path = "/tradingview" if "SECRET" in sent else f"/tradingview/{SECRETS['tradingview']}"
    request = event(path, body, {"content-type": content_type}, encoded=encoded)
    response = answer(request)
    assert response["statusCode"] == 200, response
    (item,) = door.items.values()
    assert (item["symbol"]["S"], item["price"]["N"], item["volume"]["N"]) == ("BTCUSD", "50000.25", "1.5")
    assert json.loads(response["body"])["timestamp"] == ARRIVED_MS
    assert "secret" not in json.dumps(item)
    assert body_of(request)["status"] == "duplicate"


def test_a_secret_that_stands_elsewhere_in_a_body_is_not_stored(door: FakeAws) -> None:
    for number, name in enumerate(SENDERS):
        note = {**PRICE, "id": number, "note": f"I am {SECRETS[name]}."}
        if name not in BODIES:
            assert answer(honest(name, json.dumps(note).encode()))["statusCode"] == 200
    assert len(door.items) == len(SENDERS) - len(BODIES)
    for item in door.items.values():
        assert json.loads(item["raw_data"]["S"])["note"] == "I am (secret)."


def test_json_that_curl_calls_a_form_is_json(door: FakeAws) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert answer(honest("github", headers=headers))["statusCode"] == 200


@pytest.mark.parametrize("name", ["header", "member"])
@pytest.mark.parametrize("nothing", ["null", "NaN", '""'])
def test_without_fields_a_member_that_is_nothing_is_refused_and_not_taken_for_absent(
    door: FakeAws, name: str, nothing: str
) -> None:
    body = json.dumps({**PRICE, "timestamp": "here"}).replace('"here"', nothing)
    response = answer(honest(name, body.encode()))
    assert (response["statusCode"], door.items) == (400, {})
    assert "timestamp" in response["body"] or "NaN" in response["body"]


def test_a_form_without_a_mapping_is_read_by_the_fields_own_names(door: FakeAws) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = f"symbol=BTC&price=0.1&exchange=x+y&timestamp={ARRIVED_MS}&volume=".encode()
    assert answer(honest("header", body, headers=headers))["statusCode"] == 200
    (item,) = door.items.values()
    assert (item["price"]["N"], item["exchange"]["S"]) == ("0.1", "x y")
    assert json.loads(item["raw_data"]["S"])["price"] == "0.1"


@pytest.mark.parametrize(
    "body",
    [
        b"symbol=BTC&symbol=ETH",
        b"symbol=BTC&exchange=x&price=1&+price=2",
        b"a=%FF",
        b"&".join([b"a=1"] * 101),
        b"\xff",
    ],
)
def test_a_form_that_is_none_is_refused_with_a_reason(door: FakeAws, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = answer(honest("header", body, headers=headers, encoded=True))
    assert response["statusCode"] == 400
    assert json.loads(response["body"])["reason"]


def test_a_message_sent_again_is_the_same_prices(door: FakeAws) -> None:
    trade = '{"s":"BTC","p":1,"t":1700000000000}'
    body = f'{{"data":[{trade},{trade},{{"s":"ETH","p":2,"t":1700000000000}}]}}'.encode()
    first = body_of(honest("mapped", body))
    assert [result["status"] for result in first["results"]] == ["stored"] * 3
    for _ in range(4):
        again = body_of(honest("mapped", body))
        assert [result["status"] for result in again["results"]] == ["duplicate"] * 3
    assert sorted(item["id"]["S"] for item in door.items.values()) == ["msg_1.0", "msg_1.1", "msg_1.2"]
    assert body_of(honest("mapped", body, message_id="msg_2"))["results"][0]["status"] == "stored"


TIMELESS = b'{"symbol":"BTC","price":1,"exchange":"x"}'


@pytest.mark.parametrize("message_id", ["msg_2", "é" * 300])
def test_a_message_with_neither_times_nor_ids_sent_again_is_the_same_prices(
    door: FakeAws, clock: Clock, message_id: str
) -> None:
    def sent(message_id: str) -> dict[str, Any]:
        request = honest("standard", TIMELESS, message_id=message_id)
        request["requestContext"]["timeEpoch"] += int((clock.now_s - start_s) * 1000)
        return body_of(request)

    start_s = clock.now_s
    first = sent(message_id)
    assert first["timestamp"] == ARRIVED_MS
    for later_s in (1, 400, 86_400):  # signed anew each time, as the standard has it
        clock.now_s += later_s
        again = sent(message_id)
        assert (again["status"], again["sort_key"]) == ("duplicate", first["sort_key"])
    assert sent("msg_1")["status"] == "stored", "an equal price of another message"
    assert price_enricher.handler({"Records": door.stream}, None) == {"batchItemFailures": []}
    assert not door.queue and len(door.announced) == 2, "what is no price is neither enriched nor set aside"


def test_a_price_without_a_time_whose_first_attempt_failed_keeps_the_time_of_that(
    door: FakeAws, clock: Clock
) -> None:
    def down(operation: str, moment: str) -> None:
        if operation == "PutItem" and door.items:  # the message is known, its price is not stored
            raise FaultError("InternalServerError")

    door.fault = down
    assert answer(honest("standard", TIMELESS))["statusCode"] == 503
    door.fault = lambda operation, moment: None
    clock.now_s += 60
    request = honest("standard", TIMELESS)
    request["requestContext"]["timeEpoch"] += 60_000
    assert (body_of(request)["status"], body_of(request)["timestamp"]) == ("stored", ARRIVED_MS)
    (letter,) = door.queue
    assert body_of(json.loads(letter["MessageBody"]))["status"] == "duplicate"


def test_a_price_s_own_id_counts_more_than_the_message_s(door: FakeAws) -> None:
    answer(honest("standard", json.dumps({**PRICE, "id": 7}).encode()))
    assert (
        body_of(honest("standard", json.dumps({**PRICE, "id": 7}).encode(), message_id="2"))["status"]
        == "duplicate"
    )


@pytest.mark.parametrize("message_id", ["with space", "é", "x" * 400])
def test_any_message_id_will_do(door: FakeAws, message_id: str) -> None:
    assert body_of(honest("standard", message_id=message_id))["status"] == "stored"
    assert body_of(honest("standard", message_id=message_id))["status"] == "duplicate"


@pytest.mark.parametrize("name", SENDERS)
def test_what_cannot_be_stored_is_kept_without_header_or_secret_and_comes_back_as_the_same_price(
    door: FakeAws, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(operation: str, moment: str) -> None:
        if operation == "PutItem":
            raise FaultError("InternalServerError")

    request = honest(name)
    door.fault = down
    response = answer(request)
    assert response["statusCode"] == 503
    assert "Retry-After" in response["headers"]
    (logged,) = (line for line in capsys.readouterr().out.splitlines() if "request not stored" in line)
    assert json.loads(logged)["sender"] == name
    (letter,) = door.queue
    assert SECRETS[name] not in json.dumps(letter)
    queued = json.loads(letter["MessageBody"])
    assert set(queued) == {"body", "requestContext"}
    door.fault = lambda operation, moment: None
    assert answer(queued)["statusCode"] == 200
    (key,) = door.items
    results = body_of(request)
    assert results.get("results", [results])[0]["status"] == "duplicate", "the sender's own retry"
    assert set(door.items) == {key}


@pytest.mark.parametrize("name", ["alerting", "mapped"])
@pytest.mark.parametrize("members", ['"id": {"x": 1}', '"occurrence": "first"', '"prices": [1]', '"id": "7"'])
def test_a_sender_s_members_of_our_names_mean_nothing_in_a_dead_letter(
    door: FakeAws, name: str, members: str
) -> None:
    def down(operation: str, moment: str) -> None:
        if operation == "PutItem":
            raise FaultError("InternalServerError")

    old = b'"type"' if name == "alerting" else b'"s"'
    request = honest(name, BODIES[name].replace(old, members.encode() + b", " + old))
    door.fault = down
    assert answer(request)["statusCode"] == 503
    door.fault = lambda operation, moment: None
    queued = json.loads(door.queue[0]["MessageBody"])
    assert answer(queued)["statusCode"] == 200
    results = body_of(request)
    assert results.get("results", [results])[0]["status"] == "duplicate"


@pytest.mark.parametrize("field", ["symbol", "exchange", "id"])
def test_a_secret_in_a_field_of_a_price_is_refused_and_shown_nowhere(
    door: FakeAws, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = SECRETS["header"]
    response = answer(honest("header", json.dumps({**PRICE, field: f"x{secret}"}).encode()))
    assert (response["statusCode"], json.loads(response["body"])["field"]) == (400, field)
    assert not door.items and not door.queue
    assert secret.lower() not in (capsys.readouterr().out + response["body"]).lower()


def test_of_a_request_from_elsewhere_nothing_is_parsed(door: FakeAws) -> None:
    class Unread(WebhookRequest):
        def document(self) -> Any:
            raise AssertionError("parsed")

    sender = allowed_senders(variable(), ExactExpression)["tradingview"]
    request = Unread(headers={}, body=b'{"secret": "x"}', source="203.0.113.1")
    assert not sender.accepts(request, ("x",), time.time())


def test_the_answer_to_a_known_sender_says_what_was_wrong(
    door: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    response = answer(honest("standard", b'{"symbol":"BTC","price":-1,"exchange":"x"}'))
    assert response["statusCode"] == 400
    assert json.loads(response["body"])["field"] == "price"
    (line, *_) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["sender"], json.loads(line)["level"]) == ("standard", "WARNING")


def test_a_right_request_is_counted_for_its_sender(door: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    answer(honest("github"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["sender"] == "github"
    assert not any("Unauthorized" in line for line in lines)
