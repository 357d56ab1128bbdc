"""What is said where AWS is not reached: the configuration, the credentials, the network, the engine.

All without an engine and without a network; hostile/messages.txt holds what must be said.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest

from cli.conftest import Cli, unused_port
from cryptoctl.aws import AccessKey, Aws
from cryptoctl.errors import Failure
from cryptoctl.local.data_directory import DataDirectory, EngineRecord
from cryptoctl.local.launch import source_digest
from hostile.golden import Situation, check

pytestmark = pytest.mark.process
KEYS = {"AWS_ACCESS_KEY_ID": "AKIANOBODY", "AWS_SECRET_ACCESS_KEY": "not/to/be/seen"}


class MessageRecorder:
    """Runs commands in an empty directory and tells what they said, with the directory's name left out."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.situations = directory, list[Situation]()

    def __call__(
        self, title: str, *arguments: str, typed: str | None = None, **variables: str | None
    ) -> None:
        missing = str(self.directory / "none")
        env: dict[str, str | None] = {
            "AWS_CONFIG_FILE": missing,
            "AWS_SHARED_CREDENTIALS_FILE": missing,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": "us-east-1",
            "CRYPTOCTL_STATE_DIR": str(self.directory / "state"),
            "COLUMNS": "110",
            **dict.fromkeys(KEYS),
            **variables,
        }
        result = Cli(env=env)(*arguments, typed=typed)
        texts = [text.replace(str(self.directory), "DIRECTORY") for text in (result.out, result.err)]
        settings = [f"{name}={value}" for name, value in variables.items() if name not in KEYS]
        command = " ".join([*settings, "cryptoctl", *arguments]).replace(str(self.directory), "DIRECTORY")
        command = re.sub(r"(127\.0\.0\.1:|--port )\d+", r"\1PORT", command)
        self.situations.append(
            Situation(title=title, command=command, code=result.code, out=texts[0], err=texts[1])
        )


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_directory: Path) -> MessageRecorder:
    monkeypatch.chdir(tmp_path)
    # What is repeated is repeated at once.
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
    return MessageRecorder(tmp_path)


WRONG_FILES = (
    ("no TOML", "[env.dev"),
    ("a value that is not allowed", "[env.dev]\nlog_retention_days = 4\n"),
    ("a key that does not exist", "[env.dev]\nlog_retention_day = 3\n"),
    (
        "a subscriber with a password in its address",
        "[env.dev]\nalert_subscribers = ['https://me:secret@x.y/']\n",
    ),
    ("an environment that no resource could be named after", "[env.'my env']\n"),
)


def test_messages_about_the_command_line_and_the_configuration(
    record: MessageRecorder, tmp_path: Path
) -> None:
    file = tmp_path / "cryptoctl.toml"
    for title, text in WRONG_FILES:
        file.write_text(text, encoding="utf-8")
        record(f"the configuration holds {title}", "up")
    file.unlink()
    record("the configuration that is named does not exist", "up", "--config", "nowhere.toml")
    record("a name that no resource could carry", "plan", "--env", "prod/eu")
    file.write_text("[env.prod]\nprotected = true\n", encoding="utf-8")
    record("an environment that the configuration does not name", "up", "--env", "prd")
    record("an option that does not exist", "up", "--force")
    check("Before AWS 1: the command line and the configuration", hidden(record.situations))


def test_messages_about_credentials_and_the_network(record: MessageRecorder) -> None:
    record("no credentials anywhere", "up")
    record("a profile that does not exist", "up", "--profile", "nosuch")
    record("a region that cannot be one", "up", "--region", "mars north", **KEYS)
    record("an endpoint that is no URL", "up", AWS_ENDPOINT_URL="me:secret@aws", **KEYS)
    wrong_port = "http://me:se/cret@aws:PORT"
    record("an endpoint whose port is no number", "up", AWS_ENDPOINT_URL=wrong_port, **KEYS)
    address = f"127.0.0.1:{unused_port()}"
    record("nobody answers at the endpoint", "status", AWS_ENDPOINT_URL=f"http://{address}", **KEYS)
    with_password = f"http://me:secret@{address}"
    record(
        "the same, and the endpoint has a password in it", "status", AWS_ENDPOINT_URL=with_password, **KEYS
    )
    record("a proxy that does not answer, with a password in it", "plan", HTTPS_PROXY=with_password, **KEYS)
    with answering(b"<html>Sign in to the guests' network</html>") as url:
        record("something answers that is not AWS", "doctor", AWS_ENDPOINT_URL=url, **KEYS)
    check("Before AWS 2: credentials and the network", hidden(record.situations))


def hidden(situations: Sequence[Situation]) -> Sequence[Situation]:
    """The same, once it is sure that nothing secret is said."""
    for situation in situations:
        assert "secret@" not in situation.err + situation.out
        assert KEYS["AWS_SECRET_ACCESS_KEY"] not in situation.err + situation.out
    return situations


