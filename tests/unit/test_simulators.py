"""What answers in AWS's place and lacks something: it is told as that, and not as a fault of AWS's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError, ProtocolError, SSLError

from cryptoctl.aws import Aws, AwsError
from cryptoctl.aws_errors import remedy
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.doctor import CheckResult, _permissions
from unit.aws_variables import only_credentials
from unit.test_doctor import NEW

SIMULATOR = "http://me:secret@127.0.0.1:4566"
IT = "The request went to http://***@127.0.0.1:4566, which is not AWS's own address"
Answering = Callable[..., Aws]


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class _Cut:
    def __init__(self, error: HTTPError | None) -> None:
        self._error = error

    def read(self, *_: Any) -> bytes:
        if self._error:
            raise self._error
        return b"the beg"


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Answering:
    """An AWS of which one service answers each request with this status, type and body."""
    only_credentials(monkeypatch, tmp_path)

    def made(
        service: str, status: int, kind: str, body: str, url: str | None = SIMULATOR, attempts: int = 1
    ) -> Aws:
        aws = Aws(region="us-east-1", endpoint_url=url, attempts=attempts)

        def answer(**_: Any) -> AWSResponse:
            return AWSResponse("", status, {"Content-Type": kind}, _Body(body.encode()))

        for once in (False, True):
            aws._client(service, once=once).meta.events.register("before-send", answer)
        return aws

    return made


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "UnknownOperationException"), (501, "InternalFailure"), (500, "InternalError"), (400, "Odd")],
)
def test_what_a_simulator_lacks_is_no_fault_of_aws(answering: Answering, status: int, code: str) -> None:
    aws = answering("dynamodb", status, "application/json", f'{{"__type": "{code}"}}')
    with pytest.raises(AwsError, match=code) as raised:
        aws.call("dynamodb", "DescribeContinuousBackups", TableName="prices")
    assert remedy(raised.value).startswith(IT)
    assert "dynamodb:DescribeContinuousBackups may be missing there" in remedy(raised.value)


def test_a_refusal_without_a_word_ends_with_its_code(answering: Answering) -> None:
    """AWS's faults have none now and then."""
    aws = answering(
        "sns", 400, "text/xml", "<ErrorResponse><Error><Code>Odd</Code><Message/></Error></ErrorResponse>"
    )
    with pytest.raises(AwsError) as raised:
        aws.call("sns", "ListTopics")
    assert str(raised.value) == "sns:ListTopics answered Odd"


def test_a_fault_of_a_simulator_is_told_as_that_where_nothing_is_sent_twice(answering: Answering) -> None:
    aws = answering("kms", 500, "application/json", '{"__type": "InternalError", "message": "no"}')
    with pytest.raises(AwsError) as raised:
        aws.call("kms", "CreateKey", once=True)
    assert raised.value.response_lost  # it may have been done all the same
    assert "kms:CreateKey may be missing there" in remedy(raised.value)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '"moved"',
        "3",
        '{"KeyMetadata": "x"}',
        '{"KeyMetadata": {"CreationDate": "x"}}',
        '{"__type": []}',
    ],
)
def test_json_of_another_form_is_no_answer_of_aws(answering: Answering, status: int, body: str) -> None:
    aws = answering("kms", status, "application/json", body)
    with pytest.raises((AwsError, Failure)) as raised:
        aws.call("kms", "DescribeKey", KeyId="k")["KeyMetadata"]["KeyState"]
    assert "credentials" not in str(raised.value)


def test_xml_of_another_form_is_no_answer_of_aws(answering: Answering) -> None:
    error = "<ErrorResponse><Error>gone</Error></ErrorResponse>"
    number = "<MaxSessionDuration>long</MaxSessionDuration>"
    role = f"<GetRoleResponse><GetRoleResult><Role>{number}</Role></GetRoleResult></GetRoleResponse>"
    for status, body in ((400, error), (200, role)):
        with pytest.raises(Failure, match="it is of another form"):
            answering("iam", status, "text/xml", body).call("iam", "GetRole", RoleName="r")


@pytest.mark.parametrize("body", ["<html>sign in</html>", "<a/>", "no XML"])
def test_what_answers_in_place_of_sts_when_a_role_is_assumed_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str
) -> None:
    only_credentials(monkeypatch, tmp_path)
    role = "role_arn=arn:aws:iam::111111111111:role/x\ncredential_source=Environment\n"
    (tmp_path / "config").write_text(f"[profile p]\n{role}", encoding="utf-8")
    answer = AWSResponse("", 200, {"Content-Type": "text/html"}, _Body(body.encode()))
    monkeypatch.setattr(URLLib3Session, "send", lambda *_: answer)
    with pytest.raises(Failure, match="What answered is not AWS") as raised:
        _ = Aws(region="us-east-1", profile="p").caller
    assert "AWS_ENDPOINT_URL_STS" in raised.value.hint


def test_what_a_simulator_cannot_route_is_no_matter_of_credentials(answering: Answering) -> None:
    body = '{"__type": "UnrecognizedClientException", "message": "no such service"}'
    aws = answering("resourcegroupstaggingapi", 403, "application/json", body)
    with pytest.raises(Failure) as raised:
        aws.tagged({"Environment": "dev"})
    assert f"--region. {IT}" in raised.value.hint


