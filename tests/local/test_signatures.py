"""Signature Version 4: what botocore signs is accepted, anything else is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.local.http import RequestHead
from cryptoctl.local.signatures import SignatureError, Signatures

KEY, SECRET, TOKEN = "LKSOMEBODY", "a-secret", "a-token"
HOST = "127.0.0.1:4577"
PATHS = st.text("abc/:$.-_~", max_size=12).map(lambda text: "/" + text)
QUERIES = st.lists(st.sampled_from(["a=1", "b=%2F", "B=", "a=0", "c=x%20y"]), unique=True).map("&".join)
BODIES = st.binary(max_size=40)


def signed(path: str = "/", query: str = "", body: bytes = b"{}", token: str = "") -> RequestHead:
    """The head of a POST as botocore signs it."""
    credentials = Credentials(KEY, SECRET, token or None)
    return _sign(SigV4Auth(credentials, "logs", "us-east-1"), "POST", path, query, body)


def presigned(path: str = "/", query: str = "", token: str = "") -> RequestHead:
    """The head of a GET with its signature in the query."""
    credentials = Credentials(KEY, SECRET, token or None)
    return _sign(SigV4QueryAuth(credentials, "sts", "us-east-1", expires=60), "GET", path, query, b"")


def _sign(signer: Any, method: str, path: str, query: str, body: bytes) -> RequestHead:
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, data=body, headers={"X-Amz-Target": "Logs.Do"})
    signer.add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return RequestHead(method, request.url.removeprefix(f"http://{HOST}"), {"host": HOST, **headers})


def verify(head: RequestHead, body: bytes, later: timedelta = timedelta(), token: str = "") -> None:
    def find(access_key: str) -> Credentials | None:
        return Credentials(KEY, SECRET, token or None) if access_key == KEY else None

    signatures = Signatures(find, now=lambda: datetime.now(UTC) + later)
    signatures.check(signatures.claim(head), head, body)


def refusal(head: RequestHead, body: bytes = b"{}", later: timedelta = timedelta(), token: str = "") -> str:
    with pytest.raises(SignatureError) as raised:
        verify(head, body, later, token)
    return raised.value.kind


def changed(head: RequestHead, **headers: str) -> RequestHead:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestHead(head.method, head.target, {**head.headers, **named})


@given(path=PATHS, query=QUERIES, body=BODIES, token=st.sampled_from(["", TOKEN]))
def test_what_botocore_signs_is_accepted(path: str, query: str, body: bytes, token: str) -> None:
    verify(signed(path, query, body, token), body, token=token)
    verify(presigned(path, query, token), b"", token=token)


# Dot segments are normalized before signing: paths with them are not told apart by it, and never admitted.
@given(path=PATHS.filter(lambda path: "." not in path), query=QUERIES, body=BODIES, other=BODIES)
def test_any_change_of_what_was_signed_is_refused(path: str, query: str, body: bytes, other: bytes) -> None:
    for head, own in ((signed(path, query, body), body), (presigned(path, query), b"")):
        if other != own:
            assert refusal(head, other) == "wrong"
        more = f"{head.target}{'&' if '?' in head.target else '?'}more=1"
        assert refusal(RequestHead(head.method, more, head.headers), own) == "wrong"
        assert refusal(RequestHead(head.method, "/other" + head.target, head.headers), own) == "wrong"
        assert refusal(RequestHead("PUT", head.target, head.headers), own) == "wrong"
        assert refusal(changed(head, x_amz_target="Logs.DoElse"), own) == "wrong"
        assert refusal(changed(head, host="127.0.0.1:4578"), own) == "wrong"


def test_a_header_that_decides_must_be_signed() -> None:
    assert refusal(changed(signed(), x_amz_invocation_type="Event")) == "wrong"


def test_a_body_that_is_declared_unsigned_is_refused() -> None:
    assert refusal(changed(signed(), x_amz_content_sha256="UNSIGNED-PAYLOAD")) == "wrong"


def test_an_old_signature_and_one_of_the_future_are_refused() -> None:
    for head, body, lasts in (
        (signed(), b"{}", timedelta(minutes=5)),
        (presigned(), b"", timedelta(minutes=1)),
    ):
        verify(head, body, lasts - timedelta(seconds=10))
        assert refusal(head, body, lasts + timedelta(seconds=5)) == "stale"
        assert refusal(head, body, timedelta(minutes=-5, seconds=-5)) == "stale"


def test_a_signature_of_the_last_second_that_there_is_is_one_of_the_future() -> None:
    head = changed(signed(), x_amz_date="99991231T235959Z")
    authorization = re.sub(r"/\d{8}/", "/99991231/", head.headers["authorization"])
    assert refusal(changed(head, authorization=authorization)) == "stale"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"authorization": ""}, "missing"),
        ({"authorization": "Basic eDp5"}, "incomplete"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=x"}, "incomplete"),
        ({"x_amz_date": ""}, "incomplete"),
        ({"x_amz_date": "yesterday"}, "incomplete"),
        ({"x_amz_security_token": "somebody's"}, "unknown"),
    ],
    ids=str,
)
def test_a_malformed_claim_is_named(headers: dict[str, str], kind: str) -> None:
    assert refusal(changed(signed(), **headers)) == kind


def test_an_unknown_access_key_and_a_missing_session_token_are_refused() -> None:
    head = signed()
    unknown = head.headers["authorization"].replace(KEY, "LKNOBODY")
    assert refusal(changed(head, authorization=unknown)) == "unknown"
    assert refusal(head, token=TOKEN) == "unknown"
    verify(signed(token=TOKEN), b"{}", token=TOKEN)


@given(text=st.text(max_size=200), query=st.text(st.characters(codec="ascii"), max_size=100))
def test_no_text_makes_the_verifier_fail(text: str, query: str) -> None:
    refusal(RequestHead("POST", "/?X-Amz-Signature=1&" + query, {"host": HOST, "authorization": text}))
    refusal(RequestHead("POST", "/", {"host": HOST, "authorization": "AWS4-HMAC-SHA256 " + text}))
