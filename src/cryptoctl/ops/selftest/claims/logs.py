"""CloudWatch Logs: what the platform writes, what the filter for errors matches, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptoctl.error_filter import ERROR_PATTERN
from cryptoctl.handlers import log_events
from cryptoctl.ops.selftest.check_context import LOGGED_WITHIN_S, CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, holds, remedy_of, retry_rule
from cryptoctl.ops.selftest.provoking import Request, StackValue, resource_name
from cryptoctl.provisioners.log_group import NOT_FOUND, LogGroup
from cryptoctl.provisioners.log_subscription import LogSubscription

STREAM = "selftest"
HARMLESS = {"level": "INFO", "message": 'a user wrote "level":"ERROR" and an error'}
OURS = {"level": "ERROR", "message": "made by the self-test", "function": "selftest", "requestId": "selftest"}
PATTERN_OF = ("error_filter.py: ERROR_PATTERN", "handlers/log_events.py")


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _check_platform_line(
    failure: str, fits: Callable[[dict[str, Any]], bool]
) -> Callable[[CheckContext], Evidence]:
    """The end of an invocation in Lambda's own words, found by the filter for errors."""

    def check(context: CheckContext) -> Evidence:
        request = context.invoke({"do": failure, "text": "the self-test's own failure"}).request_id
        lines: list[str] = []

        def found() -> str | None:
            matched = context.lines(context.stack.probe_logs, ERROR_PATTERN)
            lines[:] = [line for line in matched if request in line]
            return next((line for line in lines if fits(log_events.json_object(line))), None)

        line = context.retry.until(found, "the log line", LOGGED_WITHIN_S)
        if line is None:
            logged = [
                text for text in context.lines(context.stack.probe_logs, f'"{request}"') if request in text
            ]
            return differs(f"the filter matches {lines}; the log has {logged}")
        event = log_events.read({"message": line})
        return holds(f"{line.strip()} (read as: {event.message})")

    return check


def _is_report(**members: str) -> Callable[[dict[str, Any]], bool]:
    def fits(line: dict[str, Any]) -> bool:
        record = line.get("record")
        return (
            line.get("type") == "platform.report"
            and isinstance(record, dict)
            and members.items() <= record.items()
        )

    return fits


def _error_line(line: dict[str, Any]) -> bool:
    return (
        line.get("log_level") == "ERROR"
        and line.get("errorType") == "RuntimeError"
        and bool(line.get("stackTrace"))
    )


def _only_errors(context: CheckContext) -> Evidence:
    lines = [_line({**fields, "mark": mark}) for fields, mark in ((HARMLESS, "harmless"), (OURS, "ours"))]
    context.invoke({"lines": lines})
    ours = context.find_line(context.stack.probe_logs, ERROR_PATTERN, '"mark":"ours"')
    harmless = context.find_line(context.stack.probe_logs, '"mark"', '"mark":"harmless"')
    if ours is None or harmless is None:
        return differs(f"of {lines} the filter finds {ours}, and a plain term {harmless}")
    wrong = [
        line for line in context.lines(context.stack.probe_logs, ERROR_PATTERN) if '"mark":"harmless"' in line
    ]
    return differs(f"matched, and is none: {wrong[0]}") if wrong else holds(f"matched: {ours.strip()}")


def _alert_is_published(context: CheckContext) -> Evidence:
    group = context.stack.webhook_logs.name
    context.aws.call("logs", "CreateLogStream", logGroupName=group, logStreamName=STREAM)
    now_ms = int(context.began.timestamp() * 1000)
    event = {"timestamp": now_ms, "message": _line({**OURS, "timestamp": context.began.isoformat()})}
    context.aws.call("logs", "PutLogEvents", logGroupName=group, logStreamName=STREAM, logEvents=[event])
    line = context.find_line(context.stack.notifier_logs, '"alert published"', "alert published")
    return holds(line.strip()) if line else differs("no alert was published")


def _subscription(operation: str, group: str, name: str, **params: Any) -> Request:
    return Request(
        "logs", operation, logGroupName=StackValue(f"{group}.name"), filterName=resource_name(name), **params
    )


def _subscribe(group: str, name: str, destination: str) -> Request:
    arn = StackValue(f"{destination}.arn")
    return _subscription(
        "PutSubscriptionFilter", group, name, filterPattern=ERROR_PATTERN, destinationArn=arn
    )


def _unsubscribe(group: str, name: str) -> Request:
    return _subscription("DeleteSubscriptionFilter", group, name)


LOGS = (
    AwsClaim(
        id="log-timeout",
        text="A timeout's report has the status “timeout” in JSON without spaces, and the filter matches it.",
        relied_on=PATTERN_OF,
        check=_check_platform_line("sleep", _is_report(status="timeout")),
        sequence="probe",
        needs=("probe",),
    ),
    AwsClaim(
        id="log-out-of-memory",
        text="Out of memory, the report has the status “error” and the type Runtime.OutOfMemory.",
        relied_on=PATTERN_OF,
        check=_check_platform_line("memory", _is_report(status="error", errorType="Runtime.OutOfMemory")),
        sequence="probe",
        needs=("probe",),
    ),
    AwsClaim(
        id="log-crash",
        text="After a crash, the report has the type Runtime.ExitError, and the filter matches it.",
        relied_on=PATTERN_OF,
        check=_check_platform_line("exit", _is_report(errorType="Runtime.ExitError")),
        sequence="probe",
        needs=("probe",),
    ),
    AwsClaim(
        id="log-unhandled-error",
        text="An error that nothing handles is a JSON line with log_level, errorType and stackTrace.",
        relied_on=PATTERN_OF,
        check=_check_platform_line("raise", _error_line),
        sequence="probe",
        needs=("probe",),
    ),
    AwsClaim(
        id="log-only-errors",
        text="The filter matches our error lines, and no information line that has an error's text in it.",
        relied_on=PATTERN_OF,
        check=_only_errors,
        sequence="probe",
        needs=("probe",),
    ),
    AwsClaim(
        id="log-alert",
        text="A line that the filter matches reaches error-notifier, which publishes an alert.",
        relied_on=("stack.py: webhook_errors", "handlers/error_notifier.py"),
        check=_alert_is_published,
        sequence="log alert",
        needs=("webhook_errors",),
    ),
    Request("logs", "CreateLogGroup", logGroupName=StackValue("probe_logs.name")).answered(
        "log-group-exists", LogGroup, "ResourceAlreadyExistsException"
    ),
    Request("logs", "DeleteLogGroup", logGroupName=resource_name("missing", "/aws/lambda/")).answered(
        "log-group-missing", LogGroup, NOT_FOUND
    ),
    _unsubscribe("probe_logs", "missing").answered("log-subscription-missing", LogSubscription, NOT_FOUND),
    _subscribe("probe_logs", "forbidden", "enricher").refused(
        "log-subscription-without-permission",
        retry_rule(LogSubscription, "InvalidParameterException", "Could not execute the lambda function"),
        undo=_unsubscribe("probe_logs", "forbidden"),
    ),
    _subscribe("webhook_logs", "third", "notifier").refused(
        "log-third-subscription",
        remedy_of(LogSubscription, "LimitExceededException"),
        needs=("webhook_errors",),
        prepare=_subscribe("webhook_logs", "second", "notifier"),
        undo=_unsubscribe("webhook_logs", "third"),
    ),
)
