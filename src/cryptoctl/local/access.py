"""Who may send what to the engine's port: decided from the head of a request, before its body is read.

A page in a browser, another user of the machine and another program can all reach the port. None of them has
an access key of the engine. What a browser adds (Origin, Sec-Fetch-Site, the Host of a rebound name) is
checked first, so that a page learns nothing, not even whether an access key exists.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

from botocore.credentials import Credentials

from cryptoctl.local.access_keys import AccessKeys, new_access_key
from cryptoctl.local.http import ACCOUNT, HttpResponse, RequestHead, ServiceError, authorities, speaks_query
from cryptoctl.local.ministack_adapter import UrlTarget, find_function_url
from cryptoctl.local.signatures import RequestSignature, SignatureError, Signatures

MEBIBYTE: Final[int] = 2**20
MAX_BYTES: Final[int] = 70 * MEBIBYTE
"""A function's zip of 50 MB in base64, with what is around it."""
MAX_BYTES_OF_FUNCTION_URL: Final[int] = 6 * MEBIBYTE
RUN_PATH: Final[str] = "/_cryptoctl/run/"
STATUS_PATH: Final[str] = "/_cryptoctl/status/"
_OPEN_PATHS: Final = re.compile(rf"/|/{ACCOUNT}/[\w.-]+|/\d{{4}}-\d\d-\d\d(/[\w:$.*@+=,-]+)+/?", re.ASCII)
"""Where AWS's services answer: `/`, a queue's URL, and Lambda's dated paths. Nothing else is passed on."""
_FUNCTION_URL_HOST: Final = re.compile(r"([a-z0-9]{32})\.lambda-url\.[a-z0-9-]+\.(?:localhost|on\.aws)")
_FUNCTION_URL_PATH: Final = re.compile(r"/_aws/lambda-url/([a-z0-9]{32})(/.*)?")


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Where a request may go: a function URL, a path of the engine's own, or a service once signed."""

    max_bytes: int
    claim: RequestSignature | None = None
    function_url: UrlTarget | None = None
    function_path: str = "/"
    internal: bool = False
    status: bool = False


class AccessCheck:
    """Decides which requests the engine accepts."""

    def __init__(self, port: int, pairs: AccessKeys) -> None:
        names = ("127.0.0.1", "localhost", "[::1]")
        self._hosts = {authority for name in names for authority in authorities(name, port)}
        self._port = port
        self._pairs = pairs
        self._run_path = RUN_PATH + secrets.token_urlsafe(32)
        self.status_path = STATUS_PATH + secrets.token_urlsafe(32)
        """Where the engine says how it is. A secret as well: who can read the data directory knows it."""
        keys = new_access_key()
        self.function_credentials = Credentials(keys.access_key, keys.secret_key, secrets.token_urlsafe(48))
        self._signatures = Signatures(self._find_credentials)

    @property
    def run_url(self) -> str:
        """Where ministack has functions run. The path is a secret of this process: ministack cannot sign."""
        return f"http://127.0.0.1:{self._port}{self._run_path}"

    def admit(self, head: RequestHead) -> Admission:
        """Says how far a request may go; nothing of its body has been read by then.

        Raises SignatureError, and ServiceError for what no signature would allow.
        """
        url, path = self._function_url(head)
        self._check_browser(head, url)
        if url is not None:
            claim = self._signatures.claim(head) if url.signed else None
            return Admission(
                max_bytes=MAX_BYTES_OF_FUNCTION_URL, function_url=url, function_path=path, claim=claim
            )
        if hmac.compare_digest(head.raw_path.encode(), self._run_path.encode()):
            return Admission(max_bytes=MAX_BYTES_OF_FUNCTION_URL, internal=True)
        if hmac.compare_digest(head.raw_path.encode(), self.status_path.encode()):
            return Admission(max_bytes=0, status=True)
        claim = self._signatures.claim(head)
        if not _OPEN_PATHS.fullmatch(head.path) or {".", ".."} & set(head.path.split("/")):
            raise ServiceError("UnknownOperationException", "Nothing is here.", status=404)
        return Admission(max_bytes=MAX_BYTES, claim=claim)

    def check(self, admission: Admission, head: RequestHead, body: bytes) -> None:
        """Raises SignatureError where the signature does not fit the whole request."""
        if admission.claim is not None:
            self._signatures.check(admission.claim, head, body)

    def _find_credentials(self, access_key: str) -> Credentials | None:
        if access_key == self.function_credentials.access_key:
            return self.function_credentials
        secret = self._pairs.secret(access_key)
        return Credentials(access_key, secret) if secret is not None else None

    def _function_url(self, head: RequestHead) -> tuple[UrlTarget | None, str]:
        """The function URL that a request is for, if there is one, and the path there as it was sent."""
        host, _, port = head.header("host").partition(":")
        by_host = _FUNCTION_URL_HOST.fullmatch(host)
        if by_host and port in ("", str(self._port)):
            return find_function_url(by_host[1]), head.raw_path
        by_path = _FUNCTION_URL_PATH.fullmatch(head.raw_path)
        if by_path and head.header("host") in self._hosts:
            return find_function_url(by_path[1]), by_path[2] or "/"
        return None, ""

    def _check_browser(self, head: RequestHead, url: UrlTarget | None) -> None:
        host = head.header("host")
        if url is None and host not in self._hosts:
            raise _forbidden(f"Host must be a loopback address with port {self._port}.")
        if url is not None and url.cors:
            # The function URL's own CORS configuration decides what a page may do with it.
            return
        origin = head.header("origin")
        of_a_page = origin and origin != f"http://{host}"
        if of_a_page or head.header("sec-fetch-site") not in ("", "none", "same-origin"):
            raise _forbidden("Requests of web pages are refused.")


def _forbidden(message: str) -> ServiceError:
    return ServiceError("AccessDeniedException", message, status=403)


# By the kind of a SignatureError: the code in the JSON protocols, and in the query protocol.
_CODES: Final[dict[str, tuple[str, str]]] = {
    "missing": ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    "incomplete": ("IncompleteSignatureException", "IncompleteSignature"),
    "unknown": ("UnrecognizedClientException", "InvalidClientTokenId"),
    "wrong": ("InvalidSignatureException", "SignatureDoesNotMatch"),
    "stale": ("InvalidSignatureException", "SignatureDoesNotMatch"),
}


def denial(head: RequestHead, error: SignatureError) -> HttpResponse:
    """The answer in the protocol of the service: each has codes and statuses of its own."""
    code, query_code = _CODES[error.kind]
    target = head.header("x-amz-target")
    if target.startswith("AmazonSQS."):
        return ServiceError(code, error.message).response(f"{query_code};Sender")
    status, told_code = 400 if target else 403, query_code if speaks_query(head) else code
    return ServiceError(told_code, error.message, status=status).response_to(head)
