"""AWS is asked as often as it bears, and a throttle is one by whatever code."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import botocore.session
import pytest
from botocore.retries.standard import ThrottledRetryableChecker
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.aws_errors import AwsError
from cryptoctl.ops.logs import MAX_POLL_S, follow
from cryptoctl.rate_limits import RateLimiter
from kit.clocks import FakeClock
from unit.answers import STACK

SERVICES = (
    "cloudwatch",
    "dynamodb",
    "iam",
    "kms",
    "lambda",
    "logs",
    "resourcegroupstaggingapi",
    "sns",
    "sqs",
    "ssm",
)


@given(st.lists(st.floats(min_value=0, max_value=0.5), max_size=60), st.integers(1, 15))
def test_in_any_second_no_more_pass_than_the_limit(gaps_s: list[float], limit: int) -> None:
    clock, passed = FakeClock(), list[float]()
    limiter = RateLimiter(limit, now_s=clock.now_s, pause=clock.sleep)
    for gap_s in gaps_s:
        clock.time_s += gap_s
        limiter.wait()
        passed.append(clock.time_s)
    assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in zip(passed, passed[limit:], strict=False))


def test_who_comes_seldom_never_waits() -> None:
    clock = FakeClock()
    limiter = RateLimiter(2, now_s=clock.now_s, pause=clock.sleep)
    for _ in range(10):
        limiter.wait()
        clock.time_s += 0.51
    assert clock.time_s == pytest.approx(5.1)


def test_what_aws_takes_few_of_a_second_is_paced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    aws, turns = Aws(region="us-east-1"), list[int]()
    monkeypatch.setattr(RateLimiter, "wait", lambda limiter: turns.append(limiter.limit))
    for service, operations in {
        "lambda": ("GetFunction", "Invoke", "ListTags"),
        "cloudwatch": ("PutMetricAlarm", "DescribeAlarms", "ListTagsForResource", "DeleteAlarms"),
        "ssm": ("PutParameter", "GetParameter"),
    }.items():
        events = aws.client(service).meta.events
        for operation in operations:
            events.emit(f"before-send.{service}.{operation}", request=None)
    assert turns == [15, 15, 3, 9, 3, 3]


def test_an_engine_on_this_machine_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimiter, "wait", lambda limiter: pytest.fail("waited"))
    aws = Aws(endpoint_url="http://127.0.0.1:1", credentials=AccessKey(access_key="a", secret_key="b"))
    for name in ("lambda.GetFunction", "cloudwatch.PutMetricAlarm"):
        aws.client(name.partition(".")[0]).meta.events.emit(f"before-send.{name}", request=None)


def throttles() -> Iterator[str]:
    """The codes under which the services' own models speak of too many requests."""
    session = botocore.session.get_session()
    for service in SERVICES:
        for shape in session.get_service_model(service).error_shapes:
            error = shape.metadata.get("error", {})
            limited = ("hrottl", "TooManyRequests", "RequestLimit", "ThroughputExceeded")
            if any(name in shape.name for name in limited):
                yield error.get("code", shape.name)


def test_every_code_of_the_models_that_means_too_often_is_known() -> None:
    codes = set(throttles())
    assert {"Throttled", "TooManyRequestsException", "KMSThrottling", "RequestThrottled"} <= codes
    unknown = {code for code in codes if not _error(code).throttled}
    assert unknown == set()


def test_every_code_that_botocore_repeats_as_a_throttle_is_known_but_quotas() -> None:
    codes = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    unknown = {code for code in codes if not _error(code).throttled}
    assert unknown == {"LimitExceededException", "TransactionInProgressException"}


def _error(code: str) -> AwsError:
    return AwsError(service="logs", operation="FilterLogEvents", code=code, message="")


class Logs:
    """Log groups in which a line is now and then, and which are asked too often now and then."""

    has_shared_quotas = True

    def __init__(self, answers: list[Any]) -> None:
        self.answers, self.poll_count = iter(answers), 0

    def map(self, function: Any, things: Any) -> list[Any]:
        self.poll_count += 1
        answer: Any = next(self.answers, [])
        if isinstance(answer, str):
            raise _error(answer)
        return [answer]


def test_following_asks_a_few_times_a_minute_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, logs = FakeClock(), Logs([])
    lines = follow(logs, STACK.functions, 0, clock)  # type: ignore[arg-type]

    class Enough(Exception):
        """The hour is over."""

    def sleep(seconds: float) -> None:
        clock.time_s += seconds
        if clock.time_s > 3600:
            raise Enough

    monkeypatch.setattr(clock, "sleep", sleep)
    with pytest.raises(Enough):
        next(lines)
    assert logs.poll_count <= 3600 / MAX_POLL_S + 20
    assert logs.poll_count <= 4 * 60, "four looks a minute, of three groups each"


def test_following_survives_being_throttled() -> None:
    from cryptoctl.ops.logs import Line

    line = Line(id="1", time_ms=1, function="f", text="t")
    logs = Logs(["ThrottlingException", [], "Throttled", [line]])
    lines = list(islice(follow(logs, STACK.functions, 0, FakeClock()), 1))  # type: ignore[arg-type]
    assert lines == [line]
    assert logs.poll_count == 4
