"""Bad input: one sentence, an exit code, no traceback, and nothing changed."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from cryptoctl.errors import ExitCode


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("abc", "not a finite decimal number"),
        ("-1", "must be greater than 0"),
        ("0", "must be greater than 0"),
        ("NaN", "not a finite decimal number"),
        ("-inf", "not a finite decimal number"),
        ("1e400", "outside the range"),
        ("1." + "1" * 38, "more than 38 significant digits"),
    ],
)
def test_a_bad_price_is_refused_before_anything_is_sent(cli: Cli, price: str, reason: str) -> None:
    result = cli("send-price", "BTC", price, "coinbase")
    assert result.code == ExitCode.USAGE
    assert reason in result.err
    assert "Nothing was sent" in result.err


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--symbol", "ETH USDT", "'ETH USDT': has a character that is not allowed: U+0020"),
        ("--symbol", "", "'': is empty"),
        ("--exchange", "a<b", "'a<b': has a character that is not allowed: U+003C"),
    ],
)
def test_a_name_for_all_lines_of_a_file_is_checked_before_the_file_is_opened(
    cli: Cli, option: str, value: str, reason: str
) -> None:
    result = cli("send-price", "--file", "not-there.csv", option, value)
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert f"{option} {reason}. Nothing was sent." in result.err


@pytest.mark.parametrize(
    ("symbol", "reason"), [("\udcffa", "is no text in UTF-8: '\\udcffa'"), ("A" * 2049, "has 2049 bytes")]
)
@pytest.mark.parametrize("line", ["prices", "chart", "candles", "trace --id 7", "dlq repair --symbol"])
def test_what_can_be_no_symbol_is_not_asked_for(cli: Cli, line: str, symbol: str, reason: str) -> None:
    command = line.split()
    words = [*command, symbol] if line.endswith("--symbol") else [command[0], symbol, *command[1:]]
    result = cli(*words, "--local", "--env", "nosuch")
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert reason in result.err


@pytest.mark.parametrize("option", ["--env", "--profile", "--region", "--config"])
def test_an_option_that_is_given_and_empty_is_refused(cli: Cli, option: str) -> None:
    """In a script the variable behind it is not set; the default would be another environment."""
    for line in ("down --yes --local", "plan"):
        result = cli(*line.split(), option, "")
        assert result.code == ExitCode.USAGE
        assert f"{option} is empty." in result.err


@pytest.mark.parametrize(
    "line",
    [
        ("send-price", "BTC", "5", "x", "--timestamp", ""),
        ("send-price", "BTC", "5", "x", "--id", ""),
        ("send-price", "BTC", "5", "x", "--volume", ""),
        ("send-price", "", "5", "x", "--symbol", "BTC"),
        ("send-price", "--file", "prices.csv", "--id", ""),
        ("prices", ""),
        ("candles", " "),
        ("chart", ""),
        ("trace", "", "--at", "10m"),
        ("trace", "BTC", "--id", "7", "--since", ""),
        ("logs", "--since", ""),
        ("prices", "BTC", "--since", ""),
        ("dlq", "repair", "--symbol", ""),
        ("dlq", "purge", "--yes", "--error", ""),
        ("dlq", "replay", "--symbol", " "),
        ("dlq", "list", "--exchange", ""),
        ("dlq", "export", "letters.jsonl", "--id", "x", "--id", ""),
    ],
    ids=lambda line: " ".join(line),
)
def test_what_is_given_and_empty_is_not_taken_for_not_given(cli: Cli, line: tuple[str, ...]) -> None:
    result = cli(*line)
    assert result.code == ExitCode.USAGE
    refusals = ("is empty", "not a valid price", "options of files only", "is not a valid time")
    assert any(refusal in result.err for refusal in refusals)


@pytest.mark.parametrize(
    "line",
    [
        ("cost", "--actual", "--rate", "10/s"),
        ("cost", "--actual", "--batch", "1"),
        ("logs", "--follow", "--last", "3"),
        ("status", "--watch", "--exit-code"),
        ("status", "--watch", "--all"),
    ],
    ids=" ".join,
)
def test_an_option_that_would_have_no_effect_is_refused(cli: Cli, line: tuple[str, ...]) -> None:
    result = cli(*line)
    assert result.code == ExitCode.USAGE
    assert "out." in result.err


@pytest.mark.parametrize("name", ["my env", "a" * 42, "-dev", "prod/eu", "dév"])
def test_a_name_that_no_resource_could_carry_is_refused(cli: Cli, name: str) -> None:
    result = cli("plan", f"--env={name}")
    assert result.code == ExitCode.USAGE
    assert "is not a valid name for an environment" in result.err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[env.dev", "is not valid TOML"),
        ("[env.dev", "Correct the file there."),
        ("[env.dev]\nlog_retention_days = 4\n", "env.dev.log_retention_days = 4"),
        ("[env.dev.stream]\nbatch_size = true\n", "env.dev.stream.batch_size = true"),
        ("[engine]\nport = '14770'\n", 'engine.port = "14770"'),
        ("[engine]\nsave_every_s = true\n", "engine.save_every_s = true"),
        ("[env.dev]\nprotected = 'false'\n", 'env.dev.protected = "false"`: true or false is needed'),
        ("[env.dev]\ndashboard = 0\n", "env.dev.dashboard = 0`: true or false is needed"),
        ("[env]\ndev = 5\n", "env.dev = 5`: a table is needed"),
        ("[engine]\nasync_retry_delays_s = [1]\n", "lacks `engine.async_retry_delays_s.1`"),
        ("[env.dev]\nlog_retention_day = 3\n", "unknown key `env.dev.log_retention_day`"),
        ("[env.dev]\naccount_id = '12'\n", "env.dev.account_id"),
        ("[env.dev.webhook_processor]\nreserved_concurrency = 'all'\n", "reserved_concurrency"),
        ("[env.dev]\nalert_subscribers = ['nobody']\n", "must be an email address"),
        ("[env.'my env']\n", "is not a valid name for an environment"),
    ],
)
def test_a_wrong_configuration_names_the_key(cli: Cli, elsewhere: Path, text: str, shown: str) -> None:
    (elsewhere / "cryptoctl.toml").write_text(text, encoding="utf-8")
    result = cli("plan")
    assert result.code == ExitCode.USAGE
    assert shown in result.err


def test_a_named_configuration_must_exist(cli: Cli) -> None:
    result = cli("plan", "--config", "nowhere.toml")
    assert result.code == ExitCode.USAGE
    assert "nowhere.toml cannot be read" in result.err


def test_without_credentials_the_error_mentions_local(cli: Cli) -> None:
    result = cli("plan", "--aws", "--env", "nocredentials")
    assert result.code == ExitCode.CREDENTIALS
    assert "--local" in result.err


def test_an_unknown_profile_is_named(cli: Cli) -> None:
    result = cli("plan", "--aws", "--profile", "nosuch")
    assert result.code == ExitCode.CREDENTIALS
    assert "nosuch" in result.err


@pytest.mark.parametrize("region", ["mars north", "us_east_1"])
def test_an_unusable_region_is_named(cli: Cli, region: str) -> None:
    result = cli("plan", "--aws", "--region", region)
    assert result.code in (ExitCode.USAGE, ExitCode.CREDENTIALS, ExitCode.UNREACHABLE)
    assert "error:" in result.err


def test_an_engine_that_does_not_run_is_said(cli: Cli, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "state"))
    result = cli("plan", "--local")
    assert result.code == ExitCode.UNREACHABLE
    assert "cryptoctl local start" in result.err


def test_a_taken_port_is_said(cli: Cli, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "state"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        result = cli("local", "start", "--port", str(listener.getsockname()[1]))
    assert result.code == ExitCode.UNREACHABLE
    assert "port" in result.err


def test_an_unknown_option_or_command_is_refused(cli: Cli) -> None:
    assert cli("up", "--nosuch").code == ExitCode.USAGE
    assert cli("fly").code == ExitCode.USAGE


def test_init_writes_a_configuration_that_loads_and_refuses_to_overwrite(cli: Cli, elsewhere: Path) -> None:
    cli.ok("init")
    written = (elsewhere / "cryptoctl.toml").read_text(encoding="utf-8")
    result = cli("init")
    assert "`cryptoctl init FILE` writes another one" in result.err
    assert result.code == ExitCode.REFUSED
    assert (elsewhere / "cryptoctl.toml").read_text(encoding="utf-8") == written


@pytest.mark.engine
def test_a_pinned_account_refuses_other_credentials(local_cli: Any, elsewhere: Path) -> None:
    (elsewhere / "cryptoctl.toml").write_text("[env.pinned]\naccount_id = '123456789012'\n", encoding="utf-8")
    result = local_cli("pinned")("up")
    assert result.code == ExitCode.CREDENTIALS
    assert "123456789012" in result.err
    assert "000000000000" in result.err
    assert "--aws" in result.err and "--profile" not in result.err


@pytest.mark.engine
def test_commands_on_the_engine_never_look_at_the_users_aws(local_cli: Any, monkeypatch: Any) -> None:
    for name, value in {
        "AWS_PROFILE": "nosuch",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    assert local_cli("alone")("plan").code == 0


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "words"),
    [("ExpiredToken", "aws sso login"), ("InvalidClientTokenId", "does not accept the credentials")],
)
def test_expired_or_wrong_credentials_are_one_sentence(
    cli: Cli, monkeypatch: Any, code: str, words: str
) -> None:
    answer = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no more</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    ).encode()

    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOLD")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "old")
        result = Cli()("plan", "--aws")
        server.shutdown()
    assert result.code == ExitCode.CREDENTIALS
    assert words in result.err
    assert "AKIAOLD" not in result.err
