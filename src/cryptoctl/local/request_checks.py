"""Requests that AWS refuses and ministack would take: the mistakes our own stack could make.

Each is refused with the code and the stable piece of the message that AWS uses, before ministack sees it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from cryptoctl.local.checks import Check, PathCheck
from cryptoctl.local.functions.function import split_name
from cryptoctl.local.http import HttpRequest, ServiceError, check_range, violation
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.logs.patterns import PatternError, compile_pattern
from cryptoctl.local.mappings.settings import invalid

RUNTIMES: Final = re.compile(
    r"python3\.(9|1[0-5])|nodejs(18|20|22|24)\.x|java(8\.al2|11|17|21|25)|dotnet(8|10)|ruby3\.[2-5]"
    r"|provided\.al2(023)?"
)
ONLY_PYTHON: Final[str] = "The embedded engine runs only Python functions, from code in ZipFile."
UNRESERVED: Final[int] = 100
RESERVED_VARIABLES: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
_NAME: Final = re.compile(
    r"(arn:aws:lambda:[a-z0-9-]+:\d{12}:function:|(\d{12}:)?(function:)?)[\w-]{1,64}", re.ASCII
)
_VARIABLE: Final = re.compile(r"[a-zA-Z]\w+", re.ASCII)
VARIABLES_BYTES: Final[int] = 4096
_RANGES: Final[dict[str, tuple[int, int]]] = {"Timeout": (1, 900), "MemorySize": (128, 10_240)}
_INVOKE_RANGES: Final[dict[str, tuple[int, int]]] = {
    "MaximumRetryAttempts": (0, 2),
    "MaximumEventAgeInSeconds": (60, 21_600),
}
_LOG_NAMES: Final[dict[str, re.Pattern[str]]] = {
    "logGroupName": re.compile(r"[\w./#-]{1,512}", re.ASCII),
    "logStreamName": re.compile(r"[^:*]{1,512}"),
}
_INVOKE_CONFIG: Final = re.compile(r"/2019-09-25/functions/([^/]+)/event-invoke-config")


def _check_ranges(params: Mapping[str, Any], ranges: Mapping[str, tuple[int, int]]) -> None:
    for name, (low, high) in ranges.items():
        if params.get(name) is not None:
            check_range(name, params[name], low, high)


async def _function(client: InternalClient, request: HttpRequest) -> None:
    params = request.json
    await _code(client, request)
    name = params.get("FunctionName")
    if name is not None and not _NAME.fullmatch(name):
        raise violation(
            "FunctionName", name, f"Member must satisfy regular expression pattern: {_NAME.pattern}"
        )
    _check_ranges(params, _RANGES)
    runtime = params.get("Runtime")
    if runtime is not None and not RUNTIMES.fullmatch(runtime):
        problem = "failed to satisfy constraint: Member must satisfy enum value set"
        raise invalid(f"Value {runtime} at 'runtime' {problem}")
    if runtime is not None and not runtime.startswith("python"):
        raise invalid(ONLY_PYTHON)
    unknown = [
        architecture
        for architecture in params.get("Architectures") or []
        if architecture not in ("arm64", "x86_64")
    ]
    if unknown:
        raise ServiceError(
            "ValidationException", f"Value '{unknown}' at 'architectures' failed to satisfy constraint"
        )
    log_format = (params.get("LoggingConfig") or {}).get("LogFormat")
    if log_format not in (None, "JSON", "Text"):
        raise ServiceError(
            "ValidationException", f"Value '{log_format}' at 'loggingConfig.logFormat' failed to satisfy"
        )
    _check_variables((params.get("Environment") or {}).get("Variables") or {})
    if params.get("Role"):
        await _role_exists(client, params["Role"], request.region)
    target = (params.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and not await _exists(client, request.region, target):
        raise invalid(f"The target of the dead letter config does not exist: {target}")


def _check_variables(variables: Mapping[str, str]) -> None:
    problem = "Lambda was unable to configure your environment variables because the environment variables"
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            pattern = f"Member must satisfy regular expression pattern: {_VARIABLE.pattern}"
            raise violation("environment.variables", name, pattern)
    reserved = sorted(RESERVED_VARIABLES & set(variables))
    if reserved:
        raise invalid(
            f"{problem} you have provided contains reserved keys that are currently not supported for "
            f"modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    if len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode()) > VARIABLES_BYTES:
        raise invalid(f"{problem} you have provided exceeded the 4KB limit.")


async def _deletion(_client: InternalClient, request: HttpRequest) -> None:
    _, qualifier = split_name(unquote(request.path.split("/")[3]))
    if request.query.get("Qualifier", qualifier) == "$LATEST":
        raise invalid("$LATEST version cannot be deleted without deleting the function.")


async def _code(_client: InternalClient, request: HttpRequest) -> None:
    """Code comes with the request: nothing is fetched from elsewhere."""
    code = request.json.get("Code") or request.json
    if code.get("ImageUri") or code.get("S3Bucket") or request.json.get("PackageType") == "Image":
        raise invalid(ONLY_PYTHON)


async def _role_exists(client: InternalClient, arn: str, region: str) -> None:
    try:
        await client.form("iam", "GetRole", region, RoleName=arn.rpartition("/")[2])
    except ServiceError as error:
        raise invalid("The role defined for the function cannot be assumed by Lambda.") from error


async def _exists(client: InternalClient, region: str, arn: str) -> bool:
    """Whether a queue, topic or function is there. What else it may be is not looked at."""
    if not re.fullmatch(r"arn(:[^:]*){4,}:[^:]+", arn):
        return False
    service, name = arn.split(":")[2], arn.rpartition(":")[2]
    try:
        if service == "sqs":
            await client.json("sqs", "GetQueueUrl", region, QueueName=name)
        elif service == "sns":
            await client.form("sns", "GetTopicAttributes", region, TopicArn=arn)
        elif service == "lambda":
            await client.rest("GET", f"/2015-03-31/functions/{split_name(arn)[0]}", region)
    except ServiceError:
        return False
    return True


async def _invoke_config(client: InternalClient, request: HttpRequest) -> None:
    _check_ranges(request.json, _INVOKE_RANGES)
    for destination in (request.json.get("DestinationConfig") or {}).values():
        arn = (destination or {}).get("Destination")
        if arn and not await _exists(client, request.region, arn):
            raise invalid(f"The destination ARN {arn} is invalid.")


async def _concurrency(client: InternalClient, request: HttpRequest) -> None:
    """Some concurrency must stay unreserved, whatever the account's quota is."""
    reserved = request.json.get("ReservedConcurrentExecutions")
    if reserved is None:
        return
    if reserved < 0:
        _check_ranges(request.json, {"ReservedConcurrentExecutions": (0, 1_000_000)})
    name = unquote(request.path.split("/")[3])
    response = await client.rest("GET", "/2016-08-19/account-settings/", request.region)
    limits = json.loads(response.body)["AccountLimit"]
    function = json.loads((await client.rest("GET", f"/2015-03-31/functions/{name}", request.region)).body)
    reserved_now = (function.get("Concurrency") or {}).get("ReservedConcurrentExecutions") or 0
    unreserved = limits["UnreservedConcurrentExecutions"] + reserved_now - reserved
    if unreserved < UNRESERVED:
        raise invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED}]."
        )


