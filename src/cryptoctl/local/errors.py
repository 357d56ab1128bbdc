"""What goes wrong with the engine itself, said to a person."""

from __future__ import annotations


class EngineError(Exception):
    """`message`: what was being done, to what, and why it failed. `hint`: what to do next."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
