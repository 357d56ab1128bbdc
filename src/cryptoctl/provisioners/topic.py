"""SNS topics: where enriched prices and alerts are announced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from cryptoctl.provisioners import tls_policy
from cryptoctl.provisioners.customer_key import Encrypted, key_arn
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.reads import all_pages
from cryptoctl.provisioners.resource_policy import allows_service, policy_notes
from cryptoctl.provisioners.subscriber import (
    Subscriber,
    delivery_notes,
    filter_notes,
    queues,
    read_permissions,
    subscription_key,
    unconfirmed_notes,
)
from cryptoctl.provisioners.tags import changed_tags, key_values, mapped
from cryptoctl.reconcile import (
    QUOTAS_URL,
    Access,
    Aws,
    Call,
    CallOrWait,
    Delta,
    Fields,
    Observed,
    Permission,
    Priced,
    Remedy,
    Traffic,
    Usage,
    Value,
    allow,
    call,
)

NOT_FOUND = "NotFound"
NO_TAGS = (NOT_FOUND, "ResourceNotFound", "ResourceNotFoundException")
PENDING = "PendingConfirmation"
ALARMS = "cloudwatch.amazonaws.com"
OWN_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Topic(Encrypted, Priced):
    """A standard topic with the subscribers that the configuration names, perhaps under a customer's key.

    Subscribers that somebody else added are left alone.
    """

    subscribers: tuple[Subscriber, ...] = ()
    refuse_plain_http: bool = False
    alarms: bool = False
    """Whether CloudWatch's alarms are told to it."""

    kind: ClassVar[str] = "topic"
    key_field: ClassVar[str] = "KmsMasterKeyId"
    shared: ClassVar[frozenset[str]] = frozenset({"Policy"})
    remedies: ClassVar[tuple[Remedy, ...]] = (
        Remedy(
            codes=("TopicLimitExceeded", "TopicLimitExceededException"),
            hint="The account has reached its quota of topics in this region: delete topics that nobody "
            f"uses, or ask for more ({QUOTAS_URL}, Amazon SNS).",
        ),
        Remedy(
            codes=("SubscriptionLimitExceeded", "SubscriptionLimitExceededException"),
            operations=("Subscribe",),
            hint="The topic has reached its quota of subscriptions: delete those that nobody needs.",
        ),
        Remedy(
            codes=("InvalidParameter", "InvalidParameterException"),
            operations=("Subscribe",),
            hint="SNS does not take that subscriber: correct `alert_subscribers` in cryptoctl.toml.",
        ),
    )

    @property
    def arn(self) -> str:
        return self.scope.arn("sns", self.name)

    def observe(self, aws: Aws) -> Observed | None:
        attributes, tags, subscriptions, undelivered = aws.gather(
            lambda: aws.find("sns", "GetTopicAttributes", not_found=NOT_FOUND, TopicArn=self.arn),
            lambda: aws.find("sns", "ListTagsForResource", not_found=NO_TAGS, ResourceArn=self.arn),
            lambda: subscriptions_of(aws, self.arn),
            lambda: aws.map(lambda queue: [*delivery_notes(aws, self, self.arn, queue)], self._queues),
        )
        if attributes is None or tags is None:
            return None
        subscription_keys = {subscription_key(subscription): True for subscription in subscriptions}
        pending = {
            subscription["Endpoint"]
            for subscription in subscriptions
            if subscription["SubscriptionArn"] == PENDING
        }
        settings = attributes.get("Attributes", {})
        return Observed(
            fields={
                "KmsMasterKeyId": key_arn(self.scope, settings.get("KmsMasterKeyId") or None),
                "Policy": tls_policy.statements_by_id(settings.get("Policy")),
                "Tags": mapped(tags.get("Tags", ())),
                "Subscriptions": subscription_keys,
                "WholePolicy": settings.get("Policy"),
            },
            notes=(
                *policy_notes(self, settings.get("Policy"), own_sid=tls_policy.SID),
                *self._alarm_notes(settings.get("Policy")),
                *unconfirmed_notes(self, self.subscribers, pending),
                *filter_notes(aws, self, self.subscribers, subscriptions),
                *(note for notes in undelivered for note in notes),
            ),
        )

    def _alarm_notes(self, policy: str | None) -> Iterator[str]:
        """That alarms reach nobody: CloudWatch publishes in its own name, which the policy must allow."""
        context = {"aws:sourceaccount": self.scope.account}
        if self.alarms and policy and not allows_service(policy, ALARMS, "sns:Publish", context):
            yield (
                f"the policy of {self} does not let CloudWatch publish: no alarm reaches anybody; allow "
                f"sns:Publish to the service {ALARMS} in it, for the aws:SourceAccount {self.scope.account}"
            )

    @property
    def _queues(self) -> tuple[str, ...]:
        return queues(self.subscribers, self.scope.region)

    def desired(self) -> Fields:
        return {
            "KmsMasterKeyId": self.customer_key,
            "Policy": tls_policy.desired_statement(self._tls_statement),
            "Tags": self.scope.tags,
            "Subscriptions": {subscriber.key: True for subscriber in self.subscribers},
        }

    @property
    def _tls_statement(self) -> Statement | None:
        # SNS takes no other action of a topic's than those of its data.
        return tls_policy.deny_plain_http(("sns:Publish",), self.arn) if self.refuse_plain_http else None

    def permissions(self) -> Iterator[Permission]:
        describe_operations = "GetTopicAttributes ListTagsForResource ListSubscriptionsByTopic"
        yield from allow(Access.DESCRIBE, "sns", describe_operations, self.arn)
        yield from allow(
            Access.MANAGE, "sns", "CreateTopic SetTopicAttributes TagResource DeleteTopic", self.arn
        )
        if self.subscribers:
            # Nothing that is done needs it: a deployer's policy keeps its room for what is.
            yield from allow(Access.READ_DATA, "sns", "GetSubscriptionAttributes", "*")
            yield from allow(Access.MANAGE, "sns", "Subscribe", self.arn)
        for queue in self._queues:
            yield from read_permissions(queue)

    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        yield Usage(item="sns_requests", amount=traffic.requests, driver="ten prices a request at most")
        if self.customer_key:
            yield Usage(item="kms_requests", amount=traffic.key_requests, driver="security.customer_key")

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """Creates the topic with its tags, then adds missing subscribers."""
        missing = list(delta.desired["Subscriptions"])
        if delta.creating:
            yield call(
                "sns",
                "CreateTopic",
                Name=self.name,
                Tags=key_values(delta.desired["Tags"]),
                Attributes=self._first_attributes() or None,
            )
        else:
            missing = [change.key for change in delta.keys("Subscriptions") if change.key]
            yield from self._change_attributes(delta)
            if delta.touches("Tags"):
                yield call("sns", "TagResource", ResourceArn=self.arn, Tags=key_values(changed_tags(delta)))
        for key in missing:
            protocol, endpoint = key.split(" ", 1)
            yield call("sns", "Subscribe", TopicArn=self.arn, Protocol=protocol, Endpoint=endpoint)

    def _first_attributes(self) -> dict[str, Value]:
        attributes: dict[str, Value] = {"KmsMasterKeyId": self.customer_key} if self.customer_key else {}
        if self._tls_statement:
            attributes["Policy"] = tls_policy.with_statement(self._first_policy(), self._tls_statement)
        return attributes

    def _change_attributes(self, delta: Delta) -> Iterator[CallOrWait]:
        if delta.touches("KmsMasterKeyId"):
            yield self._set("KmsMasterKeyId", self.customer_key or "")
        if delta.touches("Policy"):
            old = delta.old("WholePolicy") or self._first_policy()
            # A topic cannot be without a policy: where ours is all of it, the first one comes back.
            yield self._set(
                "Policy", tls_policy.with_statement(old, self._tls_statement) or self._first_policy()
            )

    def _set(self, name: str, value: Value) -> Call:
        return call("sns", "SetTopicAttributes", TopicArn=self.arn, AttributeName=name, AttributeValue=value)

    def _first_policy(self) -> str:
        """The policy that SNS gives a new topic: the account's own may use it, and so may its alarms."""
        return json.dumps(
            {
                "Version": "2008-10-17",
                "Id": "__default_policy_ID",
                "Statement": [
                    {
                        "Sid": "__default_statement_ID",
                        "Effect": "Allow",
                        "Principal": {"AWS": "*"},
                        "Action": [f"SNS:{action}" for action in OWN_ACTIONS],
                        "Resource": self.arn,
                        "Condition": {"StringEquals": {"AWS:SourceOwner": self.scope.account}},
                    }
                ],
            }
        )

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """Deletes the topic; SNS deletes its subscriptions with it."""
        yield call("sns", "DeleteTopic", gone=NOT_FOUND, TopicArn=self.arn)


def subscriptions_of(aws: Aws, arn: str) -> list[dict[str, Any]]:
    """All subscriptions of a topic as SNS lists them; none where there is no such topic."""
    operation = "ListSubscriptionsByTopic"
    subscriptions = all_pages(aws, "sns", operation, "Subscriptions", not_found=NOT_FOUND, TopicArn=arn)
    # Who has unsubscribed is listed as deleted for some days.
    return [
        subscription for subscription in subscriptions or () if subscription["SubscriptionArn"] != "Deleted"
    ]


def subscribed_endpoints(observed: Observed) -> tuple[str, ...]:
    """The endpoints that were found subscribed."""
    return tuple(key.split(" ", 1)[1] for key in observed.fields["Subscriptions"])


def may_publish(topic: Topic) -> Statement:
    """Allows publishing to a topic."""
    return Statement(actions=("sns:Publish",), resources=(topic.arn,))
