"""Whether an exchange can be reached: whose certificates are trusted, and what is said where it cannot."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cryptoctl.errors import ExitCode, Failure
from feed.ccxt_at import point
from feed.exchange_server import ExchangeServer
from feed.harness import Run, real_trades
from kit.authority import Authority

pytest.importorskip("ccxt")
pytestmark = pytest.mark.process


def test_the_machines_authorities_are_trusted_as_those_of_a_company_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority, tape = Authority(tmp_path), real_trades(3)
    with ExchangeServer({"ETHUSDT": tape}, tls=authority.server) as server:
        server.configure(monkeypatch)
        run = Run(["binance", "ETH/USDT"], since_ms=tape[0].ms)
        with pytest.raises(Failure, match="CERTIFICATE_VERIFY_FAILED"):
            run.until(lambda _: False)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
        run.until(lambda run: len(run.table.items) == 3 and bool(server.subscribed))


def test_why_an_exchange_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    point(port, monkeypatch.setattr)
    with pytest.raises(Failure, match=f"Cannot connect to host 127.0.0.1:{port}") as raised:
        Run(["binance", "ETH/USDT"]).until(lambda _: False)
    assert raised.value.exit_code is ExitCode.FAILED


def test_a_file_of_authorities_without_a_certificate_is_no_answer_of_an_exchange(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_text("none", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    with pytest.raises(Failure, match=r"cannot be read: SSLError: .*CERTIFICATE"):
        Run(["binance", "ETH/USDT"]).until(lambda _: False)


def test_of_a_proxy_without_a_scheme_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "user:hunter2@127.0.0.1:1")
    with pytest.raises(Failure, match=r"\*\*\*@127.0.0.1:1") as raised:
        Run(["binance", "ETH/USDT"]).until(lambda _: False)
    assert "hunter2" not in str(raised.value)
