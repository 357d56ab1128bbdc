"""SQS queues: where failed events wait until somebody has looked at them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.provisioners import tls_policy
from cryptoctl.provisioners.customer_key import Encrypted, key_arn, permissions
from cryptoctl.provisioners.policy import Statement, document
from cryptoctl.provisioners.resource_policy import policy_notes
from cryptoctl.provisioners.tags import changed_tags
from cryptoctl.reconcile import (
    Access,
    Aws,
    CallOrWait,
    Delta,
    Fields,
    JsonDocument,
    Observed,
    Permission,
    Ref,
    RetryRule,
    Value,
    WaitUntil,
    allow,
    call,
)
from cryptoctl.wording import pluralize

NO_SUCH_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
# Lambda's dead letter of an event that is larger than the queue's messages may be is lost.
MAX_MESSAGE_BYTES = 1_048_576
MESSAGES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Queue(Encrypted):
    """A standard queue, encrypted at rest with SQS's own key or with a customer's."""

    retention_s: int
    refuse_plain_http: bool = False

    kind: ClassVar[str] = "queue"
    key_field: ClassVar[str] = "KmsMasterKeyId"
    shared: ClassVar[frozenset[str]] = frozenset({"Policy"})
    # SQS may take a minute to show changed attributes.
    visible_within_s: ClassVar[float] = 60.0
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        RetryRule(
            code="AWS.SimpleQueueService.QueueDeletedRecently",
            reason="the queue's name, which AWS blocks for 60 s after a deletion",
            timeout_s=75,
            hint="Another run or another tool deletes the queue over and over: let that end first.",
        ),
    )

    @property
    def arn(self) -> str:
        return self.scope.arn("sqs", self.name)

    @property
    def url(self) -> Ref:
        """Its URL, which AWS assigns."""
        return Ref(self, "QueueUrl")

    def observe(self, aws: Aws) -> Observed | None:
        response = aws.find("sqs", "GetQueueUrl", not_found=NO_SUCH_QUEUE, QueueName=self.name)
        if response is None:
            return None
        url = response["QueueUrl"]
        attributes, tags = aws.gather(
            lambda: aws.find(
                "sqs",
                "GetQueueAttributes",
                not_found=NO_SUCH_QUEUE,
                QueueUrl=url,
                AttributeNames=[*self._attributes(), "Policy", *MESSAGES],
            ),
            lambda: aws.find("sqs", "ListQueueTags", not_found=NO_SUCH_QUEUE, QueueUrl=url),
        )
        if attributes is None or tags is None:
            return None
        # What was taken away is shown as empty, or not at all.
        settings = {name: value or None for name, value in attributes.get("Attributes", {}).items()}
        # How many wait is no setting: a queue that is in use has not been changed by anybody.
        messages = sum(int(settings.pop(name, None) or 0) for name in MESSAGES)
        settings[self.key_field] = key_arn(self.scope, settings.get(self.key_field))
        return Observed(
            fields={
                "Attributes": settings,
                "Policy": tls_policy.statements_by_id(settings.get("Policy")),
                "Tags": tags.get("Tags", {}),
            },
            outputs={"QueueUrl": url},
            notes=tuple(policy_notes(self, settings.get("Policy"), own_sid=tls_policy.SID)),
            data=pluralize(messages, "message") if messages else "",
        )

    def desired(self) -> Fields:
        return {
            "Attributes": self._attributes(),
            "Policy": tls_policy.desired_statement(self._tls_statement),
            "Tags": self.scope.tags,
        }

    @property
    def _tls_statement(self) -> Statement | None:
        return tls_policy.deny_plain_http(("sqs:*",), self.arn) if self.refuse_plain_http else None

    def _attributes(self) -> dict[str, str | None]:
        return {
            "MessageRetentionPeriod": str(self.retention_s),
            "KmsMasterKeyId": self.customer_key,
            # A queue has one kind of encryption: with a key, this is off.
            **({} if self.customer_key else {"SqsManagedSseEnabled": "true"}),
            "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
            # Delayed messages are shown to nobody, and are in no count of the waiting ones.
            "DelaySeconds": "0",
            # With one, every look at a message is a step towards the next queue.
            "RedrivePolicy": None,
        }

    def permissions(self) -> Iterator[Permission]:
        yield from allow(Access.DESCRIBE, "sqs", "GetQueueUrl GetQueueAttributes ListQueueTags", self.arn)
        yield from allow(
            Access.MANAGE, "sqs", "CreateQueue SetQueueAttributes TagQueue DeleteQueue", self.arn
        )
        needed = {Access.READ_DATA: "Decrypt", Access.OPERATE: "GenerateDataKey"}
        yield from permissions(self.scope, self.customer_key, "sqs", needed)

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """One call creates it whole; attributes and tags are changed apart."""
        if delta.creating:
            yield call(
                "sqs",
                "CreateQueue",
                gives={"QueueUrl": "QueueUrl"},
                exists="QueueAlreadyExists",
                QueueName=self.name,
                Attributes=self._first_attributes(),
                tags=delta.desired["Tags"],
            )
            return
        if delta.touches("Attributes", "Policy"):
            yield call(
                "sqs", "SetQueueAttributes", QueueUrl=self.url, Attributes=self._changed_attributes(delta)
            )
        if delta.touches("Tags"):
            yield call("sqs", "TagQueue", QueueUrl=self.url, Tags=changed_tags(delta))

    def _first_attributes(self) -> dict[str, Value]:
        settings = {name: value for name, value in self._attributes().items() if value is not None}
        return (
            {**settings, "Policy": JsonDocument(document([self._tls_statement]))}
            if self._tls_statement
            else settings
        )

    def _changed_attributes(self, delta: Delta) -> dict[str, Value]:
        """The attributes to set; an empty one is taken away."""
        settings: dict[str, Value] = {
            change.key: change.new or "" for change in delta.keys("Attributes") if change.key
        }
        if settings.get("KmsMasterKeyId") == "":
            # A queue has one kind of encryption: the other one is accepted only as the key goes.
            settings["SqsManagedSseEnabled"] = "true"
        if delta.touches("Policy"):
            policy = delta.old("Attributes").get("Policy")
            settings["Policy"] = tls_policy.with_statement(policy, self._tls_statement) or ""
        return settings

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """Deletes the queue with its messages, and waits until SQS shows it no more."""
        yield call("sqs", "DeleteQueue", gone=NO_SUCH_QUEUE, QueueUrl=observed.outputs["QueueUrl"])
        yield WaitUntil(
            service="sqs",
            operation="GetQueueUrl",
            params={"QueueName": self.name},
            path="QueueUrl",
            until=(None,),
            gone=NO_SUCH_QUEUE,
            reason="SQS to forget the queue, which takes it up to 60 s",
            timeout_s=75,
            hint="Another run or another tool may have created the queue again: let that end first.",
        )


def may_send(queue: Queue) -> Statement:
    """Allows sending messages to a queue."""
    return Statement(actions=("sqs:SendMessage",), resources=(queue.arn,))
