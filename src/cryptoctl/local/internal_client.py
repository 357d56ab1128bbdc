"""AWS's public APIs, called from within the engine: real requests that take no detour over the network."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, fromstring

from cryptoctl.local.http import HttpRequest, HttpResponse, error_of
from cryptoctl.local.middleware import Middleware

_TARGETS: Final[dict[str, str]] = {
    "dynamodb": "DynamoDB_20120810",
    "dynamodbstreams": "DynamoDBStreams_20120810",
    "kms": "TrentService",
    "logs": "Logs_20140328",
    "sqs": "AmazonSQS",
    "ssm": "AmazonSSM",
    "monitoring": "GraniteServiceVersion20100801",
}
_VERSIONS: Final[dict[str, str]] = {"iam": "2010-05-08", "sns": "2010-03-31"}


class InternalClient:
    """A client of the engine inside the engine. Errors come as ServiceError."""

    def __init__(self, middleware: Middleware) -> None:
        self._middleware = middleware

    async def json(self, service: str, operation: str, region: str, **parameters: Any) -> dict[str, Any]:
        """Calls an operation of a JSON-protocol service."""
        request = json_request(service, operation, region, json.dumps(parameters).encode())
        response = await self._send(request)
        content: dict[str, Any] = json.loads(response.body or b"{}")
        return content

    async def put_metrics(self, region: str, namespace: str, data: list[dict[str, Any]]) -> None:
        """Writes data points to CloudWatch, as PutMetricData takes them."""
        await self.json("monitoring", "PutMetricData", region, Namespace=namespace, MetricData=data)

    async def form(self, service: str, operation: str, region: str, **parameters: str) -> Element:
        """Calls an operation of a query-protocol service; the answer's XML, without namespaces."""
        headers = {**_signed(region, service), "content-type": "application/x-www-form-urlencoded"}
        body = urlencode({"Action": operation, "Version": _VERSIONS[service], **parameters}).encode()
        response = await self._send(HttpRequest("POST", "/", headers, body))
        text = re.sub(r' xmlns="[^"]*"', "", response.body.decode("utf-8"), count=1)
        return fromstring(text)  # noqa: S314 (it is this process's own answer)

    async def rest(
        self, method: str, path: str, region: str, *, body: bytes = b"", query: str = "", **headers: str
    ) -> HttpResponse:
        """Calls Lambda. `path` is not yet percent-encoded; header names have underscores for hyphens."""
        extra_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HttpRequest(
            method, quote(path, safe="/:$"), {**_signed(region, "lambda"), **extra_headers}, body, query
        )
        return await self._send(request)

    async def _send(self, request: HttpRequest) -> HttpResponse:
        response = await self._middleware.respond(request)
        if response.status >= 300:
            raise error_of(response)
        return response


def json_request(service: str, operation: str, region: str, body: bytes) -> HttpRequest:
    """A request to a JSON-protocol service, as if from within the engine."""
    headers = _signed(region, service)
    headers["x-amz-target"] = f"{_TARGETS[service]}.{operation}"
    headers["content-type"] = "application/x-amz-json-1.0"
    return HttpRequest("POST", "/", headers, body)


def _signed(region: str, service: str) -> dict[str, str]:
    scope = f"AWS4-HMAC-SHA256 Credential=LKENGINE/20260101/{region}/{service}/aws4_request"
    return {"host": "127.0.0.1", "authorization": f"{scope}, SignedHeaders=host, Signature=0"}
