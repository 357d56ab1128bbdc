"""A dead-letter queue as SQS shows it: looked into, held, deleted from, ten messages a call."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.dead_letters.messages import Attributes, Message, QueueName
from cryptoctl.ops.times import now_ms
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.queue import NO_SUCH_QUEUE, Queue
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

MOST_A_CALL = 10
MOST_BYTES_A_CALL = 250_000
# SQS holds at most 120,000 messages in flight, and then says so.
OVER_LIMIT = "OverLimit"
T = TypeVar("T")


def permissions(stack: Stack) -> Iterator[Permission]:
    """Messages are found, held, let go, deleted, put back."""
    find = "GetQueueUrl GetQueueAttributes"
    hold = "ReceiveMessage ChangeMessageVisibility DeleteMessage SendMessage"
    for queue in (stack.webhook_dead_letters, stack.enricher_dead_letters):
        yield from allow(Access.OPERATE, "sqs", f"{find} {hold}", queue.arn)


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How many messages wait, and how many somebody holds just now; SQS calls both approximate."""

    visible: int
    in_flight: int


@dataclass(frozen=True, kw_only=True)
class LetterBox:
    """One of the two queues, found."""

    aws: Aws
    name: QueueName
    queue_name: str
    url: str
    function: Function

    def depth(self) -> Depth:
        """How full it is."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws.call("sqs", "GetQueueAttributes", QueueUrl=self.url, AttributeNames=names)
        visible, in_flight = (int(answer["Attributes"][name]) for name in names)
        return Depth(visible=visible, in_flight=in_flight)

    def now_ms(self) -> int:
        """The later of SQS's clock and ours: what has been sent by now was sent before it."""
        names = ["QueueArn"]
        answer = self.aws.call("sqs", "GetQueueAttributes", QueueUrl=self.url, AttributeNames=names)
        date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
        theirs = parsedate_to_datetime(date).timestamp() * 1000 + 1000 if date else 0
        return max(now_ms(), int(theirs))

    def receive(self, *, hold_s: int, wait_s: int) -> list[Message]:
        """Up to ten messages, held for so long; none where it has none, or will give no more."""
        try:
            answer = self.aws.call(
                "sqs",
                "ReceiveMessage",
                QueueUrl=self.url,
                MaxNumberOfMessages=MOST_A_CALL,
                VisibilityTimeout=hold_s,
                WaitTimeSeconds=wait_s,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        except AwsError as error:
            if error.code.endswith(OVER_LIMIT):
                return []
            raise
        return [_message(self.name, each) for each in answer.get("Messages", ())]

    def hold(self, receipts: Sequence[str], seconds: int) -> list[bool]:
        """Holds the messages for so long from now, 0 lets them go; says of each whether it was still held."""
        return self._each(
            "ChangeMessageVisibilityBatch",
            receipts,
            lambda receipt: {"ReceiptHandle": receipt, "VisibilityTimeout": seconds},
        )

    def delete(self, receipts: Sequence[str]) -> list[bool]:
        """Deletes the messages; says of each whether SQS has done so."""
        return self._each("DeleteMessageBatch", receipts, lambda receipt: {"ReceiptHandle": receipt})

    def send(self, letters: Sequence[tuple[str, Attributes]]) -> list[bool]:
        """Puts messages (body, attributes) on the queue as new ones; says of each whether SQS took it."""
        return self._each(
            "SendMessageBatch",
            letters,
            lambda letter: {"MessageBody": letter[0], "MessageAttributes": _for_the_wire(letter[1])},
        )

    def _each(self, operation: str, things: Sequence[T], entry: Callable[[T], dict[str, Any]]) -> list[bool]:
        outcomes: list[bool] = []
        for chunk in _chunks(things):
            entries = [{"Id": str(number), **entry(thing)} for number, thing in enumerate(chunk)]
            answer = self.aws.call("sqs", operation, QueueUrl=self.url, Entries=entries)
            done = {each["Id"] for each in answer.get("Successful", ())}
            outcomes += [str(number) in done for number in range(len(chunk))]
        return outcomes


def _chunks(things: Sequence[T]) -> Iterator[list[T]]:
    """Ten at most, and no more bytes than SQS takes in one call."""
    chunk: list[T] = []
    size = 0
    for thing in things:
        length = len(str(thing).encode(errors="replace"))
        if chunk and (len(chunk) == MOST_A_CALL or size + length > MOST_BYTES_A_CALL):
            yield chunk
            chunk, size = [], 0
        chunk.append(thing)
        size += length
    if chunk:
        yield chunk


def letter_box(aws: Aws, stack: Stack, name: QueueName) -> LetterBox:
    """Finds a queue. Raises Failure where the environment is not up."""
    queue, function = _place(stack, name)
    found = aws.find("sqs", "GetQueueUrl", absent=NO_SUCH_QUEUE, QueueName=queue.name)
    if found is None:
        raise Failure(
            Problem.FAILED,
            f"There is no queue {queue.name}: {queue.scope.environment} is not up.",
            f"Run `cryptoctl up --env {queue.scope.environment}`.",
        )
    return LetterBox(aws=aws, name=name, queue_name=queue.name, url=found["QueueUrl"], function=function)


def _place(stack: Stack, name: QueueName) -> tuple[Queue, Function]:
    if name is QueueName.WEBHOOK:
        return stack.webhook_dead_letters, stack.webhook
    return stack.enricher_dead_letters, stack.enricher


def _message(queue: QueueName, received: dict[str, Any]) -> Message:
    system = received.get("Attributes", {})
    return Message(
        queue=queue,
        id=received["MessageId"],
        body=received["Body"],
        attributes={
            name: _for_paper(value) for name, value in sorted(received.get("MessageAttributes", {}).items())
        },
        sent_ms=int(system.get("SentTimestamp", 0)),
        receives=int(system.get("ApproximateReceiveCount", 1)),
        receipt=received["ReceiptHandle"],
    )


def _for_paper(value: dict[str, Any]) -> dict[str, str]:
    paper = {"DataType": value["DataType"]}
    if "BinaryValue" in value:
        paper["BinaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    else:
        paper["StringValue"] = value["StringValue"]
    return paper


def _for_the_wire(attributes: Attributes) -> dict[str, dict[str, Any]]:
    return {
        name: {**value, "BinaryValue": base64.b64decode(value["BinaryValue"])}
        if "BinaryValue" in value
        else dict(value)
        for name, value in attributes.items()
    }