def test_expired_credentials_are_nothing_that_a_simulator_lacks(answering: Answering) -> None:
    aws = answering("dynamodb", 400, "application/json", '{"__type": "ExpiredTokenException"}')
    with pytest.raises(Failure) as raised:
        aws.call("dynamodb", "DescribeTable", TableName="prices")
    assert raised.value.hint.endswith("to work on this machine.")


def test_of_aws_itself_nothing_is_said_to_be_elsewhere(answering: Any) -> None:
    body = '{"__type": "InternalFailure"}'
    aws = answering("dynamodb", 500, "application/json", body, "https://dynamodb.us-east-1.amazonaws.com")
    with pytest.raises(AwsError) as raised:
        aws.call("dynamodb", "DescribeTable", TableName="prices")
    assert remedy(raised.value).startswith("The fault is AWS's")


def test_doctor_goes_on_where_iam_cannot_be_asked(answering: Answering) -> None:
    aws = answering("iam", 404, "text/html", "<!doctype html><title>404 Not Found</title>")
    aws.client("sts").meta.events.register("before-send", _caller)
    check = _permissions(aws, [NEW])
    assert (check.result, check.advice[: len(IT)]) == (CheckResult.UNKNOWN, IT)


@pytest.mark.parametrize("kind", ["text/html", "application/x-amz-json-1.1"])
@pytest.mark.parametrize("operation", ["CreateAlias", "CreateKey"])
def test_null_is_an_answer_without_anything_in_it(answering: Answering, kind: str, operation: str) -> None:
    params = ALIAS if operation == "CreateAlias" else {}
    answer = answering("kms", 200, kind, "null").call("kms", operation, **params)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(AwsError, match="500"):
        answering("kms", 500, kind, "null").call("kms", operation, **params)


def test_json_without_its_end_is_no_answer_of_aws(answering: Answering) -> None:
    """Of a list of tags that was cut there would be none, and what is ours would be somebody else's."""
    aws = answering("kms", 200, "application/x-amz-json-1.1", '{"Tags": [{"TagKey": "Environment", ')
    with pytest.raises(Failure, match="it ends too early"):
        aws.call("kms", "ListResourceTags", KeyId="k")


def test_a_list_that_does_not_go_on_is_no_answer_of_aws(answering: Answering) -> None:
    aws = answering(
        "kms", 200, "application/x-amz-json-1.1", '{"Tags": [], "Truncated": true, "NextMarker": "x"}'
    )
    with pytest.raises(Failure, match="The same next token") as raised:
        list(aws.paginate("kms", "ListResourceTags", "Tags", KeyId="k"))
    assert raised.value.exit_code is ExitCode.UNREACHABLE


def test_words_that_are_sent_as_html_are_none(answering: Answering) -> None:
    with pytest.raises(Failure, match="it is a web page"):
        answering("kms", 200, "text/html", "nullified").call("kms", "CreateAlias", **ALIAS)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("body", ["", "upstream connect error", "<!DOCTYPE HTML><HTML>busy</HTML>"])
@pytest.mark.parametrize(("service", "operation"), [("iam", "ListRoles"), ("kms", "ListKeys")])
def test_where_a_gateway_says_that_it_is_busy_the_request_is_sent_again(
    answering: Answering,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    operation: str,
    status: int,
    body: str,
) -> None:
    """In whatever words: XML cannot be read in them, nor a code in JSON's place."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    aws = answering(service, status, "text/html", body, None, attempts=3)
    sent: list[str] = []
    aws.client(service).meta.events.register("before-send", lambda **_: sent.append(service))
    with pytest.raises(AwsError) as raised:
        aws.call(service, operation)
    assert raised.value.code == ("Throttling" if status == 429 else str(status))
    assert raised.value.throttled == (status == 429)
    assert "may be missing" not in remedy(raised.value)
    assert "some minutes" in remedy(raised.value)
    assert len(sent) == 3


@pytest.mark.parametrize("error", [ProtocolError("Connection broken"), SSLError("bad record mac"), None])
def test_an_answer_that_is_cut_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, error: HTTPError | None
) -> None:
    only_credentials(monkeypatch, tmp_path)
    aws = Aws(region="us-east-1", attempts=1)
    cut = AWSResponse("", 200, {"content-length": "13"}, _Cut(error))
    aws.client("lambda").meta.events.register("before-send", lambda **_: cut)
    with pytest.raises(Failure, match="No answer came to lambda:Invoke"):
        aws.call("lambda", "Invoke", FunctionName="webhook-processor-x")


ALIAS: dict[str, Any] = {"AliasName": "alias/a", "TargetKeyId": "k"}


def _caller(**_: Any) -> AWSResponse:
    who = "<Arn>arn:aws:iam::111111111111:user/ada</Arn><Account>111111111111</Account>"
    result = f"<GetCallerIdentityResult>{who}</GetCallerIdentityResult>"
    body = f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"
    return AWSResponse("", 200, {"Content-Type": "text/xml"}, _Body(body.encode()))
