"""Each scheme accepts what is proven, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Literal
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.authentication import AuthScheme, BasicScheme, HmacScheme, NoScheme, TokenScheme
from cryptoctl.core.prices import Rejected
from cryptoctl.core.senders import AllowedSender, allowed_senders, in_networks
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.core.webhook_secrets import new_secret
from cryptoctl.webhook_presets import PRESETS

NOW_S = 1_790_000_000.0
SECRET = "the-secret"
BODY = b'{"symbol":"BTC","price":1,"exchange":"x"}'


def request(body: bytes = BODY, token: str = "", **headers: str) -> WebhookRequest:
    return WebhookRequest(
        headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body, token=token
    )


def of_preset(preset: str) -> AllowedSender:
    import jmespath

    keys = json.dumps({"a": PRESETS[preset]})  # type: ignore[index]
    return allowed_senders(keys, jmespath.compile)["a"]


def test_github_s_published_example() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    webhook = request(b"Hello, World!", x_hub_signature_256=signature)
    scheme = of_preset("github-like").scheme
    assert scheme.accepts(webhook, ["It's a Secret to Everybody"], NOW_S)
    assert not scheme.accepts(webhook, ["It's a secret to everybody"], NOW_S)


def test_the_published_example_of_standard_webhooks() -> None:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    webhook = request(
        b'{"test": 2432232314}',
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        webhook_timestamp="1614265330",
        webhook_signature="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    )
    scheme = of_preset("standard-webhooks").scheme
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert scheme.accepts(webhook, [secret], 1614265330 + 300)
    assert not scheme.accepts(webhook, [secret], 1614265330 + 301)
    assert not scheme.accepts(webhook, [secret], 1614265330 - 301)


def test_a_signature_with_its_time_in_one_header() -> None:
    signed = hmac.new(SECRET.encode(), f"{NOW_S:.0f}.".encode() + BODY, hashlib.sha256).hexdigest()
    webhook = request(stripe_signature=f"t={NOW_S:.0f},v1={'0' * 64},v1={signed},v0=ignored")
    scheme = of_preset("stripe-like").scheme
    assert scheme.accepts(webhook, [SECRET], NOW_S)
    assert not scheme.accepts(request(stripe_signature=f"t={NOW_S - 1:.0f},v1={signed}"), [SECRET], NOW_S)
    assert not scheme.accepts(request(stripe_signature=f"v1={signed}"), [SECRET], NOW_S)


@st.composite
def schemes(draw: st.DrawFn) -> HmacScheme:
    signed = draw(st.sampled_from(["body", "timestamp.body", "id.timestamp.body"]))
    return HmacScheme(
        signature_header="x-signature",
        algorithm=draw(st.sampled_from(["sha256", "sha512", "sha1"])),
        encoding=draw(st.sampled_from(["hex", "base64"])),
        secret_encoding=draw(st.sampled_from(["raw", "base64"])),
        signature_prefix=draw(st.sampled_from(["", "v1=", "sha256="])),
        delimiter=draw(st.sampled_from([None, " ", ","])),
        signed_message=signed,  # type: ignore[arg-type]
        timestamp_header=None if signed == "body" else "x-time",
        message_id_header="x-id",
    )


def signed(scheme: HmacScheme, secret: str, body: bytes, at_s: float = NOW_S) -> WebhookRequest:
    time, message_id = f"{at_s:.0f}", "msg_1"
    signature = scheme.signature(secret, scheme.message(body, time, message_id))
    return request(body, x_signature=scheme.signature_prefix + signature, x_time=time, x_id=message_id)


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_hex_is_read_in_either_case_and_base64_in_its_own_with_or_without_its_end(
    encoding: Literal["hex", "base64"],
) -> None:
    scheme = HmacScheme(signature_header="x-signature", encoding=encoding)
    signature = scheme.signature(SECRET, BODY)

    def accepts(text: str) -> bool:
        return scheme.accepts(request(BODY, x_signature=text), [SECRET], NOW_S)

    assert accepts(signature)
    assert accepts(signature.upper()) is (encoding == "hex")
    assert accepts(signature.rstrip("=")) and accepts(f"{signature}=") is (encoding == "base64")


@given(schemes(), st.binary(max_size=60), st.data())
def test_what_is_signed_is_accepted_and_nothing_near_it(
    scheme: HmacScheme, body: bytes, data: st.DataObject
) -> None:
    secret, other = new_secret(scheme.secret_encoding), new_secret(scheme.secret_encoding)
    webhook = signed(scheme, secret, body)
    assert scheme.accepts(webhook, [secret], NOW_S)
    assert scheme.accepts(webhook, [other, secret], NOW_S)
    assert not scheme.accepts(webhook, [other], NOW_S)
    assert not scheme.accepts(webhook, [], NOW_S)
    at = data.draw(st.integers(min_value=0, max_value=len(body)))
    changed = body[:at] + bytes([data.draw(st.integers(min_value=0, max_value=255))]) + body[at:]
    assert not scheme.accepts(WebhookRequest(headers=webhook.headers, body=changed), [secret], NOW_S)
    header = webhook.headers["x-signature"]
    for broken in ("", header[:-5], header + "a", "a" + header, scheme.signature_prefix):
        forged = WebhookRequest(headers={**webhook.headers, "x-signature": broken}, body=body)
        assert not scheme.accepts(forged, [secret], NOW_S), broken


@given(schemes().filter(lambda scheme: scheme.signed_message != "body"), st.floats(-2000, 2000))
def test_a_signed_time_counts_within_the_tolerance(scheme: HmacScheme, off_s: float) -> None:
    webhook = signed(scheme, "c2VjcmV0", BODY, NOW_S + round(off_s))
    assert scheme.accepts(webhook, ["c2VjcmV0"], NOW_S) == (abs(round(off_s)) <= 300)


@pytest.mark.parametrize("time", ["", "x", "-1790000000", "1_790_000_000", "1790000000.5", "9" * 400, "１"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    scheme = HmacScheme(signature_header="s", signed_message="timestamp.body", timestamp_header="t")
    webhook = request(s=scheme.signature(SECRET, scheme.message(BODY, time, "")), t=time)
    assert not scheme.accepts(webhook, [SECRET], NOW_S)


def test_a_time_in_milliseconds_is_one_too() -> None:
    scheme = HmacScheme(signature_header="s", signed_message="timestamp.body", timestamp_header="t")
    time = f"{NOW_S * 1000:.0f}"
    webhook = request(s=scheme.signature(SECRET, scheme.message(BODY, time, "")), t=time)
    assert scheme.accepts(webhook, [SECRET], NOW_S)


def test_the_message_s_id_may_not_be_missing_where_it_is_signed() -> None:
    scheme = of_preset("standard-webhooks").scheme
    assert isinstance(scheme, HmacScheme)
    secret, time = "whsec_c2VjcmV0", f"{NOW_S:.0f}"
    signature = scheme.signature(secret, scheme.message(BODY, time, ""))
    webhook = request(webhook_timestamp=time, webhook_signature=f"v1,{signature}")
    assert not scheme.accepts(webhook, [secret], NOW_S)


IN_ALL = TokenScheme(
    token_header="authorization", token_prefix="Bearer ", token_in_path=True, token_member="key"
)


@pytest.mark.parametrize(
    "webhook_request",
    [
        request(authorization=f"Bearer {SECRET}"),
        request(authorization=f"bearer  {SECRET} "),
        request(token=SECRET),
        request(json.dumps({"key": SECRET}).encode()),
        request(b'{"key": "the-secret", "price": 1' + b"0" * 5000 + b"}"),
        request(f"a=b&key={SECRET}".encode(), content_type="application/x-www-form-urlencoded"),
    ],
)
def test_a_token_in_one_of_its_places(webhook_request: WebhookRequest) -> None:
    assert IN_ALL.accepts(webhook_request, [SECRET], NOW_S)
    assert IN_ALL.accepts(webhook_request, ["other", SECRET], NOW_S)
    assert not IN_ALL.accepts(webhook_request, ["other"], NOW_S)
    assert not TokenScheme(token_header="x").accepts(webhook_request, [SECRET], NOW_S)


@pytest.mark.parametrize(
    "webhook_request",
    [
        request(authorization=SECRET),
        request(x_token=f"Bearer {SECRET}"),
        request(token=SECRET + "x"),
        request(token=SECRET[:-1]),
        request(json.dumps({"key": [SECRET]}).encode()),
        request(json.dumps({"other": SECRET}).encode()),
        request(json.dumps([{"key": SECRET}]).encode()),
        request(json.dumps({"key": SECRET}).encode(), content_type="application/xml"),
        request(b"[" * 100_000),
        request(b'{"key": 1' + b"0" * 5000 + b', "a": "the-secret"}'),
        request(b"\xff\xfe"),
        request(),
    ],
)
def test_a_token_elsewhere_or_another_one(webhook_request: WebhookRequest) -> None:
    assert not IN_ALL.accepts(webhook_request, [SECRET], NOW_S)


@pytest.mark.parametrize("rest", [b'"a": ' + b"[" * 99 + b"]" * 99, b'"a": 1, "a": 2'], ids=["deep", "twice"])
def test_a_body_is_read_strictly_only_once_it_is_proven(rest: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strict reading of a stranger's large body would take a second of the function's time."""
    webhook = request(b'{"key": "the-secret", ' + rest + b"}")
    with monkeypatch.context() as patched:
        patched.setattr(WebhookRequest, "document", Mock(side_effect=AssertionError))
        assert IN_ALL.accepts(webhook, [SECRET], NOW_S)
        assert not IN_ALL.accepts(webhook, ["other"], NOW_S)
    with pytest.raises(Rejected, match="body"):
        webhook.document()


