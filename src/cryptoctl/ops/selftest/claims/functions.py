"""What Lambda refuses of functions."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import exact_code, remedy_of, retry_rule
from cryptoctl.ops.selftest.environment import PROBE
from cryptoctl.ops.selftest.provoking import Making, provoked
from cryptoctl.provisioners.function import NOT_FOUND, Function
from cryptoctl.provisioners.function_errors import INVALID
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.provisioners.resource_permission import logs_may_invoke
from cryptoctl.provisioners.role import Role
from cryptoctl.reconcile.call import Call, call
from cryptoctl.stack_parts import RUNTIME

EXISTS = "ResourceConflictException"
NO_ROLE_CHECK = "the embedded engine does not ask what a role may do, or who may assume it"
TOO_LARGE = {"Variables": {"A": "x" * 4096}}


def _create(name: str, role: Role, context: CheckContext, *, runtime: str = RUNTIME, **more: Any) -> Call:
    stack = context.stack
    return call(
        "lambda",
        "CreateFunction",
        FunctionName=context.named(name),
        Role=role.arn,
        Runtime=runtime,
        Handler=f"{PROBE}.handler",
        Code={"ZipFile": stack.probe.code.zip_bytes},
        Tags=stack.scope.tags,
        **more,
    )


def _delete(name: str) -> Making:
    return lambda context: call("lambda", "DeleteFunction", FunctionName=context.named(name))


def _of_probe(operation: str, **params: Any) -> Making:
    return lambda context: call("lambda", operation, FunctionName=context.stack.probe.name, **params)


def _without_rights(context: CheckContext) -> Call:
    target = {"TargetArn": context.stack.probe_dead_letters.arn}
    return _create("powerless", context.stack.bare_role, context, DeadLetterConfig=target)


def _all_concurrency(context: CheckContext) -> Call:
    limit = context.aws.call("lambda", "GetAccountSettings")["AccountLimit"]["ConcurrentExecutions"]
    return _of_probe("PutFunctionConcurrency", ReservedConcurrentExecutions=int(limit))(context)


def _destination(arn: str) -> dict[str, Any]:
    return {"OnSuccess": {"Destination": arn}}


def _missing_destination(context: CheckContext) -> Call:
    arn = context.stack.scope.arn("sns", context.named("missing"))
    return _of_probe("PutFunctionEventInvokeConfig", DestinationConfig=_destination(arn))(context)


def _forbidden_destination(context: CheckContext) -> Call:
    stack = context.stack
    return call(
        "lambda",
        "PutFunctionEventInvokeConfig",
        FunctionName=stack.webhook.name,
        DestinationConfig=_destination(stack.success.arn),
    )


FUNCTIONS = (
    provoked(
        "function-missing",
        lambda context: call("lambda", "GetFunction", FunctionName=context.named("missing")),
        exact_code(Function, "lambda", "GetFunction", NOT_FOUND),
    ),
    provoked(
        "function-delete-missing",
        lambda context: call("lambda", "DeleteFunction", FunctionName=context.named("missing")),
        exact_code(Function, "lambda", "DeleteFunction", NOT_FOUND),
    ),
    provoked(
        "function-exists",
        lambda context: _create(PROBE, context.stack.probe_role, context),
        exact_code(Function, "lambda", "CreateFunction", EXISTS),
        needs=("probe",),
    ),
    provoked(
        "function-role-not-assumable",
        lambda context: _create("strange", context.stack.stranger_role, context),
        retry_rule(Function, INVALID, "cannot be assumed by Lambda"),
        needs=("stranger_role", "probe"),
        undo=_delete("strange"),
        engine_limit=NO_ROLE_CHECK,
    ),
    provoked(
        "function-role-without-permission",
        _without_rights,
        retry_rule(Function, INVALID, "execution role does not have permissions"),
        needs=("bare_role", "probe"),
        undo=_delete("powerless"),
        engine_limit=NO_ROLE_CHECK,
    ),
    provoked(
        "function-variables-too-large",
        lambda context: _create("too-large", context.stack.probe_role, context, Environment=TOO_LARGE),
        remedy_of(Function, INVALID, "environment variables"),
        needs=("probe",),
        undo=_delete("too-large"),
        engine_limit="the embedded engine takes larger variables",
    ),
    provoked(
        "function-runtime-unknown",
        lambda context: _create("unknown-runtime", context.stack.probe_role, context, runtime="python9.9"),
        remedy_of(Function, INVALID, "runtime"),
        needs=("probe",),
        undo=_delete("unknown-runtime"),
    ),
    provoked(
        "function-concurrency-too-high",
        _all_concurrency,
        retry_rule(Function, INVALID, "UnreservedConcurrentExecution"),
        needs=("probe",),
        undo=_of_probe("DeleteFunctionConcurrency"),
    ),
    provoked(
        "function-another-change",
        _of_probe("UpdateFunctionConfiguration", Description="second"),
        retry_rule(Function, "ResourceConflictException"),
        needs=("probe",),
        prepare=_of_probe("UpdateFunctionConfiguration", Description="first"),
        may_be_over="the first change was done before the second one came",
    ),
    provoked(
        "function-permission-exists",
        lambda context: call(
            "lambda",
            "AddPermission",
            FunctionName=context.stack.notifier.name,
            StatementId="webhook-errors",
            **logs_may_invoke(context.stack.webhook_logs).params,
        ),
        exact_code(Function, "lambda", "AddPermission", EXISTS),
        needs=("notifier",),
    ),
    provoked(
        "function-permission-missing",
        _of_probe("RemovePermission", StatementId="missing"),
        exact_code(Function, "lambda", "RemovePermission", NOT_FOUND),
        needs=("probe",),
    ),
    provoked(
        "function-destination-missing",
        _missing_destination,
        retry_rule(InvokeConfig, INVALID, "destination"),
        needs=("probe_invocations",),
    ),
    provoked(
        "function-destination-without-permission",
        _forbidden_destination,
        retry_rule(InvokeConfig, INVALID, "does not have permissions"),
        needs=("webhook", "success"),
        undo=lambda context: call(
            "lambda", "DeleteFunctionEventInvokeConfig", FunctionName=context.stack.webhook.name
        ),
        engine_limit=NO_ROLE_CHECK,
    ),
    provoked(
        "function-invoke-config-missing",
        lambda context: call(
            "lambda", "DeleteFunctionEventInvokeConfig", FunctionName=context.stack.notifier.name
        ),
        exact_code(InvokeConfig, "lambda", "DeleteFunctionEventInvokeConfig", NOT_FOUND),
        needs=("notifier",),
    ),
)
