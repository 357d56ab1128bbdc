"""Lambda's Invoke operation."""

from __future__ import annotations

import base64
import json
import re
import uuid
from typing import Final
from urllib.parse import unquote

from cryptoctl.local.access import RUN_PATH
from cryptoctl.local.functions.asynchronous import AsyncQueue
from cryptoctl.local.functions.execution import Execution
from cryptoctl.local.functions.function import FunctionConfig, FunctionLookup, split_name
from cryptoctl.local.functions.redirect import Redirect
from cryptoctl.local.functions.states import FunctionStates
from cryptoctl.local.http import ACCOUNT, Forward, HttpRequest, HttpResponse, ServiceError

_INVOKE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_READS: Final = ("GET", "HEAD")
_CREATE: Final[str] = "/2015-03-31/functions"
_FUNCTION: Final = re.compile(r"/2015-03-31/functions/([^/]+)")
MAX_BYTES: Final[int] = 6 * 1024 * 1024
MAX_BYTES_ASYNC: Final[int] = 1024 * 1024
TAIL_BYTES: Final[int] = 4096


class Invocations:
    """A service: runs functions in the engine's execution environments, in place of ministack's."""

    def __init__(
        self,
        forward: Forward,
        functions: FunctionLookup,
        execution: Execution,
        queue: AsyncQueue,
        redirect: Redirect,
    ) -> None:
        self._forward = forward
        self._states = FunctionStates(forward)
        self._redirect = redirect
        self._functions = functions
        self._execution = execution
        self._queue = queue

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Answers Invoke; notices every other request that changes a function."""
        if request.path == RUN_PATH:
            return await self._run_for_ministack(request)
        if "/functions" not in request.path:
            return None
        invoked = _INVOKE.fullmatch(request.path)
        if invoked is None or request.method != "POST":
            reads = request.method in _READS
            return await self._states.ask(request) if reads else await self._change(request)
        name, qualifier = split_name(unquote(invoked.group(1)))
        qualifier = request.query.get("Qualifier", qualifier)
        function = await self._functions.find(request.region, name, qualifier)
        if not function.runtime.startswith("python"):
            return None
        return await self._invoke(request, function, qualifier)

    async def _change(self, request: HttpRequest) -> HttpResponse:
        response = await self._states.ask(request)
        self._functions.forget()
        if request.path.rstrip("/") == _CREATE and response.status < 300:
            self._redirect.created(split_name(request.json["FunctionName"])[0])
        deleted = _FUNCTION.fullmatch(request.path)
        if (
            deleted
            and request.method == "DELETE"
            and response.status < 300
            and not request.query.get("Qualifier")
        ):
            name, _ = split_name(unquote(deleted.group(1)))
            await self._delete_url(request, name)
            self._execution.discard(f"arn:aws:lambda:{request.region}:{ACCOUNT}:function:{name}")
        return response

    async def _delete_url(self, request: HttpRequest, name: str) -> None:
        """ministack keeps the URL of a function that is deleted, for the next of that name."""
        path = f"/2021-10-31/functions/{name}/url"
        await self._forward(HttpRequest("DELETE", path, request.headers, b""))

    async def _invoke(self, request: HttpRequest, function: FunctionConfig, qualifier: str) -> HttpResponse:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        _check_payload(request.body, MAX_BYTES_ASYNC if kind == "Event" else MAX_BYTES)
        _check_state(function)
        payload = request.body.decode("utf-8") or "{}"
        request_id = str(uuid.uuid4())
        if kind == "DryRun":
            return HttpResponse(204)
        if kind == "Event":
            self._queue.put(function.region, function.name, qualifier, request_id, payload)
            return HttpResponse(202, b"", {"x-amzn-requestid": request_id})
        if kind != "RequestResponse":
            raise ServiceError(
                "InvalidParameterValueException",
                f"Value '{kind}' at 'invocationType' failed to satisfy constraint: "
                "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
            )
        outcome = await self._execution.run(function, request_id, payload, qualifier)
        headers = {
            "content-type": "application/json",
            "x-amzn-requestid": request_id,
            "x-amz-executed-version": function.version,
        }
        if outcome.error:
            headers["x-amz-function-error"] = "Unhandled"
        if request.headers.get("x-amz-log-type") == "Tail":
            tail = outcome.log_tail.encode()[-TAIL_BYTES:]
            headers["x-amz-log-result"] = base64.b64encode(tail).decode()
        return HttpResponse(200, outcome.payload.encode(), headers)

    async def _run_for_ministack(self, request: HttpRequest) -> HttpResponse:
        """What ministack itself invokes (for a queue, say) runs in our environments too."""
        arn = request.headers["x-amzn-lambda-function-arn"]
        region, (name, qualifier) = arn.split(":")[3], split_name(arn)
        function = await self._functions.find(region, name, qualifier)
        request_id, payload = request.headers["x-amzn-lambda-request-id"], request.body.decode("utf-8")
        outcome = await self._execution.run(function, request_id, payload)
        return HttpResponse(500 if outcome.error else 200, outcome.payload.encode())


def _check_payload(body: bytes, max_bytes: int) -> None:
    if len(body) > max_bytes:
        message = f"Request must be smaller than {max_bytes} bytes for the InvokeFunction operation"
        raise ServiceError("RequestTooLargeException", message, status=413, Type="User")
    try:
        json.loads(body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body into json: {error}"
        raise ServiceError("InvalidRequestContentException", message, Type="User") from error


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(f"Unrecognized token '{name}'")


def _check_state(function: FunctionConfig) -> None:
    if function.state == "Pending":
        message = "The operation cannot be performed at this time. The function is currently in the following"
        raise ServiceError("ResourceConflictException", f"{message} state: Pending", status=409, Type="User")
