"""Invoking functions; the webhook processor as cryptoctl always does: with JSON text in `body`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.aws_errors import FAULT_OF_AWS, one_line
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.environments import not_deployed
from cryptoctl.provisioners.function import NOT_FOUND, Function
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack


def permissions(stack: Stack) -> Iterator[Permission]:
    """Prices are handed to the webhook processor."""
    yield from allow(Access.OPERATE, "lambda", "InvokeFunction", stack.webhook.arn)


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What Lambda replied to an invocation."""

    response: Mapping[str, Any]
    payload: bytes

    @property
    def request_id(self) -> str:
        """The request's id."""
        return str(self.response["ResponseMetadata"]["RequestId"])

    @property
    def error(self) -> str:
        """`Unhandled` or the like where the function failed, else empty."""
        return str(self.response.get("FunctionError", ""))

    @property
    def result(self) -> Any:
        """The payload, parsed: of a failure Lambda's description. Raises ValueError or RecursionError."""
        return json.loads(self.payload or b"null")


def invocation(aws: Aws, name: str, event: str, kind: str = "RequestResponse") -> Invocation:
    """Invokes a function, and waits for its answer unless the kind is Event."""
    response = aws.call("lambda", "Invoke", FunctionName=name, InvocationType=kind, Payload=event.encode())
    return Invocation(response=response, payload=response["Payload"].read())


@dataclass(frozen=True, kw_only=True)
class ProcessorResponse:
    """What the webhook processor answered: an HTTP status and the body, parsed."""

    status: int
    body: dict[str, Any]


class UnconfirmedError(Failure):
    """The function was invoked, and has not said whether it stored the prices."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(ExitCode.FAILED, message, hint)


def may_be_stored(error: Failure | AwsError) -> bool:
    """Whether what was sent may be stored although this was raised; no request that is refused stores it.

    One that botocore has sent again may have been taken before, and its answer lost.
    """
    response: Mapping[str, Any] = getattr(error.__cause__, "response", None) or {}
    if (response.get("ResponseMetadata") or {}).get("RetryAttempts"):
        return True
    if isinstance(error, AwsError):
        return error.response_lost or FAULT_OF_AWS.matches(error)
    return isinstance(error, UnconfirmedError) or error.exit_code is ExitCode.UNREACHABLE


def invoke(aws: Aws, function: Function, text: str) -> ProcessorResponse:
    """Hands the text over and waits for the answer. Raises Failure where the function fails."""
    invoked = _invoke(aws, function, text, "RequestResponse")
    payload = _json(invoked.payload)
    if invoked.error:
        error = invoked.payload.decode(errors="replace")  # not Lambda's description, but a simulator's words
        if isinstance(payload, dict):
            error = f"{payload.get('errorType', 'Error')}: {payload.get('errorMessage', '')}"
        raise UnconfirmedError(
            f"{function.name} failed: {one_line(error)}",
            f"See `cryptoctl logs {function.name}`. Nothing was acknowledged.",
        )
    body = _json(payload.get("body")) if isinstance(payload, dict) else None
    status = payload.get("statusCode") if isinstance(payload, dict) else None
    if not isinstance(body, dict) or not isinstance(status, int):
        raise unexpected_response(function)
    return ProcessorResponse(status=status, body=body)


def unexpected_response(function: Function) -> Failure:
    """The function answered something that the webhook processor never answers."""
    return UnconfirmedError(
        f"{function.name} answered something that is not the webhook processor's. "
        "Whether the price is stored is not known.",
        "Its code may not be what cryptoctl deploys: `cryptoctl plan` shows what differs.",
    )


def _json(text: Any) -> Any:
    try:
        return json.loads(text or b"null")
    except (TypeError, ValueError, RecursionError):
        return None


def invoke_later(aws: Aws, function: Function, text: str) -> str:
    """Queues the text for the function, on the path that has the dead-letter queue. Gives the request id."""
    return _invoke(aws, function, text, "Event").request_id


def _invoke(aws: Aws, function: Function, text: str, kind: str) -> Invocation:
    try:
        return invocation(aws, function.name, json.dumps({"body": text}, ensure_ascii=False), kind)
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise
        raise not_deployed(aws, function.scope, f"function {function.name}") from error
