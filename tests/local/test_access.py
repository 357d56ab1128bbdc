"""Nobody gets in: web pages, other users and other programs, whatever they send."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cryptoctl.local.access import AccessCheck
from cryptoctl.local.access_keys import AccessKeys
from cryptoctl.local.engine import Engine
from cryptoctl.local.http import RequestHead, ServiceError
from local.clients import REGION, client, workbench
from local.conftest import QUICK
from local.workbench import Workbench

EVIL = "http://evil.example"
FORM, TEXT = "application/x-www-form-urlencoded", "text/plain;charset=UTF-8"
MULTIPART = "multipart/form-data; boundary=x"
Answer = tuple[int, dict[str, str], bytes]


def _zip_of_an_attack() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): open('/tmp/owned', 'w')")
    return content.getvalue()


ROLE = "arn:aws:iam::000000000000:role/evil"
CREATE_ROLE = b"Action=CreateRole&Version=2010-05-08&RoleName=evil&AssumeRolePolicyDocument=%7B%7D"
CREATE_FUNCTION = json.dumps({"FunctionName": "evil", "Role": ROLE, "Runtime": "python3.13"}).encode()
ATTACKS: dict[str, tuple[str, str, str, bytes]] = {
    "form": ("POST", "/", FORM, CREATE_ROLE),
    "form in text/plain": ("POST", "/", TEXT, CREATE_ROLE),
    "form in the query": ("GET", "/?" + CREATE_ROLE.decode(), TEXT, b""),
    "function in text/plain": ("POST", "/2015-03-31/functions", TEXT, CREATE_FUNCTION),
    "invocation in text/plain": ("POST", "/2015-03-31/functions/victim/invocations", TEXT, b"{}"),
    "invocation without a type": ("POST", "/2015-03-31/functions/victim/invocations", "", b"{}"),
    "multipart": (
        "POST",
        "/",
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="Action"\r\n\r\nListRoles',
    ),
    "zip": ("POST", "/2015-03-31/functions", "application/zip", _zip_of_an_attack()),
    "reset": ("POST", "/_ministack/reset", TEXT, b""),
    "run": ("POST", "/_cryptoctl/run", TEXT, b"{}"),
    "status with a guess": ("GET", "/_cryptoctl/status/" + "A" * 43, TEXT, b""),
    "run with a guess": ("POST", "/_cryptoctl/run/" + "A" * 43, TEXT, b"{}"),
}
BROWSERS: dict[str, dict[str, str]] = {
    "no sign of a browser": {},
    "cors": {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
    "old browser": {"Origin": EVIL},
    "sandboxed page": {"Origin": "null"},
    "no-cors": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "another port of this machine": {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-site"},
}


@pytest.mark.parametrize(
    ("port", "host", "let_in"),
    [
        *((80, "127.0.0.1", True), (80, "localhost:80", True), (80, "[::1]", True)),
        *((80, "evil.example", False), (8080, "127.0.0.1", False), (8080, "127.0.0.1:8080", True)),
    ],
)
def test_http_s_own_port_may_be_left_out_as_clients_do(
    tmp_path: Path, port: int, host: str, let_in: bool
) -> None:
    access = AccessCheck(port, AccessKeys(tmp_path / "keys"))
    head = RequestHead("GET", access.status_path, {"host": host})
    if let_in:
        assert access.admit(head).status
    else:
        with pytest.raises(ServiceError):
            access.admit(head)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a function that must not be invoked."""
    engine = Engine(tmp_path_factory.mktemp("guarded engine"))
    engine.start(port=0, options=QUICK)
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def bench(running: Engine) -> Iterator[Workbench]:
    bench = workbench(running)
    bench.function("def handler(event, context): print('@say {}')", FunctionName="victim")
    yield bench
    bench.clear()


