"""What Lambda refuses about functions: what passes by itself, and what a person has to correct."""

from __future__ import annotations

from functools import partial

from cryptoctl.reconcile import DELETED, QUOTAS_URL, Remedy, RetryRule, one_change_at_a_time

INVALID = "InvalidParameterValueException"
SPREADS = "IAM's changes take a while to spread"
FORBIDDEN = (
    "`cryptoctl plan` shows whether somebody has deleted or changed the role. If not, check whether a "
    "permissions boundary or a policy of the organization denies it what the message names, or whether IAM "
    "is slow: https://health.aws.amazon.com."
)
KEY_UNUSABLE = (
    "`cryptoctl plan` shows whether the environment's key is as it should be; these credentials need "
    "kms:CreateGrant and kms:Encrypt on it (`cryptoctl iam-policy --for deploy`)."
)
RESERVE_NONE = (
    'Set `reserved_concurrency = "none"` for the functions in cryptoctl.toml, or ask AWS for a higher quota '
    f"({QUOTAS_URL}, AWS Lambda, “Concurrent executions”)."
)
CHANGES = (
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "PutFunctionConcurrency",
    "DeleteFunctionConcurrency",
    "DeleteFunction",
    "TagResource",
)

# By these a conflict that passes is told from what exists already.
IN_PROGRESS = ("in progress", "cannot be performed", "Pending")


another_change = partial(one_change_at_a_time, "function", "Lambda", "ResourceConflictException")

RETRY_RULES: tuple[RetryRule, ...] = (
    *(
        RetryRule(
            code=INVALID,
            contains=contains,
            reason=reason,
            timeout_s=120,
            operations=("CreateFunction", "UpdateFunctionConfiguration"),
            hint=hint,
        )
        for contains, reason, hint in (
            (
                "cannot be assumed by Lambda",
                f"the new role to be seen by Lambda; {SPREADS}",
                FORBIDDEN,
            ),
            (
                "execution role does not have permissions",
                f"the role's permissions to be seen by Lambda; {SPREADS}",
                FORBIDDEN,
            ),
            (
                "KMS key is invalid for CreateGrant",
                "the new key to be seen by Lambda; KMS's changes take a while to spread",
                KEY_UNUSABLE,
            ),
            ("valid principal", f"the new role to be seen by KMS; {SPREADS}", KEY_UNUSABLE),
        )
    ),
    # Together they may reserve no more than before: one is raised while another is still to be lowered.
    RetryRule(
        code=INVALID,
        contains="UnreservedConcurrentExecution",
        reason="another function to release the concurrency that it has reserved",
        timeout_s=30,
        operations=("PutFunctionConcurrency",),
        hint=RESERVE_NONE,
    ),
    another_change(*CHANGES, timeout_s=180),
    *(
        another_change("AddPermission", "RemovePermission", timeout_s=180, contains=text)
        for text in IN_PROGRESS
    ),
)
REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        codes=("CodeVerificationFailedException", "InvalidCodeSignatureException"),
        hint="The function has a code signing configuration, and cryptoctl's code is not signed: "
        "`aws lambda delete-function-code-signing-config --function-name NAME`, or ask who added it.",
    ),
    Remedy(
        codes=(INVALID, "ResourceConflictException"),
        contains="provisioned concurrency",
        hint="Somebody has given a version or alias of the function provisioned concurrency: delete that "
        "(`aws lambda list-provisioned-concurrency-configs --function-name NAME` lists it), or reserve more.",
    ),
    Remedy(
        codes=(INVALID,),
        contains="replicated function",
        operations=("DeleteFunction",),
        hint="Lambda@Edge has copies of the function: remove it from every CloudFront distribution, and "
        "wait up to 24 h until the copies are gone.",
    ),
    Remedy(
        codes=("CodeStorageExceededException",),
        hint="Lambda's storage for code is full: delete functions and versions that nobody uses, or ask "
        f"for more ({QUOTAS_URL}, AWS Lambda, “Function and layer storage”).",
    ),
    Remedy(
        codes=(INVALID, "ValidationException"),
        contains="runtime",
        hint="Lambda does not offer that runtime in this region (yet): name another --region.",
    ),
    Remedy(codes=(INVALID,), contains="does not exist", hint=DELETED),
    Remedy(
        codes=(INVALID,),
        contains="environment variables",
        hint="A function's variables may be 4 KB in all: shorten what cryptoctl.toml puts into them.",
    ),
    Remedy(
        codes=(
            "KMSAccessDeniedException",
            "KMSDisabledException",
            "KMSInvalidStateException",
            "KMSNotFoundException",
        ),
        hint=KEY_UNUSABLE,
    ),
    Remedy(
        codes=("PublicPolicyException",),
        operations=("AddPermission",),
        hint="The account blocks public access to functions, which the senders' function URL needs: ask the "
        "owner of that Lambda setting, or take the senders out of cryptoctl.toml.",
    ),
    Remedy(
        codes=("PolicyLengthExceededException",),
        operations=("AddPermission",),
        hint="The function's policy is full: remove permissions that others have added to it.",
    ),
)
