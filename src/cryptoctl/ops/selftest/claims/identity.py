"""IAM and KMS: what they refuse, and under which codes a caller is denied."""

from __future__ import annotations

import json
from typing import Any

from cryptoctl.aws_errors import COMMON, DENIED
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import (
    AwsClaim,
    Evidence,
    compared,
    differs,
    exact_code,
    holds,
    remedy_of,
    retry_rule,
)
from cryptoctl.ops.selftest.claims.functions_shown import NO_PERMISSIONS
from cryptoctl.ops.selftest.provoking import provoked
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.key_search import NOT_FOUND
from cryptoctl.provisioners.policy import VERSION
from cryptoctl.provisioners.role import NO_SUCH_ENTITY, Role
from cryptoctl.reconcile.call import Call, call
from cryptoctl.reconcile.scope import Scope

ENGINE_TAKES_IT = "the embedded engine takes what IAM refuses"
LARGEST_POLICY = 10_240
# A request of each service that the probe's role may not make.
FORBIDDEN: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("sqs", "list_queues", {}),
    ("sns", "list_topics", {}),
    ("dynamodb", "list_tables", {}),
    ("logs", "describe_log_groups", {}),
    ("iam", "list_roles", {}),
    ("kms", "list_keys", {}),
    ("lambda", "list_functions", {}),
    ("cloudwatch", "list_metrics", {}),
    ("resourcegroupstaggingapi", "get_resources", {}),
)


