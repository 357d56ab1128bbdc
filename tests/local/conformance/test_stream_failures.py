"""Event source mappings over DynamoDB streams: batches that fail."""

from __future__ import annotations

import json

import pytest

from local.conformance.mappings import TELL, delivered, wait_for, wait_for_good
from local.workbench import Workbench, reporting

ERROR_PATTERN = "Lambda developer guide: Retain discarded batch records for a DynamoDB event source"
PARTIAL = "Lambda developer guide: Configuring partial batch response with DynamoDB and Lambda"


@pytest.mark.behaviour(
    "stream mappings", "bisects a failing batch down to the poison record; retries count then", ERROR_PATTERN
)
def test_bisecting_isolates_the_poison_record(bench: Workbench, failing: str) -> None:
    table, stream = bench.table()
    bench.put(table, *range(10, 18))
    url, arn = bench.queue()
    bench.mapping(
        failing,
        stream,
        BatchSize=8,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    tried = wait_for_good(bench, failing, stream, 17)
    assert tried.count([13]) == 3, "one try and two retries; splitting counts as none"
    accepted = [number for batch in tried if 13 not in batch for number in batch]
    assert accepted == [10, 11, 12, 14, 15, 16, 17]
    note = json.loads(bench.message(url)["Body"])
    assert note["DDBStreamBatchInfo"]["batchSize"] == 1


@pytest.mark.behaviour(
    "stream mappings", "without bisecting, a batch is given up whole after its retries", ERROR_PATTERN
)
def test_retries_are_counted(bench: Workbench, failing: str) -> None:
    table, stream = bench.table()
    bench.put(table, 12, 13, 14, 15)
    bench.mapping(failing, stream, BatchSize=3, MaximumRetryAttempts=2)
    assert wait_for(bench, failing, stream, 15) == [[12, 13, 14]] * 3 + [[15]]


@pytest.mark.behaviour(
    "stream mappings", "with no retries a failing batch is tried exactly once", ERROR_PATTERN
)
def test_no_retries(bench: Workbench, failing: str) -> None:
    table, stream = bench.table()
    bench.put(table, 13, 14)
    bench.mapping(failing, stream, BatchSize=1, MaximumRetryAttempts=0)
    assert wait_for(bench, failing, stream, 14) == [[13], [14]]


@pytest.mark.behaviour("stream mappings", "the on-failure record is a pointer in AWS's shape", ERROR_PATTERN)
def test_the_on_failure_record_points_to_the_records(bench: Workbench, failing: str) -> None:
    table, stream = bench.table()
    bench.put(table, 13, 14)
    url, arn = bench.queue()
    destination = {"OnFailure": {"Destination": arn}}
    bench.mapping(failing, stream, BatchSize=2, MaximumRetryAttempts=1, DestinationConfig=destination)
    note = json.loads(bench.message(url)["Body"])
    assert note["version"] == "1.0"
    assert note["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert note["requestContext"]["approximateInvokeCount"] == 2
    assert note["requestContext"]["functionArn"].startswith(bench.arn(failing))
    assert note["responseContext"]["functionError"] == "Unhandled"
    info = note["DDBStreamBatchInfo"]
    assert info["streamArn"] == stream
    assert info["batchSize"] == 2
    streams = bench.client("dynamodbstreams")
    iterator = streams.get_shard_iterator(
        StreamArn=stream,
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=info["startSequenceNumber"],
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    assert [record["dynamodb"]["Keys"]["at"]["N"] for record in records] == ["13", "14"]
    assert records[1]["dynamodb"]["SequenceNumber"] == info["endSequenceNumber"]


@pytest.mark.behaviour("stream mappings", "a topic can be the on-failure destination", ERROR_PATTERN)
def test_the_on_failure_record_reaches_a_topic(bench: Workbench, failing: str) -> None:
    table, stream = bench.table()
    bench.put(table, 13)
    url, queue_arn = bench.queue()
    topic = bench.client("sns").create_topic(Name=bench.name("topic"))["TopicArn"]
    policy = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
            }
        ]
    }
    bench.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    bench.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"}
    )
    destination = {"OnFailure": {"Destination": topic}}
    bench.mapping(failing, stream, MaximumRetryAttempts=0, DestinationConfig=destination)
    assert json.loads(bench.message(url)["Body"])["DDBStreamBatchInfo"]["streamArn"] == stream
    bench.client("sns").delete_topic(TopicArn=topic)


@pytest.mark.behaviour(
    "stream mappings", "ReportBatchItemFailures: tried again from the lowest number reported", PARTIAL
)
def test_partial_failures_are_tried_from_the_lowest_number(bench: Workbench, reporter: str) -> None:
    table, stream = bench.table()
    bench.put(table, 11, 12, 13, 14, 15)
    bench.mapping(
        reporter,
        stream,
        BatchSize=4,
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert wait_for(bench, reporter, stream, 15) == [[11, 12, 13, 14], [13, 14], [15]]


@pytest.mark.behaviour(
    "stream mappings", "ReportBatchItemFailures with bisecting loses no neighbour of the poison", PARTIAL
)
def test_partial_failures_with_bisecting(bench: Workbench, reporter: str) -> None:
    table, stream = bench.table()
    bench.put(table, *range(10, 18))
    bench.mapping(
        reporter,
        stream,
        BatchSize=8,
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    tried = wait_for_good(bench, reporter, stream, 17)
    assert tried[0] == [*range(10, 18)]
    assert tried.count([13]) == 2
    assert [number for batch in tried if 13 not in batch for number in batch] == [14, 15, 16, 17]


@pytest.mark.behaviour(
    "stream mappings", "ReportBatchItemFailures: an unknown identifier fails the whole batch", PARTIAL
)
def test_an_unknown_identifier_fails_the_whole_batch(bench: Workbench) -> None:
    source = reporting("""
        def handler(event, context):
            tell(event)
            return {"batchItemFailures": [{"itemIdentifier": ""}]} if 1 in numbers(event) else None
    """)
    function, (table, stream) = bench.function(source), bench.table()
    bench.put(table, 1, 2, 3)
    types = ["ReportBatchItemFailures"]
    bench.mapping(function, stream, BatchSize=2, MaximumRetryAttempts=1, FunctionResponseTypes=types)
    assert wait_for(bench, function, stream, 3) == [[1, 2], [1, 2], [3]]


@pytest.mark.torture  # the youngest age that AWS takes is a minute
@pytest.mark.behaviour(
    "stream mappings", "records older than the maximum age are given up, and told of", ERROR_PATTERN
)
def test_records_that_grow_too_old_are_given_up(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    bench.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    url, arn = bench.queue()
    destination = {"OnFailure": {"Destination": arn}}
    bench.mapping(function, stream, MaximumRecordAgeInSeconds=60, DestinationConfig=destination)
    bench.put(table, 1, 2)
    letter = bench.eventually(lambda: bench.messages(url), within_s=90, what="the record of the failure")[0]
    note = json.loads(letter["Body"])
    assert note["requestContext"]["condition"] == "RecordAgeExceeded"
    bench.client("lambda").delete_function_concurrency(FunctionName=function)
    bench.put(table, 3)
    wait_for(bench, function, stream, 3)
    assert delivered(bench, function, stream) == [3]
