"""When something came first that may come again under the same id, kept in the table beside the prices.

A sender signs anew, with a new time, whenever it sends a message again, and Lambda tries an invocation again
whenever it fails; only the id stays. So a price that brings no time of its own takes the one at which its
message or invocation came first, and the same again, hours later too, is the same price.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# No symbol of a price begins so: those are in upper case and have no spaces.
_PARTITION = "webhook messages of "
_PLACES = 10**28  # a number that DynamoDB stores has at most 38 digits
_MESSAGE_ID = re.compile(r"[!-~]{1,100}", re.ASCII)
_YEAR_10000_MS = 253_402_300_800_000  # since 1970; no time of Python's is so late
INVOCATIONS = "(invocations)"  # in place of a sender, whose name has no parentheses


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """When something came, in milliseconds since 1970, and whose message it is, with its id.

    `message_id` is empty where nothing tells that the same comes again. `sender` is INVOCATIONS where the id
    is Lambda's of an invocation. `content_type` says that the event's body is still as its sender wrote it.
    """

    ms: int
    sender: str = ""
    message_id: str = ""
    content_type: str | None = None

    def document(self) -> dict[str, Any]:
        """What an event says of it in JSON, named as Lambda names the members of `requestContext`."""
        members: dict[str, Any] = {"timeEpoch": self.ms}
        if self.sender:
            members |= {"sender": self.sender, "messageId": self.message_id}
        if self.content_type is not None:
            members["contentType"] = self.content_type
        return members


def arrival_in(document: object) -> Arrival | None:
    """The arrival that an event's JSON says; None where it says no time."""
    members = document if isinstance(document, Mapping) else {}
    ms = members.get("timeEpoch")
    if not isinstance(ms, int) or isinstance(ms, bool) or not 0 < ms < _YEAR_10000_MS:
        return None
    sender, message_id, content_type = (members.get(name) for name in ("sender", "messageId", "contentType"))
    return Arrival(
        ms=ms,
        sender=sender if isinstance(sender, str) else "",
        message_id=message_id if isinstance(message_id, str) else "",
        content_type=content_type if isinstance(content_type, str) else None,
    )


def wrap_event(event: str, arrival: Arrival) -> str:
    """What the webhook processor is invoked with to take an event in again, unchanged, as having come then.

    `event` is the event's JSON text, and so is the result.
    """
    return f'{{"event": {event}, "arrival": {json.dumps(arrival.document())}}}'


def unwrap_event(payload: Any) -> tuple[Any, Arrival] | None:
    """The event in such an envelope, and its arrival; None for what is none."""
    if not isinstance(payload, dict) or set(payload) != {"event", "arrival"}:
        return None
    arrival = arrival_in(payload["arrival"])
    return None if arrival is None else (payload["event"], arrival)


def short_id(message_id: str) -> str:
    """A message's id as it may stand in a price's: itself, or its hash where it is long or not ASCII."""
    if _MESSAGE_ID.fullmatch(message_id):
        return message_id
    return hashlib.sha256(message_id.encode(errors="surrogatepass")).hexdigest()


def message_key(arrival: Arrival) -> tuple[str, int]:
    """The symbol and the number of the item that says when the message came first."""
    digest = hashlib.sha256(short_id(arrival.message_id).encode()).digest()
    return _PARTITION + arrival.sender, int.from_bytes(digest) % _PLACES


def message_item(arrival: Arrival) -> dict[str, dict[str, Any]]:
    """The item that says when the message came first.

    It is `processed`, so that nobody looks for a price in it.
    """
    symbol, number = message_key(arrival)
    return {
        "symbol": {"S": symbol},
        "timestamp": {"N": str(number)},
        "message_id": {"S": short_id(arrival.message_id)},
        "first_ms": {"N": str(arrival.ms)},
        "processed": {"BOOL": True},
    }


def is_message(keys: Mapping[str, Any]) -> bool:
    """Whether an item is a message's and no price."""
    symbol = keys.get("symbol")
    text = symbol.get("S") if isinstance(symbol, Mapping) else None
    return isinstance(text, str) and text.startswith(_PARTITION)


def first_ms(item: Mapping[str, Any]) -> int:
    """When the message came first. Raises KeyError or ValueError for an item that does not say."""
    return int(item["first_ms"]["N"])
