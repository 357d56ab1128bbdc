"""How long AWS's windows are, and what each kind of window must be able to do."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hostile.wire import Answer, Request


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How long each window stays open, in seconds; 0 is never."""

    role: float = 0
    """Lambda cannot assume a new role."""
    policy: float = 0
    """A role's changed policies are not seen by Lambda."""
    key: float = 0
    """A new key is not seen by all of KMS, nor by Lambda."""
    table: float = 0
    """CREATING; a third of it UPDATING."""
    table_gone: float = 0
    """DELETING"""
    table_tags: float = 0
    """A new table shows no tags."""
    backups: float = 0
    """From ACTIVE until point-in-time recovery can be switched on."""
    function: float = 0
    """Pending; half of it InProgress."""
    mapping: float = 0
    """Creating, Updating, Deleting"""
    queue_name: float = 0
    """A deleted queue's name is blocked."""
    permission: float = 0
    """A permission to invoke is not seen by CloudWatch Logs."""
    stale: float = 0
    """After a write, what was read before is read again."""


class Window:
    """Called under the proxy's lock. As it is, it lets everything through."""

    def refuse(self, request: Request) -> Answer | None:
        """The refusal, if this request comes too early."""
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Takes note of what was answered, and may change what the client sees of it."""
        return answer

    def unanswered(self, request: Request) -> None:
        """The engine has not answered what `refuse` let through: a busy machine's connections break."""


class Timer:
    """Names that are in a window until some moment."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def open(self, name: str, seconds: float) -> None:
        self._until[name] = time.monotonic() + seconds

    def closed_for_s(self, name: str) -> float:
        """How many seconds ago it closed; negative while it is open, 0 if it never was."""
        return time.monotonic() - self._until[name] if name in self._until else 0.0

    def __contains__(self, name: str) -> bool:
        return self.closed_for_s(name) < 0


def function_of(request: Request) -> str:
    """The name of the function that a request speaks of."""
    name = request.param("FunctionName") or request.param("Resource")
    return name.rpartition(":")[2]


def table_of(request: Request) -> str:
    """The name of the table that a request speaks of."""
    return request.param("TableName") or request.param("ResourceArn").rpartition("/")[2]
