"""Requests that AWS refuses and ministack would take are refused before ministack sees them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptoctl.local.http import HttpRequest, HttpResponse
from cryptoctl.local.internal_client import InternalClient

Check = Callable[[InternalClient, HttpRequest], Awaitable[None]]
"""Raises ServiceError for a request that AWS would refuse."""
PathCheck = tuple[str, re.Pattern[str], Check]
"""The check of REST requests: their method and path."""


@dataclass(frozen=True)
class Checks:
    """A service that never answers: it raises ServiceError for what AWS would refuse."""

    client: InternalClient
    checks: Mapping[str, Check]
    path_checks: Sequence[PathCheck]

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Raises ServiceError; never answers."""
        check = self.checks.get(request.target or request.form.get("Action", ""))
        if check is not None:
            await check(self.client, request)
        for method, path, check_path in self.path_checks:
            if request.method == method and path.fullmatch(request.path):
                await check_path(self.client, request)
        return None
