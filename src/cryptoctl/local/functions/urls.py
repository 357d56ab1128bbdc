"""Function URLs: the operations that make them, and the requests to them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from cryptoctl.local.functions.execution import Execution
from cryptoctl.local.functions.function import FunctionLookup
from cryptoctl.local.functions.url_events import JSON, MAX_BYTES, event_of, response_of
from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, RequestHead, ServiceError, check_enums
from cryptoctl.local.ministack_adapter import UrlTarget

_CONFIGURATIONS: Final = re.compile(r"/2021-10-31/functions/[^/]+/urls?")
_ENUMS: Final[dict[str, tuple[str, ...]]] = {
    "AuthType": ("AWS_IAM", "NONE"),
    "InvokeMode": ("BUFFERED", "RESPONSE_STREAM"),
}
_WHY: Final[str] = (
    "For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class FunctionUrlConfigs:
    """A service: the URLs that ministack makes up lead to AWS; these lead here."""

    def __init__(self, forward: Forward, port: int) -> None:
        self._forward = forward
        self._port = port

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Answers the five operations on function URLs."""
        if not _CONFIGURATIONS.fullmatch(request.path):
            return None
        if request.method in ("POST", "PUT"):
            check_enums(request.json, _ENUMS)
        response = await self._forward(request)
        if response.status >= 300 or not response.body:
            return response
        content = json.loads(response.body)
        for configuration in content.get("FunctionUrlConfigs", [content]):
            url_id, _, region = configuration["FunctionUrl"].removeprefix("https://").split(".")[:3]
            configuration["FunctionUrl"] = f"http://{host_of(url_id, region)}:{self._port}/"
            if not configuration.get("Cors"):
                configuration.pop("Cors", None)
        return HttpResponse(response.status, json.dumps(content).encode(), response.headers)


def host_of(url_id: str, region: str) -> str:
    """The host of a function URL, without the port."""
    return f"{url_id}.lambda-url.{region}.localhost"


class FunctionUrls:
    """Answers requests to function URLs."""

    def __init__(self, functions: FunctionLookup, execution: Execution, port: int) -> None:
        self._functions = functions
        self._execution = execution
        self._port = port

    async def handle(self, url: UrlTarget, head: RequestHead, raw_path: str, body: bytes) -> HttpResponse:
        """What the function answers; 403, 413, 429 and 502 as AWS's front end gives them."""
        request_id = str(uuid.uuid4())
        cors = _cors_headers(url.cors, head.header("origin"))
        if head.method == "OPTIONS" and url.cors:
            response = HttpResponse(200)
        else:
            try:
                response = await self._invoke(url, head, raw_path, body, request_id)
            except ServiceError as error:
                response = _error_response(error)
        headers = {**response.headers, **cors, "x-amzn-requestid": request_id}
        return HttpResponse(response.status, response.body, headers, response.cookies)

    async def _invoke(
        self, url: UrlTarget, head: RequestHead, raw_path: str, body: bytes, request_id: str
    ) -> HttpResponse:
        # One that is signed, rightly, comes from this account, whose keys may do everything here.
        if not url.signed and not _anybody_may(await self._functions.policy(url.region, url.function)):
            raise ServiceError("AccessDeniedException", f"Forbidden. {_WHY}", status=403)
        function = await self._functions.find(url.region, url.function, url.qualifier)
        event = event_of(host_of(url.id, url.region), self._port, head, raw_path, body, request_id)
        payload = json.dumps(event, ensure_ascii=False)
        if len(payload.encode()) > MAX_BYTES:
            message = f"Request must be smaller than {MAX_BYTES} bytes for the InvokeFunction operation"
            raise ServiceError("RequestEntityTooLargeException", message, status=413)
        outcome = await self._execution.run(function, request_id, payload, url.qualifier)
        response = None if outcome.error else response_of(outcome.payload)
        return response or HttpResponse(502, b"Internal Server Error", dict(JSON))


def _error_response(error: ServiceError) -> HttpResponse:
    body = json.dumps({"Message": error.message}).encode()
    return HttpResponse(error.status, body, {**JSON, "x-amzn-errortype": error.code})


def _anybody_may(policy: Mapping[str, Any]) -> bool:
    """Whether a function's policy lets everybody use an address without IAM: it takes two permissions."""
    conditions = {
        "lambda:InvokeFunctionUrl": ("lambda:FunctionUrlAuthType", "NONE"),
        "lambda:InvokeFunction": ("lambda:InvokedViaFunctionUrl", "true"),
    }
    allowed = set()
    for statement in policy.get("Statement", ()):
        tests = {
            name.lower(): value
            for operator in statement.get("Condition", {}).values()
            for name, value in operator.items()
        }
        name, value = conditions.get(statement["Action"], ("", ""))
        met = not tests or tests == {name.lower(): value}
        if statement["Effect"] == "Allow" and statement["Principal"] in ("*", {"AWS": "*"}) and met:
            allowed.add(statement["Action"])
    return allowed >= conditions.keys()


def _cors_headers(cors: Mapping[str, Any], origin: str) -> dict[str, str]:
    """What lets a page read the answer; nothing where the URL has no CORS configuration for its origin."""
    origins = cors.get("AllowOrigins") or []
    if not origin or ("*" not in origins and origin not in origins):
        return {}
    headers = {
        "access-control-allow-methods": cors.get("AllowMethods"),
        "access-control-allow-headers": cors.get("AllowHeaders"),
        "access-control-expose-headers": cors.get("ExposeHeaders"),
    }
    return {
        "access-control-allow-origin": "*" if "*" in origins else origin,
        "vary": "Origin",
        **{name: ",".join(values) for name, values in headers.items() if values},
        **({"access-control-allow-credentials": "true"} if cors.get("AllowCredentials") else {}),
        **({"access-control-max-age": str(cors["MaxAge"])} if cors.get("MaxAge") is not None else {}),
    }