def basic(text: str, scheme: str = "Basic") -> WebhookRequest:
    return request(authorization=f"{scheme} {base64.b64encode(text.encode()).decode()}")


def test_basic_authentication() -> None:
    scheme = BasicScheme(username="desk")
    assert scheme.accepts(basic(f"desk:{SECRET}"), ["other", SECRET], NOW_S)
    assert scheme.accepts(basic(f"desk:{SECRET}", "basic"), [SECRET], NOW_S)
    for wrong in (basic(f"Desk:{SECRET}"), basic(f"desk:{SECRET}x"), basic(f"desk:{SECRET}", "Bearer")):
        assert not scheme.accepts(wrong, [SECRET], NOW_S)
    for text in ("", "Basic", "Basic ###", f"Basic desk:{SECRET}", "Basic é"):
        assert not scheme.accepts(request(authorization=text), [SECRET], NOW_S)


ALL_SCHEMES: list[AuthScheme] = [
    NoScheme(),
    IN_ALL,
    BasicScheme(username="a"),
    *(of_preset(p).scheme for p in PRESETS),
]


@given(
    st.sampled_from(ALL_SCHEMES),
    st.dictionaries(
        st.sampled_from(
            ["authorization", "webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature"]
        ),
        st.text(max_size=30),
    ),
    st.binary(max_size=30),
    st.text(max_size=10),
)
def test_whatever_comes_without_a_secret_is_refused(
    scheme: AuthScheme, headers: dict[str, str], body: bytes, token: str
) -> None:
    webhook = WebhookRequest(headers=headers, body=body, token=token)
    assert not scheme.accepts(webhook, ["whsec_" + base64.b64encode(b"k" * 32).decode()], NOW_S)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("203.0.113.7", True),
        ("203.0.114.1", False),
        ("::ffff:203.0.113.7", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("203.0.113.7, 10.0.0.1", False),
        ("localhost", False),
    ],
)
def test_a_source_lies_in_one_of_the_networks(address: str, inside: bool) -> None:
    from ipaddress import ip_network

    networks = [ip_network("10.0.0.0/8"), ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")]
    assert in_networks(address, networks) == inside


@pytest.mark.parametrize(
    "scheme",
    [
        *(of_preset(preset).scheme for preset in ("github-like", "standard-webhooks", "stripe-like")),
        TokenScheme(),
        BasicScheme(username="desk"),
        NoScheme(),
    ],
)
def test_who_does_not_exist_is_refused_in_the_time_of_a_check(
    monkeypatch: pytest.MonkeyPatch, scheme: AuthScheme
) -> None:
    digest = Mock(wraps=hmac.digest)
    monkeypatch.setattr(hmac, "digest", digest)
    assert not scheme.accepts(request(), ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], NOW_S)
    assert [call.args[1].endswith(BODY) for call in digest.mock_calls] == [True]
