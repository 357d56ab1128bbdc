"""When a sender's message came first, kept in the table beside the prices.

A sender signs anew, with a new time, whenever it sends a message again; only the message's id stays. So a
price that brings no time of its own takes the one at which its message came first, and the message sent
again, hours later too, is the same price.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

# No symbol of a price begins so: those are in upper case and have no spaces.
_PARTITION = "webhook messages of "
_PLACES = 10**28  # fewer than lie behind every price, where the list of symbols goes on
_MESSAGE_ID = re.compile(r"[!-~]{1,100}", re.ASCII)


def short_id(message_id: str) -> str:
    """A message's id as it may stand in a price's: itself, or its hash where it is long or not ASCII."""
    if _MESSAGE_ID.fullmatch(message_id):
        return message_id
    return hashlib.sha256(message_id.encode(errors="surrogatepass")).hexdigest()


def message_item(sender: str, message_id: str, arrival_ms: int) -> dict[str, dict[str, Any]]:
    """The item that says when a message came first; `arrival_ms` since 1970.

    It is `processed`, so that nobody looks for a price in it.
    """
    digest = hashlib.sha256(message_id.encode(errors="surrogatepass")).digest()
    return {
        "symbol": {"S": _PARTITION + sender},
        "timestamp": {"N": str(int.from_bytes(digest) % _PLACES)},
        "message_id": {"S": short_id(message_id)},
        "first_ms": {"N": str(arrival_ms)},
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
