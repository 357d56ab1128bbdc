"""SQS and SNS: what they refuse, and when they show what was changed."""

from __future__ import annotations

from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, exact_code, holds, remedy_of, retry_rule
from cryptoctl.ops.selftest.provoking import provoked
from cryptoctl.provisioners.queue import NO_SUCH_QUEUE, Queue
from cryptoctl.provisioners.tags import key_values
from cryptoctl.provisioners.topic import NO_TAGS, NOT_FOUND, Topic
from cryptoctl.reconcile.call import Call, call

SCRATCH = "scratch"
OTHER_RETENTION_S = "86400"


def _create(context: CheckContext) -> Call:
    return call("sqs", "CreateQueue", QueueName=context.named(SCRATCH), tags=context.stack.scope.tags)


def _url(context: CheckContext, name: str) -> str:
    return str(context.aws.call("sqs", "GetQueueUrl", QueueName=name)["QueueUrl"])


def _made_and_deleted(context: CheckContext) -> Call:
    url = context.send(_create(context))["QueueUrl"]
    return call("sqs", "DeleteQueue", QueueUrl=url)


def _missing_url(context: CheckContext) -> str:
    url = _url(context, context.stack.webhook_dead_letters.name)
    return url.replace(context.stack.webhook_dead_letters.name, context.named("missing"))


def _attribute_shows(context: CheckContext) -> Evidence:
    queue = context.stack.webhook_dead_letters
    url = _url(context, queue.name)

    def set_to(retention_s: str) -> float | None:
        attributes = {"MessageRetentionPeriod": retention_s}
        context.send(call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=attributes))
        return context.seconds(lambda: _retention(context, url) == retention_s, Queue.visible_within_s)

    try:
        after_s = set_to(OTHER_RETENTION_S)
    finally:
        back_s = set_to(str(queue.retention_s))
    if after_s is None or back_s is None:
        return differs(f"not within {Queue.visible_within_s:.0f} s")
    return holds(f"after {after_s:.1f} s, and {back_s:.1f} s")


def _retention(context: CheckContext, url: str) -> str:
    names = ["MessageRetentionPeriod"]
    response = context.aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=names)
    return str(response["Attributes"]["MessageRetentionPeriod"])


MESSAGING = (
    provoked(
        "queue-missing",
        lambda context: call("sqs", "GetQueueUrl", QueueName=context.named("missing")),
        exact_code(Queue, "sqs", "GetQueueUrl", NO_SUCH_QUEUE),
    ),
    provoked(
        "queue-delete-missing",
        lambda context: call("sqs", "DeleteQueue", QueueUrl=_missing_url(context)),
        exact_code(Queue, "sqs", "DeleteQueue", NO_SUCH_QUEUE),
        needs=("webhook_dead_letters",),
    ),
    provoked(
        "queue-exists",
        lambda context: call(
            "sqs",
            "CreateQueue",
            QueueName=context.stack.webhook_dead_letters.name,
            Attributes={"DelaySeconds": "7"},
        ),
        exact_code(Queue, "sqs", "CreateQueue", "QueueAlreadyExists"),
        needs=("webhook_dead_letters",),
    ),
    provoked(
        "queue-deleted-recently",
        _create,
        retry_rule(Queue, "AWS.SimpleQueueService.QueueDeletedRecently"),
        prepare=_made_and_deleted,
        undo=lambda context: call("sqs", "DeleteQueue", QueueUrl=_url(context, context.named(SCRATCH))),
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
        lambda context: call(
            "sns", "GetTopicAttributes", TopicArn=context.stack.scope.arn("sns", context.named("missing"))
        ),
        exact_code(Topic, "sns", "GetTopicAttributes", *NOT_FOUND),
    ),
    provoked(
        "topic-tags-missing",
        lambda context: call(
            "sns", "ListTagsForResource", ResourceArn=context.stack.scope.arn("sns", context.named("missing"))
        ),
        exact_code(Topic, "sns", "ListTagsForResource", *NO_TAGS),
    ),
    provoked(
        "topic-with-other-tags",
        lambda context: call(
            "sns", "CreateTopic", Name=context.stack.success.name, Tags=key_values({"Other": "tags"})
        ),
        exact_code(Topic, "sns", "CreateTopic", "InvalidParameter"),
        text="CreateTopic for a topic that has other tags answers InvalidParameter, and changes nothing.",
        needs=("success",),
        engine_limit="the embedded engine takes other tags",
    ),
    provoked(
        "topic-subscriber-refused",
        lambda context: call(
            "sns", "Subscribe", TopicArn=context.stack.success.arn, Protocol="sqs", Endpoint="no-arn"
        ),
        remedy_of(Topic, "InvalidParameter", of="Subscribe"),
        needs=("success",),
    ),
)
