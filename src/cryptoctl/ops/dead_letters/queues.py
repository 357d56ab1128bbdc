"""A dead-letter queue as SQS gives access to it: ten messages a call."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.messages import Attributes, Message, QueueName
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.queue_depth import QueueDepth, parse_depth
from cryptoctl.ops.times import now_ms
from cryptoctl.provisioners.queue import MESSAGES, NO_SUCH_QUEUE, Queue
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

MAX_A_CALL = 10
# A long poll asks all of SQS's servers; an engine is one server, and its queue is not waited for.
LONG_POLL_S = 1
MAX_BYTES_A_CALL = 250_000
# SQS gives out so many messages of a queue: no more can be in flight. Beyond, it answers a short poll with
# this code, and a long one with none.
MAX_IN_FLIGHT = 120_000
OVER_LIMIT = "OverLimit"
# With these SQS refuses a call for one of its messages, not for who sends it or where.
MESSAGE_ERROR_CODES = frozenset(
    {
        "BatchRequestTooLong",
        "InvalidAttributeValue",
        "InvalidMessageContents",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "MissingParameter",
        "ValidationError",
    }
)


def permissions(stack: Stack) -> Iterator[Permission]:
    """Messages are found, received, hidden and shown, deleted, sent."""
    find = "GetQueueUrl GetQueueAttributes"
    work = "ReceiveMessage ChangeMessageVisibility DeleteMessage SendMessage"
    for queue in (stack.webhook_dead_letters, stack.enricher_dead_letters):
        yield from allow(Access.OPERATE, "sqs", f"{find} {work}", queue.arn)


@dataclass(frozen=True, kw_only=True)
class DeadLetterQueue:
    """One of the two queues."""

    aws: Aws
    name: QueueName
    queue_name: str
    url: str
    identity: str
    """its ARN and when it was created: a queue made anew under the same name is another one"""

    def depth(self) -> QueueDepth:
        """How many messages it holds."""
        return parse_depth(self.queue_name, self._attributes(*MESSAGES)["Attributes"])

    def now_ms(self) -> int:
        """The later of SQS's clock and this machine's, since 1970: what has been sent is older."""
        date = self._attributes("QueueArn")["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
        sqs_ms = parsedate_to_datetime(date).timestamp() * 1000 + 1000 if date else 0
        return max(now_ms(), int(sqs_ms))

    def receive(self, *, visibility_s: int, wait_s: int) -> list[Message]:
        """Up to ten messages, invisible to others for `visibility_s`; none if SQS gives no more."""
        try:
            response = self.aws.call(
                "sqs",
                "ReceiveMessage",
                QueueUrl=self.url,
                MaxNumberOfMessages=MAX_A_CALL,
                VisibilityTimeout=visibility_s,
                WaitTimeSeconds=wait_s,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        except AwsError as error:
            if error.code.endswith(OVER_LIMIT):
                return []
            raise
        return [_message(self.name, message) for message in response.get("Messages", ())]

    def receive_from_all(self, *, visibility_s: int) -> list[Message]:
        """As `receive`; none only if the queue has none. A short poll asks a subset of SQS's servers."""
        return self.receive(
            visibility_s=visibility_s, wait_s=LONG_POLL_S if self.aws.has_shared_quotas else 0
        )

    def set_visibility(self, messages: Sequence[Message], seconds: int) -> list[bool]:
        """Keeps messages invisible for so long from now, 0 shows them; of each whether it was still ours.

        The calls go out at the same time: nothing in them depends on another.
        """
        entries = [{"ReceiptHandle": message.receipt, "VisibilityTimeout": seconds} for message in messages]
        results = self.aws.map(partial(self._call_batch, "ChangeMessageVisibilityBatch"), _chunks(entries))
        return [done for result in results for done in result]

    def delete(self, messages: Sequence[Message]) -> list[bool]:
        """Deletes messages; of each whether SQS deleted it."""
        chunks = _chunks([{"ReceiptHandle": message.receipt} for message in messages])
        return [done for chunk in chunks for done in self._call_batch("DeleteMessageBatch", chunk)]

    def send(self, messages: Sequence[tuple[str, Attributes]]) -> Iterator[bool]:
        """Sends (body, attributes) as new messages; of each whether SQS took it, as soon as that is known.

        Where SQS refuses a call for what is in it, each of its messages is sent alone.
        """
        for chunk in _chunks(
            [{"MessageBody": body, "MessageAttributes": _to_sqs(attributes)} for body, attributes in messages]
        ):
            yield from self._send_chunk(chunk)

    def _send_chunk(self, chunk: Sequence[dict[str, Any]]) -> Iterator[bool]:
        try:
            yield from self._call_batch("SendMessageBatch", chunk)
        except AwsError as error:
            if error.code.rpartition(".")[2] not in MESSAGE_ERROR_CODES:
                raise
            if len(chunk) == 1:
                yield False
            else:
                for entry in chunk:
                    yield from self._send_chunk([entry])

    def _attributes(self, *names: str) -> dict[str, Any]:
        return self.aws.call("sqs", "GetQueueAttributes", QueueUrl=self.url, AttributeNames=list(names))

    def _call_batch(self, operation: str, chunk: Sequence[dict[str, Any]]) -> list[bool]:
        entries = [{"Id": str(number), **entry} for number, entry in enumerate(chunk)]
        response = self.aws.call("sqs", operation, QueueUrl=self.url, Entries=entries)
        succeeded = {result["Id"] for result in response.get("Successful", ())}
        return [entry["Id"] in succeeded for entry in entries]


