"""One message on the success topic for each enriched or corrected price."""

import json
from collections.abc import Sequence
from typing import Any

from cryptoctl.core.enrichment import Enrichment
from cryptoctl.core.numbers import plain
from cryptoctl.handlers.clients import Deadline, OutOfTimeError, setting, topic_client

_MOST_MESSAGES = 10  # in one PublishBatch


class AnnouncementError(RuntimeError):
    """The topic did not take a message."""


def announce(found: Sequence[Enrichment], deadline: Deadline) -> list[Exception | None]:
    """Announces the enrichments, ten in a call, and says of each what went wrong.

    Of those that no time was left for, `OutOfTimeError`.
    """
    errors: list[Exception | None] = []
    for start in range(0, len(found), _MOST_MESSAGES):
        batch = found[start : start + _MOST_MESSAGES]
        if deadline.passed():
            errors += [OutOfTimeError("the time was up before every price was announced")] * len(batch)
        else:
            errors += _announce_batch(batch)
    return errors


def _announce_batch(found: Sequence[Enrichment]) -> list[Exception | None]:
    entries = [{"Id": str(number), **_message(each)} for number, each in enumerate(found)]
    try:
        answer = topic_client().publish_batch(
            TopicArn=setting("SUCCESS_TOPIC_ARN"), PublishBatchRequestEntries=entries
        )
    except Exception as error:
        return [error] * len(found)
    failed = {entry["Id"]: entry for entry in answer.get("Failed", ())}
    return [_error(failed.get(str(number))) for number in range(len(found))]


def _error(entry: dict[str, Any] | None) -> Exception | None:
    return None if entry is None else AnnouncementError(f"{entry.get('Code')}: {entry.get('Message')}")


def _message(enrichment: Enrichment) -> dict[str, Any]:
    price, right = enrichment.price, enrichment.indicators
    numbers = {
        "price": price.price,
        "volume": price.volume,
        "ma_5": right.ma_5,
        "ma_20": right.ma_20,
        "volatility": right.volatility,
    }
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
