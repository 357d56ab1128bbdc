"""Invoking a function and waiting: success means that it ran."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack


def permissions(stack: Stack) -> Iterator[Permission]:
    """What failed is handed to its function again."""
    for function in (stack.webhook, stack.enricher):
        yield from allow(Access.OPERATE, "lambda", "InvokeFunction", function.arn)


def invoked(aws: Aws, name: str, payload: str) -> tuple[Any, str | None]:
    """What the function answered, and why it failed; None where it has not."""
    try:
        reply = aws.call(
            "lambda",
            "Invoke",
            FunctionName=name,
            InvocationType="RequestResponse",
            Payload=payload.encode(),
        )
    except AwsError as error:
        return None, f"{error.code}: {error.message}"
    answer = json.loads(reply["Payload"].read() or b"null")
    if not reply.get("FunctionError"):
        return answer, None
    detail = answer if isinstance(answer, dict) else {}
    said = (detail.get("errorType"), detail.get("errorMessage"))
    return answer, ": ".join(str(each) for each in said if each) or "the function failed and said nothing"
