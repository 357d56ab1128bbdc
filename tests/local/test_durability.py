"""What outlives a stop and a kill -9."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.engine import Engine
from live import WITH_A_SENDER, connected
from local.clients import client, eventually, workbench
from local.conftest import QUICK
from local.starting import kill, restart, start
from local.workbench import Workbench, reporting, zipped

TELL = reporting("""
    def handler(event, context):
        say(batch=numbers(event))
""")


ASK_LATE = reporting("""
    import urllib.error, urllib.request

    def handler(event, context):
        say(began=numbers(event))
        time.sleep(0.7)
        try:
            urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"])
        except urllib.error.HTTPError:
            say(batch=numbers(event))
""")
"""Any answer will do: an engine that ends refuses the connection, and the batch fails."""


def delivered(bench: Workbench, function: str) -> list[int]:
    return [number for record in bench.reports(function) for number in record["batch"]]


def test_a_kill_loses_no_item_and_no_stream_position(engine: Engine) -> None:
    bench = start(engine)
    function, (table, stream) = bench.function(TELL), bench.table()
    mapping = bench.mapping(function, stream)
    bench.put(table, 1, 2)
    bench.eventually(lambda: delivered(bench, function) == [1, 2], what="the first two")
    client(engine, "lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    bench.settle(mapping)
    bench.put(table, 3, 4)
    kill(engine)
    assert "killed, not stopped" in restart(engine).notes[0]
    assert client(engine, "dynamodb").scan(TableName=table, Select="COUNT")["Count"] == 4
    assert bench.settle(mapping)["State"] == "Disabled"
    client(engine, "lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    bench.eventually(lambda: delivered(bench, function) == [1, 2, 3, 4], what="the rest, once")


def test_a_mapping_and_a_subscription_go_on_after_a_stop(engine: Engine) -> None:
    bench = start(engine)
    function, (table, stream) = bench.function(TELL), bench.table()
    bench.mapping(function, stream)
    bench.put(table, 1)
    bench.eventually(lambda: delivered(bench, function) == [1], what="the first")
    reader = bench.function("def handler(event, context): print('@say true')")
    bench.client("lambda").add_permission(
        FunctionName=reader,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )
    logs = bench.client("logs")
    logs.create_log_group(logGroupName="read")
    logs.create_log_stream(logGroupName="read", logStreamName="one")
    logs.put_subscription_filter(
        logGroupName="read", filterName="all", filterPattern="", destinationArn=bench.arn(reader)
    )
    last_words = [{"timestamp": int(time.time() * 1000), "message": "good bye"}]
    logs.put_log_events(logGroupName="read", logStreamName="one", logEvents=last_words)
    engine.stop()
    assert restart(engine).notes == ()
    bench.eventually(lambda: bench.reports(reader), what="what was logged just before the stop")
    bench.put(table, 2)
    bench.eventually(lambda: delivered(bench, function) == [1, 2], what="the second")


def test_a_batch_under_way_at_a_stop_still_reaches_the_engine(engine: Engine) -> None:
    bench = start(engine)
    function, (table, stream) = bench.function(ASK_LATE), bench.table()
    bench.mapping(function, stream)
    bench.put(table, 1)
    bench.eventually(lambda: bench.reports(function), what="the batch's beginning")
    engine.stop()
    restart(engine)
    assert bench.reports(function) == [{"began": [1]}, {"batch": [1]}]
    assert not [event for event in bench.log(function) if "URLError" in event["message"]]


INVOKED_LATE = reporting("""
    import urllib.error, urllib.request

    def handler(event, context):
        say(began=event)
        time.sleep(0.7)
        try:
            urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"])
        except urllib.error.HTTPError:
            say(answered=event)
        return event
