"""Running the steps of a replay in one environment, and looking up the facts that they are planned from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.ops.dead_letters.enriching import Enricher, Image, Key, invoke, key_item
from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.lookups import StreamKeys, first_logged_ms, read_stream_keys
from cryptoctl.ops.dead_letters.messages import DeadLetter
from cryptoctl.ops.dead_letters.payloads import with_bytes
from cryptoctl.ops.dead_letters.planning import ReplayAction, ReplayStep, StoredAt, reason_of, stored_at
from cryptoctl.stack import Stack

# What a function says that does not know how a replay gives it an event with its arrival.
NOT_OPENED = "symbol: is missing"


@dataclass(frozen=True, kw_only=True)
class StepAttempt:
    """How a step ended: how the message was replayed, or the reason why it was not."""

    way: str = ""
    reason: str = ""
    trimmed: bool = False
    """what the stream still has is enriched; the rest is to be recovered from the table"""

    @property
    def succeeded(self) -> bool:
        """Whether the message is replayed."""
        return not self.reason and not self.trimmed


@dataclass(frozen=True, kw_only=True)
class Replayer:
    """One environment's functions and table."""

    aws: Aws
    stack: Stack

    @property
    def enricher(self) -> Enricher:
        """The price enricher with its table."""
        return Enricher(aws=self.aws, stack=self.stack)

    def attempt(self, step: ReplayStep) -> StepAttempt:
        """Runs the step. Raises only if nothing at all can be reached: all else is this message's reason."""
        try:
            return self._run(step)
        except Exception as error:
            return StepAttempt(reason=reason_of(error))

    def _run(self, step: ReplayStep) -> StepAttempt:
        match step.action:
            case ReplayAction.STORE:
                response, problem = invoke(self.aws, self.stack.webhook.name, step.payload)
                return attempt_of_response(response, step) if problem is None else StepAttempt(reason=problem)
            case ReplayAction.ENRICH:
                return self._enrich(step)
            case ReplayAction.DELETE:
                return StepAttempt(way=step.summary)
            case ReplayAction.NONE:
                return StepAttempt(reason=step.problem)

    def _enrich(self, step: ReplayStep) -> StepAttempt:
        gone = "its item was deleted since: nothing is left to enrich"
        if step.changes and not self._change_item(step.keys[0], step.changes):
            return StepAttempt(way=gone)
        enriched = self.enricher.enrich(step.keys)
        if enriched.unenriched:
            return StepAttempt(reason="; ".join(map(str, enriched.unenriched[:3])))
        if enriched.deleted and enriched.deleted == len(step.keys):
            return StepAttempt(way=gone)
        return StepAttempt(way=step.summary, trimmed=step.search)

    def _change_item(self, key: Key, changes: Mapping[str, Any]) -> bool:
        """Changes the item; False if there is none any more."""
        numbered = list(enumerate(changes.items()))
        names = {f"#{number}": name for number, (name, _) in numbered}
        values = {f":{number}": with_bytes(value) for number, (_, value) in numbered if value}
        sets = ", ".join(f"#{number} = :{number}" for number, (_, value) in numbered if value)
        removed = ", ".join(f"#{number}" for number, (_, value) in numbered if not value)
        request: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        parts = (f"SET {sets}" if sets else "", f"REMOVE {removed}" if removed else "")
        try:
            self.aws.call(
                "dynamodb",
                "UpdateItem",
                TableName=self.stack.prices.name,
                Key=key_item(key),
                UpdateExpression=" ".join(filter(None, parts)),
                ConditionExpression="attribute_exists(#symbol)",
                ExpressionAttributeNames={**names, "#symbol": "symbol"},
                **request,
            )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True


@dataclass(frozen=True, kw_only=True)
class AwsFacts:
    """The facts that AWS and the journal have (planning.Facts)."""

    replayer: Replayer
    journal: Journal

    def replayed_before(self, letter: DeadLetter) -> bool:
        """Whether an earlier replay has replayed it."""
        return self.journal.is_replayed(letter.message.key)

    def stored_at(self, letter: DeadLetter) -> StoredAt | None:
        """The time in the step that last failed."""
        step = self.journal.failed_step(letter.message.key)
        return None if step is None else stored_at(step)

    def first_logged_ms(self, letter: DeadLetter) -> int | None:
        """From the webhook processor's log group, since 1970."""
        aws, webhook = self.replayer.aws, self.replayer.stack.webhook
        return first_logged_ms(aws, webhook, letter.request_id, letter.message.sent_ms)

    def records(self, letter: DeadLetter) -> StreamKeys:
        """From the table's stream."""
        table = self.replayer.stack.prices
        return read_stream_keys(self.replayer.aws, table, letter.content["DDBStreamBatchInfo"])

    def item(self, key: Key) -> Image | None:
        """From the table."""
        return self.replayer.enricher.items([key]).get(key)


def attempt_of_response(response: Any, step: ReplayStep) -> StepAttempt:
    """How a step ended, by the webhook processor's answer."""
    try:
        status, body = response["statusCode"], json.loads(response["body"])
        message, results = str(body.get("message", "")), body.get("results", ())
        refusals = [
            f"{result.get('field')}: {result.get('reason')}"
            for result in results
            if result.get("status") == "rejected"
        ]
    except (TypeError, KeyError, ValueError, AttributeError, RecursionError):
        return StepAttempt(reason="the webhook processor gave an answer that cannot be read")
    if status == 200:
        return StepAttempt(way=f"{step.summary}: {message}")
    why = "; ".join(refusals[:3]) or message
    if message == NOT_OPENED:
        why += "; or the function is of an older version, which `cryptoctl up` replaces"
    return StepAttempt(reason=f"refused with status {status}: {why}")
