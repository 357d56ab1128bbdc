"""Requests that AWS refuses and ministack would take are refused before ministack sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cryptoctl.local.http import HttpRequest, HttpResponse
from cryptoctl.local.internal_client import InternalClient

Check = Callable[[InternalClient, HttpRequest], Awaitable[None]]
"""Raises ServiceError for a request that AWS would refuse."""


class Checks:
    """A service that never answers: it raises ServiceError for what AWS would refuse."""

    def __init__(self, client: InternalClient, find: Callable[[HttpRequest], Check | None]) -> None:
        self._client = client
        self._find = find

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Raises ServiceError; never answers."""
        check = self._find(request)
        if check is not None:
            await check(self._client, request)
        return None
