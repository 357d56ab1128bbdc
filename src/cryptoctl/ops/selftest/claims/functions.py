"""What Lambda refuses of functions."""

from __future__ import annotations

from typing import Any

from cryptoctl.ops.selftest.bench import Bench
from cryptoctl.ops.selftest.claim import exact_code, remedy_of, retry_rule
from cryptoctl.ops.selftest.environment import PROBE
from cryptoctl.ops.selftest.provoking import Making, provoked
from cryptoctl.provisioners.function import NOT_FOUND, Function
from cryptoctl.provisioners.function_errors import INVALID
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.provisioners.resource_permission import logs_may_invoke
from cryptoctl.provisioners.role import Role
from cryptoctl.reconcile.call import Call
from cryptoctl.stack_parts import RUNTIME

EXISTS = "ResourceConflictException"
NO_ROLE_CHECK = "the embedded engine does not ask what a role may do, or who may assume it"
LARGEST_VARIABLE = "x" * 4096


def _lambda(operation: str, **params: Any) -> Call:
    return Call(service="lambda", operation=operation, params=params)


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


FUNCTIONS = (
    provoked(
        "function-missing",
        lambda bench: _lambda("GetFunction", FunctionName=bench.named("missing")),
        exact_code(Function, "lambda", "GetFunction", NOT_FOUND),
    ),
    provoked(
        "function-delete-missing",
        lambda bench: _lambda("DeleteFunction", FunctionName=bench.named("missing")),
        exact_code(Function, "lambda", "DeleteFunction", NOT_FOUND),
    ),
    provoked(
        "function-exists",
        lambda bench: _create(PROBE, bench.stack.probe_role, bench),
        exact_code(Function, "lambda", "CreateFunction", EXISTS),
        needs=("probe",),
    ),
    provoked(
        "function-role-not-assumable",
        lambda bench: _create("strange", bench.stack.stranger_role, bench),
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
        _too_large,
        remedy_of(Function, INVALID, "environment variables"),
        needs=("probe",),
        undo=_delete("too-large"),
        engine_limit="the embedded engine takes larger variables",
    ),
    provoked(
        "function-runtime-unknown",
        _unknown_runtime,
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
        lambda bench: _lambda(
            "AddPermission",
            FunctionName=bench.stack.notifier.name,
            StatementId="webhook-errors",
            **logs_may_invoke(bench.stack.webhook_logs).params,
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
        undo=lambda bench: _lambda("DeleteFunctionEventInvokeConfig", FunctionName=bench.stack.webhook.name),
        engine_limit=NO_ROLE_CHECK,
    ),
    provoked(
        "function-invoke-config-missing",
        lambda bench: _lambda("DeleteFunctionEventInvokeConfig", FunctionName=bench.stack.notifier.name),
        exact_code(InvokeConfig, "lambda", "DeleteFunctionEventInvokeConfig", NOT_FOUND),
        needs=("notifier",),
    ),
)
