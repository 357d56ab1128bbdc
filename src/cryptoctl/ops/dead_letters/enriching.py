"""Enriching stored prices by invoking the enricher with them, and checking in the table whether it did.

The enricher's answer alone does not tell: it skips what is not a price, and sets aside on its queue what it
cannot read. So what is not a price is not handed to it, and the table is read again afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.core.items import UnusableError, stored_price
from cryptoctl.core.numbers import NumberError, decimal_from
from cryptoctl.ops.dead_letters.payloads import json_default
from cryptoctl.ops.invoking import invocation
from cryptoctl.ops.table_items import require_table
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.retry import RealClock, Retry
from cryptoctl.stack import Stack

MAX_RECORDS = 50  # in one invocation; a BatchGetItem takes 100 keys
MAX_GROUPS_IN_VAIN = 5
UNPROCESSED_KEYS_WITHIN_S = 30.0

Image = Mapping[str, Mapping[str, Any]]
Key = tuple[str, Decimal]


def permissions(stack: Stack) -> Iterator[Permission]:
    """Functions are invoked with what failed; prices are read before and after, and items changed."""
    for function in (stack.webhook, stack.enricher):
        yield from allow(Access.OPERATE, "lambda", "InvokeFunction", function.arn)
    yield from allow(Access.OPERATE, "dynamodb", "BatchGetItem UpdateItem", stack.prices.arn)


@dataclass(frozen=True, kw_only=True)
class UnenrichedPrice:
    """A price that is still not enriched, and why; `created_at` as the item has it, empty if it has none."""

    key: Key
    reason: str
    created_at: str = ""
    tried: bool = True
    """the enricher was given it; not so what is no price"""

    def __str__(self) -> str:
        return f"{self.key[0]} at {self.key[1]:f}: {self.reason}"


@dataclass(kw_only=True)
class EnrichResult:
    """What became of some prices."""

    enriched: int = 0
    deleted: int = 0
    """deleted from the table since"""
    unenriched: list[UnenrichedPrice] = field(default_factory=list)
    given_up: bool = False
    """the enricher kept failing, so the rest was not tried"""

    @property
    def tried(self) -> int:
        """How many were tried."""
        return self.enriched + self.deleted + len(self.unenriched)

    def add(self, other: EnrichResult) -> None:
        """Adds the counts of others."""
        self.enriched += other.enriched
        self.deleted += other.deleted
        self.unenriched += other.unenriched


@dataclass(frozen=True, kw_only=True)
class Enricher:
    """The enricher and the table that it works on."""

    aws: Aws
    stack: Stack

    def enrich(self, keys: Iterable[Key]) -> EnrichResult:
        """Hands the prices at these keys to the enricher, in groups; what became of them, by the table."""
        total, in_vain = EnrichResult(), 0
        for group in _groups(keys):
            outcome = self._enrich(group)
            total.add(outcome)
            if outcome.enriched or not outcome.unenriched:
                in_vain = 0
            elif any(price.tried for price in outcome.unenriched):
                in_vain += 1
            if in_vain == MAX_GROUPS_IN_VAIN:
                total.given_up = True
                break
        return total

    def items(self, keys: Sequence[Key]) -> dict[Key, Image]:
        """The items at these keys, a group at most, as they are now; without those that do not exist."""
        table = self.stack.prices.name
        unread: dict[str, Any] = {table: {"Keys": [key_item(key) for key in keys], "ConsistentRead": True}}
        items: list[Image] = []

        def read() -> bool | None:
            nonlocal unread
            with require_table(self.aws, self.stack.prices):
                response = self.aws.call("dynamodb", "BatchGetItem", RequestItems=unread)
            items.extend(response["Responses"].get(table, ()))
            unread = response.get("UnprocessedKeys") or {}
            return None if unread else True

        if Retry(RealClock()).until(read, "DynamoDB to give the rest", UNPROCESSED_KEYS_WITHIN_S) is None:
            raise AwsError(
                service="dynamodb",
                operation="BatchGetItem",
                code="UnprocessedKeys",
                message="DynamoDB keeps giving only a part of what is asked for",
            )
        return {key_of(item): item for item in items}

    def invoke(self, payload: str) -> str | None:
        """Invokes the enricher with an event; None if it did all of it, else why not."""
        name = self.stack.enricher.name
        result, problem = invoke(self.aws, name, payload)
        if problem is not None:
            return problem
        failures = result.get("batchItemFailures") if isinstance(result, dict) else None
        if failures:
            return f"{name} failed for {len(failures)} of its records; see `cryptoctl logs {name}`"
        return None

    def _enrich(self, keys: Sequence[Key]) -> EnrichResult:
        before = self.items(keys)
        outcome = EnrichResult(deleted=len(keys) - len(before))
        usable: dict[Key, Image] = {}
        for key, item in before.items():
            reason = unusable_reason(item)
            if reason is None:
                usable[key] = item
            else:
                outcome.unenriched.append(
                    UnenrichedPrice(key=key, reason=reason, created_at=created_at(item), tried=False)
                )
        if not usable:
            return outcome
        records = list(_records(self.stack, usable.values()))
        problem = self.invoke(json.dumps({"Records": records}, default=json_default))
        after = self.items(list(usable))
        for key, item in usable.items():
            current = after.get(key)
            if current is None:
                outcome.deleted += 1
            elif problem is None and is_enriched(current):
                outcome.enriched += 1
            else:
                reason = problem or "the enricher ran, but the price is still not enriched"
                outcome.unenriched.append(
                    UnenrichedPrice(key=key, reason=reason, created_at=created_at(item))
                )
        return outcome


def key_item(key: Key) -> dict[str, dict[str, str]]:
    """A key in DynamoDB's JSON."""
    return {"symbol": {"S": key[0]}, "timestamp": {"N": format(key[1], "f")}}


