"""What the stream no longer holds, recovered from the table: the prices that are not enriched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptoctl.ops.dead_letters.enriching import Left
from cryptoctl.ops.dead_letters.journal import Journal, State
from cryptoctl.ops.dead_letters.messages import Letter, decode, epoch_ms
from cryptoctl.ops.dead_letters.planning import Outcome, Ways
from cryptoctl.ops.dead_letters.unenriched import Search, read_units, unenriched

# A record arrives in the stream a moment after its item was made, and clocks differ.
MARGIN_MS = 300_000


def recover_trimmed(
    ways: Ways, journal: Journal, searching: Callable[[int], None]
) -> Iterator[tuple[Letter, Outcome]]:
    """Enriches whatever is not enriched, in one search for all trimmed pointers, and gives each one's end.

    A pointer says when its records arrived, not which they were: it is settled when nothing from that time
    is left unenriched.
    """
    table = ways.stack.prices
    searching(read_units(ways.aws, table))
    enriched = ways.enricher.enrich(unenriched(ways.aws, table, Search()))
    for message in journal.all(State.TRIMMED):
        letter = decode(message)
        left = [each for each in enriched.left if _spans(letter.content["DDBStreamBatchInfo"], each)]
        if left or enriched.given_up:
            named = "; ".join(map(str, left[:3]))
            yield letter, Outcome(reason=f"left the stream, and the table still has, not enriched: {named}")
        else:
            found = (
                f"left the stream: recovered from the table, where {enriched.enriched} prices were enriched"
            )
            yield letter, Outcome(way=found)


def _spans(info: Mapping[str, Any], left: Left) -> bool:
    """Whether the price may be one that the pointer points at."""
    made_ms = epoch_ms(left.created_at)
    first_ms = epoch_ms(str(info.get("approximateArrivalOfFirstRecord", "")))
    last_ms = epoch_ms(str(info.get("approximateArrivalOfLastRecord", "")))
    if made_ms is None or first_ms is None or last_ms is None:
        return True
    return first_ms - MARGIN_MS <= made_ms <= last_ms + MARGIN_MS
