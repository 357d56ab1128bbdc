"""Function URLs: who gets in, what the function sees of a request, and what becomes of its answer."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local.workbench import BY_ANYBODY, HttpAnswer, Workbench

INVOKING = "Lambda developer guide: Invoking Lambda function URLs"
ACCESS = "Lambda developer guide: Control access to Lambda function URLs"
CONFIGURING = "Lambda developer guide: Creating and managing Lambda function URLs"
QUOTAS = "Lambda developer guide: Lambda quotas"
PAYLOAD = "API Gateway developer guide: AWS Lambda proxy integrations for HTTP APIs, format 2.0"
MONITORING = "Lambda developer guide: Monitoring Lambda function URLs"
SHOWS = "import json\ndef handler(event, context): return {'statusCode': 200, 'body': json.dumps(event)}"
# It answers with what the request's body says.
ECHOES = "import json\ndef handler(event, context): return json.loads(event['body'])"
JSON = ("Content-Type", "application/json")


def event(answer: HttpAnswer) -> Any:
    assert answer.status == 200, answer
    return json.loads(answer.body)


def answering(bench: Workbench, url: str, result: Any) -> HttpAnswer:
    return bench.send(url, body=json.dumps(result), headers=[JSON])


def answered(bench: Workbench, url: str, status: int) -> HttpAnswer:
    """The answer, once it has that status: permissions and settings take a moment."""

    def look() -> HttpAnswer | None:
        response = bench.send(url)
        return response if response.status == status else None

    return bench.eventually(look, what=f"a {status}")


@pytest.fixture(scope="module")
def shows(file_bench: Workbench) -> str:
    return file_bench.address(file_bench.function(SHOWS))


@pytest.fixture(scope="module")
def echoes(file_bench: Workbench) -> str:
    return file_bench.address(file_bench.function(ECHOES))


@pytest.mark.behaviour("function URLs", "the event has the payload format 2.0", INVOKING)
def test_the_event(bench: Workbench, shows: str) -> None:
    before_ms = time.time() * 1000
    agent = ("User-Agent", "conformance/1")
    received = event(bench.send(shows, "PUT", "/my/path?a=1", "{}", [JSON, agent]))
    context, host = received["requestContext"], str(urlsplit(shows).hostname)
    assert (received["version"], received["routeKey"]) == ("2.0", "$default")
    assert (context["routeKey"], context["stage"]) == ("$default", "$default")
    assert (context["domainName"], context["domainPrefix"]) == (host, host.partition(".")[0])
    assert (context["apiId"], context["accountId"]) == (host.partition(".")[0], "anonymous")
    http = context["http"]
    assert (http["method"], http["path"], http["protocol"]) == ("PUT", "/my/path", "HTTP/1.1")
    assert (http["userAgent"], http["sourceIp"]) == ("conformance/1", received["headers"]["x-forwarded-for"])
    assert abs(context["timeEpoch"] - before_ms) < 60_000
    assert time.strptime(context["time"], "%d/%b/%Y:%H:%M:%S +0000")
    assert received["headers"]["x-forwarded-proto"] == urlsplit(shows).scheme
    assert received["headers"]["host"] == host
    assert received["headers"]["x-amzn-trace-id"].startswith("Root=1-")


@pytest.mark.behaviour(
    "function URLs", "header names are in lower case, repeated ones joined; cookies apart", PAYLOAD
)
def test_headers_and_cookies(bench: Workbench, shows: str) -> None:
    sent = [("X-Mixed-Case", "one"), ("X-Several", "a"), ("x-several", "b"), ("Cookie", "first=1; second=2")]
    received = event(bench.send(shows, "GET", headers=sent))
    assert (received["headers"]["x-mixed-case"], received["headers"]["x-several"]) == ("one", "a,b")
    assert received["cookies"] == ["first=1", "second=2"]
    assert "cookie" not in received["headers"]
    assert "cookies" not in event(bench.send(shows, "GET"))


@pytest.mark.behaviour("function URLs", "a client cannot say for itself where it comes from", INVOKING)
def test_what_a_client_claims_to_be(bench: Workbench, shows: str) -> None:
    claims = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "gopher")]
    received = event(bench.send(shows, "GET", headers=claims))
    assert received["requestContext"]["http"]["sourceIp"] != "203.0.113.9"
    assert received["headers"]["x-forwarded-proto"] == urlsplit(shows).scheme


@pytest.mark.behaviour("function URLs", "text is handed on as text, all else in base64", PAYLOAD)
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("text/plain", True),
        ("application/xml", True),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
    ],
)
def test_bodies(bench: Workbench, shows: str, kind: str, text: bool) -> None:
    sent = "price=0.1&name=\u00e9\n\ufeff"
    received = event(bench.send(shows, body=sent, headers=[("Content-Type", kind)]))
    assert received["isBase64Encoded"] is not text
    assert (received["body"] if text else base64.b64decode(received["body"]).decode()) == sent


@pytest.mark.behaviour("function URLs", "bytes come through as they were sent; no body is no member", PAYLOAD)
def test_bytes(bench: Workbench, shows: str) -> None:
    sent = bytes(range(256))
    received = event(bench.send(shows, body=sent, headers=[("Content-Type", "application/octet-stream")]))
    assert base64.b64decode(received["body"]) == sent
    received = event(bench.send(shows, "GET"))
    assert ("body" in received, received["isBase64Encoded"]) == (False, False)


@pytest.mark.behaviour(
    "function URLs", "path and query are as they were sent; parameters decoded and joined", PAYLOAD
)
def test_path_and_query(bench: Workbench, shows: str) -> None:
    received = event(bench.send(shows, "GET", "/a%20b/c?x=1&y=%C3%A9&x=2&empty="))
    assert (received["rawPath"], received["requestContext"]["http"]["path"]) == ("/a%20b/c", "/a b/c")
    assert received["rawQueryString"] == "x=1&y=%C3%A9&x=2&empty="
    assert received["queryStringParameters"] == {"x": "1,2", "y": "\u00e9", "empty": ""}


@pytest.mark.behaviour("function URLs", "status, headers, cookies and body are the function's", INVOKING)
def test_answers(bench: Workbench, echoes: str) -> None:
    cookies = ["one=1; Secure", "two=2"]
    response = {"statusCode": 201, "headers": {"X-Mine": "yes", "Retry-After": 5}, "cookies": cookies}
    answer = answering(bench, echoes, {**response, "body": "made"})
    assert (answer.status, answer.body, answer.header("x-mine")) == (201, b"made", "yes")
    assert answer.header("retry-after") == "5"
    assert [value for name, value in answer.headers if name == "set-cookie"] == cookies
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-amzn-requestid")
    raw = bytes(range(256))
    encoded = {"statusCode": 200, "body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    assert answering(bench, echoes, encoded).body == raw
    assert answering(bench, echoes, {"statusCode": 204}).status == 204


@pytest.mark.behaviour("function URLs", "a result without statusCode is the body of a 200", INVOKING)
def test_inferred_answers(bench: Workbench, echoes: str) -> None:
    answer = answering(bench, echoes, {"message": "hello"})
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert json.loads(answer.body) == {"message": "hello"}


@pytest.mark.behaviour("function URLs", "a function's error is a 502 that says nothing of it", MONITORING)
def test_errors(bench: Workbench) -> None:
    source = "def handler(event, context): raise ValueError('of no concern to a stranger')"
    answer = bench.send(bench.address(bench.function(source)))
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


@pytest.mark.behaviour("function URLs", "a function that takes too long is a 5xx, and goes on", MONITORING)
def test_timeouts(bench: Workbench) -> None:
    source = """
