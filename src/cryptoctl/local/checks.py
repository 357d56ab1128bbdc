"""Requests that AWS refuses and ministack would take are refused before ministack sees them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from cryptoctl.local.http import HttpRequest, HttpResponse
from cryptoctl.local.internal_client import InternalClient

Check = Callable[[InternalClient, HttpRequest], Awaitable[None]]
"""Raises ServiceError for a request that AWS would refuse."""
PathCheck = tuple[str, re.Pattern[str], Check]
"""The check of REST requests: their method and path."""


class Checks:
    """A service that never answers: it raises ServiceError for what AWS would refuse."""

    def __init__(
        self, client: InternalClient, checks: Mapping[str, Check], path_checks: Sequence[PathCheck]
    ) -> None:
        self._client = client
        self._checks = checks
        self._path_checks = path_checks

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Raises ServiceError; never answers."""
        check = self._checks.get(request.target or request.form.get("Action", ""))
        if check is not None:
            await check(self._client, request)
        for method, path, check_path in self._path_checks:
            if request.method == method and path.fullmatch(request.path):
                await check_path(self._client, request)
        return None
