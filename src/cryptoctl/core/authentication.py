"""How a request proves who sent it: a signature (HMAC), the secret itself (token), or a password (basic).

Every comparison takes the same time wherever two texts differ, every secret and every signature is looked
at, and every check computes one HMAC over the body, so that the time tells neither the scheme nor whether
the sender exists; but for a token in the body, which has to be parsed.
"""

import base64
import hmac
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from cryptoctl.core.prices import MILLISECONDS_FROM, Rejected
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.core.webhook_secrets import SecretEncoding, key_bytes

Algorithm = Literal["sha256", "sha512", "sha1"]
SignedMessage = Literal["body", "timestamp.body", "id.timestamp.body"]
TOLERANCE_S = 300
_EPOCH_TEXT = re.compile(r"[0-9]{1,16}", re.ASCII)


class AuthScheme(Protocol):
    """A way to prove who sent a request."""

    def accepts(self, request: WebhookRequest, secrets: Sequence[str], now_s: float) -> bool:
        """Whether the request was sent by somebody who knows one of the secrets; `now_s` since 1970."""

    def problem(self, request: WebhookRequest, now_s: float) -> str:
        """Why a request was not accepted, for the operator: nothing of it, and found without the secrets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HmacScheme:
    """A signature over the body's bytes, with the time and the message's id where `signed_message` says so.

    https://www.rfc-editor.org/rfc/rfc2104; with id and time as
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    signature_header: str
    algorithm: Algorithm = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    secret_encoding: SecretEncoding = "raw"  # noqa: S105 - the name of an encoding
    signature_prefix: str = ""
    delimiter: str | None = None
    signed_message: SignedMessage = "body"
    timestamp_header: str | None = None
    timestamp_prefix: str = ""
    timestamp_tolerance_s: int = TOLERANCE_S
    message_id_header: str | None = None

    def accepts(self, request: WebhookRequest, secrets: Sequence[str], now_s: float) -> bool:
        """Whether some signature in the header is right, and the signed time within the tolerance."""
        timestamp = self._timestamp(request)
        message_id = request.header(self.message_id_header)
        message = self.message(request.body, timestamp, message_id)
        received = [_normal(signature, self.encoding) for signature in self._signatures(request)]
        expected = (_normal(self.signature(secret, message), self.encoding) for secret in secrets)
        matches = _any_equal(received, expected)
        if "id" in self.signed_message and not message_id:
            return False
        return matches and self._in_time(timestamp, now_s)

    def problem(self, request: WebhookRequest, now_s: float) -> str:
        """The header that is missing, or the clock that is off; else the signature is not right."""
        signs_time, signs_id = "timestamp" in self.signed_message, "id" in self.signed_message
        headers = (
            self.signature_header,
            self.timestamp_header if signs_time else None,
            self.message_id_header if signs_id else None,
        )
        for name in filter(None, headers):
            if not request.header(name):
                return f"the header {name} is missing"
        timestamp = self._timestamp(request)
        if not any(self._signatures(request)):
            after = f" after {self.signature_prefix}" if self.signature_prefix else ""
            return f"the header {self.signature_header} has no signature{after}"
        if signs_time and not _EPOCH_TEXT.fullmatch(timestamp):
            return f"the header {self.timestamp_header} has no time in seconds since 1970"
        if not self._in_time(timestamp, now_s):
            off_s = now_s - _seconds(timestamp)
            side = "behind" if off_s > 0 else "ahead of"
            tolerance = f"{self.timestamp_tolerance_s} s are allowed"
            return f"the signed time is {math.fabs(off_s):.0f} s {side} the function's clock; {tolerance}"
        return "the signature is made with another secret, or of another body than the one that came"

    def message(self, body: bytes, timestamp: str, message_id: str) -> bytes:
        """What is signed."""
        prefixes = {
            "body": "",
            "timestamp.body": f"{timestamp}.",
            "id.timestamp.body": f"{message_id}.{timestamp}.",
        }
        return prefixes[self.signed_message].encode(errors="surrogatepass") + body

    def signature(self, secret: str, message: bytes) -> str:
        """The signature as text, without prefix. Raises SecretError for a secret that is no base64."""
        digest = hmac.digest(key_bytes(secret, self.secret_encoding), message, self.algorithm)
        return digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()

    def _parts(self, header: str) -> Iterator[str]:
        parts = header.split(self.delimiter) if self.delimiter is not None else [header]
        return (part.strip() for part in parts)

    def _signatures(self, request: WebhookRequest) -> Iterator[str]:
        for part in self._parts(request.header(self.signature_header)):
            if part.startswith(self.signature_prefix):
                yield part.removeprefix(self.signature_prefix)

    def _timestamp(self, request: WebhookRequest) -> str:
        for part in self._parts(request.header(self.timestamp_header)):
            if part.startswith(self.timestamp_prefix):
                return part.removeprefix(self.timestamp_prefix)
        return ""

    def _in_time(self, timestamp: str, now_s: float) -> bool:
        if "timestamp" not in self.signed_message:
            return True
        if not _EPOCH_TEXT.fullmatch(timestamp):
            return False
        return math.fabs(now_s - _seconds(timestamp)) <= self.timestamp_tolerance_s


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenScheme:
    """The secret itself, in a header, in the path or in a member of the body: wherever it may stand."""

    token_header: str | None = None
    token_prefix: str = ""
    token_in_path: bool = False
    token_member: str | None = None

    def accepts(self, request: WebhookRequest, secrets: Sequence[str], now_s: float) -> bool:
        """Whether one of the places holds one of the secrets."""
        _compute_one(request)
        return _any_equal([*map(_bytes, self._received(request))], map(_bytes, secrets))

    def problem(self, request: WebhookRequest, now_s: float) -> str:
        """Where the secret should have been."""
        after = f" after {self.token_prefix.strip()}" if self.token_prefix.strip() else ""
        places = (
            f"the header {self.token_header}{after}" if self.token_header is not None else "",
            "the address" if self.token_in_path else "",
            f"the member {self.token_member} of the body" if self.token_member is not None else "",
        )
        return f"the secret is not in {' or '.join(filter(None, places))}"

    def _received(self, request: WebhookRequest) -> Iterator[str]:
        header = request.header(self.token_header)
        if header.lower().startswith(self.token_prefix.lower()):
            yield header[len(self.token_prefix) :].strip()
        if self.token_in_path:
            yield request.token
        if self.token_member is not None and not (self.token_in_path and request.token):
            yield self._member(request, self.token_member)

    def _member(self, request: WebhookRequest, name: str) -> str:
        try:
            # Nobody knows yet who has written it: strictly, it is read once there is a proof.
            form = request.is_form()
            document = request.document() if form else json.loads(request.text(), parse_int=float)
        except (Rejected, ValueError, RecursionError):
            return ""
        value = document.get(name) if isinstance(document, dict) else None
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BasicScheme:
    """HTTP basic authentication with the secret as the password. https://www.rfc-editor.org/rfc/rfc7617"""

    username: str

    def accepts(self, request: WebhookRequest, secrets: Sequence[str], now_s: float) -> bool:
        """Whether the header holds the user's name and one of the secrets."""
        _compute_one(request)
        scheme, _, encoded = request.header("authorization").partition(" ")
        try:
            received = base64.b64decode(encoded.strip(), validate=True)
        except ValueError:
            received = b""
        matches = _any_equal([received], (_bytes(f"{self.username}:{secret}") for secret in secrets))
        return matches and scheme.lower() == "basic"

    def problem(self, request: WebhookRequest, now_s: float) -> str:
        """Whether there was a password at all."""
        if not request.header("authorization"):
            return "the header authorization is missing"
        return "the user name or the password is not right"


