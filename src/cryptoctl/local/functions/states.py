"""A function's state while it is updated: ministack calls it Pending, on AWS it stays Active.

Only its LastUpdateStatus says that an update is in progress; until that is over, invocations go on and a
second update is refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError

_UPDATE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/(code|configuration)")


class FunctionStates:
    """ministack's answers about functions, with the states AWS would show."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    async def ask(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request about a function."""
        if request.method == "PUT" and (found := _UPDATE.fullmatch(request.path)):
            await self._refuse_while_updating(request, found.group(1))
        response = await self._forward(request)
        if b'"Updating"' not in response.body:
            return response
        content = json.loads(response.body)
        _correct(content)
        return HttpResponse(response.status, json.dumps(content).encode(), response.headers)

    async def _refuse_while_updating(self, request: HttpRequest, name: str) -> None:
        path = f"/2015-03-31/functions/{name}/configuration"
        response = await self._forward(HttpRequest("GET", path, request.headers, b""))
        if response.status == 200:
            configuration = json.loads(response.body)
            if configuration.get("LastUpdateStatus") == "InProgress":
                message = (
                    "The operation cannot be performed at this time. An update is in progress for resource: "
                )
                raise ServiceError(
                    "ResourceConflictException",
                    message + configuration["FunctionArn"],
                    status=409,
                    Type="User",
                )


def _correct(content: Any) -> None:
    """Wherever a configuration is being updated, its state is Active."""
    if isinstance(content, list):
        for each in content:
            _correct(each)
    elif isinstance(content, dict):
        if content.get("StateReasonCode") == "Updating":
            content["State"] = "Active"
            for name in ("StateReason", "StateReasonCode"):
                del content[name]
        for each in content.values():
            _correct(each)
