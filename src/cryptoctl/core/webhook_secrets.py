"""A sender's secret as its SSM parameter holds it: the current one and, for a while, the one before."""

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

SECRET_BYTES = 32
MAX_SECRET_LENGTH = 1000  # both, with what else the text holds, within the 4 KB of a standard parameter
STANDARD_PREFIX = "whsec_"  # before the base64 of a Standard Webhooks secret

SecretEncoding = Literal["raw", "base64"]


class SecretError(ValueError):
    """A parameter's text that is no secret of ours; the message says why, and never quotes the text."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class SenderSecret:
    """The secret of a sender; the previous one counts until `until_ms`, milliseconds since 1970."""

    secret: str
    previous: str | None = None
    until_ms: int = 0

    def accepted(self, now_ms: int) -> tuple[str, ...]:
        """The secrets that count now, the current one first."""
        if self.previous is None or now_ms >= self.until_ms:
            return (self.secret,)
        return (self.secret, self.previous)

    def rotated(self, new: str, *, now_ms: int, grace: timedelta) -> "SenderSecret":
        """With a new secret; the present one counts for as long as `grace` says."""
        until_ms = now_ms + grace // timedelta(milliseconds=1)
        return SenderSecret(secret=new, previous=self.secret, until_ms=until_ms)

    def text(self) -> str:
        """What the parameter holds."""
        document: dict[str, Any] = {"secret": self.secret}
        if self.previous is not None:
            document["previous"] = {"secret": self.previous, "until_ms": self.until_ms}
        return json.dumps(document)


def parse_secret(text: str) -> SenderSecret:
    """The secret in a parameter's text. Raises SecretError for any other text."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise SecretError("it is not JSON") from None
    if not isinstance(document, dict):
        raise SecretError("it is not a JSON object")
    previous = document.get("previous")
    if previous is None:
        return SenderSecret(secret=_secret(document))
    if not isinstance(previous, dict):
        raise SecretError("`previous` is not a JSON object")
    until_ms = previous.get("until_ms")
    if not isinstance(until_ms, int) or isinstance(until_ms, bool):
        raise SecretError("`previous.until_ms` is not a number of milliseconds")
    return SenderSecret(secret=_secret(document), previous=_secret(previous), until_ms=until_ms)


def new_secret(encoding: SecretEncoding) -> str:
    """256 random bits: `whsec_` and base64 where the key is base64, else text that fits into an address."""
    if encoding == "base64":
        return STANDARD_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return secrets.token_urlsafe(SECRET_BYTES)


def new_parameter(encoding: SecretEncoding) -> str:
    """The text of the parameter of a sender that has had no secret so far."""
    return SenderSecret(secret=new_secret(encoding)).text()


def key_bytes(secret: str, encoding: SecretEncoding) -> bytes:
    """The key that a secret stands for. Raises SecretError where it is no base64."""
    if encoding == "raw":
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)
    except ValueError:
        raise SecretError("it is no base64") from None


def _secret(document: dict[str, Any]) -> str:
    secret = document.get("secret")
    if not isinstance(secret, str) or not 0 < len(secret) <= MAX_SECRET_LENGTH:
        raise SecretError(f"`secret` is not a text of 1 to {MAX_SECRET_LENGTH} characters")
    return secret
