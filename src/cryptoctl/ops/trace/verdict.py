"""What became of a price, in a sentence, and what to do next. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cryptoctl.core.numbers import plain
from cryptoctl.ops.dead_letters.messages import QueueName
from cryptoctl.ops.times import duration_text
from cryptoctl.ops.trace.events import Stage
from cryptoctl.ops.trace.tracing import TraceResult


@dataclass(frozen=True)
class TraceVerdict:
    """`outcome`: announced, waiting, not enriched, not stored, deleted; `hint`: what to do, if anything."""

    outcome: str
    text: str
    hint: str = ""


def verdict(traced: TraceResult) -> TraceVerdict:
    """Of a price; `traced` is not that of a request."""
    timeline, letters = traced.timeline, traced.letters
    command = f"`cryptoctl dlq replay --id {letters[0].message.id}`" if letters else ""
    replay = command and f"{command} runs it again."
    fix = f"Fix the cause; then {replay}"
    cause = letters[0].cause if letters else ""
    if traced.item is None:
        name = str(traced.selector)
        if letters and all(letter.message.queue is QueueName.ENRICHER for letter in letters):
            # What the enricher got was in the table.
            text = f"{name} was stored, and is deleted since; a dead letter about it is left ({cause})."
            hint = f"{command} takes it off the queue: nothing is left to enrich."
            return TraceVerdict("deleted", text, hint)
        if letters:
            return TraceVerdict(
                "not stored", f"{name} is not stored: it waits on a dead-letter queue ({cause}).", fix
            )
        if timeline.first(Stage.ANSWERED, Stage.DUPLICATE):
            return TraceVerdict("deleted", f"{name} was stored, and is deleted since.")
        text = f"{name} is not stored: its request failed and may still be tried again."
        return TraceVerdict("not stored", text, "`cryptoctl dlq list` shows what was given up.")
    symbol = traced.selector.symbol if traced.selector else ""
    if traced.price is None:
        text = f"{symbol}: the item is no price, so it is never enriched."
        return TraceVerdict("not enriched", text, replay and f"Correct it with --set: {replay}")
    name = f"{symbol} {plain(traced.price.price)} on {traced.price.exchange or 'no exchange'}"
    if traced.price.processed:
        total = "" if timeline.total_ms is None else f", {duration_text(timeline.total_ms)} after it came"
        corrected = sum(event.stage is Stage.CORRECTED for event in timeline.events)
        times = f" {corrected} times" if corrected > 1 else ""
        correction = f"; corrected{times} since" if corrected else ""
        text = f"{name}: stored, enriched and announced{total}{correction}."
        return TraceVerdict("announced", text, replay and f"A dead letter about it is left. {replay}")
    if any(letter.message.queue is QueueName.ENRICHER for letter in letters):
        text = f"{name}: stored, but not enriched: it waits on a dead-letter queue ({cause})."
        return TraceVerdict("not enriched", text, fix)
    hint = "`cryptoctl status` shows the stream; `cryptoctl dlq repair` enriches what the stream has lost."
    return TraceVerdict("waiting", f"{name}: stored, not enriched yet.", hint)
