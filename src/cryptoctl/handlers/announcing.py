"""One message on the success topic for each enriched or corrected price."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from cryptoctl.core.enrichment import Enrichment
from cryptoctl.core.indicators import INDICATORS
from cryptoctl.core.numbers import plain
from cryptoctl.handlers.clients import Deadline, OutOfTimeError, client, setting

_MAX_MESSAGES = 10  # in one PublishBatch


class AnnouncementError(RuntimeError):
    """The topic did not take a message."""


class AnnounceResult(NamedTuple):
    """How a publish ended; `published`: whether it was sent, None if the response was lost."""

    error: Exception | None
    published: bool | None


def announce(enrichments: Sequence[Enrichment], deadline: Deadline) -> list[AnnounceResult]:
    """Announces the enrichments, ten in a call, and says of each how it ended.

    Of those that no time was left for, the error is `OutOfTimeError`.
    """
    outcomes: list[AnnounceResult] = []
    for start in range(0, len(enrichments), _MAX_MESSAGES):
        batch = enrichments[start : start + _MAX_MESSAGES]
        if deadline.passed():
            error = OutOfTimeError("the time was up before every price was announced")
            outcomes += [AnnounceResult(error, published=False)] * len(batch)
        else:
            outcomes += _announce_batch(batch)
    return outcomes


def _announce_batch(enrichments: Sequence[Enrichment]) -> list[AnnounceResult]:
    entries = [{"Id": str(number), **_message(enrichment)} for number, enrichment in enumerate(enrichments)]
    try:
        response = client("sns").publish_batch(
            TopicArn=setting("SUCCESS_TOPIC_ARN"), PublishBatchRequestEntries=entries
        )
    except Exception as error:
        refused = isinstance(error, ClientError) and _is_first_response(error.response, below=500)
        return [AnnounceResult(error, published=False if refused else None)] * len(enrichments)
    failed = {entry["Id"]: entry for entry in response.get("Failed", ())}
    published = False if _is_first_response(response, below=300) else None
    return [
        AnnounceResult(_error(entry), published=published) if entry else AnnounceResult(None, published=True)
        for entry in (failed.get(str(number)) for number in range(len(enrichments)))
    ]


def _is_first_response(response: Mapping[str, Any], *, below: int) -> bool:
    """Whether the topic has said all there is to know: an attempt without an answer may have been heard."""
    metadata = response.get("ResponseMetadata", {})
    return bool(metadata.get("HTTPStatusCode", below) < below and not metadata.get("RetryAttempts"))


def _error(entry: Mapping[str, Any]) -> AnnouncementError:
    return AnnouncementError(f"{entry.get('Code')}: {entry.get('Message')}")


def _message(enrichment: Enrichment) -> dict[str, Any]:
    price, indicators = enrichment.price, enrichment.indicators
    numbers = {"price": price.price, "volume": price.volume}
    numbers |= {name: getattr(indicators, name) for name in INDICATORS}
    body = {
        "symbol": price.symbol,
        "timestamp": price.timestamp_ms,
        "sort_key": price.sort_key,
        "exchange": price.exchange,
        **{name: plain(value) for name, value in numbers.items() if value is not None},
        "correction": enrichment.correction,
    }
    attributes = {"symbol": price.symbol, "exchange": price.exchange}
    return {
        "Message": json.dumps(body),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
            if value.isprintable() and value
        },
    }
