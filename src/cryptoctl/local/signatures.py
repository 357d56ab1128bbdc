"""AWS Signature Version 4, verified: the signature is computed again by botocore's own signer and compared.

Both forms are read: the Authorization header, and the query string of a presigned request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cryptoctl.local.http import RequestHead

ALGORITHM: Final[str] = "AWS4-HMAC-SHA256"
TOLERANCE: Final[timedelta] = timedelta(minutes=5)
MAX_PRESIGNED_S: Final[int] = 604_800
_TIMESTAMP: Final[str] = "%Y%m%dT%H%M%SZ"
_TIME: Final = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SIGNATURE: Final = re.compile("[0-9a-f]{64}")
_SCOPE: Final = re.compile(r"([^/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_PART: Final = re.compile(r"(Credential|SignedHeaders|Signature)=([^\s,]+)")
FindCredentials = Callable[[str], Credentials | None]
"""What belongs to an access key; None where nobody has it. Temporary keys have a session token as well."""


class SignatureError(Exception):
    """Why a request is refused. `kind`: missing, incomplete, unknown, wrong or stale."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, kw_only=True)
class RequestSignature:
    """A signature as the head of a request carries it, from a known key and not out of date."""

    credentials: Credentials
    region: str
    service: str
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str
    query: str


class Signatures:
    """Verifies requests: `claim` from the head alone, before a body is read; `check` with the body."""

    def __init__(self, find_credentials: FindCredentials, now: Callable[[], datetime] | None = None) -> None:
        self._find_credentials = find_credentials
        self._now = now or (lambda: datetime.now(UTC))

    def claim(self, head: RequestHead) -> RequestSignature:
        """The claim of a request. Raises SignatureError where it cannot be right."""
        parameters = dict(parse_qsl(head.query, True)) if head.query else {}
        presigned = "X-Amz-Signature" in parameters
        fields = _presigned_fields(parameters) if presigned else _header_fields(head)
        scope = _SCOPE.fullmatch(fields["Credential"])
        signed_headers = tuple(fields["SignedHeaders"].split(";"))
        if scope is None or not _SIGNATURE.fullmatch(fields["Signature"]):
            raise SignatureError("incomplete", "The Credential or the Signature has the wrong form.")
        access_key, day, region, service = scope.groups()
        in_header = head.header("x-amz-security-token")
        token = parameters.get("X-Amz-Security-Token", "") if presigned else in_header
        credentials = self._find_credentials(access_key)
        if credentials is None or not hmac.compare_digest((credentials.token or "").encode(), token.encode()):
            raise SignatureError("unknown", "The security token included in the request is invalid.")
        self._check_time(fields["Date"], day, int(fields["Expires"]) if presigned else None)
        _check_signed_headers(head, signed_headers)
        return RequestSignature(
            credentials=credentials,
            region=region,
            service=service,
            timestamp=fields["Date"],
            signed_headers=signed_headers,
            signature=fields["Signature"],
            query="&".join(
                parameter
                for parameter in head.query.split("&")
                if not parameter.startswith("X-Amz-Signature=")
            ),
        )

    def check(self, claim: RequestSignature, head: RequestHead, body: bytes) -> None:
        """Raises SignatureError where the signature is not the one that the key makes of this request."""
        digest = hashlib.sha256(body).hexdigest()
        declared_digest = head.header("x-amz-content-sha256") or digest
        if not (
            hmac.compare_digest(declared_digest.encode(), digest.encode())
            and hmac.compare_digest(expected_signature(claim, head, digest), claim.signature)
        ):
            raise SignatureError("wrong", _MISMATCH)

    def _check_time(self, timestamp: str, day: str, expires_s: int | None) -> None:
        try:
            if not _TIME.fullmatch(timestamp):
                raise ValueError(timestamp)
            signed_at = datetime.fromisoformat(timestamp)
        except ValueError:
            raise SignatureError(
                "incomplete", f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'."
            ) from None
        if not timestamp.startswith(day):
            raise SignatureError(
                "wrong", f"Date in Credential scope does not match YYYYMMDD from ISO-8601: {day}"
            )
        now = self._now()
        if signed_at > now + TOLERANCE:  # first, since nothing can be added to the last of all times
            message = f"Signature not yet current: {timestamp} is still later than {_text(now + TOLERANCE)}"
            raise SignatureError("stale", f"{message} ({_text(now)} + 5 min.)")
        if now > signed_at + (TOLERANCE if expires_s is None else timedelta(seconds=expires_s)):
            message = f"Signature expired: {timestamp} is now earlier than {_text(now - TOLERANCE)}"
            raise SignatureError("stale", f"{message} ({_text(now)} - 5 min.)")


class _Verifier(SigV4Auth):  # type: ignore[misc]
    """botocore's signer, told which headers the sender signed and what the body's digest is."""

    def __init__(self, claim: RequestSignature, digest: str) -> None:
        super().__init__(claim.credentials, claim.service, claim.region)
        self._digest = digest

    def headers_to_sign(self, request: AWSRequest) -> Any:
        return request.headers

    def payload(self, request: AWSRequest) -> str:
        return self._digest


def expected_signature(claim: RequestSignature, head: RequestHead, digest: str) -> str:
    """The signature that botocore's signer makes of the request with the key's secret."""
    url = f"http://{head.header('host')}{head.raw_path}"
    request = AWSRequest(method=head.method, url=f"{url}?{claim.query}" if claim.query else url)
    for name in claim.signed_headers:
        request.headers[name] = head.header(name)
    request.context["timestamp"] = claim.timestamp
    signer = _Verifier(claim, digest)
    signature: str = signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )
    return signature


def _header_fields(head: RequestHead) -> dict[str, str]:
    authorization = head.header("authorization")
    if not authorization:
        raise SignatureError("missing", "Missing Authentication Token")
    algorithm, _, parameters = authorization.partition(" ")
    fields = dict(_PART.findall(parameters))
    absent = [name for name in ("Credential", "SignedHeaders", "Signature") if name not in fields]
    date = head.header("x-amz-date")
    if algorithm != ALGORITHM or absent or not date:
        required = ", ".join(f"'{name}'" for name in absent) or "a valid algorithm and 'X-Amz-Date'"
        raise SignatureError("incomplete", f"Authorization header requires {required} parameter.")
    return {**fields, "Date": date}


def _presigned_fields(parameters: Mapping[str, str]) -> dict[str, str]:
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    fields = {name: parameters.get(f"X-Amz-{name}", "") for name in names}
    expires = fields["Expires"]
    lasts = re.fullmatch("[0-9]{1,6}", expires) and int(expires) <= MAX_PRESIGNED_S
    if not lasts or fields["Algorithm"] != ALGORITHM or not all(fields.values()):
        raise SignatureError("incomplete", "X-Amz-Algorithm, X-Amz-Date or X-Amz-Expires is not valid.")
    return fields


def _check_signed_headers(head: RequestHead, signed: tuple[str, ...]) -> None:
    """Whatever decides what a request does must be signed."""
    for name in head.headers:
        if (name == "host" or name.startswith("x-amz-")) and name not in signed:
            raise SignatureError("wrong", f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    if not set(signed) <= set(head.headers):
        raise SignatureError("wrong", "A header named in SignedHeaders is not in the request.")


def _text(moment: datetime) -> str:
    return moment.strftime(_TIMESTAMP)


_MISMATCH: Final[str] = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)