def send(engine: Engine, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
    """One request, as any program can send it. Header names have underscores for hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", engine.status().port or 0, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items() if value}
    connection.request(method, target, body, named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, content


def signed(engine: Engine, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
    """A request with a good signature, for what the signature alone does not decide."""
    pair = engine.credentials("test")
    host = headers.pop("Host", f"127.0.0.1:{engine.status().port}")
    request = AWSRequest(method=method, url=f"http://{host}{target}", data=body, headers={"Host": host})
    SigV4Auth(Credentials(pair.access_key, pair.secret_key), "lambda", REGION).add_auth(request)
    sign = {name.replace("-", "_"): value for name, value in request.headers.items()}
    return send(engine, method, target, body, **{**sign, **headers})


def untouched(engine: Engine, bench: Workbench) -> None:
    roles = client(engine, "iam").list_roles()["Roles"]
    assert [role["RoleName"] for role in roles if "evil" in role["RoleName"]] == []
    names = {function["FunctionName"] for function in client(engine, "lambda").list_functions()["Functions"]}
    assert "victim" in names
    assert "evil" not in names
    assert bench.reports("victim") == []


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_web_page_can_send_is_refused(
    running: Engine, bench: Workbench, attack: str, browser: str
) -> None:
    method, target, kind, body = ATTACKS[attack]
    headers = {name.replace("-", "_"): value for name, value in BROWSERS[browser].items()}
    status, answered, content = send(running, method, target, body, Content_Type=kind, **headers)
    assert status == 403
    assert not any(name.startswith("access-control") for name in answered)
    assert b"victim" not in content


def test_after_all_the_attacks_nothing_has_happened(running: Engine, bench: Workbench) -> None:
    for method, target, kind, body in ATTACKS.values():
        for browser in BROWSERS.values():
            headers = {name.replace("-", "_"): value for name, value in browser.items()}
            send(running, method, target, body, Content_Type=kind, **headers)
    untouched(running, bench)


def test_a_preflight_is_refused(running: Engine) -> None:
    asks = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    status, headers, _ = send(running, "OPTIONS", "/", b"", Origin=EVIL, Sec_Fetch_Site="cross-site", **asks)
    assert status == 403
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:PORT",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:PORT",
        "127.0.0.1.evil.example:PORT",
        "x.lambda-url.us-east-1.localhost:PORT",
        "0.0.0.0:PORT",
        "127.0.0.1:PORT.evil.example",
        "bucket.localhost:PORT",
    ],
)
def test_a_rebound_name_is_refused_though_its_request_is_signed(running: Engine, host: str) -> None:
    port = str(running.status().port)
    assert signed(running, "GET", "/2015-03-31/functions", Host=host.replace("PORT", port))[0] == 403
    assert signed(running, "GET", "/2015-03-31/functions", Host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize("browser", [name for name, headers in BROWSERS.items() if headers])
def test_a_page_is_refused_though_its_request_is_signed(running: Engine, browser: str) -> None:
    headers = {name.replace("-", "_"): value for name, value in BROWSERS[browser].items()}
    status, answered, _ = signed(running, "GET", "/2015-03-31/functions", b"", **headers)
    assert status == 403
    assert not any(name.startswith("access-control") for name in answered)


def test_a_signed_answer_has_no_cors_header_either(running: Engine) -> None:
    status, headers, _ = signed(running, "GET", "/2015-03-31/functions", Sec_Fetch_Site="none")
    assert status == 200
    assert not any(name.startswith("access-control") for name in headers)


def test_it_is_refused_before_its_body_is_read(running: Engine) -> None:
    port = running.status().port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=5) as connection:
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {EVIL}\r\nContent-Length: 90000000\r\n"
        connection.sendall(head.encode() + b"\r\n")
        assert connection.recv(20).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "target",
    [
        "/_ministack/reset",
        "/_ministack/%72eset",
        "//_ministack/reset",
        "/x/../_ministack/reset",
        "/_ministack/health",
        "/health",
        "/2015-03-31/../_ministack/reset",
        "/2015-03-31/%2e%2e/_ministack/reset",
        "/000000000000/../_ministack/reset",
        "/_ministack/lambda-code/victim",
        "/_ministack/lambda-code/../reset",
        "/_ministack/config",
        "/_localstack/health",
        "/oauth2/token",
        "/x/.well-known/jwks.json",
        "/a-bucket/key",
        "/_aws/execute-api/x/y",
        "/%00",
        "/\\_ministack",
        "/_cryptoctl/run",
        "http://127.0.0.1/_ministack/reset",
    ],
)
def test_ministacks_own_doors_are_closed_to_everybody(running: Engine, bench: Workbench, target: str) -> None:
    for method in ("GET", "POST", "PUT"):
        assert send(running, method, target)[0] == 403
        assert signed(running, method, target)[0] in (403, 404)
    untouched(running, bench)


def test_what_a_handler_has_is_signed_and_ends_with_the_engine(running: Engine, bench: Workbench) -> None:
    source = "import os\ndef handler(event, context): return {k: os.environ[k] for k in event}"
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    variables, _ = bench.invoke(bench.function(source), names)
    key, secret, token = (variables[name] for name in names)
    url = running.status().url

    def ask(session_token: str | None) -> Any:
        session = boto3.Session(key, secret, session_token, REGION)
        return session.client("sts", endpoint_url=url).get_caller_identity()

    assert ask(token)["Account"] == "000000000000"
    for wrong in (None, "another"):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            ask(wrong)
    running.stop()
    running.start(options=QUICK)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        ask(token)


def test_damaged_access_keys_are_said_and_let_nobody_new_in(running: Engine) -> None:
    file = running.status().home / "access-keys.json"
    content = file.read_text()
    running.credentials("test")
    assert signed(running, "GET", "/2015-03-31/functions")[0] == 200
    file.write_text("{")
    try:
        unknown = "AWS4-HMAC-SHA256 Credential=LKX/20260101/r/lambda/aws4_request, SignedHeaders=host, "
        headers = {"Authorization": f"{unknown}Signature={'0' * 64}", "X_Amz_Date": "20260101T000000Z"}
        status, _, body = send(running, "GET", "/2015-03-31/functions", b"", **headers)
        assert status == 500
        assert b"access-keys.json is damaged" in body
    finally:
        file.write_text(content)
    assert signed(running, "GET", "/2015-03-31/functions")[0] == 200


def test_a_presigned_request_is_answered_until_it_is_changed(running: Engine) -> None:
    sts = client(running, "sts")
    url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    target = url.partition(f":{running.status().port}")[2]
    status, _, body = send(running, "GET", target)
    assert status == 200
    assert b"<Account>000000000000</Account>" in body
    changed = target.replace("GetCallerIdentity", "GetSessionToken")
    status, _, body = send(running, "GET", changed)
    assert status == 403
    assert b"SignatureDoesNotMatch" in body


NOBODY = 65534


def there_is_another_user() -> bool:
    """Whether this process may become one: root may, but in a user namespace that has nobody else."""
    mapped = Path("/proc/self/uid_map")
    lines = mapped.read_text("ascii").splitlines() if mapped.exists() else ["0 0 4294967295"]
    ranges = [(int(first), int(count)) for first, _, count in map(str.split, lines)]
    return os.geteuid() == 0 and any(first <= NOBODY < first + count for first, count in ranges)


def test_another_user_of_the_machine_gets_no_access_key(running: Engine) -> None:
    if not there_is_another_user():
        pytest.skip("only root can become another user, where there is one")
    url, home = running.status().url or "", running.status().home
    running.credentials("test")
    code = f"""
import urllib.request, urllib.error
try:
    open({str(home / "access-keys.json")!r})
except PermissionError:
    print("keys: refused")
try:
    urllib.request.urlopen({url + "/2015-03-31/functions"!r})
except urllib.error.HTTPError as error:
    print("functions:", error.code)
"""
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    options: dict[str, Any] = {"user": NOBODY, "capture_output": True, "text": True, "cwd": "/"}
    result = subprocess.run([python, "-c", code], check=False, **options)
    assert result.stdout.splitlines() == ["keys: refused", "functions: 403"], result.stderr


URL_HANDLER = "def handler(event, context): return {'statusCode': 200, 'body': event['rawPath']}"


def function_url(bench: Workbench, auth: str = "NONE", **settings: Any) -> str:
    """The id of a function URL."""
    url = bench.address(bench.function(URL_HANDLER), AuthType=auth, **settings)
    return str(urlsplit(url).netloc.partition(".")[0])


def test_a_function_url_needs_no_signature_and_leads_to_nothing_else(
    running: Engine, bench: Workbench
) -> None:
    url, port = function_url(bench), running.status().port
    by_host = f"{url}.lambda-url.{REGION}.localhost:{port}"
    for path in ("/hook", "/_ministack/reset", "/2015-03-31/functions", "/health", "/../x"):
        assert send(running, "POST", path, b"{}", Host=by_host)[2] == path.encode()
        assert send(running, "POST", f"/_aws/lambda-url/{url}{path}", b"{}")[2] == path.encode()
    target = "Logs_20140328.DescribeLogGroups"
    assert send(running, "POST", "/", b"{}", Host=by_host, X_Amz_Target=target)[2] == b"/"
    assert send(running, "POST", "/hook", b"{}", Host=by_host.replace(url, "a" * 32))[0] == 403
    assert send(running, "POST", f"/_aws/lambda-url/{'a' * 32}/hook", b"{}")[0] == 403
    assert send(running, "POST", "/hook", b"x" * (6 * 2**20 + 1), Host=by_host)[0] == 413
    untouched(running, bench)


def test_a_function_url_lets_pages_in_as_far_as_its_own_cors_configuration(
    running: Engine, bench: Workbench
) -> None:
    closed = function_url(bench)
    opened = function_url(bench, Cors={"AllowOrigins": [EVIL], "AllowMethods": ["POST"]})
    status, headers, _ = send(running, "POST", f"/_aws/lambda-url/{closed}/", Origin=EVIL)
    assert (status, headers.get("access-control-allow-origin")) == (403, None)
    status, headers, _ = send(running, "POST", f"/_aws/lambda-url/{opened}/", Origin=EVIL)
    assert (status, headers.get("access-control-allow-origin")) == (200, EVIL)
    _, headers, _ = send(running, "POST", f"/_aws/lambda-url/{opened}/", Origin="http://other.example")
    assert headers.get("access-control-allow-origin") is None


def test_a_function_url_with_iam_needs_a_signature(running: Engine, bench: Workbench) -> None:
    url = function_url(bench, "AWS_IAM")
    assert send(running, "POST", f"/_aws/lambda-url/{url}/hook")[0] == 403
    assert signed(running, "POST", f"/_aws/lambda-url/{url}/hook")[2] == b"/hook"