import time
def handler(event, context):
    if event["rawPath"] == "/slow":
        time.sleep(30)
    return "done"
"""
    url = bench.address(bench.function(source, Timeout=1))
    assert bench.send(url, target="/slow").status in (502, 504)
    assert bench.send(url).status == 200


@pytest.mark.behaviour("function URLs", "an answer that cannot be one is a 502", MONITORING)
@pytest.mark.parametrize(
    "result", [{"statusCode": "many"}, {"statusCode": 200, "headers": ["x"]}, {"statusCode": 99}], ids=str
)
def test_impossible_answers(bench: Workbench, echoes: str, result: Any) -> None:
    assert answering(bench, echoes, result).status == 502


@pytest.mark.behaviour("function URLs", "without IAM, it takes two permissions for everybody", ACCESS)
@pytest.mark.parametrize("granted", [[], [0], [1], [0, 1]], ids=str)
def test_permissions(bench: Workbench, granted: list[int]) -> None:
    function = bench.function(SHOWS)
    url = bench.address(function, open_=False)
    for which in granted:
        bench.client("lambda").add_permission(
            FunctionName=function, StatementId=f"s{which}", Principal="*", **BY_ANYBODY[which]
        )
    expected = 200 if len(granted) == 2 else 403
    answer = answered(bench, url, expected)
    if expected == 403:
        assert answer.header("x-amzn-errortype") == "AccessDeniedException"
        assert json.loads(answer.body)["Message"].startswith("Forbidden")


@pytest.mark.behaviour("function URLs", "with IAM, what is not signed is refused", ACCESS)
def test_iam(bench: Workbench) -> None:
    url = bench.address(bench.function(SHOWS), AuthType="AWS_IAM")
    assert bench.send(url).status == 403


@pytest.mark.behaviour("function URLs", "a function at its reserved concurrency answers 429", MONITORING)
def test_throttling(bench: Workbench) -> None:
    function = bench.function(SHOWS)
    url = bench.address(function)
    bench.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    answer = answered(bench, url, 429)
    assert answer.header("x-amzn-errortype") == "TooManyRequestsException"


@pytest.mark.behaviour("function URLs", "more than 6 MB is refused on the way in and on the way out", QUOTAS)
def test_sizes(bench: Workbench) -> None:
    source = "def handler(event, context): return 'x' * int(event['rawPath'].strip('/') or 2)"
    url = bench.address(bench.function(source, MemorySize=512))
    plain = [("Content-Type", "text/plain")]
    assert bench.send(url, body=b"x" * (5 * 2**20), headers=plain).status == 200
    assert bench.send(url, body=b"x" * (7 * 2**20), headers=plain).status == 413
    assert len(bench.send(url, target=f"/{5 * 2**20}").body) == 5 * 2**20
    assert bench.send(url, target=f"/{7 * 2**20}").status == 502


@pytest.mark.behaviour("function URLs", "pages are let in as far as the CORS configuration says", CONFIGURING)
def test_cors(bench: Workbench) -> None:
    allowed = {"AllowOrigins": ["https://page.example"], "AllowMethods": ["POST"], "MaxAge": 60}
    url = bench.address(bench.function(SHOWS), Cors=allowed)
    origin = ("Origin", "https://page.example")
    answer = bench.send(url, headers=[origin])
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, "https://page.example")
    preflight = bench.send(url, "OPTIONS", headers=[origin, ("Access-Control-Request-Method", "POST")])
    assert (preflight.status, preflight.header("access-control-allow-methods")) == (200, "POST")
    other = bench.send(url, headers=[("Origin", "https://other.example")])
    assert other.header("access-control-allow-origin") is None


@pytest.mark.behaviour("function URLs", "a function has one; it is changed, listed and deleted", CONFIGURING)
def test_configurations(bench: Workbench) -> None:
    function, client = bench.function(SHOWS), bench.client("lambda")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_function_url_config(FunctionName=function)
    created = client.create_function_url_config(
        FunctionName=function, AuthType="NONE", Cors={"AllowOrigins": ["*"]}
    )
    assert (created["FunctionUrl"][-1], created["FunctionArn"]) == ("/", bench.arn(function))
    with pytest.raises(ClientError, match="ResourceConflictException"):
        client.create_function_url_config(FunctionName=function, AuthType="NONE")
    client.update_function_url_config(FunctionName=function, AuthType="AWS_IAM", Cors={})
    config = client.get_function_url_config(FunctionName=function)
    assert (config["AuthType"], config["InvokeMode"], config.get("Cors")) == ("AWS_IAM", "BUFFERED", None)
    assert config["FunctionUrl"] == created["FunctionUrl"]
    [listed] = client.list_function_url_configs(FunctionName=function)["FunctionUrlConfigs"]
    assert listed["FunctionUrl"] == created["FunctionUrl"]
    client.delete_function_url_config(FunctionName=function)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.delete_function_url_config(FunctionName=function)
    assert bench.send(created["FunctionUrl"]).status == 403


@pytest.mark.behaviour("function URLs", "one of another AuthType or InvokeMode is refused", CONFIGURING)
def test_impossible_configurations(bench: Workbench) -> None:
    function, client = bench.function(SHOWS), bench.client("lambda")
    for wrong in ({"AuthType": "PASSWORD"}, {"AuthType": "NONE", "InvokeMode": "SLOWLY"}):
        with pytest.raises(ClientError, match="enum value set") as raised:
            client.create_function_url_config(FunctionName=function, **wrong)
        assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.behaviour("function URLs", "one goes with its function, and not to the next", CONFIGURING)
def test_it_goes_with_its_function(bench: Workbench) -> None:
    function, client = bench.function(SHOWS), bench.client("lambda")
    url = client.create_function_url_config(FunctionName=function, AuthType="NONE")["FunctionUrl"]
    client.delete_function(FunctionName=function)
    assert bench.send(url).status == 403
    bench.function(SHOWS, FunctionName=function)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_function_url_config(FunctionName=function)
