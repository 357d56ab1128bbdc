"""What is seen only once an environment has been removed."""

from __future__ import annotations

from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, holds
from cryptoctl.ops.selftest.provoking import Request
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.key_search import by_tags
from cryptoctl.reconcile.call import call

PENDING = "PendingDeletion"


def _key_id(context: CheckContext) -> str:
    key = by_tags(context.aws, context.stack.scope.owner_tags)
    assert key is not None, "the key is not found by its tags"
    return str(key["KeyId"])


def _key_is_found(context: CheckContext) -> Evidence:
    key = by_tags(context.aws, context.stack.scope.owner_tags)
    if key is None:
        return differs("not found")
    seen = f"{key['KeyState']}, DeletionDate {key.get('DeletionDate')}"
    return holds(seen) if key["KeyState"] == PENDING and "DeletionDate" in key else differs(seen)


def _topic_stays_deleted(context: CheckContext) -> Evidence:
    error = context.refusal(call("sns", "DeleteTopic", TopicArn=context.stack.success.arn))
    if error is None:
        return holds("DeleteTopic of a topic that is gone succeeds")
    return holds(str(error)) if error.code == "NotFound" else differs(str(error))


REMOVED = (
    AwsClaim(
        id="key-pending-deletion-found",
        text="A key that is pending deletion is found by its tags, without an alias, with its date.",
        relied_on=("provisioners/key_search.py: by_tags", "cli/down.py: down"),
        check=_key_is_found,
        sequence="removed",
        needs=("key",),
    ),
    Request("kms", "ScheduleKeyDeletion", KeyId=_key_id, PendingWindowInDays=7).answered(
        "key-deletion-scheduled-twice",
        Key,
        "KMSInvalidStateException",
        sequence="removed",
        needs=("key",),
        engine_limit="the embedded engine takes it",
    ),
    AwsClaim(
        id="topic-deleted-twice",
        text="To delete a topic that is gone succeeds, or is answered with NotFound.",
        relied_on=("provisioners/topic.py: Topic",),
        check=_topic_stays_deleted,
        sequence="removed",
        needs=("success",),
    ),
)
