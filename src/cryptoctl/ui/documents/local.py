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
    problems: Annotated[list[str], Field(description="what in it does not work")]
    access_key: Annotated[str | None, Field(description="the engine's access key for other tools")]
    secret_key: Annotated[str | None, Field(description="the engine's secret key for other tools")]


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


class MessageDocument(Part):
    """A message that AWS would have sent."""

    at: Annotated[str, Field(description="when it would have been sent")]
    region: Annotated[str, Field(description="the AWS region")]
    protocol: Annotated[str, Field(description="email, https, sms, …")]
    recipient: Annotated[str, Field(description="to whom")]
    topic: Annotated[str, Field(description="the ARN of the topic")]
    subject: Annotated[str, Field(description="its subject; empty where it has none")]
    text: Annotated[str, Field(description="what the recipient would have read")]


class LocalOutboxDocument(CommandDocument):
    """`local outbox`"""

    messages: list[MessageDocument] = Field(default_factory=list, description="the messages, the newest last")
