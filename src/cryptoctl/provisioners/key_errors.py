"""What KMS refuses about keys: what passes by itself, and what a person does about the rest."""

from __future__ import annotations

from cryptoctl.provisioners.key_search import NOT_FOUND
from cryptoctl.provisioners.tags import without_our_tags
from cryptoctl.reconcile import QUOTAS_URL, Remedy, RetryRule

CHANGES = (
    "CancelKeyDeletion",
    "CreateAlias",
    "EnableKey",
    "EnableKeyRotation",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
    "TagResource",
)
LOOK_AGAIN = "Wait a minute. The key is found by its tags: no second one is created."

RETRY_RULES: tuple[RetryRule, ...] = (
    RetryRule(
        code="MalformedPolicyDocumentException",
        reason="a principal in the key policy to be seen by KMS; IAM's changes take a while to spread",
        timeout_s=60,
        operations=("PutKeyPolicy",),
        hint="KMS requires that whoever sets a key policy can change it afterwards: use credentials of the "
        "account that `cryptoctl doctor` names.",
    ),
    RetryRule(
        code="AccessDeniedException",
        reason="the new key's tags to count in permissions; KMS takes up to five minutes for that",
        timeout_s=330,
        operations=("CreateAlias", "PutKeyPolicy", "EnableKeyRotation", "ScheduleKeyDeletion"),
        new_only=True,
    ),
    RetryRule(
        code=NOT_FOUND,
        reason="the new key to be seen by all of KMS; its changes take a while to spread",
        timeout_s=30,
        operations=(
            "CreateAlias",
            "PutKeyPolicy",
            "EnableKeyRotation",
            "TagResource",
            "ScheduleKeyDeletion",
        ),
        hint=LOOK_AGAIN,
    ),
)
REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        codes=("LimitExceededException",),
        operations=("CreateKey", "CreateAlias"),
        hint="The account has reached its quota of KMS keys or aliases in this region: schedule the "
        f"deletion of keys that nobody uses, or ask for more ({QUOTAS_URL}, AWS KMS).",
    ),
    Remedy(
        codes=("KMSInvalidStateException", "DisabledException"),
        hint="Somebody is changing the key, or has scheduled its deletion, which `cryptoctl up` cancels.",
    ),
    without_our_tags("key", *CHANGES),
)
