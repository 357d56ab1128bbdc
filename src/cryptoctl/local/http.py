"""Requests and answers as they cross the engine's port, and AWS's ways of saying an error."""

from __future__ import annotations

import json
import re
import uuid
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote
from xml.sax.saxutils import escape, unescape

ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
# XML 1.0, 2.2: there is no way to write these in it, escaped or not.
_NOT_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
_BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9A-Fa-f]+);)")
_XML_ERROR = re.compile(r"<Code>([^<]*)</Code>\s*<Message>([^<]*)</Message>")
# Where the query protocol is spoken: `/`, and a queue's URL.
_QUERY_PATHS = re.compile(rf"/|/{ACCOUNT}/[\w.-]+", re.ASCII)
_CBOR = "rpc-v2-cbor"
_CREDENTIAL = re.compile(r"Credential=[^/,&]+/[^/,&]+/([^/,&]+)/([^/,&]*)")
# RFC 9110, 4.2.1: clients leave it out of the address and of Host.
DEFAULT_PORT = 80


def authorities(host: str, port: int) -> tuple[str, ...]:
    """What clients send as Host for an address, the usual form first."""
    authority = f"{host}:{port}"
    return (host, authority) if port == DEFAULT_PORT else (authority,)


@dataclass(frozen=True)
class RequestHead:
    """What comes before a request's body. Header names are in lower case; `target` is as it was sent."""

    method: str
    target: str
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        """A header's value; empty where there is none."""
        return self.headers.get(name, "")

    @property
    def raw_path(self) -> str:
        """The path, percent-encoded as it was sent."""
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        """The path, decoded once."""
        return unquote(self.raw_path)

    @property
    def query(self) -> str:
        """The query string as it was sent."""
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query_string: str = ""

    @cached_property
    def target(self) -> str:
        """The operation of a JSON-protocol request, as `Service.Operation`; empty for other protocols.

        The service's version date is left out: `DynamoDB_20120810.PutItem` is `DynamoDB.PutItem`.
        """
        service, _, operation = self.headers.get("x-amz-target", "").partition(".")
        return f"{service.partition('_')[0]}.{operation}" if operation else ""

    @property
    def region(self) -> str:
        """The region the request was signed for."""
        return self._signed_for[0]

    @property
    def service(self) -> str:
        """The service the request was signed for, by the name that signatures have for it; else empty."""
        return self._signed_for[1]

    @cached_property
    def _signed_for(self) -> tuple[str, str]:
        credential = _CREDENTIAL.search(self.headers.get("authorization") or unquote(self.query_string))
        return (credential.group(1), credential.group(2)) if credential else (DEFAULT_REGION, "")

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object."""
        try:
            content = json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise ServiceError("SerializationException", "The request body is not JSON.") from error
        if not isinstance(content, dict):
            raise ServiceError("SerializationException", "The request body is not a JSON object.")
        return content

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of a request in the query protocol; of any other protocol, none."""
        if self.path != "/" or self.target or b"Action=" not in self.body:
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), True))

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's parameters; of a repeated one, the last."""
        return {name: values[-1] for name, values in parse_qs(self.query_string, True).items()}


@dataclass(frozen=True)
class HttpResponse:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    """Each in a Set-Cookie line of its own."""


