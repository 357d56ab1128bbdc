"""Four loads worked out by hand from AWS's price pages, beside what `cryptoctl cost` says.

Nothing here is taken from the package's own list of prices or its model of the traffic. docs/cost.md shows
the same sums, and is read here.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from cryptoctl.ops.cost.estimate import estimate
from cryptoctl.ops.cost.traffic import Load
from unit.answers import STACK

PAGE = (Path(__file__).parents[2] / "docs" / "cost.md").read_text("utf-8")
MILLION, GB = 1_000_000, 1_000_000_000
SECONDS = 30 * 86_400

# us-east-1, November 2026: USD for one, and what of it is free each month for the whole account.
WRITE, READ = Decimal("0.625") / MILLION, Decimal("0.125") / MILLION
STORAGE, STORAGE_FREE, RECOVERY = Decimal("0.25"), 25, Decimal("0.20")
INVOKE, INVOKE_FREE = Decimal("0.20") / MILLION, MILLION
GB_SECOND, GB_SECOND_FREE = Decimal("0.0000133334"), 400_000
PUBLISH, PUBLISH_FREE = Decimal("0.50") / MILLION, MILLION
LOGS, LOGS_FREE, LOGS_KEPT = Decimal("0.50"), 5, Decimal("0.03")
KEY = Decimal("1.00")
# The nine alarms, the dashboard and the four metrics of an environment are within what is free of each.


def beyond(amount: Decimal, free: int) -> Decimal:
    return max(amount - free, Decimal(0))


def by_hand(
    *, prices: int, requests: int, webhook_ms: int, batches: int, enricher_ms: int, reads: int, publishes: int
) -> dict[str, Decimal]:
    """USD for 30 days: the counts as docs/cost.md derives them, at the prices above."""
    # An item has 380 bytes and is billed with 100 more; on average half of a month's prices are there.
    stored = Decimal(prices * 480) / GB / 2
    gb_seconds = Decimal(requests * webhook_ms) / 1000 * 1 + Decimal(batches * enricher_ms) / 1000 / 2
    logs = Decimal((requests + batches) * 1100 + 2 * prices * 45) / GB
    return {
        "table": 2 * prices * WRITE
        + reads * READ
        + beyond(stored, STORAGE_FREE) * STORAGE
        + stored * RECOVERY,
        "functions": beyond(Decimal(requests + batches), INVOKE_FREE) * INVOKE
        + beyond(gb_seconds, GB_SECOND_FREE) * GB_SECOND,
        "topic": beyond(Decimal(publishes), PUBLISH_FREE) * PUBLISH,
        # Three days of thirty, compressed to 15 %.
        "logs": beyond(logs, LOGS_FREE) * LOGS + logs * Decimal("0.15") * 3 / 30 * LOGS_KEPT,
        "key": KEY,
    }


LOADS = {
    # One price a minute is alone in its request and its batch. A query of 20 items has 7,600 bytes: 2 units.
    # 10 + 6 ms in the webhook processor; 10 + 6 + 12 + 20 in the enricher: query, update, publish.
    "1/m, 5 symbols": (
        Load(prices_per_s=1 / 60, symbols=5),
        by_hand(
            prices=43_200,
            requests=43_200,
            webhook_ms=16,
            batches=43_200,
            enricher_ms=48,
            reads=2 * 43_200,
            publishes=43_200,
        ),
    ),
    # Ten a second on four shards: 2.5/s each, so a batch of 10 is full after 4 s, before its 5 s are over.
    # One batch a second, ten symbols in it: ten queries, one update, one publish.
    "10/s, 50 symbols": (
        Load(prices_per_s=10, symbols=50),
        by_hand(
            prices=10 * SECONDS,
            requests=10 * SECONDS,
            webhook_ms=16,
            batches=SECONDS,
            enricher_ms=10 + 10 * 6 + 12 + 20,
            reads=2 * 10 * SECONDS,
            publishes=SECONDS,
        ),
    ),
    # The same of eight symbols: a shard has two of them, so a batch of 10 has two queries, each of 5 new
    # prices and the 19 before them: 9,120 bytes, 3 units.
    "10/s, 8 symbols": (
        Load(prices_per_s=10, symbols=8),
        by_hand(
            prices=10 * SECONDS,
            requests=10 * SECONDS,
            webhook_ms=16,
            batches=SECONDS,
            enricher_ms=10 + 2 * 6 + 12 + 20,
            reads=3 * 2 * SECONDS,
            publishes=SECONDS,
        ),
    ),
    # A hundred in a request: ten requests a second, 10 + 100 x 6 ms each; a hundred full batches a second.
    "1,000/s, 500 symbols, 100 a request": (
        Load(prices_per_s=1000, symbols=500, batch=100),
        by_hand(
            prices=1000 * SECONDS,
            requests=10 * SECONDS,
            webhook_ms=610,
            batches=100 * SECONDS,
            enricher_ms=10 + 10 * 6 + 12 + 20,
            reads=2 * 10 * 100 * SECONDS,
            publishes=100 * SECONDS,
        ),
    ),
}


@pytest.mark.parametrize("name", LOADS)
def test_the_estimate_is_what_a_person_works_out(name: str) -> None:
    load, parts = LOADS[name]
    assert estimate(STACK, load).total_usd == pytest.approx(float(sum(parts.values())), abs=0.005)


@pytest.mark.parametrize("name", LOADS)
def test_the_page_shows_the_same_sums(name: str) -> None:
    """A row for each load: its parts, then the total."""
    row = re.search(rf"^\| {re.escape(name)} \| (.*) \|$", PAGE, re.MULTILINE)
    assert row is not None, name
    shown = [Decimal(cell.replace(",", "")) for cell in row[1].split(" | ")]
    parts = list(LOADS[name][1].values())
    assert shown == [round(part, 2) for part in [*parts, sum(parts, Decimal(0))]]
