"""What came from each sender is read of as many log lines as there are: of an attack, of millions."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.bundle import Code
from cryptoctl.ops.webhook.senders import TERMS, activity
from cryptoctl.stack import Stack
from live import WITH_A_SENDER
from unit.answers import SCOPE, Answers

WEBHOOK = Stack(SCOPE, WITH_A_SENDER, Code(zip_bytes=b"code", sha256="hash"))


class Event(dict[str, Any]):
    """An event of CloudWatch Logs that can be followed."""


@dataclass
class Attack(Answers):
    """A log of ten refusals, the newest in the middle; how many of them were held at once."""

    responses: dict[str, Any] = field(default_factory=dict)
    most_at_once: int = 0

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        references: list[weakref.ref[Event]] = []
        for number in range(10) if params["filterPattern"] == TERMS else ():
            line = {"Unauthorized": 1, "Sender": "desk", "reasons": [f"reason {number}"]}
            event = Event(message=json.dumps(line), timestamp=1_000 + (number if number < 6 else -number))
            references.append(weakref.ref(event))
            self.most_at_once = max(
                self.most_at_once, sum(reference() is not None for reference in references)
            )
            yield event


def test_they_are_counted_one_by_one_and_the_last_is_the_latest() -> None:
    aws = Attack()
    desk, unknown = activity(aws, WEBHOOK, 2_000_000)  # type: ignore[arg-type]
    assert (desk.refused, desk.last_refused_ms, desk.last_refusal) == (10, 1_005, "reason 5")
    assert (unknown.refused, unknown.last_refused_ms, unknown.last_refusal) == (0, None, None)
    assert aws.most_at_once <= 2
