"""One of the two queues is missing: the other one can be worked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from cryptoctl.aws import Aws
from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.messages import QueueName
from cryptoctl.ops.dead_letters.queues import dead_letter_queues, identity
from cryptoctl.ops.dead_letters.receiving import delete, release
from cryptoctl.ops.trace.tracing import Tracer
from dead_letters.test_receiving import MESSAGE
from unit.answers import STACK, Answers

NO_MESSAGES = {f"ApproximateNumberOfMessages{kind}": "0" for kind in ("", "NotVisible", "Delayed")}
MISSING = STACK.webhook_dead_letters.name


class OneIsMissing(Answers):
    """Has the enricher's queue alone."""

    def find(self, service: str, operation: str, *, not_found: str | tuple[str, ...], **params: Any) -> Any:
        """Its URL; None for the other one."""
        return None if params["QueueName"] == MISSING else {"QueueUrl": params["QueueName"]}

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        """The environment is there."""
        return {STACK.prices.arn: {**STACK.scope.tags}}


AWS = cast(
    "Aws", OneIsMissing({"GetQueueAttributes": {"Attributes": {"QueueArn": "its-arn", **NO_MESSAGES}}})
)


def test_the_one_that_is_there_can_be_chosen() -> None:
    queues = dead_letter_queues(AWS, STACK, [QueueName.ENRICHER])
    assert list(queues) == [QueueName.ENRICHER]
    assert identity(queues) == "its-arn@"


@pytest.mark.parametrize("queues", [[QueueName.WEBHOOK], [*QueueName]])
def test_the_missing_one_is_refused_with_the_choice_that_works(queues: list[QueueName]) -> None:
    with pytest.raises(Failure, match=MISSING) as raised:
        dead_letter_queues(AWS, STACK, queues)
    assert raised.value.hint.endswith(" `--queue enricher` works on the other queue alone.")


def test_what_a_journal_has_of_the_missing_one_ends_with_it() -> None:
    queues = dead_letter_queues(AWS, STACK, [QueueName.ENRICHER])
    other, mine = (replace(MESSAGE, queue=QueueName.WEBHOOK, id=message_id) for message_id in "ab")
    with Journal() as journal:
        journal.add([(message, MessageState.CHOSEN) for message in (other, mine)], extend_ms=0)
        assert delete(queues, journal, [mine]) == []
        assert journal.is_replayed(mine.key)
        release(queues, journal, MessageState.CHOSEN)
        assert list(journal.messages(MessageState.CHOSEN)) == []


def test_a_trace_says_which_dead_letters_it_has_not_read() -> None:
    notes: list[str] = []
    tracer = Tracer(aws=AWS, stack=STACK, retention_days=None, now_ms=0)
    assert tracer._letters(notes) == []
    assert notes == ["The dead letters of the webhook were not read: its queue is missing."]
