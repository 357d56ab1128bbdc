"""What each `dlq` command writes with --output json."""

from __future__ import annotations

from typing import Any

from cryptoctl.ui.documents.document import CommandDocument, about

Parts = list[dict[str, Any]]
IN_FLIGHT = "how many more are in flight: another run has them, or had them when it was killed"
WITHHELD = "how many more wait that SQS did not give out: 120,000 of a queue can be in flight"


class DlqListDocument(CommandDocument, commands=["dlq list"]):
    """`dlq list`"""

    queues: Parts = about("each queue: how many messages wait, match, how old they are", [])
    causes: Parts = about("each cause: how many messages have it, of which symbols, and when they came", [])
    in_flight: int = about(IN_FLIGHT, 0)
    withheld: int = about(WITHHELD, 0)


class DlqPeekDocument(CommandDocument, commands=["dlq peek"]):
    """`dlq peek`"""

    messages: Parts = about("each message with the log lines of its request", [])
    in_flight: int = about(IN_FLIGHT, 0)
    withheld: int = about(WITHHELD, 0)


class DlqReplayDocument(CommandDocument, commands=["dlq replay"]):
    """`dlq replay`"""

    results: Parts = about("how each message ended, and why", [])
    summary: dict[str, Any] | None = about("how many ended how; null for --dry-run", None)
    steps: Parts = about("with --dry-run: what would be done with each message", [])
    in_flight: int = about(IN_FLIGHT, 0)
    withheld: int = about(WITHHELD, 0)


class DlqRepairDocument(CommandDocument, commands=["dlq repair"]):
    """`dlq repair`"""

    found: int = about("stored prices without enrichment", 0)
    enriched: int = about("how many of them were enriched", 0)
    gone: int = about("how many were deleted meanwhile", 0)
    left: Parts = about("those that are still not enriched, each with its reason", [])
    given_up: bool = about("whether the rest was not tried", False)


class DlqExportDocument(CommandDocument, commands=["dlq export"]):
    """`dlq export`"""

    exported: int = about("how many messages were written", 0)
    in_flight: int = about(IN_FLIGHT, 0)
    withheld: int = about(WITHHELD, 0)
    file: str | None = about("the file", None)


class DlqImportDocument(CommandDocument, commands=["dlq import"]):
    """`dlq import`"""

    imported: int = about("how many messages were put back", 0)
    before: int = about("how many an earlier import had put back", 0)
    refused: list[int] = about("the lines that SQS does not take", [])
    file: str | None = about("the file", None)


class DlqPurgeDocument(CommandDocument, commands=["dlq purge"]):
    """`dlq purge`"""

    found: int = about("how many messages matched", 0)
    deleted: int = about("how many were deleted", 0)
    unknown: int = about("how many are of unknown format and were kept", 0)
    in_flight: int = about(IN_FLIGHT, 0)
    withheld: int = about(WITHHELD, 0)
    file: str | None = about("where they were written first", None)
    complete: bool = about("whether all that matched is deleted", False)
