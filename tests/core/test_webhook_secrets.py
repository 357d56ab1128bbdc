"""What a sender's parameter holds: made, read, rotated, and what counts when."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.webhook_secrets import (
    SecretError,
    SenderSecret,
    key_bytes,
    new_parameter,
    new_secret,
    parse_secret,
)

SECRETS = st.text(min_size=1, max_size=1000)
MS = st.integers(min_value=0, max_value=2**45)


@given(SECRETS, SECRETS, MS, MS)
def test_what_is_written_is_read(current: str, previous: str, until_ms: int, now_ms: int) -> None:
    secret = SenderSecret(secret=current, previous=previous, until_ms=until_ms)
    assert parse_secret(secret.text()) == secret
    assert secret.accepted(now_ms) == ((current, previous) if now_ms < until_ms else (current,))


@given(SECRETS, SECRETS, MS, st.integers(min_value=0, max_value=10**6))
def test_after_a_rotation_the_old_secret_counts_for_the_grace_and_no_longer(
    old: str, new: str, now_ms: int, grace_s: int
) -> None:
    rotated = SenderSecret(secret=old).rotated(new, now_ms=now_ms, grace=timedelta(seconds=grace_s))
    end_ms = now_ms + grace_s * 1000
    if grace_s:
        assert rotated.accepted(end_ms - 1) == (new, old)
    assert rotated.accepted(end_ms) == (new,)


def test_a_third_secret_replaces_the_first() -> None:
    secret = SenderSecret(secret="1").rotated("2", now_ms=0, grace=timedelta(days=1))
    third = secret.rotated("3", now_ms=1, grace=timedelta(days=1))
    assert third.accepted(2) == ("3", "2")


def test_new_secrets_have_256_bits_and_differ() -> None:
    standard = {new_secret("base64") for _ in range(100)}
    plain = {new_secret("raw") for _ in range(100)}
    assert len(standard | plain) == 200
    assert all(len(key_bytes(secret, "base64")) == 32 and secret.startswith("whsec_") for secret in standard)
    assert all(len(base64.urlsafe_b64decode(secret + "=")) == 32 for secret in plain)
    assert all(secret.replace("-", "").replace("_", "").isalnum() for secret in plain)


def test_a_new_parameter_has_no_previous_secret() -> None:
    document = json.loads(new_parameter("base64"))
    assert list(document) == ["secret"]
    assert parse_secret(new_parameter("raw")).previous is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        "[]",
        "[" * 100_000,
        "{}",
        '{"secret": 1}',
        '{"secret": ""}',
        '{"secret": "s3cret", "previous": "s3cret"}',
        '{"secret": "s3cret", "previous": {"secret": "s3cret"}}',
        '{"secret": "s3cret", "previous": {"secret": "s3cret", "until_ms": true}}',
        json.dumps({"secret": "s3cret" * 1000}),
    ],
)
def test_another_text_is_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(SecretError) as raised:
        parse_secret(text)
    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(SenderSecret(secret="s3cret", previous="s3cret"))
    with pytest.raises(SecretError) as raised:
        key_bytes("s3cret?", "base64")
    assert "s3cret" not in str(raised.value)
