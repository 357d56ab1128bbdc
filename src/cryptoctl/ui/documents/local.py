"""The embedded engine."""

from __future__ import annotations

from typing import Annotated

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about


class EngineDocument(Part):
    """The embedded engine."""

    running: Annotated[bool, about("whether it runs")]
    url: Annotated[str | None, about("where it answers")]
    pid: Annotated[int | None, about("its process")]
    port: Annotated[int | None, about("its port on loopback")]
    started_at: Annotated[str | None, about("since when it runs")]
    home: Annotated[str, about("where its data is")]
    log_file: Annotated[str, about("its own log")]
    memory_bytes: Annotated[int | None, about("its memory, in bytes")]
    notes: Notes
    problems: Annotated[list[str], about("what in it does not work")]
    access_key: Annotated[str | None, about("the engine's access key for other tools")]
    secret_key: Annotated[str | None, about("the engine's secret key for other tools")]


class LocalDocument(CommandDocument):
    """`local start` and `local status`"""

    engine: Annotated[EngineDocument | None, about("the engine")] = None


class LocalStopDocument(CommandDocument):
    """`local stop`"""

    stopped: Annotated[bool, about("whether it was running")] = False


class LocalResetDocument(CommandDocument):
    """`local reset`"""

    reset: Annotated[bool, about("whether its data was deleted")] = False


Lines = Annotated[list[str], about("the lines, the newest last")]


class LocalLogsDocument(CommandDocument):
    """`local logs`"""

    lines: Lines = []


class MessageDocument(Part):
    """A message that AWS would have sent."""

    at: Annotated[str, about("when it would have been sent")]
    region: Annotated[str, about("the AWS region")]
    protocol: Annotated[str, about("email, https, sms, …")]
    recipient: Annotated[str, about("to whom")]
    topic: Annotated[str, about("the ARN of the topic")]
    subject: Annotated[str, about("its subject; empty where it has none")]
    text: Annotated[str, about("what the recipient would have read")]


class LocalOutboxDocument(CommandDocument):
    """`local outbox`"""

    messages: Annotated[list[MessageDocument], about("the messages, the newest last")] = []
