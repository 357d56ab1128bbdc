"""SQS: what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.conformance.items import code
from local.workbench import Workbench

MESSAGES = "SQS developer guide: Amazon SQS message metadata"
SEND = "SQS API reference: SendMessage"
SEND_BATCH = "SQS API reference: SendMessageBatch"
RECEIVE = "SQS API reference: ReceiveMessage"
SETTINGS = "SQS API reference: CreateQueue, SetQueueAttributes"
DELETE = "SQS API reference: DeleteMessage"
LIST = "SQS API reference: ListQueues"
MEBIBYTE = 1_048_576


def texts(**values: str) -> dict[str, Any]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


@pytest.mark.behaviour("queues", "a message's attributes count towards its size", MESSAGES)
def test_attributes_count(bench: Workbench) -> None:
    client, (url, _) = bench.client("sqs"), bench.queue()
    attribute = texts(a="b")  # 1 byte of name, 6 of type, 1 of value
    client.send_message(QueueUrl=url, MessageBody="x" * (MEBIBYTE - 8), MessageAttributes=attribute)
    with pytest.raises(ClientError) as raised:
        client.send_message(QueueUrl=url, MessageBody="x" * (MEBIBYTE - 7), MessageAttributes=attribute)
    assert code(raised) == "InvalidParameterValue"
    entry = {"Id": "1", "MessageBody": "x" * (MEBIBYTE - 7), "MessageAttributes": attribute}
    with pytest.raises(ClientError) as raised:
        client.send_message_batch(QueueUrl=url, Entries=[entry])
    assert code(raised) == "AWS.SimpleQueueService.BatchRequestTooLong"


@pytest.mark.behaviour(
    "queues",
    "too many attributes, an empty or unprintable one and a long delay are refused",
    SEND,
)
@pytest.mark.parametrize(
    "wrong",
    [
        {"MessageAttributes": texts(**{f"a{number}": "x" for number in range(11)})},
        {"MessageAttributes": texts(a="")},
        {"MessageAttributes": texts(a="x\x1b[1m")},
        {"MessageAttributes": texts(a="\uffff")},
        {"DelaySeconds": 901},
    ],
    ids=["eleven", "empty", "escape", "ffff", "delay"],
)
def test_wrong_sends_are_refused(bench: Workbench, wrong: dict[str, Any]) -> None:
    client, (url, _) = bench.client("sqs"), bench.queue()
    with pytest.raises(ClientError) as raised:
        client.send_message(QueueUrl=url, MessageBody="x", **wrong)
    assert code(raised) == "InvalidParameterValue"


@pytest.mark.behaviour(
    "queues", "of a batch, the entry that is wrong is refused and the others are sent", SEND_BATCH
)
def test_one_entry_of_a_batch_is_refused(bench: Workbench) -> None:
    client, (url, _) = bench.client("sqs"), bench.queue()
    wrong = {"Id": "2", "MessageBody": "wrong", "MessageAttributes": texts(a="\x1b")}
    right = [
        {"Id": message_id, "MessageBody": message_id, "MessageAttributes": texts(a="\t\n\ufffd")}
        for message_id in "13"
    ]
    answer = client.send_message_batch(QueueUrl=url, Entries=[right[0], wrong, right[1]])
    assert [entry["Id"] for entry in answer["Successful"]] == ["1", "3"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("2", "InvalidParameterValue")]
    messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in messages) == ["1", "3"]


@pytest.mark.behaviour("queues", "to wait or to hide a message for too long is refused", RECEIVE)
@pytest.mark.parametrize("wrong", [{"WaitTimeSeconds": 21}, {"VisibilityTimeout": 43_201}], ids=str)
def test_wrong_receives_are_refused(bench: Workbench, wrong: dict[str, Any]) -> None:
    client, (url, _) = bench.client("sqs"), bench.queue()
    client.send_message(QueueUrl=url, MessageBody="x")
    with pytest.raises(ClientError) as raised:
        client.receive_message(QueueUrl=url, **wrong)
    assert code(raised) == "InvalidParameterValue"
    if "VisibilityTimeout" in wrong:
        [message] = client.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        with pytest.raises(ClientError) as raised:
            client.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], **wrong)
        assert code(raised) == "InvalidParameterValue"


@pytest.mark.behaviour("queues", "an attribute that no queue has is refused", SETTINGS)
def test_unknown_attributes_are_refused(bench: Workbench) -> None:
    client, (url, _) = bench.client("sqs"), bench.queue()
    with pytest.raises(ClientError) as raised:
        client.set_queue_attributes(QueueUrl=url, Attributes={"Colour": "blue"})
    assert code(raised) == "InvalidAttributeName"
    with pytest.raises(ClientError) as raised:
        client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "Colour"])
    assert code(raised) == "InvalidAttributeName"
    every_name = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    client.get_queue_attributes(QueueUrl=url, AttributeNames=list(every_name))


@pytest.mark.behaviour("queues", "a name with a space and a policy that is no JSON are refused", SETTINGS)
def test_wrong_queues_are_refused(bench: Workbench) -> None:
    client, name = bench.client("sqs"), bench.name("queue")
    for wrong, expected in (
        ({"QueueName": f"{name} b"}, "InvalidParameterValue"),
        ({"QueueName": "x" * 81}, "InvalidParameterValue"),
        ({"QueueName": name, "Attributes": {"Policy": "{"}}, "InvalidAttributeValue"),
    ):
        with pytest.raises(ClientError) as raised:
            client.create_queue(**wrong)
        assert code(raised) == expected


@pytest.mark.behaviour("queues", "a page that nobody was told of, and one too long, is refused", LIST)
@pytest.mark.parametrize("wrong", [{"NextToken": "junk"}, {"MaxResults": 1001}, {"MaxResults": 0}], ids=str)
def test_wrong_pages_are_refused(bench: Workbench, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as raised:
        bench.client("sqs").list_queues(**{"MaxResults": 10, **wrong})
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.behaviour("queues", "a deletion by an old receipt succeeds", DELETE)
def test_a_deletion_by_an_old_receipt_succeeds(bench: Workbench) -> None:
    client, (url, _) = bench.client("sqs"), bench.queue()
    client.send_message(QueueUrl=url, MessageBody="x")

    def receive() -> str:
        [message] = client.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=5)["Messages"]
        return str(message["ReceiptHandle"])

    old, last = receive(), receive()
    for receipt in (old, last, last):
        client.delete_message(QueueUrl=url, ReceiptHandle=receipt)
    entries = [{"Id": "old", "ReceiptHandle": old}, {"Id": "none", "ReceiptHandle": "none"}]
    response = client.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in response["Successful"]] == ["old"]
    assert [(entry["Id"], entry["Code"]) for entry in response["Failed"]] == [
        ("none", "ReceiptHandleIsInvalid")
    ]
    with pytest.raises(ClientError) as raised:
        client.delete_message(QueueUrl=url, ReceiptHandle="none")
    assert code(raised) == "ReceiptHandleIsInvalid"
    assert bench.messages(url) == []