def key_of(image: Any) -> Key:
    """The key of an item, whoever wrote it. Raises ValueError if it has none."""
    try:
        symbol, number = image["symbol"]["S"], image["timestamp"]["N"]
    except (KeyError, TypeError):
        raise ValueError("it has no symbol or no timestamp") from None
    if not isinstance(symbol, str):
        raise ValueError("its symbol is not a text")
    try:
        return symbol, decimal_from(number)
    except NumberError as error:
        raise ValueError(f"its timestamp: {error}") from None


def is_enriched(item: Image) -> bool:
    """Whether the enricher has processed it."""
    return item.get("processed", {}).get("BOOL") is True


def unusable_reason(item: Image) -> str | None:
    """Why the item is not a price; None if it is one."""
    try:
        stored_price(item)
    except UnusableError as error:
        return str(error)
    return None


def created_at(item: Image) -> str:
    """When it was stored, as the item has it; empty where it does not say."""
    return str(item.get("created_at", {}).get("S", ""))


def _groups(keys: Iterable[Key]) -> Iterator[list[Key]]:
    group: dict[Key, None] = {}
    for key in keys:
        group[key] = None
        if len(group) == MAX_RECORDS:
            yield list(group)
            group = {}
    if group:
        yield list(group)


def _records(stack: Stack, items: Iterable[Image]) -> Iterator[dict[str, Any]]:
    """The items as the stream would bring them; a price is enriched from the table, not from its image."""
    for number, item in enumerate(items, start=1):
        symbol, key = key_of(item)
        yield {
            "eventID": f"replay-{number}",
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": stack.scope.region,
            "dynamodb": {
                "ApproximateCreationDateTime": now_ms() // 1000,
                "Keys": key_item((symbol, key)),
                "NewImage": item,
                "SequenceNumber": str(number),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }


def invoke(aws: Aws, name: str, payload: str) -> tuple[Any, str | None]:
    """Invokes a function and waits: its result, and why it failed or None."""
    try:
        invoked = invocation(aws, name, payload)
    except AwsError as error:
        return None, f"{error.code}: {error.message}"
    try:
        result = invoked.result
    except (ValueError, RecursionError):
        return None, f"{name} gave an answer that is not JSON"
    if not invoked.error:
        return result, None
    detail = result if isinstance(result, dict) else {}
    parts = (detail.get("errorType"), detail.get("errorMessage"))
    return result, ": ".join(str(part) for part in parts if part) or f"{name} failed without an error message"
