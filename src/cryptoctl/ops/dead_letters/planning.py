"""The plan of a replay: for each dead letter the step that replays it, worked out before anything is run.

`--dry-run` shows these steps, `replay` runs these very steps, and the journal holds them while they run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from cryptoctl.aws import AwsError
from cryptoctl.core.webhook_messages import INVOCATIONS, Arrival, first_ms, is_message, message_key
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters import payloads
from cryptoctl.ops.dead_letters.enriching import Image, Key, key_item, key_of
from cryptoctl.ops.dead_letters.lookups import StreamKeys
from cryptoctl.ops.dead_letters.messages import DeadLetter, QueueName, Shape
from cryptoctl.ops.dead_letters.payloads import EditError, Edits
from cryptoctl.ops.times import iso_of_ms


class ReplayAction(StrEnum):
    """What a step does."""

    STORE = "store"
    """invoke the webhook processor with `payload`"""
    ENRICH = "enrich"
    """make `changes` to the item, then enrich the prices at `keys`"""
    DELETE = "delete"
    """nothing but delete the message: it was replayed before"""
    NONE = "none"
    """it cannot be replayed, for the reason in `problem`"""


@dataclass(frozen=True, kw_only=True)
class StoredAt:
    """The time at which prices without one of their own are stored (ms since 1970), and where it is from."""

    ms: int
    source: str


@dataclass(frozen=True, kw_only=True)
class ReplayStep:
    """What brings one dead letter back, in full: it can be journaled, run later, and run twice."""

    letter: DeadLetter
    action: ReplayAction
    how: str = ""
    """in words, the same for all steps of a kind"""
    detail: str = ""
    """in words, what is particular to this one"""
    payload: str = ""
    stored_at: StoredAt | None = None
    keys: tuple[Key, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    search: bool = False
    """the stream no longer has all records: the rest is to be recovered from the table"""
    problem: str = ""
    resumed: bool = False
    """begun by a replay that did not end"""

    @property
    def summary(self) -> str:
        """The step in words."""
        return f"{self.how} ({self.detail})" if self.detail else self.how

    def document(self) -> dict[str, Any]:
        """What the journal holds beside the message."""
        members = {
            member.name: getattr(self, member.name)
            for member in fields(self)
            if member.name not in _NOT_JOURNALED
        }
        keys = [(symbol, format(number, "f")) for symbol, number in self.keys]
        return {**members, "keys": keys, "stored_at": self.stored_at and asdict(self.stored_at)}

    @staticmethod
    def from_document(letter: DeadLetter, document: Mapping[str, Any]) -> ReplayStep:
        """A step as the journal holds it."""
        return ReplayStep(
            letter=letter,
            **{
                **document,
                "action": ReplayAction(document["action"]),
                "keys": tuple((symbol, Decimal(number)) for symbol, number in document["keys"]),
                "stored_at": stored_at(document),
            },
        )


_NOT_JOURNALED = ("letter", "problem", "resumed")


def stored_at(step: Mapping[str, Any]) -> StoredAt | None:
    """The time in a journaled step."""
    return StoredAt(**step["stored_at"]) if step["stored_at"] else None


class Facts(Protocol):
    """What is known of a dead letter beside its message; asked for only where a step depends on it."""

    def replayed_before(self, letter: DeadLetter) -> bool:
        """Whether it was replayed before."""

    def stored_at(self, letter: DeadLetter) -> StoredAt | None:
        """The time that an attempt which failed has used: some of its prices may be stored at it."""

    def first_logged_ms(self, letter: DeadLetter) -> int | None:
        """When its function first logged the request, since 1970; None if no line is left."""

    def records(self, letter: DeadLetter) -> StreamKeys:
        """What the stream still has of a pointer's records. Raises ValueError if it points elsewhere."""

    def item(self, key: Key) -> Image | None:
        """The item at a key."""


def plan(letters: Iterable[DeadLetter], edits: Edits, facts: Facts) -> Iterator[ReplayStep]:
    """The step for each dead letter. The same letters, edits and facts give the same steps.

    Nothing carries over from an earlier attempt but the time it has used. Raises only if nothing at all
    can be looked up: a fault that concerns one message becomes its `problem`.
    """
    for letter in letters:
        try:
            yield _step(letter, edits, facts)
        except Exception as error:
            yield ReplayStep(letter=letter, action=ReplayAction.NONE, problem=reason_of(error))


def reason_of(error: Exception) -> str:
    """Why one message failed. Raises the error again if it concerns all: no network, no credentials."""
    if isinstance(error, Failure):
        if error.exit_code in (ExitCode.UNREACHABLE, ExitCode.CREDENTIALS):
            raise error
        return error.message
    if isinstance(error, AwsError):
        return f"{error.service}:{error.operation} answered {error.code}: {error.message}"
    # A message may hold anything: it stays in its queue, and its reason names what happened.
    prefix = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return f"{prefix}{error}"


