"""Invoking the webhook processor, as cryptoctl always does: with JSON text in `body`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.aws_errors import one_line
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.environments import not_deployed
from cryptoctl.provisioners.function import NOT_FOUND, Function
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack


def permissions(stack: Stack) -> Iterator[Permission]:
    """Prices are handed to the webhook processor."""
    yield from allow(Access.OPERATE, "lambda", "InvokeFunction", stack.webhook.arn)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the webhook processor answered: an HTTP status and the body, parsed."""

    status: int
    body: dict[str, Any]


def invoke(aws: Aws, function: Function, text: str) -> Answer:
    """Hands the text over and waits for the answer. Raises Failure where the function fails."""
    reply = _invoke(aws, function, text, "RequestResponse")
    payload = _json(reply["Payload"].read())
    if reply.get("FunctionError"):
        detail = payload if isinstance(payload, dict) else {}
        kind, message = detail.get("errorType", "Error"), detail.get("errorMessage", "")
        raise Failure(
            Problem.FAILED,
            f"{function.name} failed: {one_line(f'{kind}: {message}')}",
            f"See `cryptoctl logs {function.name}`. Nothing was acknowledged.",
        )
    body = _json(payload.get("body")) if isinstance(payload, dict) else None
    status = payload.get("statusCode") if isinstance(payload, dict) else None
    if not isinstance(body, dict) or not isinstance(status, int):
        raise unexpected(function)
    return Answer(status=status, body=body)


def unexpected(function: Function) -> Failure:
    """The function answered something that the webhook processor never answers."""
    return Failure(
        Problem.FAILED,
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
    reply = _invoke(aws, function, text, "Event")
    return str(reply["ResponseMetadata"]["RequestId"])


def _invoke(aws: Aws, function: Function, text: str, kind: str) -> dict[str, Any]:
    payload = json.dumps({"body": text}, ensure_ascii=False).encode()
    try:
        return aws.call("lambda", "Invoke", FunctionName=function.name, InvocationType=kind, Payload=payload)
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise
        raise not_deployed(aws, function.scope, f"function {function.name}") from error
