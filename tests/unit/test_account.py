"""The account of the credentials is confirmed beside the first requests, and before anything counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from cryptoctl.aws import AccessKey, Aws, AwsError, Caller, Response
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.reconcile.observe import observe
from unit.answers import STACK

WITHIN_S = 10.0


class ScriptedAws(Aws):
    """Answers from functions; notes what was sent."""

    def __init__(self, **answers: Callable[[], Response]) -> None:
        super().__init__(region="us-east-1", credentials=AccessKey(access_key="a", secret_key="b"))
        self.answers, self.sent = answers, list[str]()

    def _send(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        self.sent.append(operation)
        return self.answers[operation]()


def identity(account: str = "111111111111") -> Response:
    return {"Account": account, "Arn": f"arn:aws:iam::{account}:user/someone"}


def only(account: str) -> Callable[[Caller], None]:
    """A check that accepts one account."""

    def check(caller: Caller) -> None:
        if caller.account != account:
            raise Failure(ExitCode.CREDENTIALS, "another account")

    return check


def test_a_read_is_sent_while_the_account_is_still_asked_for() -> None:
    read_sent = threading.Event()

    def whose() -> Response:
        assert read_sent.wait(WITHIN_S), "the read waits for the account"
        return identity()

    def read() -> Response:
        read_sent.set()
        return {"Items": []}

    aws = ScriptedAws(GetCallerIdentity=whose, Query=read)
    aws.confirm(only("111111111111"))
    assert aws.call("dynamodb", "Query") == {"Items": []}


def test_nothing_is_written_and_nothing_shown_in_another_account() -> None:
    aws = ScriptedAws(
        GetCallerIdentity=lambda: identity("222222222222"),
        PutItem=dict,
        ReceiveMessage=dict,
        Query=lambda: {"Items": [{"of": "somebody else"}]},
    )
    aws.confirm(only("111111111111"))
    for operation in ("PutItem", "ReceiveMessage", "Query", "Query"):
        with pytest.raises(Failure, match="another account"):
            aws.call("any", operation)
    assert set(aws.sent) == {"GetCallerIdentity", "Query"}


def test_what_another_account_refuses_is_not_the_reason_that_is_told() -> None:
    def refuse() -> Response:
        raise AwsError(service="dynamodb", operation="Query", code="AccessDeniedException", message="no")

    aws = ScriptedAws(GetCallerIdentity=lambda: identity("222222222222"), Query=refuse)
    aws.confirm(only("111111111111"))
    with pytest.raises(Failure, match="another account"):
        aws.call("dynamodb", "Query")
    aws = ScriptedAws(GetCallerIdentity=identity, Query=refuse)
    aws.confirm(only("111111111111"))
    with pytest.raises(AwsError, match="AccessDenied"):
        aws.call("dynamodb", "Query")


def test_credentials_that_are_nobodys_are_told_as_such() -> None:
    def nobody() -> Response:
        raise Failure(ExitCode.CREDENTIALS, "AWS does not know these credentials.")

    aws = ScriptedAws(GetCallerIdentity=nobody, Query=nobody)
    aws.confirm(only("111111111111"))
    with pytest.raises(Failure, match="does not know"):
        aws.call("dynamodb", "Query")


def test_a_refusal_to_say_whose_they_are_is_not_told_as_one_of_a_resource() -> None:
    def refuse() -> Response:
        raise AwsError(service="sts", operation="GetCallerIdentity", code="AccessDenied", message="no")

    aws = ScriptedAws(GetCallerIdentity=refuse, GetQueueUrl=lambda: {"QueueUrl": "u"})
    aws.confirm(only("111111111111"))
    with pytest.raises(AwsError, match=r"^asking whose credentials these are: sts:GetCallerIdentity"):
        observe([STACK.webhook_dead_letters], aws)
