"""How many messages a queue holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptoctl.aws import Aws
from cryptoctl.provisioners.queue import MESSAGES, NO_SUCH_QUEUE, Queue
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack


@dataclass(frozen=True, kw_only=True)
class QueueDepth:
    """How many messages are receivable, in flight, and delayed; SQS calls these counts approximate."""

    name: str
    """the queue's"""
    visible: int
    in_flight: int
    delayed: int
    """not receivable yet: somebody has set a delay on the queue"""

    @property
    def messages(self) -> int:
        """How many it holds in all."""
        return self.visible + self.in_flight + self.delayed


def permissions(stack: Stack) -> Iterator[Permission]:
    """The queues are found, and their counts read."""
    for queue in (stack.webhook_dead_letters, stack.enricher_dead_letters):
        yield from allow(Access.DESCRIBE, "sqs", "GetQueueUrl GetQueueAttributes", queue.arn)


def depth(aws: Aws, queue: Queue) -> QueueDepth | None:
    """How many messages it holds; None where there is no such queue."""
    located = aws.find("sqs", "GetQueueUrl", not_found=NO_SUCH_QUEUE, QueueName=queue.name)
    if located is None:
        return None
    response = aws.find(
        "sqs",
        "GetQueueAttributes",
        not_found=NO_SUCH_QUEUE,
        QueueUrl=located["QueueUrl"],
        AttributeNames=list(MESSAGES),
    )
    return None if response is None else parse_depth(queue.name, response["Attributes"])


def parse_depth(name: str, attributes: Mapping[str, str]) -> QueueDepth:
    """What a queue's attributes (those of MESSAGES) say."""
    visible, in_flight, delayed = (int(attributes.get(attribute, 0)) for attribute in MESSAGES)
    return QueueDepth(name=name, visible=visible, in_flight=in_flight, delayed=delayed)
