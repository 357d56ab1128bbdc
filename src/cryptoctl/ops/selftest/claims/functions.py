"""What Lambda refuses of functions."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import remedy_of, retry_rule
from cryptoctl.ops.selftest.environment import PROBE
from cryptoctl.ops.selftest.provoking import MISSING, Request, StackValue, resource_name, tags
from cryptoctl.provisioners.function import NOT_FOUND, Function
from cryptoctl.provisioners.function_errors import INVALID
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.stack_parts import RUNTIME

EXISTS = "ResourceConflictException"
NO_ROLE_CHECK = "the embedded engine does not ask what a role may do, or who may assume it"
TOO_LARGE = {"Variables": {"A": "x" * 4096}}


def _create(name: str, role: str, *, runtime: str = RUNTIME, **more: Any) -> Request:
    return Request(
        "lambda",
        "CreateFunction",
        FunctionName=resource_name(name),
        Role=StackValue(f"{role}.arn"),
        Runtime=runtime,
        Handler=f"{PROBE}.handler",
        Code=lambda context: {"ZipFile": context.stack.probe.code.zip_bytes},
        Tags=tags,
        **more,
    )


def _function_request(function: str, operation: str, **params: Any) -> Request:
    return Request("lambda", operation, FunctionName=StackValue(f"{function}.name"), **params)


def _delete(name: str) -> Request:
    return Request("lambda", "DeleteFunction", FunctionName=resource_name(name))


def _dead_letters(context: CheckContext) -> dict[str, str]:
    return {"TargetArn": context.stack.probe_dead_letters.arn}


def _all_concurrency(context: CheckContext) -> int:
    return int(context.aws.call("lambda", "GetAccountSettings")["AccountLimit"]["ConcurrentExecutions"])


def _missing_destination(context: CheckContext) -> dict[str, Any]:
    return {"OnSuccess": {"Destination": context.stack.scope.arn("sns", context.resource_name("missing"))}}


def _forbidden_destination(context: CheckContext) -> dict[str, Any]:
    return {"OnSuccess": {"Destination": context.stack.success.arn}}


FUNCTIONS = (
    Request("lambda", "GetFunction", FunctionName=MISSING).answered("function-missing", Function, NOT_FOUND),
    _delete("missing").answered("function-delete-missing", Function, NOT_FOUND),
    _create(PROBE, "probe_role").answered("function-exists", Function, EXISTS, needs=("probe",)),
    _create("strange", "stranger_role").refused(
        "function-role-not-assumable",
        retry_rule(Function, INVALID, "cannot be assumed by Lambda"),
        needs=("probe",),
        undo=_delete("strange"),
        engine_limit=NO_ROLE_CHECK,
    ),
    _create("powerless", "bare_role", DeadLetterConfig=_dead_letters).refused(
        "function-role-without-permission",
        retry_rule(Function, INVALID, "execution role does not have permissions"),
        needs=("probe",),
        undo=_delete("powerless"),
        engine_limit=NO_ROLE_CHECK,
    ),
    _create("too-large", "probe_role", Environment=TOO_LARGE).refused(
        "function-variables-too-large",
        remedy_of(Function, INVALID, "environment variables"),
        needs=("probe",),
        undo=_delete("too-large"),
        engine_limit="the embedded engine takes larger variables",
    ),
    _create("unknown-runtime", "probe_role", runtime="python9.9").refused(
        "function-runtime-unknown",
        remedy_of(Function, INVALID, "runtime"),
        needs=("probe",),
        undo=_delete("unknown-runtime"),
    ),
    _function_request(
        "probe", "PutFunctionConcurrency", ReservedConcurrentExecutions=_all_concurrency
    ).refused(
        "function-concurrency-too-high",
        retry_rule(Function, INVALID, "UnreservedConcurrentExecution"),
        undo=_function_request("probe", "DeleteFunctionConcurrency"),
    ),
    _function_request("probe", "UpdateFunctionConfiguration", Description="second").refused(
        "function-another-change",
        retry_rule(Function, "ResourceConflictException"),
        prepare=_function_request("probe", "UpdateFunctionConfiguration", Description="first"),
        acceptance_reason="the first change was done before the second one came",
    ),
    _function_request(
        "notifier",
        "AddPermission",
        StatementId="webhook-errors",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=lambda context: context.stack.webhook_logs.streams_arn,
        SourceAccount=lambda context: context.stack.scope.account,
    ).answered("function-permission-exists", Function, EXISTS),
    _function_request("probe", "RemovePermission", StatementId="missing").answered(
        "function-permission-missing", Function, NOT_FOUND
    ),
    _function_request(
        "probe", "PutFunctionEventInvokeConfig", DestinationConfig=_missing_destination
    ).refused(
        "function-destination-missing",
        retry_rule(InvokeConfig, INVALID, "destination"),
        needs=("probe_invocations",),
    ),
    _function_request(
        "webhook", "PutFunctionEventInvokeConfig", DestinationConfig=_forbidden_destination
    ).refused(
        "function-destination-without-permission",
        retry_rule(InvokeConfig, INVALID, "does not have permissions"),
        needs=("success",),
        undo=_function_request("webhook", "DeleteFunctionEventInvokeConfig"),
        engine_limit=NO_ROLE_CHECK,
    ),
    _function_request("notifier", "DeleteFunctionEventInvokeConfig").answered(
        "function-invoke-config-missing", InvokeConfig, NOT_FOUND
    ),
)
