"""One of the two queues is missing: the other one can be worked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from cryptoctl.aws import Aws
from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters.messages import QueueName
from cryptoctl.ops.dead_letters.queues import dead_letter_queues, identity
from unit.answers import STACK, Answers

MISSING = STACK.webhook_dead_letters.name


class OneIsMissing(Answers):
    """Has the enricher's queue alone."""

    def find(self, service: str, operation: str, *, absent: str | tuple[str, ...], **params: Any) -> Any:
        """Its URL; None for the other one."""
        return None if params["QueueName"] == MISSING else {"QueueUrl": params["QueueName"]}

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        """The environment is there."""
        return {STACK.prices.arn: {**STACK.scope.tags}}


AWS = cast("Aws", OneIsMissing({"GetQueueAttributes": {"Attributes": {"QueueArn": "its-arn"}}}))


def test_the_one_that_is_there_can_be_chosen_and_has_a_journal_of_its_own() -> None:
    found = dead_letter_queues(AWS, STACK, [QueueName.ENRICHER])
    assert list(found) == [QueueName.ENRICHER]
    assert identity(found) == "its-arn@"


@pytest.mark.parametrize("wanted", [[QueueName.WEBHOOK], [*QueueName]])
def test_the_missing_one_is_refused_with_the_choice_that_works(wanted: list[QueueName]) -> None:
    with pytest.raises(Failure, match=MISSING) as refused:
        dead_letter_queues(AWS, STACK, wanted)
    assert refused.value.hint.endswith(" `--queue enricher` works on the other queue alone.")
