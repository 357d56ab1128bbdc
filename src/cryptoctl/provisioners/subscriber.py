"""Who is subscribed to a topic, and whether what is announced reaches a subscribed queue."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cryptoctl.provisioners.queue import NO_SUCH_QUEUE
from cryptoctl.provisioners.resource_policy import allows_service
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
        return f"{self.protocol} {self.endpoint}"


def subscriber(text: str) -> Subscriber:
    """The subscriber for an email address, an https:// address or a queue's ARN."""
    protocol = "https" if text.startswith("https://") else "sqs" if text.startswith("arn:") else "email"
    return Subscriber(protocol=protocol, endpoint=text)


def subscription_key(subscription: Mapping[str, str]) -> str:
    """The key of a subscription that SNS lists."""
    return Subscriber(protocol=subscription["Protocol"], endpoint=subscription["Endpoint"]).key


def queues(subscribers: tuple[Subscriber, ...], region: str) -> tuple[str, ...]:
    """The ARNs of the subscribed queues of a region. Those elsewhere are not looked at: a queue with
    the same name may be here.
    """
    arns = (subscriber.endpoint for subscriber in subscribers if subscriber.protocol == "sqs")
    return tuple(arn for arn in arns if arn.split(":")[3] == region)


def read_permissions(arn: str) -> Iterator[Permission]:
    """What it takes to read a subscribed queue's policy."""
    return allow(Access.DESCRIBE, "sqs", "GetQueueUrl GetQueueAttributes", arn)


def delivery_notes(aws: Aws, topic: object, topic_arn: str, queue_arn: str) -> Iterator[str]:
    """A sentence where a queue is not there, or does not let SNS send.

    Says nothing of a queue that may not be read, nor of one of another account that is not there: SQS
    answers the same to both.
    """
    account = topic_arn.split(":")[4]
    try:
        policy = _policy(aws, queue_arn)
    except AwsError as error:
        if error.code == NO_SUCH_QUEUE and queue_arn.split(":")[4] == account:
            yield (
                f"there is no queue {queue_arn}: what {topic} sends there is lost; create the queue, or "
                "correct its ARN in alert_subscribers"
            )
        return
    if not allows_service(
        policy, SNS, "sqs:SendMessage", {"aws:sourcearn": topic_arn, "aws:sourceaccount": account}
    ):
        yield (
            f"the policy of {queue_arn} does not let {topic} send: its messages do not arrive there; allow "
            f"sqs:SendMessage to the service {SNS} in that policy, for the aws:SourceArn {topic_arn}"
        )


def unconfirmed_notes(
    topic: object, subscribers: Iterable[Subscriber], pending: Collection[str]
) -> Iterator[str]:
    """A sentence on each subscriber that is among the endpoints which must still confirm."""
    for subscriber in subscribers:
        if subscriber.endpoint in pending:
            yield (
                f"the subscription of {subscriber.endpoint} to {topic} is not confirmed, so nothing is sent "
                "there: AWS has sent it a message with a link that does it"
            )


def filter_notes(
    aws: Aws, topic: object, subscribers: Iterable[Subscriber], subscriptions: Iterable[Mapping[str, str]]
) -> Iterator[str]:
    """A sentence on each subscriber whose subscription, as SNS lists it, takes only some of the messages.

    Says nothing of one that may not be read: one in another account may be its owner's alone.
    """
    keys = {subscriber.key for subscriber in subscribers}
    arns = {
        subscription["SubscriptionArn"]: subscription["Endpoint"]
        for subscription in subscriptions
        if subscription_key(subscription) in keys
    }
    confirmed = [arn for arn in arns if arn.startswith("arn:")]
    for arn, policy in zip(confirmed, aws.map(lambda arn: _filter(aws, arn), confirmed), strict=True):
        if policy:
            yield (
                f"the subscription of {arns[arn]} to {topic} has a filter policy, and only what matches it "
                f"is sent there: {policy}; `aws sns set-subscription-attributes --subscription-arn {arn} "
                "--attribute-name FilterPolicy --attribute-value {}` takes it off"
            )


def _filter(aws: Aws, subscription: str) -> str | None:
    """A subscription's filter policy; None where it has none, or where that is not known."""
    try:
        response = aws.call("sns", "GetSubscriptionAttributes", SubscriptionArn=subscription)
    except AwsError:
        return None
    policy = str(response.get("Attributes", {}).get("FilterPolicy") or "{}")
    return policy if json.loads(policy) else None


def _policy(aws: Aws, arn: str) -> str:
    """A queue's policy, empty where it has none. Raises AwsError."""
    account, name = arn.split(":")[4:6]
    url = aws.call("sqs", "GetQueueUrl", QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    response = aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["Policy"])
    return str(response.get("Attributes", {}).get("Policy", ""))
