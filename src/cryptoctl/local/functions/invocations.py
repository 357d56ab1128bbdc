"""Lambda's Invoke operation, and what else is about functions and not as ministack does it."""

from __future__ import annotations

import base64
import json
import re
import uuid
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from cryptoctl.local.access import RUN_PATH
from cryptoctl.local.database import Database
from cryptoctl.local.functions.asynchronous import AsyncQueue
from cryptoctl.local.functions.execution import Execution
from cryptoctl.local.functions.function import FunctionConfig, FunctionLookup, split_name
from cryptoctl.local.http import ACCOUNT, Forward, HttpRequest, HttpResponse, ServiceError
from cryptoctl.local.ministack_adapter import redirect_invocations

SCHEMA: Final[str] = "CREATE TABLE IF NOT EXISTS known_function (name TEXT PRIMARY KEY);"
_INVOKE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_CREATE: Final[str] = "/2015-03-31/functions"
_FUNCTION: Final = re.compile(r"/2015-03-31/functions/([^/]+)")
_UPDATE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/(code|configuration)")
MAX_BYTES: Final[int] = 6 * 1024 * 1024
MAX_BYTES_ASYNC: Final[int] = 1024 * 1024
TAIL_BYTES: Final[int] = 4096


class Redirect:
    """Has ministack run functions here: what a queue invokes runs where all else does.

    The functions that ministack was told of are kept: it must be told again whenever the engine starts.
    """

    def __init__(self, database: Database, run_url: str) -> None:
        database.define(SCHEMA)
        self._database = database
        self._url = run_url
        for (name,) in database.execute("SELECT name FROM known_function").fetchall():
            redirect_invocations(name, self._url)

    def created(self, name: str) -> None:
        """Takes up a new function."""
        self._database.execute("INSERT OR IGNORE INTO known_function VALUES (?)", name)
        redirect_invocations(name, self._url)


@dataclass(frozen=True)
class Invocations:
    """A service: runs functions in the engine's execution environments, in place of ministack's."""

    forward: Forward
    functions: FunctionLookup
    execution: Execution
    queue: AsyncQueue
    redirect: Redirect

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Answers Invoke; notices every other request that changes a function."""
        if request.path == RUN_PATH:
            return await self._run_for_ministack(request)
        if "/functions" not in request.path:
            return None
        invocation = _INVOKE.fullmatch(request.path)
        if invocation is None or request.method != "POST":
            reads = request.method in ("GET", "HEAD")
            return await self._response(request) if reads else await self._change(request)
        name, qualifier = split_name(unquote(invocation.group(1)))
        qualifier = request.query.get("Qualifier", qualifier)
        function = await self.functions.find(request.region, name, qualifier)
        if not function.runtime.startswith("python"):
            return None
        return await self._invoke(request, function, qualifier)

    async def _change(self, request: HttpRequest) -> HttpResponse:
        if request.path.rstrip("/") == _CREATE:
            request = _with_bare_name(request)
        if request.method == "PUT" and (update := _UPDATE.fullmatch(request.path)):
            await self._refuse_while_updating(request, update.group(1))
            if request.json.get("DryRun"):  # ministack would update
                return await self._configuration(request, update.group(1))
        response = await self._response(request)
        self.functions.forget()
        if request.path.rstrip("/") == _CREATE and response.status < 300:
            self.redirect.created(split_name(request.json["FunctionName"])[0])
        deletion = _FUNCTION.fullmatch(request.path) if request.method == "DELETE" else None
        if deletion and response.status < 300 and not request.query.get("Qualifier"):
            name, _ = split_name(unquote(deletion.group(1)))
            await self._delete_url(request, name)
            self.execution.discard(f"arn:aws:lambda:{request.region}:{ACCOUNT}:function:{name}")
        return response

    async def _response(self, request: HttpRequest) -> HttpResponse:
        """ministack's answer with the states that AWS shows: a function that is updated stays Active.

        ministack calls it Pending; on AWS only its LastUpdateStatus says that an update is in progress.
        """
        response = await self.forward(request)
        if b'"Updating"' not in response.body:
            return response
        content = json.loads(response.body)
        _correct_states(content)
        return HttpResponse(response.status, json.dumps(content).encode(), response.headers)

    async def _refuse_while_updating(self, request: HttpRequest, name: str) -> None:
        """Until an update is over, invocations go on and a second update is refused."""
        response = await self._configuration(request, name)
        configuration = json.loads(response.body) if response.status == 200 else {}
        if configuration.get("LastUpdateStatus") == "InProgress":
            message = "The operation cannot be performed at this time. An update is in progress for resource:"
            raise _conflict(f"{message} {configuration['FunctionArn']}")

    async def _configuration(self, request: HttpRequest, name: str) -> HttpResponse:
        path = f"/2015-03-31/functions/{name}/configuration"
        return await self.forward(HttpRequest("GET", path, request.headers, b""))

    async def _delete_url(self, request: HttpRequest, name: str) -> None:
        """ministack keeps the URL of a function that is deleted, for the next of that name."""
        path = f"/2021-10-31/functions/{name}/url"
        await self.forward(HttpRequest("DELETE", path, request.headers, b""))

    async def _invoke(self, request: HttpRequest, function: FunctionConfig, qualifier: str) -> HttpResponse:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        _check_payload(request.body, MAX_BYTES_ASYNC if kind == "Event" else MAX_BYTES)
        _check_state(function)
        payload = request.body.decode("utf-8") or "{}"
        request_id = str(uuid.uuid4())
        if kind == "DryRun":
            return HttpResponse(204)
        if kind == "Event":
            self.queue.put(function.region, function.name, qualifier, request_id, payload)
            return HttpResponse(202, b"", {"x-amzn-requestid": request_id})
        if kind != "RequestResponse":
            raise ServiceError(
                "InvalidParameterValueException",
                f"Value '{kind}' at 'invocationType' failed to satisfy constraint: "
                "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
            )
        outcome = await self.execution.run(function, request_id, payload, qualifier)
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
        function = await self.functions.find(region, name, qualifier)
        request_id, payload = request.headers["x-amzn-lambda-request-id"], request.body.decode("utf-8")
        outcome = await self.execution.run(function, request_id, payload)
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


def _with_bare_name(request: HttpRequest) -> HttpRequest:
    """ministack would take the ARN that names a function for the function's name."""
    name = request.json.get("FunctionName")
    if not name:
        return request
    return replace(request, body=json.dumps({**request.json, "FunctionName": split_name(name)[0]}).encode())


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(f"Unrecognized token '{name}'")


def _check_state(function: FunctionConfig) -> None:
    if function.state == "Pending":
        message = "The operation cannot be performed at this time. The function is currently in the following"
        raise _conflict(f"{message} state: Pending")


def _conflict(message: str) -> ServiceError:
    return ServiceError("ResourceConflictException", message, status=409, Type="User")


def _correct_states(content: Any) -> None:
    """Wherever a configuration is being updated, its state is Active."""
    if isinstance(content, list):
        for member in content:
            _correct_states(member)
    elif isinstance(content, dict):
        if content.get("StateReasonCode") == "Updating":
            content["State"] = "Active"
            del content["StateReason"], content["StateReasonCode"]
        for member in content.values():
            _correct_states(member)