def _step(letter: DeadLetter, edits: Edits, facts: Facts) -> ReplayStep:
    if facts.replayed_before(letter):
        return ReplayStep(letter=letter, action=ReplayAction.DELETE, how="delete it: it was replayed before")
    if letter.shape is Shape.EVENT and (letter.message.queue is QueueName.WEBHOOK or letter.holds_prices):
        return _store(letter, edits, facts)
    if letter.shape is Shape.RECORD:
        return _enrich_item(letter, edits, facts)
    if letter.shape is Shape.UNKNOWN:
        raise ValueError("it has none of the shapes that can be replayed")
    if edits:
        kind = "a pointer" if letter.shape is Shape.POINTER else "an event of the enricher"
        raise EditError(f"{kind} holds no price that could be changed")
    if letter.shape is Shape.POINTER:
        return _enrich_records(letter, facts)
    return _enrich_event(letter)


def _store(letter: DeadLetter, edits: Edits, facts: Facts) -> ReplayStep:
    prices = payloads.with_edits(payloads.prices_in(letter.content, letter.message.body), edits)
    message = payloads.arrival_of(letter.content) or Arrival(
        ms=letter.message.sent_ms, sender=INVOCATIONS, message_id=letter.request_id
    )
    as_sent = message.content_type is not None
    time = _time(message, letter, facts) if not as_sent and payloads.lacks_time(prices) else None
    arrival = message if time is None else replace(message, ms=time.ms)
    how = f"store it at {'its own time' if time is None else time.source}"
    return ReplayStep(
        letter=letter,
        action=ReplayAction.STORE,
        how=f"store what {message.sender} sent" if as_sent else how,
        detail="" if time is None else iso_of_ms(time.ms),
        payload=prices.replay_payload(arrival),
        stored_at=time,
    )


def _time(message: Arrival, letter: DeadLetter, facts: Facts) -> StoredAt:
    """The time of prices that have none of their own."""
    if message.message_id:
        symbol, number = message_key(message)
        item = facts.item((symbol, Decimal(number)))
        if item is not None:
            # An attempt may write it after this: the handler goes by the item, whatever is found here.
            return StoredAt(ms=first_ms(item), source="the time it first came")
    return facts.stored_at(letter) or _original_time(letter, facts)


def _original_time(letter: DeadLetter, facts: Facts) -> StoredAt:
    arrival = payloads.arrival_of(letter.content)
    if arrival is not None:
        return StoredAt(ms=arrival.ms, source="the time of its HTTP event")
    logged_ms = facts.first_logged_ms(letter)
    if logged_ms is not None:
        return StoredAt(ms=logged_ms, source="the time of its first log line")
    return StoredAt(ms=letter.message.sent_ms, source="the time it was queued")


def _enrich_item(letter: DeadLetter, edits: Edits, facts: Facts) -> ReplayStep:
    key = key_of_record(letter.content["record"])
    if is_message(key_item(key)):  # set aside by an enricher of before there were such items
        how = "delete it: its item is no price, and has nothing to enrich"
        return ReplayStep(letter=letter, action=ReplayAction.ENRICH, how=how)
    changes = edits.attribute_changes(facts.item(key) if edits.editor is not None else None)
    return ReplayStep(
        letter=letter,
        action=ReplayAction.ENRICH,
        how="change its item, then enrich it" if changes else "enrich its item",
        detail=", ".join(changes),
        keys=(key,),
        changes=changes,
    )


def _enrich_records(letter: DeadLetter, facts: Facts) -> ReplayStep:
    stream = facts.records(letter)
    if stream.complete:
        return _enrich_prices(letter, "enrich its prices, read again from the stream", stream.keys)
    how = "enrich its prices, as far as the stream still has them, and search the table for the rest"
    return _enrich_prices(letter, how, stream.keys, search=True)


def _enrich_event(letter: DeadLetter) -> ReplayStep:
    """By the table, as all else: the enricher's answer does not tell whether it has enriched a price."""
    if not letter.records:
        raise ValueError("it has neither prices nor records of the table's stream")
    keys = dict.fromkeys(map(key_of_record, letter.records))
    return _enrich_prices(letter, "enrich its prices", [key for key in keys if not is_message(key_item(key))])


def _enrich_prices(letter: DeadLetter, how: str, keys: Sequence[Key], *, search: bool = False) -> ReplayStep:
    return ReplayStep(
        letter=letter,
        action=ReplayAction.ENRICH,
        how=how,
        detail=f"{len(keys)} of them",
        keys=tuple(keys),
        search=search,
    )


def key_of_record(record: Any) -> Key:
    """The key of the item that a stream record is about. Raises ValueError where it names none."""
    stream = record.get("dynamodb") if isinstance(record, dict) else None
    image = stream.get("Keys") or stream.get("NewImage") if isinstance(stream, dict) else None
    try:
        return key_of(image)
    except ValueError as error:
        raise ValueError(f"its record does not name an item of the table: {error}") from None
