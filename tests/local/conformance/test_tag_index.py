"""The tag index, in which resources of all kinds are found by their tags."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.conformance.mappings import TELL
from local.workbench import Workbench

INDEX = "Resource Groups Tagging API reference: GetResources"


@pytest.fixture
def group(bench: Workbench) -> Iterator[str]:
    group = f"/conformance/{bench.name('group')}"
    yield group
    bench.client("logs").delete_log_group(logGroupName=group)


@pytest.mark.behaviour("tags", "the tag index lists log groups and stream mappings", INDEX)
def test_log_groups_and_stream_mappings_are_listed(bench: Workbench, group: str) -> None:
    key, logs, index = bench.name("key"), bench.client("logs"), bench.client("resourcegroupstaggingapi")
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
