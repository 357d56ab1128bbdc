"""SQS and SNS: what they refuse, and when they show what was changed."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.selftest.bench import Bench
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, exact_code, holds, remedy_of, retry_rule
from cryptoctl.ops.selftest.provoking import provoked
from cryptoctl.provisioners.queue import NO_SUCH_QUEUE, Queue
from cryptoctl.provisioners.tags import key_values
from cryptoctl.provisioners.topic import NO_TAGS, NOT_FOUND, Topic
from cryptoctl.reconcile.call import Call

SCRATCH = "scratch"
OTHER_RETENTION_S = "86400"


def _sqs(operation: str, **params: Any) -> Call:
    return Call(service="sqs", operation=operation, params=params)


def _sns(operation: str, **params: Any) -> Call:
    return Call(service="sns", operation=operation, params=params)


def _create(bench: Bench) -> Call:
    return _sqs("CreateQueue", QueueName=bench.named(SCRATCH), tags=bench.stack.scope.tags)


def _url(bench: Bench, name: str) -> str:
    return str(bench.aws.call("sqs", "GetQueueUrl", QueueName=name)["QueueUrl"])


def _made_and_deleted(bench: Bench) -> Call:
    url = bench.send(_create(bench))["QueueUrl"]
    return _sqs("DeleteQueue", QueueUrl=url)


def _missing_url(bench: Bench) -> str:
    url = _url(bench, bench.stack.webhook_dead_letters.name)
    return url.replace(bench.stack.webhook_dead_letters.name, bench.named("missing"))


def _attribute_shows(bench: Bench) -> Evidence:
    queue = bench.stack.webhook_dead_letters
    url = _url(bench, queue.name)

    def set_to(retention_s: str) -> float | None:
        attributes = {"MessageRetentionPeriod": retention_s}
        bench.send(_sqs("SetQueueAttributes", QueueUrl=url, Attributes=attributes))
        return bench.seconds(lambda: _retention(bench, url) == retention_s, Queue.visible_within_s)

    try:
        after_s = set_to(OTHER_RETENTION_S)
    finally:
        back_s = set_to(str(queue.retention_s))
    if after_s is None or back_s is None:
        return differs(f"not within {Queue.visible_within_s:.0f} s")
    return holds(f"after {after_s:.1f} s, and {back_s:.1f} s")


def _retention(bench: Bench, url: str) -> str:
    names = ["MessageRetentionPeriod"]
    answer = bench.aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=names)
    return str(answer["Attributes"]["MessageRetentionPeriod"])


MESSAGING = (
    provoked(
        "queue-missing",
        lambda bench: _sqs("GetQueueUrl", QueueName=bench.named("missing")),
        exact_code(Queue, "sqs", "GetQueueUrl", NO_SUCH_QUEUE),
    ),
    provoked(
        "queue-delete-missing",
        lambda bench: _sqs("DeleteQueue", QueueUrl=_missing_url(bench)),
        exact_code(Queue, "sqs", "DeleteQueue", NO_SUCH_QUEUE),
        needs=("webhook_dead_letters",),
    ),
    provoked(
        "queue-exists",
        lambda bench: _sqs(
            "CreateQueue", QueueName=bench.stack.webhook_dead_letters.name, Attributes={"DelaySeconds": "7"}
        ),
        exact_code(Queue, "sqs", "CreateQueue", "QueueAlreadyExists"),
        needs=("webhook_dead_letters",),
    ),
    provoked(
        "queue-deleted-recently",
        _create,
        retry_rule(Queue, "AWS.SimpleQueueService.QueueDeletedRecently"),
        prepare=_made_and_deleted,
        undo=lambda bench: _sqs("DeleteQueue", QueueUrl=_url(bench, bench.named(SCRATCH))),
        engine_limit="the embedded engine frees a queue's name at once",
    ),
    AwsClaim(
        id="queue-attribute-shows",
        text=f"A changed attribute is shown within {Queue.visible_within_s:.0f} s.",
        relied_on=("provisioners/queue.py: Queue.visible_within_s",),
        check=_attribute_shows,
        needs=("webhook_dead_letters",),
        engine_limit="the embedded engine shows a change at once",
    ),
    provoked(
        "topic-missing",
        lambda bench: _sns(
            "GetTopicAttributes", TopicArn=bench.stack.scope.arn("sns", bench.named("missing"))
        ),
        exact_code(Topic, "sns", "GetTopicAttributes", *NOT_FOUND),
    ),
    provoked(
        "topic-tags-missing",
        lambda bench: _sns(
            "ListTagsForResource", ResourceArn=bench.stack.scope.arn("sns", bench.named("missing"))
        ),
        exact_code(Topic, "sns", "ListTagsForResource", *NO_TAGS),
    ),
    provoked(
        "topic-with-other-tags",
        lambda bench: _sns("CreateTopic", Name=bench.stack.success.name, Tags=key_values({"Other": "tags"})),
        exact_code(Topic, "sns", "CreateTopic", "InvalidParameter"),
        text="CreateTopic for a topic that has other tags answers InvalidParameter, and changes nothing.",
        needs=("success",),
        engine_limit="the embedded engine takes other tags",
    ),
    provoked(
        "topic-subscriber-refused",
        lambda bench: _sns("Subscribe", TopicArn=bench.stack.success.arn, Protocol="sqs", Endpoint="no-arn"),
        remedy_of(Topic, "InvalidParameter", of="Subscribe"),
        needs=("success",),
    ),
)
