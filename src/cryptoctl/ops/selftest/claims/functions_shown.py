"""What Lambda shows of functions."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, compare, differs, holds
from cryptoctl.provisioners.resource_permission import ResourcePermission, statements_in

NO_PERMISSIONS = "the embedded engine checks no permissions"
EVERYBODY = "everybody"
OTHERS_URL = ResourcePermission(
    principal="*", action="lambda:InvokeFunctionUrl", function_url_auth_type="NONE"
)


def _url_statement(context: CheckContext) -> Evidence:
    name = context.stack.probe.name
    context.aws.call("lambda", "AddPermission", FunctionName=name, StatementId=EVERYBODY, **OTHERS_URL.params)
    try:
        statement = statements_in(context.aws.call("lambda", "GetPolicy", FunctionName=name)).get(EVERYBODY)
    finally:
        context.aws.call("lambda", "RemovePermission", FunctionName=name, StatementId=EVERYBODY)
    return compare(statement, OTHERS_URL.normal_form)


def _tags_are_shown(context: CheckContext) -> Evidence:
    response = context.aws.call("lambda", "GetFunction", FunctionName=context.stack.probe.name)
    return compare(response.get("Tags"), context.stack.scope.tags)


def _code_is_known(context: CheckContext) -> Evidence:
    response = context.aws.call("lambda", "GetFunction", FunctionName=context.stack.webhook.name)
    return compare(response["Configuration"]["CodeSha256"], context.stack.code.sha256)


def _probe_answer(context: CheckContext, key: str) -> Any:
    request = ("lambda", "get_function", {"FunctionName": context.stack.probe.name})
    invoked = context.invoke({"ask": [request]})
    return invoked.result["asked"][0].get(key) if not invoked.error else invoked.result


def _tags_withheld(context: CheckContext) -> Evidence:
    tags_error = _probe_answer(context, "tags_error")
    return holds(f"TagsError {tags_error}") if tags_error else differs("no TagsError")


def _variables_withheld(context: CheckContext) -> Evidence:
    variables_error = _probe_answer(context, "variables_error") or {}
    code = str(variables_error.get("ErrorCode"))
    if "AccessDenied" in code:
        return holds(f"Environment.Error {code}")
    return differs(f"Environment.Error {variables_error}")


def _failure_is_told(context: CheckContext) -> Evidence:
    invoked = context.invoke({"do": "raise", "text": "as it was told"})
    seen = (invoked.error, invoked.result.get("errorType"), invoked.result.get("errorMessage"))
    return compare(seen, ("Unhandled", "RuntimeError", "as it was told"))


def _quota_is_told(context: CheckContext) -> Evidence:
    limit = context.aws.call("lambda", "GetAccountSettings")["AccountLimit"]
    numbers = {name: limit.get(name) for name in ("ConcurrentExecutions", "UnreservedConcurrentExecutions")}
    if all(isinstance(number, int) for number in numbers.values()):
        return holds(str(numbers))
    return differs(str(limit))


FUNCTIONS_SHOWN = (
    AwsClaim(
        id="function-url-statement",
        text="A statement for a function URL is shown with its condition as AddPermission was given it.",
        relied_on=("provisioners/resource_permission.py: ResourcePermission.normal_form",),
        check=_url_statement,
        needs=("probe",),
    ),
    AwsClaim(
        id="function-tags-shown",
        text="GetFunction answers with the tags that were given as the function was created.",
        relied_on=("provisioners/function_configuration.py: tags_of",),
        check=_tags_are_shown,
        needs=("probe",),
    ),
    AwsClaim(
        id="function-tags-withheld",
        text="Without lambda:ListTags, GetFunction answers without tags and with TagsError.",
        relied_on=("provisioners/function_configuration.py: tags_of",),
        check=_tags_withheld,
        sequence="probe",
        needs=("probe",),
        engine_limit=NO_PERMISSIONS,
    ),
    AwsClaim(
        id="function-variables-withheld",
        text="Without kms:Decrypt, GetFunction answers with an Environment.Error of the code AccessDenied….",
        relied_on=("provisioners/function_configuration.py: unreadable_variables",),
        check=_variables_withheld,
        sequence="probe",
        needs=("probe",),
        engine_limit=NO_PERMISSIONS,
    ),
    AwsClaim(
        id="function-code-hash",
        text="CodeSha256 is the base64 of the SHA-256 of the zip that was sent.",
        relied_on=("bundle.py: Code.sha256", "provisioners/function.py: CodeSha256"),
        check=_code_is_known,
        needs=("webhook",),
    ),
    AwsClaim(
        id="function-failure-told",
        text="An invocation that fails is answered with FunctionError, errorType and errorMessage.",
        relied_on=("ops/invoking.py: invoke",),
        check=_failure_is_told,
        sequence="probe",
        needs=("probe",),
    ),
    AwsClaim(
        id="function-quota",
        text="GetAccountSettings tells the account's concurrent executions, and how many are unreserved.",
        relied_on=("provisioners/function.py: Function.preflight",),
        check=_quota_is_told,
    ),
)
