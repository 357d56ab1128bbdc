"""What Lambda and IAM answer of a function, in the form in which it is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptoctl.aws_errors import one_line
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile import Delta, Response, Value

NO_ROLE = "none"
EARLIER_ROLE = "an earlier role of that name"
PASSING = ("Throttling", "Internal")  # in the codes of what Lambda could not decrypt at the moment

AS_REQUESTED = ("Runtime", "Handler", "MemorySize", "Timeout", "Role", "KMSKeyArn")
"""The fields of the configuration that requests and answers name as they are compared."""
CONFIGURATION = (
    *AS_REQUESTED,
    *("DeadLetterTargetArn", "LogFormat", "LogGroup", "LogLevels", "TracingMode", "Environment"),
)


def configuration_differs(delta: Delta) -> bool:
    """Whether the configuration must be sent: it differs, or its last change did not succeed."""
    return delta.old("LastUpdateStatus") == "Failed" or delta.touches(*CONFIGURATION)


def tags_of(name: str, response: Response) -> dict[str, str]:
    """The tags in a GetFunction answer.

    Raises Failure where these credentials may not read them: without them nothing says whose it is.
    """
    if error := response.get("TagsError"):
        raise _unreadable("tags", name, error, "lambda:ListTags on the function")
    return dict(response.get("Tags") or {})


def unreadable_variables(name: str, response: Response) -> Failure | None:
    """Why a GetFunction answer has no variables, where these credentials may not read them, or not now."""
    error = (response["Configuration"].get("Environment") or {}).get("Error") or {}
    code = str(error.get("ErrorCode"))
    if "AccessDenied" in code:
        return _unreadable("environment variables", name, error, "kms:Decrypt on the environment's key")
    if any(passing_code in code for passing_code in PASSING):
        return _unreadable("environment variables", name, error)
    return None


def _unreadable(what: str, name: str, error: Mapping[str, Any], permission: str | None = None) -> Failure:
    return Failure(
        ExitCode.AWS,
        f"The {what} of function {name} cannot be read: {one_line(str(error.get('Message')))}",
        f"These credentials need {permission}: attach the policy that `cryptoctl iam-policy` prints."
        if permission
        else "It is Lambda that could not read them: wait a minute.",
    )


def normal_configuration(configuration: Mapping[str, Any]) -> dict[str, Value]:
    """The function's configuration under the names of `Function.desired`."""
    logging = configuration.get("LoggingConfig") or {}
    return {
        "State": "Failed" if configuration.get("State") == "Failed" else "Active",
        "LastUpdateStatus": _last_update(configuration),
        "PackageType": configuration.get("PackageType", "Zip"),
        "CodeSha256": configuration.get("CodeSha256"),
        "Architectures": tuple(configuration.get("Architectures") or ("x86_64",)),
        **{name: configuration.get(name) for name in AS_REQUESTED},
        "DeadLetterTargetArn": (configuration.get("DeadLetterConfig") or {}).get("TargetArn"),
        "LogFormat": logging.get("LogFormat"),
        "LogGroup": logging.get("LogGroup"),
        "LogLevels": (logging.get("ApplicationLogLevel", "INFO"), logging.get("SystemLogLevel", "INFO")),
        "TracingMode": (configuration.get("TracingConfig") or {}).get("Mode", "PassThrough"),
        "Environment": (configuration.get("Environment") or {}).get("Variables") or {},
    }


def role_id(role: Response | None, last_modified: str) -> str:
    """The id of the role that the function was configured with, as far as the role's age tells.

    `last_modified` is the function's, in ISO 8601.
    """
    if role is None:
        return NO_ROLE
    created: datetime = role["Role"]["CreateDate"]
    younger = created.astimezone(UTC) > datetime.fromisoformat(last_modified)
    return EARLIER_ROLE if younger else str(role["Role"]["RoleId"])


def _last_update(configuration: Mapping[str, Any]) -> str:
    if configuration.get("State") == "Pending":
        return "Pending"
    return str(configuration.get("LastUpdateStatus") or "Successful")


def attached_notes(name: str, configuration: Mapping[str, Value]) -> Iterator[str]:
    """A sentence each where the function cannot be invoked, where it has layers, and where it is in a VPC."""
    if (state := configuration.get("State")) in ("Deactivating", "Deactivated", "ActiveNonInvocable"):
        yield (
            f"function {name} is {state} and cannot be invoked: `aws lambda get-function-configuration "
            f"--function-name {name}` says why (StateReason)"
        )
    if layers := [layer["Arn"] for layer in configuration.get("Layers") or ()]:
        yield (
            f"function {name} runs with layers that cryptoctl did not give it ({', '.join(layers)}): their "
            "code sees all that the function sees, and may keep it from starting; `aws lambda "
            f"update-function-configuration --layers [] --function-name {name}` takes them off"
        )
    if vpc := (configuration.get("VpcConfig") or {}).get("VpcId"):
        yield (
            f"function {name} runs in {vpc}, and reaches the table, topics and queues only through endpoints "
            "or a NAT there: `aws lambda update-function-configuration --vpc-config SubnetIds=[],"
            f"SecurityGroupIds=[] --function-name {name}` takes it out"
        )


def reserves_more(delta: Delta) -> int:
    """How many more concurrent executions are to be reserved than are."""
    field = "ReservedConcurrentExecutions"
    return int(delta.desired[field] or 0) - int(delta.old(field) or 0)