def _nobody(scope: Scope, *, action: str, resource: bool) -> str:
    """A policy for a role that is not there."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": action,
        "Principal": {"AWS": scope.arn("iam", f"role/missing-{scope.environment}", regional=False)},
    }
    return _policy([{**statement, "Resource": "*"}] if resource else [statement])


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": VERSION, "Statement": statements})


def _too_large(context: CheckContext) -> Call:
    resources = [context.stack.scope.arn("sqs", f"{number:0>60}") for number in range(LARGEST_POLICY // 90)]
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resources}
    name = context.stack.bare_role.name
    return call(
        "iam", "PutRolePolicy", RoleName=name, PolicyName="too-large", PolicyDocument=_policy([statement])
    )


def _untrusted(context: CheckContext) -> Call:
    document = _nobody(context.stack.scope, action="sts:AssumeRole", resource=False)
    return call(
        "iam", "UpdateAssumeRolePolicy", RoleName=context.stack.bare_role.name, PolicyDocument=document
    )


def _key_for_nobody(context: CheckContext) -> Call:
    own = {
        "Effect": "Allow",
        "Action": "kms:*",
        "Resource": "*",
        "Principal": {"AWS": context.stack.scope.arn("iam", "root", regional=False)},
    }
    other = json.loads(_nobody(context.stack.scope, action="kms:Decrypt", resource=True))["Statement"]
    return call(
        "kms", "PutKeyPolicy", KeyId=_key_id(context), PolicyName="default", Policy=_policy([own, *other])
    )


def _key_id(context: CheckContext) -> str:
    return str(context.aws.call("kms", "DescribeKey", KeyId=context.stack.key.name)["KeyMetadata"]["KeyId"])


def _role_whatever_case(context: CheckContext) -> Evidence:
    name = context.stack.bare_role.name
    found = context.aws.call("iam", "GetRole", RoleName=name.upper())["Role"]["RoleName"]
    return compared(found, name)


def _key_is_listed(context: CheckContext) -> Evidence:
    found = context.aws.call("kms", "ListResourceTags", KeyId=_key_id(context))["Tags"]
    tags = {each["TagKey"]: each["TagValue"] for each in found}
    return compared(tags, context.stack.scope.tags)


def _denials(context: CheckContext) -> Evidence:
    answers = {}
    for service, operation, params in FORBIDDEN:
        found = context.invoke({"ask": [(service, operation, params)]})
        answers[service] = found.result if found.error else found.result["asked"][0].get("code", "no refusal")
    unknown = {service: code for service, code in answers.items() if code not in DENIED}
    return differs(f"not known: {unknown}") if unknown else holds(str(answers))


IDENTITY = (
    provoked(
        "role-missing",
        lambda context: call("iam", "GetRole", RoleName=context.named("missing")),
        exact_code(Role, "iam", "GetRole", NO_SUCH_ENTITY),
    ),
    provoked(
        "role-delete-missing",
        lambda context: call("iam", "DeleteRole", RoleName=context.named("missing")),
        exact_code(Role, "iam", "DeleteRole", NO_SUCH_ENTITY),
    ),
    provoked(
        "role-policy-missing",
        lambda context: call(
            "iam", "DeleteRolePolicy", RoleName=context.stack.bare_role.name, PolicyName="missing"
        ),
        exact_code(Role, "iam", "DeleteRolePolicy", NO_SUCH_ENTITY),
        needs=("bare_role",),
    ),
    provoked(
        "role-exists",
        lambda context: call(
            "iam",
            "CreateRole",
            RoleName=context.stack.bare_role.name,
            AssumeRolePolicyDocument=_policy(
                [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                    }
                ]
            ),
        ),
        exact_code(Role, "iam", "CreateRole", "EntityAlreadyExists"),
        needs=("bare_role",),
    ),
    provoked(
        "role-delete-conflict",
        lambda context: call("iam", "DeleteRole", RoleName=context.stack.probe_role.name),
        retry_rule(Role, "DeleteConflict"),
        needs=("probe_role",),
    ),
    provoked(
        "role-unknown-principal",
        _untrusted,
        retry_rule(Role, "MalformedPolicyDocument", "Invalid principal"),
        needs=("bare_role",),
        engine_limit=ENGINE_TAKES_IT,
    ),
    provoked(
        "role-policy-too-large",
        _too_large,
        remedy_of(Role, "LimitExceeded", "policy size"),
        needs=("bare_role",),
        engine_limit=ENGINE_TAKES_IT,
    ),
    AwsClaim(
        id="role-case",
        text="IAM finds a role whatever the case of its name, and answers with the name that it was given.",
        relied_on=("provisioners/role.py: Role.conflict",),
        check=_role_whatever_case,
        needs=("bare_role",),
        engine_limit="the embedded engine tells names of roles apart by their case",
    ),
    provoked(
        "key-missing",
        lambda context: call("kms", "DescribeKey", KeyId=f"alias/{context.named('missing')}"),
        exact_code(Key, "kms", "DescribeKey", NOT_FOUND),
    ),
    provoked(
        "key-alias-missing",
        lambda context: call("kms", "DeleteAlias", AliasName=f"alias/{context.named('missing')}"),
        exact_code(Key, "kms", "DeleteAlias", NOT_FOUND),
    ),
    provoked(
        "key-alias-exists",
        lambda context: call(
            "kms", "CreateAlias", AliasName=context.stack.key.name, TargetKeyId=_key_id(context)
        ),
        exact_code(Key, "kms", "CreateAlias", "AlreadyExistsException"),
        needs=("key",),
    ),
    provoked(
        "key-no-deletion-to-cancel",
        lambda context: call("kms", "CancelKeyDeletion", KeyId=_key_id(context)),
        exact_code(Key, "kms", "CancelKeyDeletion", "KMSInvalidStateException"),
        needs=("key",),
        engine_limit="the embedded engine takes it",
    ),
    provoked(
        "key-unknown-principal",
        _key_for_nobody,
        retry_rule(Key, "MalformedPolicyDocumentException"),
        needs=("key",),
        engine_limit=ENGINE_TAKES_IT,
    ),
    AwsClaim(
        id="key-tags",
        text="The tags that were given in CreateKey are shown by ListResourceTags.",
        relied_on=("provisioners/key_search.py: by_tags",),
        check=_key_is_listed,
        needs=("key",),
    ),
    AwsClaim(
        id="denied-codes",
        covers=tuple((None, each) for each in COMMON if each.codes == DENIED and not each.contains),
        text=f"A caller without the right is denied with one of {', '.join(DENIED)}, by every service.",
        relied_on=("aws_errors.py: DENIED",),
        check=_denials,
        sequence="probe",
        needs=("probe",),
        engine_limit=NO_PERMISSIONS,
    ),
)