Forward = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Answers a request as ministack does."""


class ServiceError(Exception):
    """An error as AWS names it. `extra` goes into the answer beside the message."""

    def __init__(self, code: str, message: str, *, status: int = 400, **extra: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra

    def response(self, query_error: str = "") -> HttpResponse:
        """The error in the JSON protocols' shape, which REST-JSON clients read as well.

        `query_error`: its code in the query protocol and whose fault it is, for clients that look for that.
        """
        headers = {"x-amzn-errortype": self.code}
        if query_error:
            headers["x-amzn-query-error"] = query_error
        content = {"__type": self.code, "message": self.message, **self.extra}
        return json_response(content, status=self.status, headers=headers)

    def xml_response(self) -> HttpResponse:
        """The error in the query protocol's shape."""
        message = f"<Message>{escape(self.message)}</Message>"
        error = f"<Error><Type>{self.fault}</Type><Code>{self.code}</Code>{message}</Error>"
        body = f"<ErrorResponse>{error}<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        return HttpResponse(self.status, readable_xml(body.encode()), {"content-type": "text/xml"})

    def cbor_response(self) -> HttpResponse:
        """The error in the shape of Smithy's RPC v2 protocol: a map of two texts (RFC 8949, 3.1)."""
        texts = [text.encode() for text in ("__type", self.code, "message", self.message)]
        body = b"\xa2" + b"".join(b"\x7a" + len(text).to_bytes(4, "big") + text for text in texts)
        return HttpResponse(self.status, body, {"content-type": "application/cbor", "smithy-protocol": _CBOR})

    def response_to(self, request: HttpRequest | RequestHead) -> HttpResponse:
        """The error in the shape of the request's protocol."""
        if request.headers.get("smithy-protocol") == _CBOR:
            return self.cbor_response()
        if speaks_query(request):
            return self.xml_response()
        target = request.headers.get("x-amz-target", "")
        return self.response(f"{self.code};{self.fault}" if target.startswith("AmazonSQS.") else "")

    @property
    def fault(self) -> str:
        """Whose fault it is, in the query protocol's words."""
        return "Receiver" if self.status >= 500 else "Sender"


def readable_xml(body: bytes) -> bytes:
    """XML with "?" for each character that would keep a client from reading all of it, and "&" escaped."""
    return _BARE_AMPERSAND.sub(b"&amp;", _NOT_XML.sub(b"?", body))


def decompressed(body: bytes, max_bytes: int) -> bytes:
    """A gzipped body. Raises ServiceError where it is none, is cut short, or has more bytes than allowed."""
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(body, max_bytes)
    except zlib.error as error:
        raise ServiceError("SerializationException", f"The request body is not gzipped: {error}") from error
    if not stream.eof:
        raise ServiceError("SerializationException", "The gzipped request body is cut short or too large.")
    return content


def speaks_query(request: HttpRequest | RequestHead) -> bool:
    """Whether a request is in the query protocol, as far as its head shows that."""
    to_function = ".lambda-url." in request.headers.get("host", "")
    named = "x-amz-target" in request.headers or to_function
    return not named and _QUERY_PATHS.fullmatch(request.path) is not None


def internal_failure(reason: str) -> ServiceError:
    """What AWS calls a failure of its own."""
    return ServiceError("InternalFailure", f"The embedded engine failed: {reason}", status=500)


def violation(name: str, value: object, constraint: str) -> ServiceError:
    """AWS's refusal of a value that its model of a member does not allow; `name` is the member's."""
    problem = f"1 validation error detected: Value '{value}' at '{name[0].lower()}{name[1:]}'"
    return ServiceError("ValidationException", f"{problem} failed to satisfy constraint: {constraint}")


def check_enums(params: Mapping[str, Any], enums: Mapping[str, Sequence[str]]) -> None:
    """Raises ServiceError for a member's value that is none of those given."""
    for name, members in enums.items():
        value = params.get(name)
        if value is not None and value not in members:
            raise violation(name, value, f"Member must satisfy enum value set: [{', '.join(members)}]")


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Raises ServiceError for a member's value that is out of its range."""
    if not low <= value <= high:
        comparison, limit = ("greater", low) if value < low else ("less", high)
        raise violation(name, value, f"Member must have value {comparison} than or equal to {limit}")


def json_response(
    content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An answer with a JSON body."""
    body = json.dumps(content, separators=(",", ":")).encode()
    kind = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": str(uuid.uuid4())}
    return HttpResponse(status, body, {**kind, **(headers or {})})


def error_of(response: HttpResponse) -> ServiceError:
    """The error that an answer with a failing status carries."""
    try:
        content = json.loads(response.body)
    except ValueError:
        text = response.body.decode("utf-8", "replace")
        error = _XML_ERROR.search(text)
        content = {"__type": error[1], "message": unescape(error[2])} if error else {"message": text}
    code = str(content.get("__type") or response.headers.get("x-amzn-errortype") or "InternalFailure")
    message = content.get("message") or content.get("Message") or ""
    return ServiceError(code.rpartition("#")[2].partition(":")[0], str(message), status=response.status)
