"""The embedded engine."""

from __future__ import annotations

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about


class EngineDocument(Part):
    """The embedded engine."""

    running: bool = about("whether it runs")
    url: str | None = about("where it answers")
    pid: int | None = about("its process")
    port: int | None = about("its port on loopback")
    started_at: str | None = about("since when it runs")
    home: str = about("where its data is")
    log_file: str = about("its own log")
    memory_bytes: int | None = about("its memory, in bytes")
    notes: Notes
    problems: list[str] = about("what in it does not work")
    access_key: str | None = about("the engine's access key for other tools")
    secret_key: str | None = about("the engine's secret key for other tools")


class LocalDocument(CommandDocument, commands=["local start", "local status"]):
    """`local start` and `local status`"""

    engine: EngineDocument | None = about("the engine", None)


class LocalStopDocument(CommandDocument, commands=["local stop"]):
    """`local stop`"""

    stopped: bool = about("whether it was running", False)


class LocalResetDocument(CommandDocument, commands=["local reset"]):
    """`local reset`"""

    reset: bool = about("whether its data was deleted", False)


class LocalLogsDocument(CommandDocument, commands=["local logs"]):
    """`local logs`"""

    lines: list[str] = about("the lines, the newest last", [])


class MessageDocument(Part):
    """A message that AWS would have sent."""

    at: str = about("when it would have been sent")
    region: str = about("the AWS region")
    protocol: str = about("email, https, sms, …")
    recipient: str = about("to whom")
    topic: str = about("the ARN of the topic")
    subject: str = about("its subject; empty where it has none")
    text: str = about("what the recipient would have read")


class LocalOutboxDocument(CommandDocument, commands=["local outbox"]):
    """`local outbox`"""

    messages: list[MessageDocument] = about("the messages, the newest last", [])
