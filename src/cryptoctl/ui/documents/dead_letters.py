"""What each `dlq` command writes with --output json."""

from __future__ import annotations

from typing import Annotated, Any

from cryptoctl.ui.documents.document import CommandDocument, about

Parts = list[dict[str, Any]]
IN_FLIGHT = "how many more are in flight: another run has them, or had them when it was killed"


class DlqListDocument(CommandDocument):
    """`dlq list`"""

    queues: Annotated[Parts, about("each queue: how many messages wait, match, how old they are")] = []
    causes: Annotated[
        Parts, about("each cause: how many messages have it, of which symbols, and when they came")
    ] = []
    in_flight: Annotated[int, about(IN_FLIGHT)] = 0


class DlqPeekDocument(CommandDocument):
    """`dlq peek`"""

    messages: Annotated[Parts, about("each message with the log lines of its request")] = []
    in_flight: Annotated[int, about(IN_FLIGHT)] = 0


class DlqReplayDocument(CommandDocument):
    """`dlq replay`"""

    results: Annotated[Parts, about("how each message ended, and why")] = []
    summary: Annotated[dict[str, Any] | None, about("how many ended how; null for --dry-run")] = None
    steps: Annotated[Parts, about("with --dry-run: what would be done with each message")] = []


class DlqRepairDocument(CommandDocument):
    """`dlq repair`"""

    found: Annotated[int, about("stored prices without enrichment")] = 0
    enriched: Annotated[int, about("how many of them were enriched")] = 0
    gone: Annotated[int, about("how many were deleted meanwhile")] = 0
    left: Annotated[Parts, about("those that are still not enriched, each with its reason")] = []
    given_up: Annotated[bool, about("whether the rest was not tried")] = False


class DlqExportDocument(CommandDocument):
    """`dlq export`"""

    exported: Annotated[int, about("how many messages were written")] = 0
    in_flight: Annotated[int, about(IN_FLIGHT)] = 0
    file: Annotated[str | None, about("the file")] = None


class DlqImportDocument(CommandDocument):
    """`dlq import`"""

    imported: Annotated[int, about("how many messages were put back")] = 0
    before: Annotated[int, about("how many an earlier import had put back")] = 0
    refused: Annotated[list[int], about("the lines that SQS does not take")] = []
    file: Annotated[str | None, about("the file")] = None


class DlqPurgeDocument(CommandDocument):
    """`dlq purge`"""

    found: Annotated[int, about("how many messages matched")] = 0
    deleted: Annotated[int, about("how many were deleted")] = 0
    unknown: Annotated[int, about("how many are of unknown format and were kept")] = 0
    in_flight: Annotated[int, about(IN_FLIGHT)] = 0
    file: Annotated[str | None, about("where they were written first")] = None
    complete: Annotated[bool, about("whether all that matched is deleted")] = False
