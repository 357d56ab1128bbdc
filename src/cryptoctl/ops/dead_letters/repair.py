"""Enriching whatever is stored and not enriched, for whatever reason."""

from __future__ import annotations

from collections.abc import Callable

from cryptoctl.ops.dead_letters.enriching import Enriched
from cryptoctl.ops.dead_letters.planning import Ways
from cryptoctl.ops.dead_letters.unenriched import Search, unenriched


def repair(ways: Ways, search: Search, told: Callable[[Enriched], None] = lambda _: None) -> Enriched:
    """Finds the prices without enrichment and enriches them, page by page."""
    return ways.enricher.enrich(unenriched(ways.aws, ways.stack.prices, search), told)
