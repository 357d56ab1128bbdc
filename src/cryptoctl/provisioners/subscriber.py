"""Who is subscribed to a topic, and whether what is announced reaches a subscribed queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cryptoctl.provisioners.resource_policy import lets
from cryptoctl.reconcile import Access, Aws, AwsError, Permission, allow

SNS = "sns.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """A subscription's endpoint: an email address, an https URL or a queue's ARN."""

    protocol: str
    endpoint: str

    @property
    def key(self) -> str:
        """Protocol and endpoint, by which subscriptions are compared."""
        return key(self.protocol, self.endpoint)


def subscriber(text: str) -> Subscriber:
    """The subscriber for an email address, an https:// address or a queue's ARN."""
    protocol = "https" if text.startswith("https://") else "sqs" if text.startswith("arn:") else "email"
    return Subscriber(protocol=protocol, endpoint=text)


def key(protocol: str, endpoint: str) -> str:
    """What a subscription is known by: its protocol and its endpoint."""
    return f"{protocol} {endpoint}"


def queues(subscribers: tuple[Subscriber, ...], region: str) -> tuple[str, ...]:
    """The ARNs of the subscribed queues of a region. Those elsewhere are not looked at: a queue with
    the same name may be here.
    """
    arns = (each.endpoint for each in subscribers if each.protocol == "sqs")
    return tuple(arn for arn in arns if arn.split(":")[3] == region)


def reading(arn: str) -> Iterator[Permission]:
    """What it takes to read a subscribed queue's policy."""
    return allow(Access.DESCRIBE, "sqs", "GetQueueUrl GetQueueAttributes", arn)


def delivery_notes(aws: Aws, topic: object, topic_arn: str, queue_arn: str) -> Iterator[str]:
    """A sentence where a queue does not let SNS send.

    Says nothing of a queue that is not there or that may not be read: for one of another account SQS
    answers the same to both.
    """
    policy = _policy(aws, queue_arn)
    if policy is not None and not lets(policy, SNS, "sqs:SendMessage"):
        yield (
            f"the policy of {queue_arn} does not let {topic} send: its messages do not arrive there; allow "
            f"sqs:SendMessage to the service {SNS} in that policy, for the aws:SourceArn {topic_arn}"
        )


def unconfirmed_notes(
    topic: object, subscribers: Iterable[Subscriber], pending: Collection[str]
) -> Iterator[str]:
    """A sentence on each subscriber that is among the endpoints which must still confirm."""
    for each in subscribers:
        if each.endpoint in pending:
            yield (
                f"the subscription of {each.endpoint} to {topic} is not confirmed, so nothing is sent there: "
                "AWS has sent it a message with a link that does it"
            )


def _policy(aws: Aws, arn: str) -> str | None:
    """A queue's policy, empty where it has none; None where it is not known."""
    account, name = arn.split(":")[4:6]
    try:
        url = aws.call("sqs", "GetQueueUrl", QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        found = aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["Policy"])
    except AwsError:
        return None
    return str(found.get("Attributes", {}).get("Policy", ""))
