"""An overview for a machine."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.overview import Overview
from cryptoctl.ops.symbols import symbol_document
from cryptoctl.ops.times import iso_of_ms
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.status import verdict


def overview_document(screen: Screen, overview: Overview, location: str) -> dict[str, Any]:
    """The members of `status --output json` but the engine."""
    activity = overview.activity
    return {
        "verdict": verdict(overview, location).plain[2:],
        "concerns": [
            {"subject": each.subject, "what": each.what, "next": screen.hint(each.hint)}
            for each in overview.concerns
        ],
        "resources": [
            {"resource": each.name, "state": each.state, "differs": list(each.differs)}
            for each in overview.inventory.resources
        ],
        "queues": [
            {
                **vars(each),
                "oldest_s": activity.oldest_s.get(each.name) if activity else None,
                "cause": overview.cause(each.name),
            }
            for each in overview.queues
        ],
        "mappings": [
            {**vars(each), "iterator_age_s": activity.iterator_age_s if activity else None}
            for each in overview.mappings
        ],
        "alarms": [
            {
                "alarm": each.name,
                "state": each.state,
                "since": iso_of_ms(each.since_ms),
                "meaning": each.meaning,
                "next": screen.hint(each.command),
                "reason": each.reason,
            }
            for each in overview.alarms or ()
        ],
        "functions": [vars(each) for each in (activity.functions if activity else ())],
        "symbols": [symbol_document(each) for each in overview.symbols or ()],
        "more_symbols": overview.more_symbols,
        "errors": [
            {"time": iso_of_ms(each.time_ms), "function": each.function, "text": each.text}
            for each in overview.errors or ()
        ],
        "notes": list(overview.inventory.notes),
        "unread": list(overview.unread),
        "incomplete": list(overview.incomplete),
    }