""")


def test_an_invocation_under_way_at_a_stop_still_reaches_the_engine(engine: Engine) -> None:
    bench = start(engine)
    function = bench.function(INVOKED_LATE, MemorySize=128)
    bench.invoke_async(function, "later")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(bench.invoke, function, "now")
        bench.eventually(lambda: len(bench.reports(function)) == 2, what="both beginnings")
        engine.stop()
        assert answer.result() == ("now", None)
    restart(engine)
    deliveries = sorted(map(str, bench.reports(function)))
    assert deliveries == [str({what: time}) for what in ("answered", "began") for time in ("later", "now")]
    assert not [event for event in bench.log(function) if "URLError" in event["message"]]


def test_what_is_invoked_while_the_engine_ends_is_refused_or_kept(engine: Engine) -> None:
    """Begun now, it would be cut off: it would be an error, and a dead letter in the end."""
    bench = start(engine)
    slow = bench.function(INVOKED_LATE)
    quick = bench.function(reporting("def handler(event, context): say(of=event)"))
    bench.invoke(quick, 0)

    def refusal() -> str | None:
        try:
            bench.invoke(quick, 0)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(bench.invoke, slow, "now")
        bench.eventually(lambda: bench.reports(slow), what="its beginning")
        stopping = pool.submit(engine.stop)
        assert bench.eventually(refusal, what="a refusal") == "TooManyRequestsException"
        bench.invoke_async(quick, 1)
        assert (answer.result(), stopping.result()) == (("now", None), True)
    restart(engine)
    bench.eventually(lambda: {"of": 1} in bench.reports(quick), what="what was accepted")


PUBLISH_LATE = reporting("""
    import boto3
    def handler(event, context):
        say(began=event)
        time.sleep(0.7)
        boto3.client("sns").publish(TopicArn=event, Message="last")
