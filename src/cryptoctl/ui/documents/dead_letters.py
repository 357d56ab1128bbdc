"""What each `dlq` command writes with --output json."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument

Parts = list[dict[str, Any]]


class DlqListDocument(CommandDocument):
    """`dlq list`"""

    queues: Parts = Field(
        default_factory=list, description="each queue: how many messages wait, match, how old they are"
    )
    causes: Parts = Field(
        default_factory=list,
        description="each cause: how many messages have it, of which symbols, and when they came",
    )


class DlqPeekDocument(CommandDocument):
    """`dlq peek`"""

    messages: Parts = Field(
        default_factory=list, description="each message with the log lines of its request"
    )


class DlqReplayDocument(CommandDocument):
    """`dlq replay`"""

    results: Parts = Field(default_factory=list, description="how each message ended, and why")
    summary: Annotated[dict[str, Any] | None, Field(description="how many ended how; null for --dry-run")] = (
        None
    )
    steps: Parts = Field(
        default_factory=list, description="with --dry-run: what would be done with each message"
    )


class DlqRepairDocument(CommandDocument):
    """`dlq repair`"""

    found: Annotated[int, Field(description="stored prices without enrichment")] = 0
    enriched: Annotated[int, Field(description="how many of them were enriched")] = 0
    gone: Annotated[int, Field(description="how many were deleted meanwhile")] = 0
    left: Parts = Field(
        default_factory=list, description="those that are still not enriched, each with its reason"
    )
    given_up: Annotated[bool, Field(description="whether the rest was not tried")] = False


class DlqExportDocument(CommandDocument):
    """`dlq export`"""

    exported: Annotated[int, Field(description="how many messages were written")] = 0
    file: Annotated[str | None, Field(description="the file")] = None


class DlqImportDocument(CommandDocument):
    """`dlq import`"""

    imported: Annotated[int, Field(description="how many messages were put back")] = 0
    before: Annotated[int, Field(description="how many an earlier import had put back")] = 0
    refused: list[int] = Field(default_factory=list, description="the lines that SQS did not take")
    file: Annotated[str | None, Field(description="the file")] = None


class DlqPurgeDocument(CommandDocument):
    """`dlq purge`"""

    found: Annotated[int, Field(description="how many messages matched")] = 0
    deleted: Annotated[int, Field(description="how many were deleted")] = 0
    unknown: Annotated[int, Field(description="how many are of unknown format and were kept")] = 0
    file: Annotated[str | None, Field(description="where they were written first")] = None
    complete: Annotated[bool, Field(description="whether all that matched is deleted")] = False
