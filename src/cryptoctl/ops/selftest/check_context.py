"""What the checks work with: the self-test's environment, and AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptoctl.aws import Aws, AwsError, Response
from cryptoctl.ops.invoking import Invocation, invocation
from cryptoctl.ops.selftest.environment import SelftestStack
from cryptoctl.provisioners.log_group import LogGroup
from cryptoctl.reconcile.call import Call
from cryptoctl.reconcile.retry import Retry

LOGGED_WITHIN_S = 90


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """What a check works with: AWS, the self-test's stack, retries."""

    aws: Aws
    stack: SelftestStack
    retry: Retry
    began: datetime

    def resource_name(self, name: str) -> str:
        """A name of something that the check itself makes, or that is not there."""
        return f"{name}-{self.stack.scope.environment}"

    def send(self, call: Call) -> Response:
        """Sends a call's request."""
        return self.aws.call(call.service, call.operation, **dict(call.params))

    def refusal(self, call: Call) -> AwsError | None:
        """What AWS refuses a call with; None where it does not."""
        try:
            self.send(call)
        except AwsError as error:
            return error
        return None

    def seconds_until(self, condition: Callable[[], bool], timeout_s: float) -> float | None:
        """How long until something is reached; None where it is not in time."""
        start_s = self.retry.clock.now_s()
        if self.retry.until(lambda: condition() or None, "the check", timeout_s) is None:
            return None
        return self.retry.clock.now_s() - start_s

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Invokes the probe and waits for its answer."""
        return invocation(self.aws, self.stack.probe.name, json.dumps(event))

    def invoke_later(self, event: Mapping[str, Any]) -> str:
        """Queues an event for the probe. Gives the request's id."""
        return invocation(self.aws, self.stack.probe.name, json.dumps(event), "Event").request_id

    def find_line(self, group: LogGroup, pattern: str, text: str) -> str | None:
        """The first line of a log group that CloudWatch Logs finds under a pattern and that has a text."""
        return self.retry.until(
            lambda: next((line for line in self.lines(group, pattern) if text in line), None),
            "the log line",
            LOGGED_WITHIN_S,
        )

    def lines(self, group: LogGroup, pattern: str) -> list[str]:
        """The lines of this run that match a pattern, so far."""
        events = self.aws.paginate(
            "logs",
            "FilterLogEvents",
            "events",
            logGroupName=group.name,
            startTime=int(self.began.astimezone(UTC).timestamp() * 1000),
            filterPattern=pattern,
        )
        return [str(event["message"]) for event in events]
