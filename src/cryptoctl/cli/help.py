"""The help, for a reader that may leave."""

from __future__ import annotations

from typing import Any


class HelpInAPipe:
    """For a Typer command or group: who has read enough of its help ends it without an error."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help."""
        try:
            super().format_help(ctx, formatter)  # type: ignore[misc]
        except SystemExit:  # Rich's answer to a reader that has left
            raise SystemExit(0) from None
