"""Lambda's functions: what it refuses, and what it shows of them."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.selftest.bench import Bench
from cryptoctl.ops.selftest.claim import (
    AnswerCode,
    AwsClaim,
    Evidence,
    compared,
    differs,
    holds,
    remedy_of,
    retry_rule,
)
from cryptoctl.ops.selftest.environment import PROBE
from cryptoctl.ops.selftest.provoking import Making, provoked
from cryptoctl.provisioners.function import NOT_FOUND, Function
from cryptoctl.provisioners.function_errors import INVALID
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.provisioners.resource_permission import ResourcePermission, logs_may_invoke, statements_in
from cryptoctl.provisioners.role import Role
from cryptoctl.reconcile.call import Call
from cryptoctl.stack_parts import RUNTIME

EXISTS = "ResourceConflictException"
NO_ROLE_CHECK = "the embedded engine does not ask what a role may do, or who may assume it"
NO_PERMISSIONS = "the embedded engine checks no permissions"
EVERYBODY = "everybody"
LARGEST_VARIABLE = "x" * 4096
OTHERS_URL = ResourcePermission(
    principal="*", action="lambda:InvokeFunctionUrl", function_url_auth_type="NONE"
)


def _lambda(operation: str, **params: Any) -> Call:
    return Call(service="lambda", operation=operation, params=params)


def _code(operation: str, *codes: str) -> AnswerCode:
    return AnswerCode(service="lambda", operation=operation, codes=codes)


def _create(name: str, role: Role, bench: Bench, **more: Any) -> Call:
    stack = bench.stack
    return _lambda(
        "CreateFunction",
        FunctionName=bench.named(name),
        Role=role.arn,
        Runtime=RUNTIME,
        Handler=f"{PROBE}.handler",
        Code={"ZipFile": stack.probe.code.zip_bytes},
        Tags=stack.scope.tags,
        **more,
    )


def _delete(name: str) -> Making:
    return lambda bench: _lambda("DeleteFunction", FunctionName=bench.named(name))


def _of_probe(operation: str, **params: Any) -> Making:
    return lambda bench: _lambda(operation, FunctionName=bench.stack.probe.name, **params)


def _without_rights(bench: Bench) -> Call:
    target = {"TargetArn": bench.stack.probe_dead_letters.arn}
    return _create("powerless", bench.stack.bare_role, bench, DeadLetterConfig=target)


def _too_large(bench: Bench) -> Call:
    variables = {"Variables": {"A": LARGEST_VARIABLE}}
    return _create("too-large", bench.stack.probe_role, bench, Environment=variables)


def _unknown_runtime(bench: Bench) -> Call:
    call = _create("unknown-runtime", bench.stack.probe_role, bench)
    return _lambda("CreateFunction", **{**call.params, "Runtime": "python9.9"})


def _all_concurrency(bench: Bench) -> Call:
    limit = bench.aws.call("lambda", "GetAccountSettings")["AccountLimit"]["ConcurrentExecutions"]
    return _of_probe("PutFunctionConcurrency", ReservedConcurrentExecutions=int(limit))(bench)


def _destination(arn: str) -> dict[str, Any]:
    return {"OnSuccess": {"Destination": arn}}


def _missing_destination(bench: Bench) -> Call:
    arn = bench.stack.scope.arn("sns", bench.named("missing"))
    return _of_probe("PutFunctionEventInvokeConfig", DestinationConfig=_destination(arn))(bench)


def _forbidden_destination(bench: Bench) -> Call:
    stack = bench.stack
    return _lambda(
        "PutFunctionEventInvokeConfig",
        FunctionName=stack.webhook.name,
        DestinationConfig=_destination(stack.success.arn),
    )


def _url_statement(bench: Bench) -> Evidence:
    name = bench.stack.probe.name
    bench.send(_lambda("AddPermission", FunctionName=name, StatementId=EVERYBODY, **OTHERS_URL.params))
    try:
        found = statements_in(bench.aws.call("lambda", "GetPolicy", FunctionName=name)).get(EVERYBODY)
    finally:
        bench.send(_lambda("RemovePermission", FunctionName=name, StatementId=EVERYBODY))
    return compared(found, OTHERS_URL.described)


def _tags_are_shown(bench: Bench) -> Evidence:
    found = bench.aws.call("lambda", "GetFunction", FunctionName=bench.stack.probe.name)
    return compared(found.get("Tags"), bench.stack.scope.tags)


def _code_is_known(bench: Bench) -> Evidence:
    found = bench.aws.call("lambda", "GetFunction", FunctionName=bench.stack.webhook.name)
    return compared(found["Configuration"]["CodeSha256"], bench.stack.code.sha256)


def _asked_by_probe(bench: Bench, operation: str, key: str) -> Any:
    look = ("lambda", operation, {"FunctionName": bench.stack.probe.name})
    answer = bench.invoke({"ask": [look]})
    return answer.payload["asked"][0].get(key) if not answer.error else answer.payload


def _tags_withheld(bench: Bench) -> Evidence:
    found = _asked_by_probe(bench, "get_function", "tags_error")
    return holds(f"TagsError {found}") if found else differs("no TagsError")


def _variables_withheld(bench: Bench) -> Evidence:
    found = _asked_by_probe(bench, "get_function", "variables_error") or {}
    code = str(found.get("ErrorCode"))
    return (
        holds(f"Environment.Error {code}")
        if "AccessDenied" in code
        else differs(f"Environment.Error {found}")
    )


def _failure_is_told(bench: Bench) -> Evidence:
    found = bench.invoke({"do": "raise", "text": "as it was told"})
    seen = (found.error, found.payload.get("errorType"), found.payload.get("errorMessage"))
    return compared(seen, ("Unhandled", "RuntimeError", "as it was told"))


def _quota_is_told(bench: Bench) -> Evidence:
    limit = bench.aws.call("lambda", "GetAccountSettings")["AccountLimit"]
    numbers = {name: limit.get(name) for name in ("ConcurrentExecutions", "UnreservedConcurrentExecutions")}
    return (
        holds(str(numbers))
        if all(isinstance(each, int) for each in numbers.values())
        else differs(str(limit))
    )


FUNCTIONS = (
    provoked(
        "function-missing",
        lambda bench: _lambda("GetFunction", FunctionName=bench.named("missing")),
        _code("GetFunction", NOT_FOUND),
        of=Function,
    ),
    provoked(
        "function-delete-missing",
        lambda bench: _lambda("DeleteFunction", FunctionName=bench.named("missing")),
        _code("DeleteFunction", NOT_FOUND),
        of=Function,
    ),
    provoked(
        "function-exists",
        lambda bench: _create(PROBE, bench.stack.probe_role, bench),
        _code("CreateFunction", EXISTS),
        of=Function,
        needs=("probe",),
    ),
    provoked(
        "function-role-not-assumable",
        lambda bench: _create("strange", bench.stack.stranger_role, bench),
        retry_rule(Function, INVALID, "cannot be assumed by Lambda"),
        of=Function,
        needs=("stranger_role", "probe"),
        undo=_delete("strange"),
        engine_lacks=NO_ROLE_CHECK,
    ),
    provoked(
        "function-role-without-permission",
        _without_rights,
        retry_rule(Function, INVALID, "execution role does not have permissions"),
        of=Function,
        needs=("bare_role", "probe"),
        undo=_delete("powerless"),
        engine_lacks=NO_ROLE_CHECK,
    ),
    provoked(
        "function-variables-too-large",
        _too_large,
        remedy_of(Function, INVALID, "environment variables"),
        of=Function,
        needs=("probe",),
        undo=_delete("too-large"),
        engine_lacks="the embedded engine takes larger variables",
    ),
    provoked(
        "function-runtime-unknown",
        _unknown_runtime,
        remedy_of(Function, INVALID, "runtime"),
        of=Function,
        needs=("probe",),
        undo=_delete("unknown-runtime"),
    ),
    provoked(
        "function-concurrency-too-high",
        _all_concurrency,
        remedy_of(Function, INVALID, "UnreservedConcurrentExecution"),
        of=Function,
        needs=("probe",),
        undo=_of_probe("DeleteFunctionConcurrency"),
    ),
    provoked(
        "function-another-change",
        _of_probe("UpdateFunctionConfiguration", Description="second"),
        retry_rule(Function, "ResourceConflictException"),
        of=Function,
        needs=("probe",),
        prepare=_of_probe("UpdateFunctionConfiguration", Description="first"),
        may_be_over="the first change was done before the second one came",
    ),
    provoked(
        "function-permission-exists",
        lambda bench: _lambda(
            "AddPermission",
            FunctionName=bench.stack.notifier.name,
            StatementId="webhook-errors",
            **logs_may_invoke(bench.stack.webhook_logs).params,
        ),
        _code("AddPermission", EXISTS),
        of=Function,
        needs=("notifier",),
    ),
    provoked(
        "function-permission-missing",
        _of_probe("RemovePermission", StatementId="missing"),
        _code("RemovePermission", NOT_FOUND),
        of=Function,
        needs=("probe",),
    ),
    provoked(
        "function-destination-missing",
        _missing_destination,
        retry_rule(InvokeConfig, INVALID, "destination"),
        of=InvokeConfig,
        needs=("probe_invocations",),
    ),
    provoked(
        "function-destination-without-permission",
        _forbidden_destination,
        retry_rule(InvokeConfig, INVALID, "does not have permissions"),
        of=InvokeConfig,
        needs=("webhook", "success"),
        undo=lambda bench: _lambda("DeleteFunctionEventInvokeConfig", FunctionName=bench.stack.webhook.name),
        engine_lacks=NO_ROLE_CHECK,
    ),
    provoked(
        "function-invoke-config-missing",
        lambda bench: _lambda("DeleteFunctionEventInvokeConfig", FunctionName=bench.stack.notifier.name),
        _code("DeleteFunctionEventInvokeConfig", NOT_FOUND),
        of=InvokeConfig,
        needs=("notifier",),
    ),
    AwsClaim(
        id="function-url-statement",
        text="A statement for a function URL is shown with its condition as AddPermission was given it.",
        relied_on=("provisioners/resource_permission.py: ResourcePermission.described",),
        check=_url_statement,
        lane="function",
        needs=("probe",),
    ),
    AwsClaim(
        id="function-tags-shown",
        text="GetFunction answers with the tags that were given as the function was created.",
        relied_on=("provisioners/function_configuration.py: tags_of",),
        check=_tags_are_shown,
        lane="function",
        needs=("probe",),
    ),
    AwsClaim(
        id="function-tags-withheld",
        text="Without lambda:ListTags, GetFunction answers without tags and with TagsError.",
        relied_on=("provisioners/function_configuration.py: tags_of",),
        check=_tags_withheld,
        lane="probe",
        needs=("probe",),
        engine_lacks=NO_PERMISSIONS,
    ),
    AwsClaim(
        id="function-variables-withheld",
        text="Without kms:Decrypt, GetFunction answers with an Environment.Error of the code AccessDenied….",
        relied_on=("provisioners/function_configuration.py: unreadable_variables",),
        check=_variables_withheld,
        lane="probe",
        needs=("probe",),
        engine_lacks=NO_PERMISSIONS,
    ),
    AwsClaim(
        id="function-code-hash",
        text="CodeSha256 is the base64 of the SHA-256 of the zip that was sent.",
        relied_on=("bundle.py: Bundle.sha256", "provisioners/function.py: CodeSha256"),
        check=_code_is_known,
        lane="function",
        needs=("webhook",),
    ),
    AwsClaim(
        id="function-failure-told",
        text="An invocation that fails is answered with FunctionError, errorType and errorMessage.",
        relied_on=("ops/invoking.py: invoke",),
        check=_failure_is_told,
        lane="probe",
        needs=("probe",),
    ),
    AwsClaim(
        id="function-quota",
        text="GetAccountSettings tells the account's concurrent executions, and how many are unreserved.",
        relied_on=("provisioners/function.py: Function.preflight",),
        check=_quota_is_told,
        lane="function",
    ),
)
