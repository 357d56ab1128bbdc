"""SQS and SNS: what they refuse, and when they show what was changed."""

from __future__ import annotations

from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, holds, remedy_of, retry_rule
from cryptoctl.ops.selftest.provoking import MISSING, Request, StackValue, resource_name, tags
from cryptoctl.provisioners.queue import NO_SUCH_QUEUE, Queue
from cryptoctl.provisioners.tags import key_values
from cryptoctl.provisioners.topic import NO_TAGS, NOT_FOUND, Topic

SCRATCH = "scratch"
OTHER_RETENTION_S = "86400"
CREATE_SCRATCH = Request("sqs", "CreateQueue", QueueName=resource_name(SCRATCH), tags=tags)


def _url(context: CheckContext, name: str) -> str:
    return str(context.aws.call("sqs", "GetQueueUrl", QueueName=name)["QueueUrl"])


def _url_of_scratch(context: CheckContext) -> str:
    return _url(context, context.resource_name(SCRATCH))


def _url_of_new_scratch(context: CheckContext) -> str:
    return str(context.send(CREATE_SCRATCH.call(context))["QueueUrl"])


def _missing_url(context: CheckContext) -> str:
    url = _url(context, context.stack.webhook_dead_letters.name)
    return url.replace(context.stack.webhook_dead_letters.name, context.resource_name("missing"))


def _missing_topic(context: CheckContext) -> str:
    return context.stack.scope.arn("sns", context.resource_name("missing"))


def _attribute_shows(context: CheckContext) -> Evidence:
    queue = context.stack.webhook_dead_letters
    url = _url(context, queue.name)

    def set_to(retention_s: str) -> float | None:
        attributes = {"MessageRetentionPeriod": retention_s}
        context.aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=attributes)
        return context.seconds_until(lambda: _retention(context, url) == retention_s, Queue.visible_within_s)

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
    Request("sqs", "GetQueueUrl", QueueName=MISSING).answered("queue-missing", Queue, NO_SUCH_QUEUE),
    Request("sqs", "DeleteQueue", QueueUrl=_missing_url).answered(
        "queue-delete-missing", Queue, NO_SUCH_QUEUE, needs=("webhook_dead_letters",)
    ),
    Request(
        "sqs",
        "CreateQueue",
        QueueName=StackValue("webhook_dead_letters.name"),
        Attributes={"DelaySeconds": "7"},
    ).answered("queue-exists", Queue, "QueueAlreadyExists"),
    CREATE_SCRATCH.refused(
        "queue-deleted-recently",
        retry_rule(Queue, "AWS.SimpleQueueService.QueueDeletedRecently"),
        prepare=Request("sqs", "DeleteQueue", QueueUrl=_url_of_new_scratch),
        undo=Request("sqs", "DeleteQueue", QueueUrl=_url_of_scratch),
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
    Request("sns", "GetTopicAttributes", TopicArn=_missing_topic).answered("topic-missing", Topic, NOT_FOUND),
    Request("sns", "ListTagsForResource", ResourceArn=_missing_topic).answered(
        "topic-tags-missing", Topic, *NO_TAGS
    ),
    Request(
        "sns", "CreateTopic", Name=StackValue("success.name"), Tags=key_values({"Other": "tags"})
    ).answered(
        "topic-with-other-tags",
        Topic,
        "InvalidParameter",
        text="CreateTopic for a topic that has other tags answers InvalidParameter, and changes nothing.",
        engine_limit="the embedded engine takes other tags",
    ),
    Request(
        "sns", "Subscribe", TopicArn=StackValue("success.arn"), Protocol="sqs", Endpoint="no-arn"
    ).refused("topic-subscriber-refused", remedy_of(Topic, "InvalidParameter", operation="Subscribe")),
)
