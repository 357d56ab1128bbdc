"""Event source mappings over DynamoDB streams: what is delivered, and how they are managed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.conformance.mappings import TELL, batches, delivered, settings, wait_for
from local.workbench import Workbench

API = "Lambda API reference: CreateEventSourceMapping"
BATCHING = "Lambda developer guide: Batching behavior"
DDB = "Lambda developer guide: Using AWS Lambda with Amazon DynamoDB"
ERROR_PATTERN = "Lambda developer guide: Retain discarded batch records for a DynamoDB event source"
FILTER = "Lambda developer guide: Using event filtering with a DynamoDB event source"
LIST = "Lambda API reference: ListEventSourceMappings"
METRICS = "Lambda developer guide: Types of metrics for Lambda functions"


@pytest.mark.behaviour(
    "stream mappings", "delivers every record once, in order, in batches of the size asked", DDB
)
def test_records_arrive_in_order_and_in_batches(bench: Workbench, teller: str) -> None:
    table, stream = bench.table()
    bench.put(table, *range(25))
    bench.mapping(teller, stream, BatchSize=10)
    assert wait_for(bench, teller, stream, *range(25)) == [[*range(10)], [*range(10, 20)], [*range(20, 25)]]


@pytest.mark.behaviour("stream mappings", "a record has the shape AWS gives it", DDB)
def test_a_record_has_awss_shape(bench: Workbench, teller: str) -> None:
    table, stream = bench.table()
    bench.put(table, 1, price={"N": "1.50"})
    bench.mapping(teller, stream)
    wait_for(bench, teller, stream, 1)
    record = next(report["first"] for report in bench.reports(teller) if report["stream"] == stream)
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"] == stream
    assert record["dynamodb"]["NewImage"] == {"symbol": {"S": "BTC"}, "at": {"N": "1"}, "price": {"N": "1.5"}}
    assert record["dynamodb"]["Keys"] == {"symbol": {"S": "BTC"}, "at": {"N": "1"}}
    assert record["dynamodb"]["SequenceNumber"].isdigit()
    assert "OldImage" not in record["dynamodb"]


@pytest.mark.behaviour("stream mappings", "waits up to the batching window for a batch to fill", BATCHING)
def test_the_window_gathers_records(bench: Workbench, teller: str) -> None:
    table, stream = bench.table()
    bench.mapping(teller, stream, BatchSize=100, MaximumBatchingWindowInSeconds=1)
    bench.put(table, 1, 2, 3)
    assert wait_for(bench, teller, stream, 1, 2, 3) == [[1, 2, 3]]


@pytest.mark.behaviour("stream mappings", "a full batch does not wait for its window", BATCHING)
def test_a_full_batch_does_not_wait(bench: Workbench, teller: str) -> None:
    table, stream = bench.table()
    bench.mapping(teller, stream, BatchSize=2, MaximumBatchingWindowInSeconds=60)
    bench.put(table, 1, 2)
    assert wait_for(bench, teller, stream, 1, 2) == [[1, 2]]


@pytest.mark.behaviour("stream mappings", "only records that pass the filter reach the function", FILTER)
def test_filtered_records_do_not_arrive(bench: Workbench, teller: str) -> None:
    table, stream = bench.table()
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "good"}]}}}}
    bench.mapping(teller, stream, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    bench.put(table, 1, kind={"S": "bad"})
    bench.put(table, 2, kind={"S": "good"})
    bench.put(table, 2, kind={"S": "good, but a modification"})
    bench.put(table, 3)
    bench.put(table, 4, kind={"S": "goodness"})
    wait_for(bench, teller, stream, 4)
    assert delivered(bench, teller, stream) == [2, 4]


@pytest.mark.behaviour(
    "stream mappings", "a throttled function's records wait, and that is no retry", ERROR_PATTERN
)
def test_throttles_wait_and_do_not_count(bench: Workbench) -> None:
    function, (table, stream) = bench.function(TELL), bench.table()
    client = bench.client("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    mapping = bench.mapping(function, stream, MaximumRetryAttempts=0)
    bench.put(table, 1)
    bench.eventually(lambda: settings(bench, mapping)["LastProcessingResult"] != "No records processed")
    assert batches(bench, function, stream) == []
    client.delete_function_concurrency(FunctionName=function)
    assert wait_for(bench, function, stream, 1) == [[1]]


@pytest.mark.behaviour(
    "stream mappings", "a mapping whose function keeps failing does not delay another", DDB
)
def test_mappings_are_independent(bench: Workbench, failing: str, teller: str) -> None:
    table, stream = bench.table()
    bench.mapping(failing, stream, BatchSize=1)
    bench.mapping(teller, stream, BatchSize=1)
    bench.put(table, 13, 14, 15)
    wait_for(bench, teller, stream, 13, 14, 15)
    assert set(delivered(bench, failing, stream)) <= {13}


@pytest.mark.behaviour(
    "stream mappings", "disabled it delivers nothing; enabled again it goes on where it was", API
)
def test_disabling_and_enabling(bench: Workbench, teller: str, failing: str) -> None:
    table, stream = bench.table()
    mapping = bench.mapping(teller, stream)
    bench.put(table, 1)
    wait_for(bench, teller, stream, 1)
    bench.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    assert bench.settle(mapping)["State"] == "Disabled"
    bench.put(table, 2, 3)
    bench.mapping(failing, stream)
    wait_for(bench, failing, stream, 2, 3)
    assert delivered(bench, teller, stream) == [1]
    bench.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    wait_for(bench, teller, stream, 2, 3)
    assert delivered(bench, teller, stream) == [1, 2, 3]


@pytest.mark.behaviour(
    "stream mappings", "an update takes effect while running, and loses and repeats nothing", API
)
def test_updating_while_running(bench: Workbench, teller: str) -> None:
    table, stream = bench.table()
    mapping = bench.mapping(teller, stream, BatchSize=1)
    bench.put(table, 1, 2)
    wait_for(bench, teller, stream, 1, 2)
    bench.client("lambda").update_event_source_mapping(
        UUID=mapping, BatchSize=3, MaximumBatchingWindowInSeconds=1
    )
    assert bench.settle(mapping)["BatchSize"] == 3
    bench.put(table, 3, 4, 5)
    assert wait_for(bench, teller, stream, 5) == [[1], [2], [3, 4, 5]]


@pytest.mark.behaviour("stream mappings", "a blocked batch can be freed by an update", API)
def test_an_update_reaches_a_blocked_mapping(bench: Workbench, failing: str) -> None:
    table, stream = bench.table()
    mapping = bench.mapping(failing, stream, BatchSize=1)
    bench.put(table, 13, 14)
    wait_for(bench, failing, stream, 13)
    bench.client("lambda").update_event_source_mapping(UUID=mapping, MaximumRetryAttempts=0)
    wait_for(bench, failing, stream, 14)


@pytest.mark.behaviour("stream mappings", "LATEST starts at the mapping's creation", API)
def test_latest_starts_now(bench: Workbench, teller: str) -> None:
    table, stream = bench.table()
    bench.put(table, 1)
    bench.mapping(teller, stream, StartingPosition="LATEST")
    if bench.real:
        time.sleep(60)
    bench.put(table, 2)
    wait_for(bench, teller, stream, 2)
    assert delivered(bench, teller, stream) == [2]


@pytest.mark.behaviour("stream mappings", "LastProcessingResult tells of success and of failure", API)
def test_last_processing_result(bench: Workbench, failing: str) -> None:
    table, stream = bench.table()
    mapping = bench.mapping(failing, stream, BatchSize=1, MaximumRetryAttempts=0)
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
        datapoints: list[Any] = bench.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - 600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return datapoints

    (datapoint,) = bench.eventually(ages, what="an iterator age")
    assert 0 <= datapoint["Maximum"] < 60_000


@pytest.mark.behaviour(
    "stream mappings", "reads back all settings, with AWS's defaults for those not given", API
)
def test_settings_read_back(bench: Workbench, teller: str) -> None:
    _, stream = bench.table()
    mapping = settings(bench, bench.mapping(teller, stream))
    expected = {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
        "EventSourceArn": stream,
        "FunctionArn": bench.arn(teller),
    }
    assert {name: mapping.get(name) for name in expected} == expected


@pytest.mark.behaviour("stream mappings", "a second mapping of the same stream and function is refused", API)
def test_a_duplicate_mapping_is_refused(bench: Workbench, teller: str) -> None:
    _, stream = bench.table()
    mapping = bench.mapping(teller, stream)
    with pytest.raises(ClientError, match="already exists") as raised:
        bench.mapping(teller, stream)
    assert raised.value.response["Error"]["Code"] == "ResourceConflictException"
    assert mapping in str(raised.value)


@pytest.fixture(scope="module")
def file_stream(file_bench: Workbench) -> str:
    """A stream that no mapping is made for: each is refused."""
    return file_bench.table()[1]


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
        {"FilterCriteria": {"Filters": [{"Pattern": '{"eventName": [{"foo": "INSERT"}]}'}]}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_out_of_range_are_refused(
    bench: Workbench, teller: str, file_stream: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as raised:
        bench.mapping(teller, file_stream, **wrong)
    assert raised.value.response["Error"]["Code"] in ("InvalidParameterValueException", "ValidationException")


@pytest.mark.behaviour("stream mappings", "a list's marker is one that it gave, its size 1 to 10000", LIST)
@pytest.mark.parametrize("wrong", [{"Marker": "junk"}, {"Marker": "-1"}, {"MaxItems": 10_001}], ids=str)
def test_a_page_that_cannot_be_is_refused(bench: Workbench, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("lambda").list_event_source_mappings(**wrong)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.behaviour("stream mappings", "while it is being made, it cannot be changed", API)
def test_a_mapping_in_between_cannot_be_changed(bench: Workbench, teller: str) -> None:
    _, stream = bench.table()
    client = bench.client("lambda")
    mapping = client.create_event_source_mapping(
        FunctionName=teller, EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )
    try:
        assert mapping["State"] == "Creating"
        with pytest.raises(ClientError) as raised:
            client.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=5)
        assert raised.value.response["Error"]["Code"] == "ResourceInUseException"
    finally:
        bench.settle(mapping["UUID"])
        client.delete_event_source_mapping(UUID=mapping["UUID"])