async def _log_names(_client: InternalClient, request: HttpRequest) -> None:
    for member, pattern in _LOG_NAMES.items():
        name = request.json.get(member)
        if name is not None and not pattern.fullmatch(name):
            constraint = f"Member must satisfy regular expression pattern: {pattern.pattern}"
            raise ServiceError("InvalidParameterException", violation(member, name, constraint).message)


async def _subscription(client: InternalClient, request: HttpRequest) -> None:
    params = request.json
    destination = str(params.get("destinationArn", ""))
    if destination.split(":")[2:3] not in (["lambda"], ["kinesis"], ["firehose"], ["logs"]):
        raise ServiceError(
            "InvalidParameterException", f"Invalid destination for a subscription filter: {destination}"
        )
    try:
        compile_pattern(params.get("filterPattern") or "")
    except PatternError as error:
        raise ServiceError("InvalidParameterException", f"Invalid filter pattern: {error}") from error
    group = params["logGroupName"]
    response = await client.json("logs", "DescribeSubscriptionFilters", request.region, logGroupName=group)
    others = [
        subscription_filter
        for subscription_filter in response["subscriptionFilters"]
        if subscription_filter["filterName"] != params["filterName"]
    ]
    if len(others) >= 2:
        raise ServiceError("LimitExceededException", "Resource limit exceeded.")
    if destination.split(":")[2] == "lambda":
        await _may_be_invoked_by_logs(client, request.region, destination)


async def _may_be_invoked_by_logs(client: InternalClient, region: str, function: str) -> None:
    try:
        response = await client.rest("GET", f"/2015-03-31/functions/{split_name(function)[0]}/policy", region)
        policy = json.loads(json.loads(response.body)["Policy"])
    except ServiceError:
        policy = {"Statement": []}
    for statement in policy["Statement"]:
        principal = statement.get("Principal")
        service = principal.get("Service", "") if isinstance(principal, dict) else str(principal)
        if service.startswith("logs.") or service == "*":
            return
    raise ServiceError(
        "InvalidParameterException",
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission "
        "to execute your function.",
    )


CHECKS: Final[dict[str, Check]] = {
    "Logs.CreateLogGroup": _log_names,
    "Logs.CreateLogStream": _log_names,
    "Logs.PutSubscriptionFilter": _subscription,
}
PATH_CHECKS: Final[tuple[PathCheck, ...]] = (
    ("POST", re.compile(r"/2015-03-31/functions/?"), _function),
    ("DELETE", re.compile(r"/2015-03-31/functions/([^/]+)"), _deletion),
    ("PUT", re.compile(r"/2015-03-31/functions/([^/]+)/configuration"), _function),
    ("PUT", re.compile(r"/2015-03-31/functions/([^/]+)/code"), _code),
    ("PUT", re.compile(r"/20\d\d-\d\d-\d\d/functions/([^/]+)/concurrency"), _concurrency),
    ("PUT", _INVOKE_CONFIG, _invoke_config),
    ("POST", _INVOKE_CONFIG, _invoke_config),
)