class NoScheme:
    """For an unknown sender: refuses every request, in as long as a check takes."""

    def accepts(self, request: WebhookRequest, secrets: Sequence[str], now_s: float) -> bool:
        """False."""
        _compute_one(request)
        return False

    def problem(self, request: WebhookRequest, now_s: float) -> str:
        """That there is no such sender."""
        return "the address names no sender of the configuration"


SCHEMES: Mapping[str, type[HmacScheme] | type[TokenScheme] | type[BasicScheme]] = {
    "hmac": HmacScheme,
    "token": TokenScheme,
    "basic": BasicScheme,
}
"""By the name that the configuration has for each."""


def _any_equal(received: Sequence[bytes], expected: Iterable[bytes]) -> bool:
    """Whether any of what was received is any of what is expected; in a time that does not tell which."""
    equal = False
    for expected_bytes in expected:
        for received_bytes in received:
            equal |= hmac.compare_digest(received_bytes, expected_bytes)
    return equal


def _seconds(timestamp: str) -> float:
    number = int(timestamp)
    return number / 1000 if number >= MILLISECONDS_FROM else number


def _compute_one(request: WebhookRequest) -> None:
    hmac.digest(b"no key of anybody", request.body, "sha256")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _normal(signature: str, encoding: str) -> bytes:
    """The signature as one of several spellings of the same bytes."""
    return _bytes(signature.lower() if encoding == "hex" else signature.rstrip("="))
