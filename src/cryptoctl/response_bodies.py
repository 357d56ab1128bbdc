"""What a body is by its first bytes: AWS's, a web page, or of a balancer or proxy on the way to AWS."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from typing import Any

REDIRECTION, TOO_MANY_REQUESTS, SERVER_FAULT = 300, 429, 500
_BEFORE = rb"(\xef\xbb\xbf)?\s*"
PAGE = re.compile(_BEFORE + rb"(<\?xml[^>]*>\s*)?<(!doctype\s+)?html", re.IGNORECASE)
# JSON, or XML as AWS's services answer with it.
OF_AWS = re.compile(_BEFORE + rb"([\[{]|(<\?xml[^>]*>\s*)?<\w*(Response|Result|Error)\b)")
NULL = re.compile(_BEFORE + rb"null\s*$")


def is_cut(response: Mapping[str, Any]) -> bool:
    """Whether it is JSON without its end, of which botocore makes an answer with nothing in it."""
    body = response["body"].strip()
    return response["status_code"] < REDIRECTION and body.startswith(b"{") and not body.endswith(b"}")


def is_from_gateway(response: Mapping[str, Any]) -> bool:
    """Whether something before AWS, a balancer or a proxy, says that too much is asked or nothing works.

    With an empty body, a page or plain text: botocore's parsers break on most, and nothing is sent again.
    """
    status, body = response["status_code"], response["body"]
    has_error_type = any(name.lower() == "x-amzn-errortype" for name in response["headers"])
    busy = status == TOO_MANY_REQUESTS or status >= SERVER_FAULT
    return busy and not has_error_type and isinstance(body, bytes) and not OF_AWS.match(body)


def as_error(response: Mapping[str, Any]) -> dict[str, Any]:
    """As botocore writes the errors that it can parse, by a code after which it sends the request again."""
    status = response["status_code"]
    code = "Throttling" if status == TOO_MANY_REQUESTS else str(status)
    message = http.client.responses.get(status, "")
    headers = {name.lower(): text for name, text in response["headers"].items()}
    return {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