def test_a_page_in_the_place_of_a_listing_is_told_as_such() -> None:
    with answering(b"<html>Sign in to the guests' network</html>") as url:
        aws = Aws(region="here", endpoint_url=url, credentials=AccessKey(access_key="a", secret_key="b"))
        with pytest.raises(Failure, match="What answered to iam:ListRoles is not AWS"):
            list(aws.paginate("iam", "ListRoles", "Roles"))
        # Of what should be JSON botocore makes an empty answer.
        with pytest.raises(Failure, match="What answered to kms:DescribeKey is not AWS"):
            aws.call("kms", "DescribeKey", KeyId="k")
        with pytest.raises(Failure, match="What answered to kms:ListKeys is not AWS"):
            list(aws.paginate("kms", "ListKeys", "Keys"))
        with pytest.raises(Failure, match="What answered to logs:DescribeLogGroups is not AWS"):
            list(aws.paginate("logs", "DescribeLogGroups", "logGroups"))
        # The server refuses each GET, with a page.
        with pytest.raises(Failure, match="What answered to lambda:GetFunction is not AWS"):
            aws.call("lambda", "GetFunction", FunctionName="f")


@pytest.mark.parametrize("body", [b"{}", b""], ids=["empty", "none"])
def test_an_answer_without_what_aws_always_sends_is_told_as_such(body: bytes) -> None:
    with answering(body, "application/x-amz-json-1.1") as url:
        aws = Aws(region="here", endpoint_url=url, credentials=AccessKey(access_key="a", secret_key="b"))
        with pytest.raises(Failure, match="The answer to kms:DescribeKey has no KeyMetadata"):
            aws.call("kms", "DescribeKey", KeyId="k")["KeyMetadata"]


@pytest.mark.parametrize(
    "page", [b'<head><meta http-equiv="refresh"></head>', b"\xef\xbb\xbf<!doctype html>", b"Sign in"]
)
def test_a_page_is_refused_however_it_begins(page: bytes) -> None:
    with answering(page) as url:
        aws = Aws(region="here", endpoint_url=url, credentials=AccessKey(access_key="a", secret_key="b"))
        requests: dict[str, dict[str, Any]] = {
            "dynamodb:Query": {"TableName": "t"},
            "sqs:DeleteQueue": {"QueueUrl": url},
            "lambda:Invoke": {"FunctionName": "f"},
        }
        for request, params in requests.items():
            service, operation = request.split(":")
            with pytest.raises(Failure, match=f"What answered to {service}:{operation} is not AWS"):
                aws.call(service, operation, **params)


def test_json_that_is_said_to_be_html_is_read_as_what_it_is() -> None:
    with answering(b'{"Keys": [{"KeyId": "<html>"}]}') as url:
        aws = Aws(region="here", endpoint_url=url, credentials=AccessKey(access_key="a", secret_key="b"))
        assert list(aws.paginate("kms", "ListKeys", "Keys")) == [{"KeyId": "<html>"}]


@contextmanager
def answering(body: bytes, content_type: str = "text/html; charset=utf-8") -> Iterator[str]:
    """The URL of a server that answers everything so."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_messages_about_the_embedded_engine(record: MessageRecorder, tmp_path: Path) -> None:
    # Where its usual port is another engine's, `doctor` says that.
    (tmp_path / "cryptoctl.toml").write_text(f"[engine]\nport = {unused_port()}\n", encoding="utf-8")
    for command in ("plan", "status", "doctor", "down"):
        record(f"`{command}`, and the engine does not run", command, "--local")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        record("the engine's port is taken", "local", "start", "--port", str(listener.getsockname()[1]))
    with an_engine_that_does_not_answer(tmp_path / "state" / "engine"):
        record("the engine runs and does not answer", "status", "--local")
        record("the same; it was killed before, and has said what may be missing", "doctor", "--local")
        record("it runs already, on another port", "local", "start", "--port", "1")
    record("nobody is there to confirm that all local data goes", "local", "reset")
    record("there is no log yet", "local", "logs")
    check("Before AWS 3: the embedded engine", record.situations)


@contextmanager
def an_engine_that_does_not_answer(directory: Path) -> Iterator[None]:
    """The lock is held and the record names a port at which nobody listens."""
    home = DataDirectory(directory)
    home.create()
    lock = home.hold()
    assert lock is not None
    home.take_clean_end()  # and it is killed: the next one says so
    notes = tuple(home.take_clean_end())
    home.write(
        EngineRecord(
            pid=os.getpid(),
            port=unused_port(),
            started_at="2026-01-02T03:04:05+00:00",
            notes=notes,
            code=source_digest(),
        )
    )
    yield
    os.close(lock)
