"""What outlives a kill -9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from cryptoctl.local.engine import Engine
from live import WITH_A_SENDER, connected
from local.clients import client, eventually, workbench
from local.conftest import QUICK
from local.starting import kill, restart, start
from local.workbench import Workbench, reporting, zipped

pytestmark = pytest.mark.process
TELL = reporting("""
    def handler(event, context):
        say(batch=numbers(event))
""")
AT_NO_TIME = replace(QUICK, save_every_s=600.0)
"""Nothing is saved because time has passed."""


def delivered(bench: Workbench, function: str) -> list[int]:
    return [number for record in bench.reports(function) for number in record["batch"]]


@dataclass(frozen=True, kw_only=True)
class Killed:
    """An engine that runs again, and what was there when it was killed."""

    bench: Workbench
    notes: tuple[str, ...]
    """what it says of its last end"""
    teller: str
    """a function that has been given the items 1 and 2 of the table; 3 and 4 are written"""
    table: str
    mapping: str
    """from that table to that function, disabled"""
    throttled: str
    """a function that may not run, with five asynchronous events"""
    subscriber: str
    """a function of a topic to which five messages were published"""
    queue_url: str
    key: str
    unfinished: str
    """a function that was Pending"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """Made in such an order that no later change saves what an earlier one has left to be saved."""
    engine = Engine(tmp_path_factory.mktemp("engine that is killed"))
    engine.start(port=0, options=replace(AT_NO_TIME, function_pending_s=0.5))
    bench = workbench(engine)
    teller, (table, stream) = bench.function(TELL), bench.table()
    throttled = bench.function("def handler(event, context): print(f'@say {event}')")
    subscriber = bench.function(
        "def handler(event, context): print('@say', event['Records'][0]['Sns']['Message'])"
    )
    mapping = bench.mapping(teller, stream)
    bench.put(table, 1, 2)
    bench.eventually(lambda: delivered(bench, teller) == [1, 2], what="the first two")
    functions, sns = bench.client("lambda"), bench.client("sns")
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    bench.settle(mapping)
    bench.put(table, 3, 4)
    functions.put_function_concurrency(FunctionName=throttled, ReservedConcurrentExecutions=0)
    for number in range(5):
        bench.invoke_async(throttled, number)
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=bench.arn(subscriber))
    queue_url = _filled_queue(bench)
    key = bench.client("kms").create_key(Description="here to stay")["KeyMetadata"]["KeyId"]
    bench.client("logs").create_log_group(logGroupName="/aws/lambda/unfinished")
    unfinished = functions.create_function(
        FunctionName="unfinished",
        Runtime="python3.13",
        Role=bench.role(),
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": "def handler(event, context): return 'ready'"})},
    )
    for number in range(5):
        sns.publish(TopicArn=topic, Message=str(number))
    kill(engine)
    assert unfinished["State"] == "Pending"
    yield Killed(
        bench=bench,
        notes=restart(engine).notes,
        teller=teller,
        table=table,
        mapping=mapping,
        throttled=throttled,
        subscriber=subscriber,
        queue_url=queue_url,
        key=key,
        unfinished=unfinished["FunctionName"],
    )
    engine.stop()


def _filled_queue(bench: Workbench) -> str:
    (url, _), sqs = bench.queue(), bench.client("sqs")
    cause = {"cause": {"DataType": "String", "StringValue": "poison"}}
    sqs.send_message(QueueUrl=url, MessageBody="alone", MessageAttributes=cause)
    entries = [{"Id": body, "MessageBody": body} for body in ("first", "second", "refused")]
    entries[-1]["MessageAttributes"] = {"empty": {"DataType": "String", "StringValue": ""}}  # type: ignore[assignment]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sqs.delete_queue(QueueUrl=bench.queue()[0])  # what is saved with it need not be sent again
    sqs.send_message(QueueUrl=url, MessageBody="last")
    return url


def test_a_kill_is_said(killed: Killed) -> None:
    assert "killed, not stopped" in killed.notes[0]


def test_a_kill_loses_no_item_and_no_stream_position(killed: Killed) -> None:
    bench = killed.bench
    assert bench.client("dynamodb").scan(TableName=killed.table, Select="COUNT")["Count"] == 4
    assert bench.settle(killed.mapping)["State"] == "Disabled"
    bench.client("lambda").update_event_source_mapping(UUID=killed.mapping, Enabled=True)
    bench.eventually(lambda: delivered(bench, killed.teller) == [1, 2, 3, 4], what="the rest, once")


def test_a_kill_loses_no_accepted_asynchronous_event(killed: Killed) -> None:
    bench, function = killed.bench, killed.throttled
    bench.client("lambda").delete_function_concurrency(FunctionName=function)
    bench.eventually(lambda: sorted(bench.reports(function), key=str) == [*range(5)], what="all five events")


def test_a_kill_loses_no_message_of_a_topic_for_a_function(killed: Killed) -> None:
    bench = killed.bench
    bench.eventually(lambda: {*bench.reports(killed.subscriber)} == {*range(5)}, what="all five messages")


def test_a_kill_keeps_what_queues_have_taken(killed: Killed) -> None:
    messages = killed.bench.messages(killed.queue_url)
    attributes = {message["Body"]: message.get("MessageAttributes", {}) for message in messages}
    assert [*attributes] == ["alone", "first", "second", "last"]
    assert attributes["alone"]["cause"]["StringValue"] == "poison"
    assert killed.bench.messages(killed.queue_url) == []


def test_a_resource_is_on_disk_before_its_answer(killed: Killed) -> None:
    described = killed.bench.client("kms").describe_key(KeyId=killed.key)
    assert described["KeyMetadata"]["Description"] == "here to stay"


def test_a_function_that_was_being_made_is_ready_after_a_kill(killed: Killed) -> None:
    assert killed.bench.invoke(killed.unfinished, {}) == ("ready", None)


def test_a_kill_keeps_a_whole_environment_as_it_was_answered(engine: Engine) -> None:
    """Whatever else the stack comes to use: what is not saved before the answer shows here."""
    engine.start(port=0, options=AT_NO_TIME)
    live = connected(engine, "whole", WITH_A_SENDER)
    live.up()
    kill(engine)
    engine.start(options=QUICK)
    assert [(str(step.resource), step.changes) for step in live.plan().work] == []


def test_a_message_of_a_queue_that_is_no_more_does_not_keep_the_engine_from_starting(engine: Engine) -> None:
    engine.start(port=0, options=AT_NO_TIME)
    bench = workbench(engine)
    url, _ = bench.queue()
    bench.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    state = engine.status().home / "state" / "sqs.json"
    kill(engine)
    state.unlink()
    assert restart(engine).running
    assert bench.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_message_that_was_saved_comes_once_after_a_kill(engine: Engine) -> None:
    bench = start(engine)
    url, _ = bench.queue()
    bench.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    state = engine.status().home / "state" / "sqs.json"
    eventually(lambda: "hello" in state.read_text(), what="the saved message")
    kill(engine)
    restart(engine)
    assert bench.message(url)["Body"] == "hello"
    assert bench.messages(url) == []


def test_a_change_is_kept_at_once_and_does_not_write_all_metrics_again(engine: Engine) -> None:
    start(engine)
    state = engine.status().home / "state" / "cloudwatch.json"

    def count(metric: str) -> None:
        data = [{"MetricName": metric, "Value": 1.0}]
        client(engine, "cloudwatch").put_metric_data(Namespace="N", MetricData=data)

    def saved(alarm: str) -> str:
        client(engine, "cloudwatch").put_metric_alarm(
            AlarmName=alarm,
            Namespace="N",
            MetricName="m",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            Threshold=1.0,
        )
        text = state.read_text()
        assert alarm in text
        return text

    def metrics() -> set[str]:
        listed = client(engine, "cloudwatch").list_metrics(Namespace="N")["Metrics"]
        return {metric["MetricName"] for metric in listed}

    count("before-the-stop")
    by_us = json.loads(saved("one"))["payload"]
    assert not by_us["metrics"]["data"]
    engine.stop()
    by_ministack = json.loads(state.read_text())["payload"]
    assert set(by_us) == set(by_ministack) and by_ministack["metrics"]["data"]
    restart(engine)
    count("after-it")
    saved("two")
    kill(engine)
    restart(engine)
    # Those of the last minute may be lost in a kill, and no others.
    assert metrics() == {"before-the-stop"}
    assert len(client(engine, "cloudwatch").describe_alarms()["MetricAlarms"]) == 2
