"""Requests that get no answer: told at once, and sent no more often than was said."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ProxyConnectionError, ReadTimeoutError
from urllib3.exceptions import ProxyError

from cryptoctl.aws import AccessKey, Aws, AwsError
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.unanswered import TOLD_AFTER_S
from kit.commands import Cli

NOWHERE = "http://127.0.0.1:9"


class Clock:
    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


CLOCK = Clock()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """botocore's pauses between attempts, which take no time."""
    pauses_s = list[float]()
    monkeypatch.setattr("botocore.endpoint.time.sleep", pauses_s.append)
    monkeypatch.setattr("cryptoctl.unanswered.time", CLOCK)
    return pauses_s


class Unanswered:
    """An AWS that does not answer, each time for so long, and what a person hears of it."""

    def __init__(self, attempts: int, error: BaseException, attempt_s: float = TOLD_AFTER_S) -> None:
        self.notices, self.sent, self.attempt_s = list[str](), list[str](), attempt_s
        key = AccessKey(access_key="a", secret_key="b")
        self.aws = Aws(
            region="us-east-1",
            endpoint_url=NOWHERE,
            credentials=key,
            attempts=attempts,
            notify=self.notices.append,
        )

        self.back, self.status, self.body = False, 200, b"{}"

        def lost(event_name: str, **_: Any) -> AWSResponse:
            self.sent.append(event_name)
            CLOCK.now_s += self.attempt_s
            if not self.back:
                raise error
            return AWSResponse(NOWHERE, self.status, {}, SimpleNamespace(stream=lambda: iter([self.body])))

        for service in ("kms", "logs", "sts"):
            for once in (False, True):
                self.aws._client(service, once=once).meta.events.register("before-send", lost)

    def ask(self, service: str = "sts", operation: str = "GetCallerIdentity") -> None:
        with pytest.raises(Failure) as raised:
            self.aws.call(service, operation)
        assert raised.value.exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize("attempts", [1, 2, 6])
def test_a_request_is_sent_as_often_as_was_said_and_no_more(attempts: int, pauses: list[float]) -> None:
    nobody = Unanswered(attempts, EndpointConnectionError(endpoint_url=NOWHERE))
    nobody.ask()
    assert (len(nobody.sent), len(pauses)) == (attempts, attempts - 1)


def test_what_gets_no_answer_is_told_while_it_is_sent_again() -> None:
    hanging = Unanswered(3, ReadTimeoutError(endpoint_url="http://me:secret@127.0.0.1:9"))
    hanging.ask("logs", "DescribeLogGroups")
    assert hanging.notices == [
        f"No answer to logs:DescribeLogGroups yet (attempt {attempt} of 3): Read timeout on endpoint URL: "
        '"http://***@127.0.0.1:9".'
        for attempt in (1, 2)
    ]


@pytest.mark.parametrize("once", [False, True])
def test_a_request_that_hangs_is_told_while_it_does(monkeypatch: pytest.MonkeyPatch, once: bool) -> None:
    """An answer of Lambda's is waited for as long as a function may take."""
    monkeypatch.setattr("cryptoctl.unanswered.LOOKED_FOR_EVERY_S", 0.01)
    hanging, told = Unanswered(2, ReadTimeoutError(endpoint_url=NOWHERE), attempt_s=0), threading.Semaphore(0)
    hanging.back = True
    lines = list[str]()

    def tell(line: str) -> None:
        lines.append(line)
        told.release()

    monkeypatch.setattr(hanging.aws._unanswered, "_notify", tell)

    def hang(**_: Any) -> None:
        while len(lines) < 2:  # the next one is answered at once
            CLOCK.now_s += TOLD_AFTER_S
            assert told.acquire(timeout=20)

    hanging.aws._client("kms", once=once).meta.events.register("before-send", hang)
    hanging.aws.call("kms", "DescribeKey", once=once, KeyId="k")
    hanging.aws.call("kms", "DescribeKey", KeyId="k")
    request = "kms:DescribeKey"
    silences = [f"{request} has not answered for {silent_s} s." for silent_s in (10, 20)]
    assert lines == [*silences, f"{request} works again."]


@pytest.mark.parametrize("ending", [Failure, KeyboardInterrupt])
@pytest.mark.parametrize("paged", [False, True])
def test_a_request_that_has_ended_does_not_hang(ending: type[BaseException], paged: bool) -> None:
    """With an answer that nobody can read, or by Ctrl-C: botocore tells nobody that these are its end."""
    over = Unanswered(2, KeyboardInterrupt())
    over.back, over.status, over.body = ending is Failure, 200, b"<html>Sign in</html>"
    with pytest.raises(ending):
        _ = (
            list(over.aws.paginate("kms", "ListAliases", "Aliases"))
            if paged
            else over.aws.call("kms", "ListKeys")
        )
    assert not over.aws._unanswered._sent


