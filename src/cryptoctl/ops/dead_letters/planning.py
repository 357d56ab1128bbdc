"""What brings one message back: worked out first, written down, then done; done twice it does no harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.core import json_text
from cryptoctl.ops.dead_letters import payloads
from cryptoctl.ops.dead_letters.enriching import Enricher, key_item, key_of
from cryptoctl.ops.dead_letters.images import image_changes, image_text, typed
from cryptoctl.ops.dead_letters.invoking import invoked
from cryptoctl.ops.dead_letters.lookups import begun_ms
from cryptoctl.ops.dead_letters.messages import Letter, QueueName, Shape, iso
from cryptoctl.ops.dead_letters.payloads import Prices, UnmendableError
from cryptoctl.ops.dead_letters.streams import read_again
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack


def permissions(stack: Stack) -> Iterator[Permission]:
    """An item is mended in the table."""
    yield from allow(Access.OPERATE, "dynamodb", "UpdateItem", stack.prices.arn)


class Kind(StrEnum):
    """The ways back."""

    STORE = "store"
    """invoke the webhook processor with the event"""
    ENRICH = "enrich"
    """invoke the enricher with the event"""
    READ_AGAIN = "read again"
    """read the records from the stream, and enrich them"""
    ITEM = "item"
    """enrich the item that a set-aside record is about"""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One way back, in full: it can be written down and taken later."""

    kind: Kind
    how: str
    payload: str = ""
    key: tuple[str, str] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    mended: bool = False
    """changed on a person's word, and so no longer what the message itself says"""

    def document(self) -> dict[str, Any]:
        """As the journal and --dry-run have it."""
        return asdict(self)

    @staticmethod
    def from_document(found: Mapping[str, Any]) -> Step:
        """As it was written down."""
        key = found["key"]
        return Step(**{**found, "kind": Kind(found["kind"]), "key": (key[0], key[1]) if key else None})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a step ended: which way it came back, or why it did not."""

    way: str = ""
    reason: str = ""
    trimmed: bool = False
    """the stream no longer has all of it: the rest is to be recovered from the table"""

    @property
    def back(self) -> bool:
        """Whether it is brought back."""
        return not self.reason and not self.trimmed


@dataclass(frozen=True, kw_only=True)
class Mending:
    """How payloads are changed first: members set (name → JSON text), and the editor."""

    changes: Mapping[str, str] = field(default_factory=dict)
    edit: Callable[[str], str] | None = None

    def __bool__(self) -> bool:
        return bool(self.changes) or self.edit is not None


NOTHING_TO_MEND = Mending()


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Works out steps and takes them, in one environment."""

    aws: Aws
    stack: Stack

    @property
    def enricher(self) -> Enricher:
        """The enricher with its table."""
        return Enricher(aws=self.aws, stack=self.stack)

    def prepare(self, letter: Letter, mending: Mending = NOTHING_TO_MEND) -> Step:
        """The step for a message; only reads. Raises UnmendableError where it cannot be changed as asked."""
        if letter.shape is Shape.EVENT and letter.message.queue is QueueName.WEBHOOK:
            return self._store(letter, mending)
        if letter.shape is Shape.RECORD:
            return self._item(letter, mending)
        if mending:
            raise UnmendableError(f"{_NAMES[letter.shape]} holds no price that could be changed")
        if letter.shape is Shape.POINTER:
            return Step(kind=Kind.READ_AGAIN, how="its records read again from the stream, then enriched")
        return Step(kind=Kind.ENRICH, how="the enricher invoked with it", payload=letter.message.body)

    def foreseen(self, letter: Letter, mending: Mending = NOTHING_TO_MEND) -> Step:
        """The step with what it would find now: how many records the stream still holds, whether all."""
        step = self.prepare(letter, mending)
        if step.kind is not Kind.READ_AGAIN:
            return step
        reading = read_again(self.aws, self.stack.prices, letter.content["DDBStreamBatchInfo"])
        how = f"{len(reading.keys)} prices read again from the stream, then enriched"
        if not reading.whole:
            how += "; the rest has left it: the whole table searched for prices that are not enriched"
        return replace(step, how=how)

    def take(self, step: Step, letter: Letter) -> Outcome:
        """Takes the step. Raises only where AWS cannot be reached at all, or refuses us."""
        if step.kind is Kind.STORE:
            return self._invoke_webhook(step)
        if step.kind is Kind.ENRICH:
            problem = self.enricher.invoke(step.payload)
            return Outcome(reason=problem) if problem else Outcome(way=step.how)
        if step.kind is Kind.READ_AGAIN:
            return self._read_again(letter)
        return self._enrich_item(step)

    def _store(self, letter: Letter, mending: Mending) -> Step:
        prices = payloads.prices_in(letter.content, letter.message.body)
        prices = payloads.mended(prices, mending.changes)
        how = "at its own time"
        if payloads.lacks_time(prices) or mending.edit is not None:
            moment_ms, how = self._original_time(letter, prices)
            prices = payloads.stamped(prices, moment_ms)
            if mending.edit is not None:
                edited = Prices(text=_edited(prices.text, mending.edit), in_body=prices.in_body)
                prices = payloads.stamped(edited, moment_ms)
        return Step(
            kind=Kind.STORE, how=f"the webhook processor invoked with it, {how}", payload=prices.event
        )

    def _original_time(self, letter: Letter, prices: Prices) -> tuple[int, str]:
        if not payloads.lacks_time(prices):
            return letter.message.sent_ms, "at its own time"
        arrived = payloads.arrival_ms(letter.content)
        if arrived is not None:
            return arrived, f"at the time of the HTTP event, {iso(arrived)}"
        message = letter.message
        logged = begun_ms(self.aws, self.stack.webhook, letter.request_id, message.sent_ms)
        if logged is not None:
            return logged, f"at the time of its first log line, {iso(logged)}"
        return message.sent_ms, f"at the time when it was queued, {iso(message.sent_ms)}"

    def _invoke_webhook(self, step: Step) -> Outcome:
        answer, problem = invoked(self.aws, self.stack.webhook.name, step.payload)
        return _verdict(answer, step) if problem is None else Outcome(reason=problem)

    def _read_again(self, letter: Letter) -> Outcome:
        reading = read_again(self.aws, self.stack.prices, letter.content["DDBStreamBatchInfo"])
        enriched = self.enricher.enrich(reading.keys)
        if enriched.left:
            return Outcome(reason="; ".join(map(str, enriched.left[:3])))
        found = f"{len(reading.keys)} prices read again from the stream"
        return Outcome(way=found, trimmed=not reading.whole)

    def _item(self, letter: Letter, mending: Mending) -> Step:
        record = letter.content["record"]
        stream = record.get("dynamodb") if isinstance(record.get("dynamodb"), dict) else {}
        try:
            key = key_of(stream.get("Keys") or stream.get("NewImage") or {})
        except (KeyError, TypeError, ArithmeticError):
            raise UnmendableError("the record names no item of the table") from None
        changes: dict[str, Any] = {name: typed(name, text) for name, text in mending.changes.items()}
        if mending.edit is not None:
            item = self.enricher.items([key]).get(key)
            if item is None:
                raise UnmendableError("its item is no longer in the table")
            before = image_text({**item, **changes})
            changes |= image_changes({**item, **changes}, _edited(before, mending.edit))
        how = "its item in the table " + ("mended, then enriched" if changes else "enriched")
        return Step(kind=Kind.ITEM, how=how, key=(key[0], format(key[1], "f")), changes=changes)

    def _enrich_item(self, step: Step) -> Outcome:
        assert step.key is not None
        key = (step.key[0], Decimal(step.key[1]))
        if step.changes and not self._mend_item(step):
            return Outcome(way="its item was deleted since: nothing is left to enrich")
        enriched = self.enricher.enrich([key])
        if enriched.left:
            return Outcome(reason=enriched.left[0].reason)
        if enriched.gone:
            return Outcome(way="its item was deleted since: nothing is left to enrich")
        return Outcome(way=step.how)

    def _mend_item(self, step: Step) -> bool:
        """Changes the item as asked; False where there is none any more."""
        assert step.key is not None
        names = {f"#{number}": name for number, name in enumerate(step.changes)}
        values = {f":{number}": value for number, value in enumerate(step.changes.values()) if value}
        sets = [f"#{number} = :{number}" for number, value in enumerate(step.changes.values()) if value]
        drops = [f"#{number}" for number, value in enumerate(step.changes.values()) if not value]
        parts = ("SET " + ", ".join(sets) if sets else "", "REMOVE " + ", ".join(drops) if drops else "")
        request: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        try:
            self.aws.call(
                "dynamodb",
                "UpdateItem",
                TableName=self.stack.prices.name,
                Key=key_item((step.key[0], Decimal(step.key[1]))),
                UpdateExpression=" ".join(part for part in parts if part),
                ConditionExpression="attribute_exists(#symbol)",
                ExpressionAttributeNames={**names, "#symbol": "symbol"},
                **request,
            )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True


_NAMES = {Shape.EVENT: "an event of the enricher", Shape.POINTER: "a pointer", Shape.UNKNOWN: "it"}


def _edited(text: str, edit: Callable[[str], str]) -> str:
    changed = edit(text)
    try:
        payloads.loads(changed)
    except json_text.JsonError as error:
        raise UnmendableError(f"what the editor left is {error}") from None
    return changed.strip()


def _verdict(answer: Any, step: Step) -> Outcome:
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    try:
        body = json.loads(answer["body"])
        said = str(body.get("message", ""))
    except (TypeError, KeyError, ValueError, AttributeError):
        return Outcome(reason="the webhook processor gave an answer that cannot be read")
    if status == 200:
        return Outcome(way=f"{step.how}: {said}")
    refused = [
        f"{each.get('field')}: {each.get('reason')}"
        for each in body.get("results", ())
        if each.get("status") == "rejected"
    ]
    return Outcome(reason=f"refused with status {status}: {'; '.join(refused[:3]) or said}")
