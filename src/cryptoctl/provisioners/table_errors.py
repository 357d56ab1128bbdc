"""What DynamoDB refuses of a table: for how long, and what a person does about it."""

from __future__ import annotations

from cryptoctl.reconcile import QUOTAS_URL, Remedy, RetryRule

GOES_ON = "Wait some minutes: DynamoDB continues in the background."

RETRY_RULES: tuple[RetryRule, ...] = (
    RetryRule(
        code="ResourceInUseException",
        contains="being deleted",
        reason="the old table of that name to be gone; DynamoDB is deleting it",
        timeout_s=600,
        hint=GOES_ON,
    ),
    RetryRule(
        code="ResourceInUseException",
        reason="another change of the table to finish; DynamoDB makes one at a time",
        timeout_s=300,
        operations=("UpdateTable", "DeleteTable", "UpdateContinuousBackups", "TagResource"),
        hint="Another run or another tool, or a backup or restore, holds the table: let that end first.",
    ),
    RetryRule(
        code="LimitExceededException",
        contains="simultaneously",
        reason="changes of the account's other tables to finish; DynamoDB makes only so many at a time",
        timeout_s=300,
        hint="Something else makes or changes tables all the time: let that end first.",
    ),
    RetryRule(
        code="ContinuousBackupsUnavailableException",
        reason="backups to be enabled for the new table; DynamoDB does it soon after making it",
        timeout_s=120,
        hint=GOES_ON,
    ),
)
REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        codes=("LimitExceededException",),
        contains="encryption mode",
        operations=("UpdateTable",),
        hint="DynamoDB changes a table's key four times in 24 h, and then every six hours: wait for "
        "up to six hours.",
    ),
    Remedy(
        codes=("LimitExceededException",),
        contains="once in",
        operations=("UpdateTable",),
        hint="DynamoDB changes a table's billing mode once in 24 h: wait until they have passed.",
    ),
    Remedy(
        codes=("LimitExceededException",),
        operations=("TagResource",),
        hint="DynamoDB takes five changes of tags a second in an account, and 50 tags on a table: wait some "
        "seconds, or remove a tag that nobody needs.",
    ),
    Remedy(
        codes=("LimitExceededException",),
        operations=("CreateTable",),
        hint="The account has reached its quota of tables in this region: delete tables that nobody uses, "
        f"or ask for more ({QUOTAS_URL}, Amazon DynamoDB, “Maximum number of tables”).",
    ),
    Remedy(
        codes=("ValidationException",),
        contains="protected against deletion",
        operations=("DeleteTable",),
        hint="Somebody has protected the table since the plan was made: set `protected = false` in "
        "cryptoctl.toml and run `cryptoctl up` if it is to go all the same.",
    ),
    Remedy(
        codes=("ValidationException",),
        contains="source region for new replica",
        operations=("DeleteTable",),
        hint="Somebody has given the table a replica in another region: delete that, and wait until 24 h "
        "have passed since it was made.",
    ),
    Remedy(
        codes=("AccessDeniedException", "ValidationException"),
        contains="kms",
        operations=("CreateTable", "UpdateTable"),
        hint="DynamoDB may not use the customer managed key on your behalf: its policy, or what `cryptoctl "
        "iam-policy --for deploy` prints, must allow it.",
    ),
)
