"""JSON that is nested more deeply than Python reads: what one function or client sends fails nothing else."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.local.database import Database
from cryptoctl.local.functions import worker
from cryptoctl.local.functions.destinations import QueuedEvent, envelope
from cryptoctl.local.functions.environment import InvocationOutcome, below_level
from cryptoctl.local.functions.function import FunctionConfig
from cryptoctl.local.functions.url_events import response_of
from cryptoctl.local.mappings.batches import Batch, BatchResult, FailureRules, decide
from cryptoctl.local.metrics.embedded import embedded
from cryptoctl.local.outbox_service import _Publication
from cryptoctl.local.tables.store import TableStore
from cryptoctl.local.tables.streams import StreamsApi

LEVELS = 100_000
LIST = "[" * LEVELS + "]" * LEVELS
OBJECT = '{"timestamp":1,"level":"DEBUG","_aws":' + LIST + "}"
FUNCTION = FunctionConfig(
    name="deep",
    arn="arn:aws:lambda:us-east-1:000000000000:function:deep",
    region="us-east-1",
    version="$LATEST",
    state="Active",
    runtime="python3.14",
    handler="main.handler",
    code=Path(),
    timeout_s=1,
    memory_mb=128,
    variables={},
    json_logs=True,
    log_level="INFO",
    system_log_level="INFO",
    log_group="/aws/lambda/deep",
    reserved=None,
    dead_letters=None,
    key="",
)


def test_a_log_line_is_kept() -> None:
    assert not below_level(OBJECT, "ERROR")


@pytest.mark.parametrize(
    "line", [OBJECT, '{"_aws": {"CloudWatchMetrics": [], "Timestamp": 1%s}}' % ("0" * 400)]
)
def test_a_log_line_has_no_metrics(line: str) -> None:
    assert list(embedded(line)) == []


def test_a_result_cannot_be_marshalled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROUP", "STREAM"):
        monkeypatch.setenv(f"AWS_LAMBDA_LOG_{name}_NAME", "deep")

    def handler(_event: object, _context: object) -> Any:
        nested: list[Any] = []
        for _ in range(LEVELS):
            nested = [nested]
        return nested

    init = {"function_name": "deep", "function_version": "$LATEST", "memory_mb": 128}
    message = {"payload": "{}", "request_id": "1", "invoked_function_arn": FUNCTION.arn, "deadline": 0.0}
    assert worker.invoke(handler, init, message)["error"]["errorType"] == "Runtime.MarshalError"


def test_a_result_is_no_answer_of_a_function_url() -> None:
    assert response_of(LIST) is None


def test_a_result_makes_the_whole_batch_a_failure() -> None:
    batch = Batch(records=({"dynamodb": {"SequenceNumber": "1"}},))
    rules = FailureRules(retries=-1, bisect=False, reports_failures=True)
    decision = decide(batch, BatchResult(error=False, payload=OBJECT), rules)
    assert decision.done == 0
    assert decision.to_retry == (Batch(records=batch.records, failures=1),)


def event(payload: str) -> QueuedEvent:
    return QueuedEvent(1, "eu-central-1", "f", "", "1", payload, 1, 0.0)


def test_an_event_and_a_result_are_told_to_a_destination_as_they_are() -> None:
    outcome = InvocationOutcome(payload=LIST)
    text = envelope(event(OBJECT), FUNCTION, "Success", outcome)
    assert json.loads(text.replace(LIST, "[]"))["requestPayload"] == json.loads(OBJECT.replace(LIST, "[]"))
    assert json.loads(text.replace(LIST, "[]"))["responsePayload"] == []


def test_a_byte_order_mark_does_not_get_into_what_a_destination_is_told() -> None:
    text = envelope(event("\ufeff{}"), FUNCTION, "Success", None)
    assert json.loads(text)["requestPayload"] == {}


def test_a_message_goes_outside_as_it_is() -> None:
    for text in (OBJECT, LIST, "[]", "no JSON"):
        assert _Publication(text=text, structured=True).text_for("email") == text


@pytest.mark.parametrize("text", [LIST, "1", "no JSON"])
def test_a_shard_iterator_is_none_of_ours(text: str, tmp_path: Path) -> None:
    database = Database(tmp_path / "store")
    params = {"ShardIterator": base64.b64encode(text.encode()).decode()}
    assert StreamsApi(TableStore(database)).records("us-east-1", params) is None
    database.close()
