"""What `webhook show` and `webhook test` send is what the function lets in, for every kind of sender."""

from __future__ import annotations

import json
import shlex
import time
from typing import get_args

import pytest

from cryptoctl.core.prices import Price, TimeLimits
from cryptoctl.core.senders import allowed_senders
from cryptoctl.core.webhook_prices import prices_in_request
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.core.webhook_secrets import new_secret
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.handlers.exact_jmespath import ExactExpression
from cryptoctl.ops.webhook.http import send_request
from cryptoctl.ops.webhook.requests import RequestMaker, SenderRequest
from cryptoctl.webhook_presets import PresetName
from cryptoctl.webhook_settings import SenderSettings, senders_variable
from kit.web_page import page_at

NOW_S = float(int(time.time()))
LIMITS = TimeLimits(now_ms=int(NOW_S * 1000), arrival_ms=int(NOW_S * 1000))
ADDRESS = "https://abc.lambda-url.us-east-1.on.aws/"
SENDERS = {
    preset: SenderSettings(preset=preset, sources=("127.0.0.1",)) for preset in get_args(PresetName)
} | {
    "header": SenderSettings(scheme="token", token_header="authorization", token_prefix="Bearer "),
    "member": SenderSettings(scheme="token", token_member="key"),
    "basic": SenderSettings(scheme="basic", username="somebody"),
    "mapped": SenderSettings(
        scheme="hmac",
        signature_header="x",
        algorithm="sha512",
        prices="data.trades",
        fields={"symbol": "s", "price": "p.last", "volume": "v"},
        constants={"exchange": "constant"},
    ),
    "constants": SenderSettings(scheme="basic", constants={"exchange": "constant"}),
    "member of a form": SenderSettings(preset="coinmarketalert", token_in_path=False, token_member="key"),
}


def maker(name: str) -> RequestMaker:
    return RequestMaker(name=name, sender=SENDERS[name], address=ADDRESS)


def arrived(request: SenderRequest) -> WebhookRequest:
    _, _, token = request.url.removeprefix(ADDRESS).partition("/")
    return WebhookRequest(
        headers=request.headers, body=request.body.encode(), source="127.0.0.1", token=token
    )


@pytest.mark.parametrize("name", SENDERS)
def test_the_request_of_each_kind_of_sender_is_let_in_and_has_a_price(name: str) -> None:
    sender = allowed_senders(senders_variable({name: SENDERS[name]}), ExactExpression)[name]
    encoding = SENDERS[name].with_preset().get("secret_encoding", "raw")
    secret, other = new_secret(encoding), new_secret(encoding)
    request_maker = maker(name)
    sample = request_maker.sample()
    right = arrived(request_maker.request(secret, sample, now_s=NOW_S, message_id="msg_1"))
    forged = arrived(request_maker.request(other, sample, now_s=NOW_S, message_id="msg_1"))
    assert sender.accepts(right, [secret], NOW_S)
    assert not sender.accepts(forged, [secret], NOW_S)
    (price,) = prices_in_request(right, sender, [secret], LIMITS).prices
    assert isinstance(price, Price)
    assert price.symbol == "WEBHOOK-TEST"
    assert secret not in price.raw


@pytest.mark.parametrize("name", SENDERS)
def test_the_curl_command_is_the_same_request(name: str) -> None:
    sender = maker(name)
    request = sender.request("whsec_c2VjcmV0", sender.sample() + " it's", now_s=NOW_S, message_id="msg_1")
    words = shlex.split(request.curl())
    assert words[words.index("--data-binary") + 1] == request.body
    assert request.url in words
    headers = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
    assert headers == [f"{name}: {value}" for name, value in request.headers.items()]


def test_what_cannot_be_told_from_an_expression_is_asked_for() -> None:
    fields = {"symbol": "join('-', [a, b])", "price": "p", "exchange": "e"}
    sender = SenderSettings(scheme="basic", fields=fields)  # type: ignore[arg-type]
    with pytest.raises(Failure, match="cannot be told") as raised:
        RequestMaker(name="a", sender=sender, address=ADDRESS).sample()
    assert raised.value.exit_code is ExitCode.USAGE
    assert "--body FILE" in raised.value.hint


def test_a_list_has_no_member_for_the_secret() -> None:
    with pytest.raises(Failure, match="A list has no member 'key'"):
        maker("member").request("the-secret", "[{}]", now_s=NOW_S, message_id="1")


@pytest.mark.process
def test_to_the_engine_no_proxy_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with page_at("here") as port:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert send_request("GET", f"http://127.0.0.1:{port}/", {}).text == "here"


@pytest.mark.parametrize(
    "proxy", ["http://user:hunter2", "http:/user:hunter2@host", "http://user:hunter2@a..b"]
)
def test_a_proxy_s_address_that_cannot_be_read_is_not_repeated(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(Failure, match="HTTPS_PROXY is no address") as raised:
        send_request("GET", ADDRESS, {})
    assert "hunter2" not in str(raised.value)


def test_a_secret_is_not_in_the_text_of_a_request() -> None:
    sender = maker("basic").request("the-secret", json.dumps({}), now_s=NOW_S, message_id="1")
    assert "the-secret" not in repr(sender)
