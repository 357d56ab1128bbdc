"""IAM and KMS: what they refuse, and under which codes a caller is denied."""

from __future__ import annotations

import json
from typing import Any

from cryptoctl.aws_errors import COMMON, DENIED
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import (
    AwsClaim,
    Evidence,
    compare,
    differs,
    holds,
    remedy_of,
    retry_rule,
)
from cryptoctl.ops.selftest.claims.functions_shown import NO_PERMISSIONS
from cryptoctl.ops.selftest.provoking import MISSING, Request, StackValue, resource_name
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.key_search import NOT_FOUND
from cryptoctl.provisioners.policy import VERSION
from cryptoctl.provisioners.role import NO_SUCH_ENTITY, Role

ENGINE_TAKES_IT = "the embedded engine takes what IAM refuses"
LARGEST_POLICY = 10_240
BARE_ROLE = StackValue("bare_role.name")
MISSING_ALIAS = resource_name("missing", "alias/")
OF_LAMBDA = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
# A request of each service that the probe's role may not make.
FORBIDDEN = {
    "sqs": "list_queues",
    "sns": "list_topics",
    "dynamodb": "list_tables",
    "logs": "describe_log_groups",
    "iam": "list_roles",
    "kms": "list_keys",
    "lambda": "list_functions",
    "cloudwatch": "list_metrics",
    "resourcegroupstaggingapi": "get_resources",
}


def _statement_for_missing_role(context: CheckContext, action: str) -> dict[str, Any]:
    """A statement for a role that is not there."""
    role = context.stack.scope.arn("iam", f"role/{context.resource_name('missing')}", regional=False)
    return {"Effect": "Allow", "Action": action, "Principal": {"AWS": role}}


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": VERSION, "Statement": statements})


def _too_large_policy(context: CheckContext) -> str:
    resources = [context.stack.scope.arn("sqs", f"{number:0>60}") for number in range(LARGEST_POLICY // 90)]
    return _policy([{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resources}])


def _key_policy_for_missing_role(context: CheckContext) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "kms:*",
        "Resource": "*",
        "Principal": {"AWS": context.stack.scope.arn("iam", "root", regional=False)},
    }
    return _policy([statement, {**_statement_for_missing_role(context, "kms:Decrypt"), "Resource": "*"}])


def _key_id(context: CheckContext) -> str:
    return str(context.aws.call("kms", "DescribeKey", KeyId=context.stack.key.name)["KeyMetadata"]["KeyId"])


def _role_whatever_case(context: CheckContext) -> Evidence:
    name = context.stack.bare_role.name
    shown = context.aws.call("iam", "GetRole", RoleName=name.upper())["Role"]["RoleName"]
    return compare(shown, name)


def _key_is_listed(context: CheckContext) -> Evidence:
    listed = context.aws.call("kms", "ListResourceTags", KeyId=_key_id(context))["Tags"]
    tags = {tag["TagKey"]: tag["TagValue"] for tag in listed}
    return compare(tags, context.stack.scope.tags)


def _denials(context: CheckContext) -> Evidence:
    answers = {}
    for service, operation in FORBIDDEN.items():
        invoked = context.invoke({"ask": [(service, operation, {})]})
        answers[service] = (
            invoked.result if invoked.error else invoked.result["asked"][0].get("code", "no refusal")
        )
    unknown = {service: code for service, code in answers.items() if code not in DENIED}
    return differs(f"not known: {unknown}") if unknown else holds(str(answers))


IDENTITY = (
    Request("iam", "GetRole", RoleName=MISSING).answered("role-missing", Role, NO_SUCH_ENTITY),
    Request("iam", "DeleteRole", RoleName=MISSING).answered("role-delete-missing", Role, NO_SUCH_ENTITY),
    Request("iam", "DeleteRolePolicy", RoleName=BARE_ROLE, PolicyName="missing").answered(
        "role-policy-missing", Role, NO_SUCH_ENTITY
    ),
    Request("iam", "CreateRole", RoleName=BARE_ROLE, AssumeRolePolicyDocument=_policy([OF_LAMBDA])).answered(
        "role-exists", Role, "EntityAlreadyExists"
    ),
    Request("iam", "DeleteRole", RoleName=StackValue("probe_role.name")).refused(
        "role-delete-conflict", retry_rule(Role, "DeleteConflict")
    ),
    Request(
        "iam",
        "UpdateAssumeRolePolicy",
        RoleName=BARE_ROLE,
        PolicyDocument=lambda context: _policy([_statement_for_missing_role(context, "sts:AssumeRole")]),
    ).refused(
        "role-unknown-principal",
        retry_rule(Role, "MalformedPolicyDocument", "Invalid principal"),
        engine_limit=ENGINE_TAKES_IT,
    ),
    Request(
        "iam", "PutRolePolicy", RoleName=BARE_ROLE, PolicyName="too-large", PolicyDocument=_too_large_policy
    ).refused(
        "role-policy-too-large", remedy_of(Role, "LimitExceeded", "policy size"), engine_limit=ENGINE_TAKES_IT
    ),
    AwsClaim(
        id="role-case",
        text="IAM finds a role whatever the case of its name, and answers with the name that it was given.",
        relied_on=("provisioners/role.py: Role.conflict",),
        check=_role_whatever_case,
        needs=("bare_role",),
        engine_limit="the embedded engine tells names of roles apart by their case",
    ),
    Request("kms", "DescribeKey", KeyId=MISSING_ALIAS).answered("key-missing", Key, NOT_FOUND),
    Request("kms", "DeleteAlias", AliasName=MISSING_ALIAS).answered("key-alias-missing", Key, NOT_FOUND),
    Request("kms", "CreateAlias", AliasName=StackValue("key.name"), TargetKeyId=_key_id).answered(
        "key-alias-exists", Key, "AlreadyExistsException"
    ),
    Request("kms", "CancelKeyDeletion", KeyId=_key_id).answered(
        "key-no-deletion-to-cancel",
        Key,
        "KMSInvalidStateException",
        needs=("key",),
        engine_limit="the embedded engine takes it",
    ),
    Request(
        "kms", "PutKeyPolicy", KeyId=_key_id, PolicyName="default", Policy=_key_policy_for_missing_role
    ).refused(
        "key-unknown-principal",
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
        covers=tuple((None, remedy) for remedy in COMMON if remedy.codes == DENIED and not remedy.contains),
        text=f"A caller without the right is denied with one of {', '.join(DENIED)}, by every service.",
        relied_on=("aws_errors.py: DENIED",),
        check=_denials,
        sequence="probe",
        needs=("probe",),
        engine_limit=NO_PERMISSIONS,
    ),
)
