"""Event source mappings over DynamoDB streams."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench, reporting

DDB = "Lambda developer guide: Using AWS Lambda with Amazon DynamoDB"
ERRORS = "Lambda developer guide: Retain discarded batch records for a DynamoDB event source"
PARTIAL = "Lambda developer guide: Configuring partial batch response with DynamoDB and Lambda"
FILTER = "Lambda developer guide: Using event filtering with a DynamoDB event source"
BATCHING = "Lambda developer guide: Batching behavior"
METRICS = "Lambda developer guide: Types of metrics for Lambda functions"
API = "Lambda API reference: CreateEventSourceMapping"

TELL = reporting("""
    def handler(event, context):
        say(batch=numbers(event), request=context.aws_request_id)
""")
FAIL_ON_13 = reporting("""
    def handler(event, context):
        say(batch=numbers(event))
        if 13 in numbers(event):
            raise ValueError("13")
""")
REPORT_13 = reporting("""
    def handler(event, context):
        say(batch=numbers(event))
        for record in event["Records"]:
            if record["dynamodb"]["Keys"]["at"]["N"] == "13":
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        return {"batchItemFailures": []}
""")


def batches(bench: Workbench, function: str) -> list[list[int]]:
    return [seen["batch"] for seen in bench.seen(function)]


def delivered(bench: Workbench, function: str) -> list[int]:
    return [number for batch in batches(bench, function) for number in batch]


def wait_for(bench: Workbench, function: str, *numbers: int) -> list[list[int]]:
    """The batches, once all of these were delivered."""
    bench.eventually(lambda: set(numbers) <= set(delivered(bench, function)), what=f"{numbers}")
    return batches(bench, function)


def wait_for_good(bench: Workbench, function: str, number: int) -> list[list[int]]:
    """The batches, once this number came in one without the poison."""

    def look() -> bool:
        return any(number in batch and 13 not in batch for batch in batches(bench, function))

    bench.eventually(look, what=f"{number} without 13")
    return batches(bench, function)


def settings(bench: Workbench, mapping: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.client("lambda").get_event_source_mapping(UUID=mapping)
    return found


@pytest.mark.behaviour(
    "stream mappings", "delivers every record once, in order, in batches of the size asked", DDB
)
def test_records_arrive_in_order_and_in_batches(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    bench.put(table, *range(25))
    bench.mapping(function, stream, BatchSize=10)
    assert wait_for(bench, function, *range(25)) == [[*range(10)], [*range(10, 20)], [*range(20, 25)]]


@pytest.mark.behaviour("stream mappings", "a record has the shape AWS gives it", DDB)
def test_a_record_has_awss_shape(bench: Workbench) -> None:
    source = reporting("""
        def handler(event, context):
            say(batch=numbers(event), record=event["Records"][0])
    """)
    function, (table, stream) = bench.function(source), bench.table()
    bench.put(table, 1, price={"N": "1.50"})
    bench.mapping(function, stream)
    wait_for(bench, function, 1)
    record = bench.seen(function)[0]["record"]
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"] == stream
    assert record["dynamodb"]["NewImage"] == {"symbol": {"S": "BTC"}, "at": {"N": "1"}, "price": {"N": "1.5"}}
    assert record["dynamodb"]["Keys"] == {"symbol": {"S": "BTC"}, "at": {"N": "1"}}
    assert record["dynamodb"]["SequenceNumber"].isdigit()
    assert "OldImage" not in record["dynamodb"]


@pytest.mark.behaviour("stream mappings", "waits up to the batching window for a batch to fill", BATCHING)
def test_the_window_gathers_records(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    bench.mapping(function, stream, BatchSize=100, MaximumBatchingWindowInSeconds=1)
    bench.put(table, 1, 2, 3)
    assert wait_for(bench, function, 1, 2, 3) == [[1, 2, 3]]


@pytest.mark.behaviour("stream mappings", "a full batch does not wait for its window", BATCHING)
def test_a_full_batch_does_not_wait(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    bench.mapping(function, stream, BatchSize=2, MaximumBatchingWindowInSeconds=60)
    bench.put(table, 1, 2)
    assert wait_for(bench, function, 1, 2) == [[1, 2]]


@pytest.mark.behaviour("stream mappings", "only records that pass the filter reach the function", FILTER)
def test_filtered_records_do_not_arrive(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "good"}]}}}}
    bench.mapping(function, stream, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    bench.put(table, 1, kind={"S": "bad"})
    bench.put(table, 2, kind={"S": "good"})
    bench.put(table, 2, kind={"S": "good, but a modification"})
    bench.put(table, 3)
    bench.put(table, 4, kind={"S": "goodness"})
    wait_for(bench, function, 4)
    assert delivered(bench, function) == [2, 4]


@pytest.mark.behaviour(
    "stream mappings", "bisects a failing batch down to the poison record; retries count then", ERRORS
)
def test_bisecting_isolates_the_poison_record(bench: Workbench) -> None:
    function, (table, stream) = bench.function(FAIL_ON_13), bench.table()
    bench.put(table, *range(10, 18))
    url, arn = bench.queue()
    bench.mapping(
        function,
        stream,
        BatchSize=8,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    tried = wait_for_good(bench, function, 17)
    assert tried.count([13]) == 3, "one try and two retries; splitting counts as none"
    accepted = [number for batch in tried if 13 not in batch for number in batch]
    assert accepted == [10, 11, 12, 14, 15, 16, 17]
    note = json.loads(bench.message(url)["Body"])
    assert note["DDBStreamBatchInfo"]["batchSize"] == 1


@pytest.mark.behaviour(
    "stream mappings", "without bisecting, a batch is given up whole after its retries", ERRORS
)
def test_retries_are_counted(bench: Workbench) -> None:
    function, (table, stream) = bench.function(FAIL_ON_13), bench.table()
    bench.put(table, 12, 13, 14, 15)
    bench.mapping(function, stream, BatchSize=3, MaximumRetryAttempts=2)
    assert wait_for(bench, function, 15) == [[12, 13, 14]] * 3 + [[15]]


@pytest.mark.behaviour("stream mappings", "with no retries a failing batch is tried exactly once", ERRORS)
def test_no_retries(bench: Workbench) -> None:
    function, (table, stream) = bench.function(FAIL_ON_13), bench.table()
    bench.put(table, 13, 14)
    bench.mapping(function, stream, BatchSize=1, MaximumRetryAttempts=0)
    assert wait_for(bench, function, 14) == [[13], [14]]


@pytest.mark.behaviour("stream mappings", "the on-failure record is a pointer in AWS's shape", ERRORS)
def test_the_on_failure_record_points_to_the_records(bench: Workbench) -> None:
    function, (table, stream) = bench.function(FAIL_ON_13), bench.table()
    bench.put(table, 13, 14)
    url, arn = bench.queue()
    destination = {"OnFailure": {"Destination": arn}}
    bench.mapping(function, stream, BatchSize=2, MaximumRetryAttempts=1, DestinationConfig=destination)
    note = json.loads(bench.message(url)["Body"])
    assert note["version"] == "1.0"
    assert note["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert note["requestContext"]["approximateInvokeCount"] == 2
    assert note["requestContext"]["functionArn"].startswith(bench.arn(function))
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


@pytest.mark.behaviour("stream mappings", "a topic can be the on-failure destination", ERRORS)
def test_the_on_failure_record_reaches_a_topic(bench: Workbench) -> None:
    function, (table, stream) = bench.function(FAIL_ON_13), bench.table()
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
    bench.mapping(function, stream, MaximumRetryAttempts=0, DestinationConfig=destination)
    assert json.loads(bench.message(url)["Body"])["DDBStreamBatchInfo"]["streamArn"] == stream
    bench.client("sns").delete_topic(TopicArn=topic)


@pytest.mark.behaviour(
    "stream mappings", "ReportBatchItemFailures: tried again from the lowest number reported", PARTIAL
)
def test_partial_failures_are_tried_from_the_lowest_number(bench: Workbench) -> None:
    function, (table, stream) = bench.function(REPORT_13), bench.table()
    bench.put(table, 11, 12, 13, 14, 15)
    bench.mapping(
        function,
        stream,
        BatchSize=4,
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert wait_for(bench, function, 15) == [[11, 12, 13, 14], [13, 14], [15]]


@pytest.mark.behaviour(
    "stream mappings", "ReportBatchItemFailures with bisecting loses no neighbour of the poison", PARTIAL
)
def test_partial_failures_with_bisecting(bench: Workbench) -> None:
    function, (table, stream) = bench.function(REPORT_13), bench.table()
    bench.put(table, *range(10, 18))
    bench.mapping(
        function,
        stream,
        BatchSize=8,
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    tried = wait_for_good(bench, function, 17)
    assert tried[0] == [*range(10, 18)]
    assert tried.count([13]) == 2
    assert [number for batch in tried if 13 not in batch for number in batch] == [14, 15, 16, 17]


@pytest.mark.behaviour(
    "stream mappings", "ReportBatchItemFailures: an unknown identifier fails the whole batch", PARTIAL
)
def test_an_unknown_identifier_fails_the_whole_batch(bench: Workbench) -> None:
    source = reporting("""
        def handler(event, context):
            say(batch=numbers(event))
            return {"batchItemFailures": [{"itemIdentifier": ""}]} if 1 in numbers(event) else None
    """)
    function, (table, stream) = bench.function(source), bench.table()
    bench.put(table, 1, 2, 3)
    types = ["ReportBatchItemFailures"]
    bench.mapping(function, stream, BatchSize=2, MaximumRetryAttempts=1, FunctionResponseTypes=types)
    assert wait_for(bench, function, 3) == [[1, 2], [1, 2], [3]]


@pytest.mark.torture  # the youngest age that AWS takes is a minute
@pytest.mark.behaviour(
    "stream mappings", "records older than the maximum age are given up, and told of", ERRORS
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
    wait_for(bench, function, 3)
    assert delivered(bench, function) == [3]


@pytest.mark.behaviour("stream mappings", "a throttled function's records wait, and that is no retry", ERRORS)
def test_throttles_wait_and_do_not_count(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    client = bench.client("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    mapping = bench.mapping(function, stream, MaximumRetryAttempts=0)
    bench.put(table, 1)
    bench.eventually(
        lambda: settings(bench, mapping)["LastProcessingResult"] != "No records processed", within_s=3
    )
    assert batches(bench, function) == []
    client.delete_function_concurrency(FunctionName=function)
    assert wait_for(bench, function, 1) == [[1]]


@pytest.mark.behaviour(
    "stream mappings", "a mapping whose function keeps failing does not delay another", DDB
)
def test_mappings_are_independent(bench: Workbench) -> None:
    stuck, fine, (table, stream) = bench.function(FAIL_ON_13), bench.function(TELL), bench.table()
    bench.mapping(stuck, stream, BatchSize=1)
    bench.mapping(fine, stream, BatchSize=1)
    bench.put(table, 13, 14, 15)
    wait_for(bench, fine, 13, 14, 15)
    assert set(delivered(bench, stuck)) <= {13}


@pytest.mark.behaviour(
    "stream mappings", "disabled it delivers nothing; enabled again it goes on where it was", API
)
def test_disabling_and_enabling(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    mapping = bench.mapping(function, stream)
    bench.put(table, 1)
    wait_for(bench, function, 1)
    bench.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    assert bench.settle(mapping)["State"] == "Disabled"
    bench.put(table, 2, 3)
    other = bench.function(TELL)
    bench.mapping(other, stream)
    wait_for(bench, other, 2, 3)
    assert delivered(bench, function) == [1]
    bench.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    wait_for(bench, function, 2, 3)
    assert delivered(bench, function) == [1, 2, 3]


@pytest.mark.behaviour(
    "stream mappings", "an update takes effect while running, and loses and repeats nothing", API
)
def test_updating_while_running(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    mapping = bench.mapping(function, stream, BatchSize=1)
    bench.put(table, 1, 2)
    wait_for(bench, function, 1, 2)
    bench.client("lambda").update_event_source_mapping(
        UUID=mapping, BatchSize=3, MaximumBatchingWindowInSeconds=1
    )
    assert bench.settle(mapping)["BatchSize"] == 3
    bench.put(table, 3, 4, 5)
    assert wait_for(bench, function, 5) == [[1], [2], [3, 4, 5]]


@pytest.mark.behaviour("stream mappings", "a blocked batch can be freed by an update", API)
def test_an_update_reaches_a_blocked_mapping(bench: Workbench) -> None:
    function, (table, stream) = bench.function(FAIL_ON_13), bench.table()
    mapping = bench.mapping(function, stream, BatchSize=1)
    bench.put(table, 13, 14)
    wait_for(bench, function, 13)
    bench.client("lambda").update_event_source_mapping(UUID=mapping, MaximumRetryAttempts=0)
    wait_for(bench, function, 14)


@pytest.mark.behaviour("stream mappings", "LATEST starts at the mapping's creation", API)
def test_latest_starts_now(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    bench.put(table, 1)
    bench.mapping(function, stream, StartingPosition="LATEST")
    if bench.real:
        time.sleep(60)
    bench.put(table, 2)
    wait_for(bench, function, 2)
    assert delivered(bench, function) == [2]


@pytest.mark.behaviour("stream mappings", "LastProcessingResult tells of success and of failure", API)
def test_last_processing_result(bench: Workbench) -> None:
    function, (table, stream) = bench.function(FAIL_ON_13), bench.table()
    mapping = bench.mapping(function, stream, BatchSize=1, MaximumRetryAttempts=0)
    assert settings(bench, mapping)["LastProcessingResult"] == "No records processed"
    bench.put(table, 1)
    bench.eventually(lambda: settings(bench, mapping)["LastProcessingResult"] == "OK", what="OK")
    bench.put(table, 13)
    problem = "PROBLEM: Function call failed"
    bench.eventually(lambda: settings(bench, mapping)["LastProcessingResult"] == problem, what=problem)


@pytest.mark.behaviour("stream mappings", "the age of the last record is a metric of the function", METRICS)
def test_iterator_age_is_a_metric(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    bench.mapping(function, stream)
    bench.put(table, 1)

    def ages() -> list[Any]:
        now = time.time()
        found: list[Any] = bench.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - 600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return found

    (found,) = bench.eventually(ages, within_s=20, what="an iterator age")
    assert 0 <= found["Maximum"] < 60_000


@pytest.mark.behaviour(
    "stream mappings", "reads back all settings, with AWS's defaults for those not given", API
)
def test_settings_read_back(bench: Workbench) -> None:
    function, (_, stream) = bench.function(TELL), bench.table()
    found = settings(bench, bench.mapping(function, stream))
    expected = {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
        "EventSourceArn": stream,
        "FunctionArn": bench.arn(function),
    }
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.behaviour("stream mappings", "a second mapping of the same stream and function is refused", API)
def test_a_duplicate_mapping_is_refused(bench: Workbench) -> None:
    function, (_, stream) = bench.function(TELL), bench.table()
    mapping = bench.mapping(function, stream)
    with pytest.raises(ClientError, match="already exists") as caught:
        bench.mapping(function, stream)
    assert caught.value.response["Error"]["Code"] == "ResourceConflictException"
    assert mapping in str(caught.value)


@pytest.mark.behaviour("stream mappings", "settings out of range are refused", API)
@pytest.mark.parametrize(
    "wrong",
    [
        {"BatchSize": 10_001},
        {"MaximumBatchingWindowInSeconds": 301},
        {"MaximumRetryAttempts": 10_001},
        {"MaximumRecordAgeInSeconds": 59},
        {"ParallelizationFactor": 11},
        {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 0},
        {"FilterCriteria": {"Filters": [{"Pattern": "{not json"}]}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_out_of_range_are_refused(bench: Workbench, wrong: dict[str, Any]) -> None:
    function, (_, stream) = bench.function(TELL), bench.table()
    with pytest.raises(ClientError) as caught:
        bench.mapping(function, stream, **wrong)
    assert caught.value.response["Error"]["Code"] in ("InvalidParameterValueException", "ValidationException")


@pytest.mark.behaviour("stream mappings", "while it is being made, it cannot be changed", API)
def test_a_mapping_in_between_cannot_be_changed(bench: Workbench) -> None:
    function, (_, stream) = bench.function(TELL), bench.table()
    client = bench.client("lambda")
    made = client.create_event_source_mapping(
        FunctionName=function, EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )
    try:
        assert made["State"] == "Creating"
        with pytest.raises(ClientError) as caught:
            client.update_event_source_mapping(UUID=made["UUID"], BatchSize=5)
        assert caught.value.response["Error"]["Code"] == "ResourceInUseException"
    finally:
        bench.settle(made["UUID"])
        client.delete_event_source_mapping(UUID=made["UUID"])
