"""What new prices change: their own indicators, and those of up to 19 prices that follow each.

Several passes may work on one symbol at the same time. An item's `revision` names the prices that its
indicators were computed from, and an item is written only while it has the revision that was read; why that
is enough is shown in docs/decisions/0023-an-item-is-written-at-the-revision-that-was-read.md.
"""

import hashlib
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from cryptoctl.core.indicators import LONG_WINDOW, Indicators, indicators
from cryptoctl.core.items import AttributeValue, StoredPrice

REACH = LONG_WINDOW - 1  # how many prices before one it depends on, and how many after it depend on it


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """What subscribers may have heard last of a price, of which nothing is known to be written since.

    `indicators` is None where the topic did not say whether it took them; `revision` is what the item had.
    """

    indicators: Indicators | None
    revision: AttributeValue | None


Announcements = Mapping[Decimal, Announcement]  # by key
_NO_ANNOUNCEMENTS: Announcements = MappingProxyType({})
_REVISION = re.compile(r"([0-9]{1,12})-([0-9a-f]{8})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrichment:
    """What a stored price must get: its indicators, and the revision that names what they come from.

    `announce` is False where subscribers have already heard these values last.
    """

    price: StoredPrice
    indicators: Indicators
    revision: str
    announce: bool

    @property
    def correction(self) -> bool:
        """Whether the price was enriched, and announced, before."""
        return self.price.processed

    @property
    def changes(self) -> bool:
        """Whether subscribers hear, or have just heard, other values than those that are stored."""
        return self.announce or self.indicators != self.price.indicators


def enrichments(
    series: Sequence[StoredPrice],
    new_keys: Collection[Decimal],
    announced: Announcements = _NO_ANNOUNCEMENTS,
) -> list[Enrichment]:
    """What the arrival of `new_keys` changes in a symbol's prices, in key order.

    `series` is a gapless run of the symbol's prices in key order. It reaches `REACH` prices, or the
    beginning, back from the first new or announced key, and `REACH` prices, or the end, on from the last new
    one. `announced` is what the caller has announced and could not write: where other values are stored,
    those are announced again, and written again, so that whoever announced last is also the last to write.
    Prices that follow a new one and wait for their own pass are enriched too: that pass may have read them
    already, without the new one.
    """
    results: list[Enrichment] = []
    inputs = [f"{price.key} {price.price}" for price in series]
    reached = -1
    for position, price in enumerate(series):
        if price.key in new_keys:
            reached = position + REACH
        if position > reached and price.key not in announced:
            continue
        start = max(0, position - REACH)
        computed = indicators([stored.price for stored in series[start : position + 1]])
        fingerprint = _fingerprint(inputs[start : position + 1])
        announce = _must_announce(price, computed, announced.get(price.key))
        times, made_from = _revision_parts(price.revision)
        if not announce and _is_correct(price, computed) and made_from == fingerprint:
            continue
        results.append(
            Enrichment(
                price=price,
                indicators=computed,
                revision=f"{times + 1}-{fingerprint}",
                announce=announce,
            )
        )
    return results


def outdated_prices(series: Iterable[StoredPrice], since: Decimal | None = None) -> Iterator[StoredPrice]:
    """The prices whose stored indicators are not those of their neighbours, or that have none yet.

    `series` are a symbol's prices in key order, read one by one and never held. Those with a key below
    `since` only count as neighbours; `REACH` of them, or all there are, must come first.
    """
    window: deque[Decimal] = deque(maxlen=LONG_WINDOW)
    for price in series:
        window.append(price.price)
        if since is not None and price.key < since:
            continue
        if not _is_correct(price, indicators(list(window))):
            yield price


def _must_announce(price: StoredPrice, computed: Indicators, last: Announcement | None) -> bool:
    """Whether subscribers may have heard something else last; `last` is what they heard of the caller."""
    if last is not None and last.indicators != computed:
        return True
    # While nobody has written the item, whoever announced other values will not be able to, and reads again.
    heard = last is not None and last.revision == price.revision
    return not heard and not _is_correct(price, computed)


def _is_correct(price: StoredPrice, computed: Indicators) -> bool:
    return price.processed and not price.unreadable and price.indicators == computed


def _fingerprint(inputs: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:8]


def _revision_parts(revision: AttributeValue | None) -> tuple[int, str]:
    """How often the item was enriched, and the fingerprint of what its indicators were computed from."""
    match = _REVISION.fullmatch(str((revision or {}).get("S")))
    return (int(match[1]), match[2]) if match else (0, "")