DeadLetterQueues = Mapping[QueueName, DeadLetterQueue]


def dead_letter_queues(
    aws: Aws, stack: Stack, required: Collection[QueueName] = tuple(QueueName)
) -> DeadLetterQueues:
    """Both queues; one that is missing and not required is left out.

    Raises Failure if a required one is missing, or a queue would move what is received.
    """
    queues = {QueueName.WEBHOOK: stack.webhook_dead_letters, QueueName.ENRICHER: stack.enricher_dead_letters}
    results = aws.map(lambda pair: _look_up(aws, *pair), queues.items())
    present = {queue.name: queue for queue in results if queue is not None}
    for name in required:
        if name not in present:
            failure = not_deployed(aws, queues[name].scope, f"queue {queues[name].name}")
            others = "".join(f" `--queue {other}` works on the other queue alone." for other in present)
            raise Failure(failure.exit_code, failure.message, failure.hint + others)
    return present


def in_order(queues: DeadLetterQueues, selection: Selection) -> list[DeadLetterQueue]:
    """The selected queues, the webhook processor's first: prices are stored before they are enriched."""
    return [queues[name] for name in QueueName if name in selection.queues]


def identity(queues: DeadLetterQueues) -> str:
    """Identifies these queues; differs once one is created again."""
    return " ".join(queues[name].identity for name in QueueName if name in queues)


def by_queue(messages: Sequence[Message]) -> Iterator[tuple[QueueName, list[Message]]]:
    """The messages of each queue that has any."""
    for name in QueueName:
        if queue_messages := [message for message in messages if message.queue is name]:
            yield name, queue_messages


def _look_up(aws: Aws, name: QueueName, queue: Queue) -> DeadLetterQueue | None:
    located = aws.find("sqs", "GetQueueUrl", not_found=NO_SUCH_QUEUE, QueueName=queue.name)
    if located is None:
        return None
    names = ["QueueArn", "CreatedTimestamp", "RedrivePolicy"]
    response = aws.call("sqs", "GetQueueAttributes", QueueUrl=located["QueueUrl"], AttributeNames=names)
    attributes = response["Attributes"]
    if attributes.get("RedrivePolicy"):
        raise Failure(
            ExitCode.REFUSED,
            f"{queue.name} has a redrive policy: reading its messages would move them to another queue "
            f"({attributes['RedrivePolicy']}). Nothing was received.",
            "`cryptoctl plan` shows it and `cryptoctl up` removes it; then run this command again.",
        )
    return DeadLetterQueue(
        aws=aws,
        name=name,
        queue_name=queue.name,
        url=located["QueueUrl"],
        identity=f"{attributes['QueueArn']}@{attributes.get('CreatedTimestamp', '')}",
    )


def _chunks(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Ten at most, and no more bytes than SQS takes in one call."""
    chunk: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        length = len(str(entry).encode(errors="replace"))
        if chunk and (len(chunk) == MAX_A_CALL or size + length > MAX_BYTES_A_CALL):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += length
    if chunk:
        yield chunk


def _message(queue: QueueName, received: dict[str, Any]) -> Message:
    system = received.get("Attributes", {})
    return Message(
        queue=queue,
        id=received["MessageId"],
        body=received["Body"],
        attributes={
            name: _from_sqs(value) for name, value in sorted(received.get("MessageAttributes", {}).items())
        },
        sent_ms=int(system.get("SentTimestamp", 0)),
        receives=int(system.get("ApproximateReceiveCount", 1)),
        receipt=received["ReceiptHandle"],
    )


def _from_sqs(value: dict[str, Any]) -> dict[str, str]:
    if "BinaryValue" in value:
        text = base64.b64encode(value["BinaryValue"]).decode()
        return {"DataType": value["DataType"], "BinaryValue": text}
    return {"DataType": value["DataType"], "StringValue": value["StringValue"]}


def _to_sqs(attributes: Attributes) -> dict[str, dict[str, Any]]:
    return {
        name: {**value, "BinaryValue": base64.b64decode(value["BinaryValue"])}
        if "BinaryValue" in value
        else dict(value)
        for name, value in attributes.items()
    }
