"""The embedded engine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part


class EngineDocument(Part):
    """The embedded engine."""

    running: Annotated[bool, Field(description="whether it runs")]
    url: Annotated[str | None, Field(description="where it answers")]
    pid: Annotated[int | None, Field(description="its process")]
    port: Annotated[int | None, Field(description="its port on loopback")]
    started_at: Annotated[str | None, Field(description="since when it runs")]
    home: Annotated[str, Field(description="where its data is")]
    log_file: Annotated[str, Field(description="its own log")]
    memory_bytes: Annotated[int | None, Field(description="its memory, in bytes")]
    notes: Notes
    access_key: Annotated[str, Field(description="the made-up access key for other tools")]
    secret_key: Annotated[str, Field(description="the made-up secret key for other tools")]


class LocalDocument(CommandDocument):
    """`local start` and `local status`"""

    engine: Annotated[EngineDocument | None, Field(description="the engine")] = None


class LocalStopDocument(CommandDocument):
    """`local stop`"""

    stopped: Annotated[bool, Field(description="whether it was running")] = False


class LocalResetDocument(CommandDocument):
    """`local reset`"""

    reset: Annotated[bool, Field(description="whether its data was deleted")] = False


Lines = Annotated[list[str], Field(description="the lines, the newest last")]


class LocalLogsDocument(CommandDocument):
    """`local logs`"""

    lines: Lines = []
