"""Answers of one's choice: windows that never close."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hostile.lengths import Window
from hostile.wire import Answer, Request, refusal


@dataclass(frozen=True, kw_only=True)
class Refuses(Window):
    """Refuses some operations ("service:Operation"), on what is named so, always in the same words."""

    operations: tuple[str, ...]
    code: str
    message: str
    status: int = 400
    params_contain: str = ""

    def refuse(self, request: Request) -> Answer | None:
        """The refusal, for those."""
        if str(request) not in self.operations or self.params_contain not in str(dict(request.params or {})):
            return None
        return refusal(request, self.code, self.message, self.status)


class Passes(Window):
    """A refusal that passes so many seconds after it was met for the first time."""

    def __init__(self, refusing: Refuses, after_s: float) -> None:
        self.refusing, self.after_s, self.until_s = refusing, after_s, math.inf

    def refuse(self, request: Request) -> Answer | None:
        """The refusal, for a while."""
        refused = self.refusing.refuse(request)
        now_s = time.monotonic()
        if refused is not None and self.until_s == math.inf:
            self.until_s = now_s + self.after_s
        return refused if now_s < self.until_s else None


@dataclass(frozen=True, kw_only=True)
class Alters(Window):
    """Changes the JSON answers to one operation; `change` works on the document."""

    operation: str
    change: Callable[[dict[str, Any]], None]
    params_contain: str = ""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Changes what is granted."""
        if str(request) != self.operation or not answer.ok or self.params_contain not in str(request.params):
            return answer
        document = answer.document()
        self.change(document)
        return answer.with_document(document)


@dataclass(frozen=True, kw_only=True)
class Rewrites(Window):
    """Puts one text in the place of another in the answers to one operation, or a header."""

    operation: str
    old: str = ""
    new: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Changes the body or the headers."""
        if str(request) != self.operation:
            return answer
        names = {name.lower() for name, _ in self.headers}
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in names}
        body = answer.body.replace(self.old.encode(), self.new.encode()) if self.old else answer.body
        return Answer(status=answer.status, headers={**headers, **dict(self.headers)}, body=body)