def test_what_a_proxy_answered_is_told_and_not_only_that_it_was_in_vain() -> None:
    """That it asks for a password, say."""
    answer = OSError("Tunnel connection failed: 407 Proxy Authentication Required")
    proxy, cause = "http://me:secret@127.0.0.1:9", ProxyError("Unable to connect to proxy", answer)
    refusing = Unanswered(2, ProxyConnectionError(proxy_url=proxy, error=cause))
    with pytest.raises(Failure) as raised:
        refusing.aws.call("sts", "GetCallerIdentity")
    told = 'Failed to connect to proxy URL: "http://***@127.0.0.1:9": 407 Proxy Authentication Required.'
    assert refusing.notices == [f"No answer to sts:GetCallerIdentity yet (attempt 1 of 2): {told}"]
    assert str(raised.value) == f"No answer came to sts:GetCallerIdentity: {told}"


def test_what_is_refused_at_once_is_told_once_and_not_with_each_attempt() -> None:
    refusing = Unanswered(7, EndpointConnectionError(endpoint_url=NOWHERE), attempt_s=0.1)
    refusing.ask()
    assert [line.split("(")[1][:9] for line in refusing.notices] == ["attempt 1"]
    slower = Unanswered(7, EndpointConnectionError(endpoint_url=NOWHERE), attempt_s=TOLD_AFTER_S / 2)
    slower.ask()
    assert [line.split("(")[1][:9] for line in slower.notices] == ["attempt 1", "attempt 3"]


def test_of_what_lasts_for_hours_less_and_less_is_told_until_it_is_over() -> None:
    gone = Unanswered(2, ReadTimeoutError(endpoint_url=NOWHERE), attempt_s=30)
    for _ in range(60):
        gone.ask("kms", "ListAliases")
    assert 5 <= len(gone.notices) <= 9, "an hour"
    gone.notices.clear()
    gone.back = True
    for _ in range(2):
        gone.aws.call("kms", "ListAliases")
    gone.back = False
    gone.ask("kms", "ListAliases")
    assert gone.notices[0] == "kms:ListAliases works again."
    assert [notice[:9] for notice in gone.notices] == ["kms:ListA", "No answer"], "each of them once"


def test_one_stands_for_all_until_each_service_has_given_an_answer() -> None:
    hanging = Unanswered(2, ReadTimeoutError(endpoint_url=NOWHERE), attempt_s=0)
    hanging.ask("logs", "DescribeLogGroups")
    hanging.ask("kms", "ListAliases")
    for service, operation, count in (("kms", "ListAliases", 1), ("logs", "DescribeLogGroups", 2)):
        hanging.back = True
        hanging.aws.call(service, operation)
        hanging.back = False
        hanging.ask("logs", "DescribeLogGroups")
        over = [notice for notice in hanging.notices if notice.endswith(" works again.")]
        assert (len(hanging.notices) - len(over), len(over)) == (count, count - 1)


def test_of_a_call_that_is_sent_only_once_no_further_attempt_is_announced() -> None:
    hanging = Unanswered(3, ReadTimeoutError(endpoint_url=NOWHERE))
    with pytest.raises(AwsError, match="gave no clear answer"):
        hanging.aws.call("logs", "CreateLogGroup", once=True, logGroupName="a")
    assert (len(hanging.sent), hanging.notices) == (1, [])
    hanging.ask()
    assert len(hanging.notices) == 2


def test_where_nothing_is_sent_again_nothing_is_told_but_the_error() -> None:
    nobody = Unanswered(1, EndpointConnectionError(endpoint_url=NOWHERE))
    nobody.ask()
    assert nobody.notices == []


def test_a_fault_that_an_attempt_or_two_end_is_not_told_and_one_that_lasts_is() -> None:
    broken = Unanswered(5, EndpointConnectionError(endpoint_url=NOWHERE))
    broken.back, broken.status, broken.body = True, 503, b""
    with pytest.raises(AwsError):
        broken.aws.call("sts", "GetCallerIdentity")
    assert broken.notices == [
        f"sts:GetCallerIdentity still answers 503 (attempt {attempt} of 5)." for attempt in (3, 4)
    ]
    broken.status, broken.body = 200, b"<R><GetCallerIdentityResult/></R>"
    broken.aws.call("sts", "GetCallerIdentity")
    broken.status, broken.body = 400, b"<R><Error><Code>Throttling</Code><Message>Rate</Message></Error></R>"
    with pytest.raises(AwsError):
        broken.aws.call("sts", "GetCallerIdentity")
    assert broken.notices[2] == "sts:GetCallerIdentity works again."
    assert broken.notices[3:] == [
        f"sts:GetCallerIdentity still answers Throttling (attempt {attempt} of 5)." for attempt in (3, 4)
    ]


@pytest.mark.process
@pytest.mark.parametrize("output", ["json", "table"])
def test_who_reads_no_terminal_hears_on_stderr_that_requests_are_sent_again(
    output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_ENDPOINT_URL": NOWHERE,
    }.items():
        monkeypatch.setenv(name, value)
    result = Cli("--aws", "--region", "us-east-1", "--output", output)("status")
    assert "No answer to sts:GetCallerIdentity yet (attempt 1 of 7)" in result.err
    assert result.code == ExitCode.UNREACHABLE
    if output == "json":
        assert result.json["outcome"] == "failure"
