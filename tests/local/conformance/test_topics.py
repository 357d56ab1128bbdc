"""SNS: what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.conformance.items import code
from local.workbench import Workbench

SUBSCRIBE = "SNS API reference: Subscribe"
POLICIES = "SNS developer guide: Filter policy constraints in Amazon SNS"
PUBLISH = "SNS API reference: Publish"
PUBLISH_BATCH = "SNS API reference: PublishBatch"
WRONG_POLICIES: tuple[Any, ...] = ({"a": "b"}, {"a": [{"foo": "b"}]}, {"p": [{"numeric": [">", "x"]}]})


@pytest.mark.behaviour("topics", "a filter policy that cannot be right is refused", POLICIES)
def test_wrong_filter_policies_are_refused(bench: Workbench) -> None:
    client, topic, (url, queue) = bench.client("sns"), bench.topic(), bench.queue()
    bench.let_topic_send(topic, url, queue)
    to_queue = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "ReturnSubscriptionArn": True}
    for wrong in WRONG_POLICIES:
        with pytest.raises(ClientError) as raised:
            client.subscribe(**to_queue, Attributes={"FilterPolicy": json.dumps(wrong)})
        assert code(raised) == "InvalidParameter"
    right = {"p": [{"numeric": [">", 1]}]}
    arn = client.subscribe(**to_queue, Attributes={"FilterPolicy": json.dumps(right)})["SubscriptionArn"]
    for wrong in WRONG_POLICIES:
        with pytest.raises(ClientError) as raised:
            client.set_subscription_attributes(
                SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=json.dumps(wrong)
            )
        assert code(raised) == "InvalidParameter"
    policy = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicy"]
    assert json.loads(policy) == right


@pytest.mark.behaviour("topics", "a protocol that is not there is refused", SUBSCRIBE)
def test_unknown_protocols_are_refused(bench: Workbench) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("sns").subscribe(TopicArn=bench.topic(), Protocol="pigeon", Endpoint="roof")
    assert code(raised) == "InvalidParameter"


@pytest.mark.behaviour("topics", "an empty message, a long subject and one of two lines are refused", PUBLISH)
@pytest.mark.parametrize(
    "wrong",
    [{"Message": ""}, {"Message": "x", "Subject": "x" * 101}, {"Message": "x", "Subject": "x\ny"}],
    ids=["empty", "long", "two lines"],
)
def test_wrong_messages_are_refused(bench: Workbench, wrong: dict[str, str]) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("sns").publish(TopicArn=bench.topic(), **wrong)
    assert code(raised) == "InvalidParameter"


@pytest.mark.behaviour("topics", "a batch of more than 256 KB together is refused", PUBLISH_BATCH)
def test_large_batches_are_refused(bench: Workbench) -> None:
    entries = [{"Id": str(number), "Message": "x" * 131_073} for number in range(2)]
    with pytest.raises(ClientError) as raised:
        bench.client("sns").publish_batch(TopicArn=bench.topic(), PublishBatchRequestEntries=entries)
    assert code(raised) == "BatchRequestTooLong"


@pytest.mark.behaviour("topics", "a structured message without a default, and a name with a space", PUBLISH)
def test_wrong_structures_and_names_are_refused(bench: Workbench) -> None:
    client, topic = bench.client("sns"), bench.topic()
    for message in ("no JSON", "[]", json.dumps({"sqs": "x"})):
        with pytest.raises(ClientError) as raised:
            client.publish(TopicArn=topic, Message=message, MessageStructure="json")
        assert code(raised) == "InvalidParameter"
    client.publish(TopicArn=topic, Message=json.dumps({"default": "x"}), MessageStructure="json")
    with pytest.raises(ClientError) as raised:
        client.create_topic(Name=f"{bench.name('topic')} b")
    assert code(raised) == "InvalidParameter"
