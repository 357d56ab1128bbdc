"""Metrics and alarms."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench

LAMBDA = "Lambda developer guide: Types of metrics for Lambda functions"
EMBEDDED = "CloudWatch user guide: Specification: Embedded metric format"
ALARMS = "CloudWatch user guide: Using Amazon CloudWatch alarms"
PUT = "CloudWatch API reference: PutMetricData"
STATE = "CloudWatch API reference: SetAlarmState"
SQS = "SQS developer guide: Available CloudWatch metrics for Amazon SQS"


def _sum(bench: Workbench, namespace: str, metric: str, **dimensions: str) -> float:
    now = datetime.now(UTC)
    datapoints: list[Any] = bench.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(datapoint["Sum"] for datapoint in datapoints))


@pytest.mark.behaviour("metrics", "an invocation is counted when it ends, a timeout as an error", LAMBDA)
def test_invocations_are_counted(bench: Workbench) -> None:
    function = bench.function("import time\ndef handler(event, context): time.sleep(event)", Timeout=7)
    bench.invoke(function, 0)
    # These two are under way when the metrics of the first are written.
    bench.invoke(function, 6)
    bench.invoke(function, 30)

    def counted() -> bool:
        numbers = [
            _sum(bench, "AWS/Lambda", name, FunctionName=function) for name in ("Invocations", "Errors")
        ]
        return numbers == [3.0, 1.0]

    bench.eventually(counted, what="three invocations, one of them an error")
    assert _sum(bench, "AWS/Lambda", "Duration", FunctionName=function) > 12_000


@pytest.mark.behaviour("metrics", "embedded metrics of log lines become metrics", EMBEDDED)
def test_embedded_metrics(bench: Workbench) -> None:
    namespace = bench.name("namespace")
    directive = {"Namespace": namespace, "Dimensions": [["Kind"], []], "Metrics": [{"Name": "Stored"}]}
    line = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}, "Kind": "a"}
    source = "import json\ndef handler(event, context): print(json.dumps(event))"
    function = bench.function(source)
    bench.invoke(function, {**line, "Stored": 3})
    bench.invoke(function, {**line, "Stored": [1, 2.5]})
    bench.eventually(lambda: _sum(bench, namespace, "Stored", Kind="a") == 6.5, what="the sum of one kind")


@pytest.mark.behaviour("metrics", "an alarm looks at its own dimensions, changes its state and acts", ALARMS)
def test_an_alarm_acts(bench: Workbench) -> None:
    cloudwatch, sns = bench.client("cloudwatch"), bench.client("sns")
    namespace, name = bench.name("namespace"), bench.name("alarm")
    topic, (url, queue) = bench.topic(), bench.queue()
    bench.let_topic_send(topic, url, queue)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    dimensions = [{"Name": "Kind", "Value": "mine"}]

    def put(value: float, kind: str) -> None:
        datum = {"MetricName": "Failures", "Value": value, "Dimensions": [{"Name": "Kind", "Value": kind}]}
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    put(100, "another's")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName="Failures",
        Dimensions=dimensions,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    bench.undo(cloudwatch.delete_alarms, AlarmNames=[name])

    def state() -> str:
        return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    put(100, "another's")
    bench.eventually(lambda: state() == "OK", what="a quiet alarm")
    put(6, "mine")
    bench.eventually(lambda: state() == "ALARM", what="the alarm")
    notification = json.loads(json.loads(bench.message(url)["Body"])["Message"])
    assert (notification["AlarmName"], notification["NewStateValue"]) == (name, "ALARM")


@pytest.mark.behaviour("metrics", "a queue's messages are a metric", SQS)
def test_queue_metrics(bench: Workbench) -> None:
    url, arn = bench.queue()
    for _ in range(3):
        bench.client("sqs").send_message(QueueUrl=url, MessageBody="x")

    def visible() -> bool:
        name = arn.rpartition(":")[2]
        return _sum(bench, "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=name) >= 3

    bench.eventually(visible, within_s=60, what="three visible messages")


@pytest.mark.behaviour(
    "metrics",
    "a dashboard keeps the tags that it was made with, until it is deleted",
    "CloudWatch API reference: PutDashboard",
)
def test_a_dashboard_s_tags(bench: Workbench) -> None:
    client, name = bench.client("cloudwatch"), bench.name("board")

    def put(owner: str) -> None:
        tags = [{"Key": "Owner", "Value": owner}]
        client.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}', Tags=tags)

    put("first")
    put("second")
    arn = client.get_dashboard(DashboardName=name)["DashboardArn"]
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "Owner", "Value": "first"}]
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "Team", "Value": "x"}])
    client.untag_resource(ResourceARN=arn, TagKeys=["Owner"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "Team", "Value": "x"}]
    client.delete_dashboards(DashboardNames=[name])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(ResourceARN=arn)
    put("third")
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "Owner", "Value": "third"}]
    client.delete_dashboards(DashboardNames=[name])


@pytest.mark.behaviour("metrics", "a state that no alarm has is refused", STATE)
def test_an_impossible_state(bench: Workbench) -> None:
    client, name = bench.client("cloudwatch"), bench.name("alarm")
    rule = {"Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0}
    rule |= {"ComparisonOperator": "GreaterThanThreshold", "Namespace": name, "MetricName": "none"}
    client.put_metric_alarm(AlarmName=name, **rule)
    bench.undo(client.delete_alarms, AlarmNames=[name])
    with pytest.raises(ClientError) as raised:
        client.set_alarm_state(AlarmName=name, StateValue="WORRIED", StateReason="x")
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    [alarm] = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["StateValue"] != "WORRIED"


@pytest.mark.behaviour("metrics", "many metrics, which SDKs send gzipped, are taken", PUT)
def test_many_metrics_at_once(bench: Workbench) -> None:
    client, namespace = bench.client("cloudwatch"), bench.name("many")
    data = [{"MetricName": f"number-{number}", "Value": number} for number in range(600)]
    client.put_metric_data(Namespace=namespace, MetricData=data)

    def listed() -> int:
        pages = client.get_paginator("list_metrics").paginate(Namespace=namespace)
        return len({metric["MetricName"] for page in pages for metric in page["Metrics"]})

    bench.eventually(lambda: listed() == 600, what="the metrics")
