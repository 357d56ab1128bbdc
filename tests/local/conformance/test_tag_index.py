"""The tag index, in which resources of all kinds are found by their tags."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.conformance.mappings import TELL
from local.workbench import Workbench

TAGGING = "resourcegroupstaggingapi"
INDEX = "Resource Groups Tagging API reference: GetResources"


@pytest.fixture
def group(bench: Workbench) -> Iterator[str]:
    group = f"/conformance/{bench.name('group')}"
    yield group
    bench.client("logs").delete_log_group(logGroupName=group)


@pytest.mark.behaviour("tags", "the tag index lists log groups and stream mappings", INDEX)
def test_log_groups_and_stream_mappings_are_listed(bench: Workbench, group: str) -> None:
    key, logs, index = bench.name("key"), bench.client("logs"), bench.client(TAGGING)
    logs.create_log_group(logGroupName=group, tags={key: "1"})
    mapping = bench.mapping(bench.function(TELL), bench.table()[1], Tags={key: "2"})

    def tagged_arns(*values: str) -> list[str]:
        page = index.get_resources(TagFilters=[{"Key": key, "Values": list(values)}])
        return sorted(resource["ResourceARN"].split(":", 5)[5] for resource in page["ResourceTagMappingList"])

    expected = [f"event-source-mapping:{mapping}", f"log-group:{group}"]
    bench.eventually(lambda: tagged_arns() == expected, what="the tag index")
    assert tagged_arns("2") == expected[:1]
    [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    logs.untag_resource(resourceArn=described["logGroupArn"], tagKeys=[key])
    bench.eventually(lambda: tagged_arns() == expected[:1], what="the tag index")
    page = index.get_resources(TagFilters=[{"Key": key}], ResourceTypeFilters=["lambda"])
    assert [resource["ResourceARN"].split(":")[6] for resource in page["ResourceTagMappingList"]] == [mapping]


@pytest.mark.behaviour("tags", "the tag index lists alarms and parameters", INDEX)
def test_alarms_and_parameters_are_listed(bench: Workbench) -> None:
    key, index, name = bench.name("key"), bench.client(TAGGING), bench.name("alarm")
    tags = [{"Key": key, "Value": "1"}]
    alarms, parameters = bench.client("cloudwatch"), bench.client("ssm")
    # Never in alarm: nothing is measured there.
    rule = {"Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0}
    rule |= {"ComparisonOperator": "GreaterThanThreshold", "Namespace": name, "MetricName": "none"}
    alarms.put_metric_alarm(AlarmName=name, Tags=tags, **rule)
    bench.undo(alarms.delete_alarms, AlarmNames=[name])
    alarms.put_composite_alarm(AlarmName=f"{name}-2", AlarmRule=f'ALARM("{name}")', Tags=tags)
    bench.undo(alarms.delete_alarms, AlarmNames=[f"{name}-2"])
    parameters.put_parameter(Name=f"/conformance/{name}", Type="String", Value="1", Tags=tags)
    bench.undo(parameters.delete_parameters, Names=[f"/conformance/{name}"])
    expected = [f"alarm:{name}", f"alarm:{name}-2", f"parameter/conformance/{name}"]

    def tagged_arns(*types: str) -> list[str]:
        page = index.get_resources(TagFilters=[{"Key": key}], ResourceTypeFilters=list(types))
        return sorted(resource["ResourceARN"].split(":", 5)[5] for resource in page["ResourceTagMappingList"])

    bench.eventually(lambda: tagged_arns() == expected, what="the tag index")
    assert (tagged_arns("cloudwatch"), tagged_arns("ssm")) == (expected[:2], expected[2:])
    alarms.delete_alarms(AlarmNames=[f"{name}-2"])
    bench.eventually(lambda: tagged_arns("cloudwatch") == expected[:1], what="the tag index")
