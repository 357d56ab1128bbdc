"""The handler of the self-test's own function: it does what its event says, failures included.

This file alone is that function's code.
"""

import os
import threading
from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Fails as it is told, prints lines, or asks AWS with the function's own role. Stream records fail it."""
    if "Records" in event:
        raise RuntimeError("a record that fails every time")
    do = event.get("do")
    if do == "raise":
        raise RuntimeError(event["text"])
    if do == "sleep":
        threading.Event().wait()
    if do == "exit":
        os._exit(3)
    if do == "memory":
        _take_memory()
    for line in event.get("lines", ()):
        print(line, flush=True)
    return {"asked": [_answer(*request) for request in event.get("ask", ())]}


def _take_memory() -> None:
    blocks: list[bytes] = []
    while True:
        blocks.append(b"x" * 64_000_000)


def _answer(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    # Here, so that whatever else it is asked to do begins at once.
    import boto3
    from botocore.exceptions import ClientError

    try:
        response = getattr(boto3.client(service), operation)(**params)
    except ClientError as error:
        return {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
    variables = response.get("Configuration", {}).get("Environment", {})
    return {"tags_error": response.get("TagsError"), "variables_error": variables.get("Error")}