""")


def test_what_a_topic_is_sent_while_the_engine_ends_reaches_its_function(engine: Engine) -> None:
    bench = start(engine)
    publisher = bench.function(PUBLISH_LATE, MemorySize=128)
    subscriber = bench.function(reporting("def handler(event, context): say(told=len(event['Records']))"))
    sns = bench.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=bench.arn(subscriber))
    bench.invoke_async(publisher, topic)
    bench.eventually(lambda: bench.reports(publisher), what="its beginning")
    engine.stop()
    restart(engine)
    bench.eventually(lambda: bench.reports(subscriber) == [{"told": 1}], what="the message")


def test_a_kill_loses_no_accepted_asynchronous_event(engine: Engine) -> None:
    bench = start(engine)
    function = bench.function("def handler(event, context): print(f'@say {event}')")
    lambda_ = client(engine, "lambda")
    lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    for number in range(5):
        bench.invoke_async(function, number)
    kill(engine)
    restart(engine)
    lambda_.delete_function_concurrency(FunctionName=function)
    bench.eventually(lambda: sorted(bench.reports(function), key=str) == [*range(5)], what="all five events")


def test_a_kill_loses_no_message_of_a_topic_for_a_function(engine: Engine) -> None:
    bench = start(engine)
    function = bench.function(
        "def handler(event, context): print('@say', event['Records'][0]['Sns']['Message'])"
    )
    sns = bench.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=bench.arn(function))
    for number in range(5):
        sns.publish(TopicArn=topic, Message=str(number))
    kill(engine)
    restart(engine)
    bench.eventually(lambda: {*bench.reports(function)} == {*range(5)}, what="all five messages")


def test_of_what_a_topic_cannot_keep_for_a_function_no_queue_has_a_copy(engine: Engine) -> None:
    bench = start(engine)
    function = bench.function("def handler(event, context): pass")
    (url, arn), topic, sns = bench.queue(), bench.topic(), bench.client("sns")
    bench.let_topic_send(topic, url, arn)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=bench.arn(function))
    store = sqlite3.connect(engine.status().home / "store.sqlite3")
    store.execute("CREATE TRIGGER t BEFORE INSERT ON async_event BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(Exception, match="full"):
        sns.publish(TopicArn=topic, Message="hello")
    store.execute("DROP TRIGGER t")
    store.close()
    sns.publish(TopicArn=topic, Message="again")
    assert [json.loads(message["Body"])["Message"] for message in bench.messages(url)] == ["again"]


def test_a_kill_keeps_what_queues_have_taken(engine: Engine) -> None:
    engine.start(port=0, options=replace(QUICK, save_every_s=600.0))
    bench = workbench(engine)
    (url, _), sqs = bench.queue(), bench.client("sqs")
    cause = {"cause": {"DataType": "String", "StringValue": "poison"}}
    sqs.send_message(QueueUrl=url, MessageBody="alone", MessageAttributes=cause)
    entries = [{"Id": body, "MessageBody": body} for body in ("first", "second", "refused")]
    entries[-1]["MessageAttributes"] = {"empty": {"DataType": "String", "StringValue": ""}}  # type: ignore[assignment]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sqs.delete_queue(QueueUrl=bench.queue()[0])  # what is saved with it need not be sent again
    sqs.send_message(QueueUrl=url, MessageBody="last")
    kill(engine)
    restart(engine)
    attributes = {message["Body"]: message.get("MessageAttributes", {}) for message in bench.messages(url)}
    assert [*attributes] == ["alone", "first", "second", "last"]
    assert attributes["alone"]["cause"]["StringValue"] == "poison"
    assert bench.messages(url) == []


def test_a_message_of_a_queue_that_is_no_more_does_not_keep_the_engine_from_starting(engine: Engine) -> None:
    engine.start(port=0, options=replace(QUICK, save_every_s=600.0))
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


def test_a_resource_is_on_disk_before_its_answer(engine: Engine) -> None:
    bench = start(engine)
    key = bench.client("kms").create_key(Description="here to stay")["KeyMetadata"]["KeyId"]
    kill(engine)
    restart(engine)
    assert bench.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Description"] == "here to stay"


def test_a_kill_keeps_a_whole_environment_as_it_was_answered(engine: Engine) -> None:
    """Whatever else the stack comes to use: what is not saved before the answer shows here."""
    engine.start(port=0, options=replace(QUICK, save_every_s=600.0))
    live = connected(engine, "whole", WITH_A_SENDER)
    live.up()
    kill(engine)
    engine.start(options=QUICK)
    assert [(str(step.resource), step.changes) for step in live.plan().work] == []
    live.down()


def test_a_function_that_was_being_made_is_ready_after_a_kill(engine: Engine) -> None:
    bench = start(engine)
    bench.client("logs").create_log_group(logGroupName="/aws/lambda/unfinished")
    created = bench.client("lambda").create_function(
        FunctionName="unfinished",
        Runtime="python3.13",
        Role=bench.role(),
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": "def handler(event, context): return 'ready'"})},
    )
    assert created["State"] == "Pending"
    kill(engine)
    restart(engine)
    assert bench.invoke("unfinished", {}) == ("ready", None)


def test_only_the_code_that_functions_have_stays_unpacked(engine: Engine) -> None:
    bench = start(engine)
    say = "def handler(event, context): print('@say {}')"
    function, deleted = bench.function(say.format(1)), bench.function(say.format(2))
    for name in (function, deleted):
        bench.invoke(name, {})
    codes = DataDirectory(engine.status().home).code
    (codes / "half.new").mkdir()
    assert len(list(codes.iterdir())) == 3
    before = set(codes.iterdir())
    bench.client("lambda").delete_function(FunctionName=deleted)
    engine.stop()
    restart(engine)
    (code,) = codes.iterdir()
    assert code in before
    bench.invoke(function, {})
    assert list(codes.iterdir()) == [code]


def test_an_engine_of_another_cryptoctl_is_left_running_and_named(engine: Engine) -> None:
    engine.start(port=0, options=QUICK)
    assert engine.start(options=QUICK).notes == ()
    record = engine.status().home / "engine.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "code": "earlier", "later": 1}))
    status = engine.start(options=QUICK)
    assert status.running
    [note] = status.notes
    assert "started by another cryptoctl" in note
    assert "`cryptoctl local stop`, then `cryptoctl local start`" in note
    assert note in engine.status(with_problems=True).notes


def test_what_was_saved_is_whole(engine: Engine) -> None:
    bench = start(engine)
    for _ in range(3):
        bench.queue()
    for file in Path(engine.status().home / "state").glob("*.json"):
        json.loads(file.read_text())


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
