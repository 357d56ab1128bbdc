"""Signed requests to the address on the embedded engine, and what the check itself takes.

The check is measured in this process: from a function URL's event to the admitted request, with the secrets
read. On the engine a client sends one request after another, and then several at once.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from cryptoctl.handlers import http_requests, sender_secrets
from cryptoctl.ops.webhook.http import send_request
from cryptoctl.ops.webhook.requests import RequestMaker
from cryptoctl.ops.webhook.secrets import SecretStore
from cryptoctl.ops.webhook.senders import webhook_address
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from handlers.conftest import ENVIRONMENT
from handlers.fake_aws import Direct, FakeAws
from handlers.senders import PRICE, event, honest, parameters, variable
from kit import function_clients

CHECKS = 3000
REQUESTS = 300
AT_ONCE = 8
CONFIGURATION = """
[engine]
port = {port}
[env.bench.stream]
window_s = 0
[env.bench.webhook.senders.desk]
preset = "standard-webhooks"
"""


def main() -> None:
    """Prints both."""
    _checks()
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CRYPTOCTL_STATE_DIR"] = directory
        _on_the_engine(Path(directory))


def _checks() -> None:
    os.environ.update(ENVIRONMENT, WEBHOOK_SENDERS=variable())
    client = Direct(FakeAws(parameters=parameters()))
    function_clients.connect_all(client)
    big = json.dumps({**PRICE, "note": "x" * 7000}).encode()
    cases = {
        "signed, 100 bytes": honest("standard"),
        "signed, 7 KB": honest("standard", big),
        "token in the address": honest("header"),
        "refused: forged": honest("standard", secret="whsec_" + "A" * 44),
        "refused: unknown sender": event("/nobody", json.dumps(PRICE).encode()),
    }
    for name, request in cases.items():
        spent = []
        with redirect_stdout(StringIO()):
            for _ in range(CHECKS):
                began = time.perf_counter()
                http_requests.authenticate(request)
                spent.append(time.perf_counter() - began)
        print(f"check, {name:<24} p50 {_ms(spent, 50)}  p99 {_ms(spent, 99)}")
    function_clients.disconnect()
    sender_secrets.forget()


def _on_the_engine(directory: Path) -> None:
    session = Session(
        SessionOptions(environment="bench", target=Target.LOCAL, config=directory / "cryptoctl.toml")
    )
    (directory / "cryptoctl.toml").write_text(CONFIGURATION.format(port=_free_port()), encoding="utf-8")
    _cryptoctl(directory, "up", "--yes")
    try:
        address = webhook_address(session.aws, session.stack)
        maker = RequestMaker(name="desk", sender=session.config.webhook.senders["desk"], address=address)
        secret = SecretStore(aws=session.aws, stack=session.stack, sender="desk").read().secret

        def send(number: int) -> float:
            body = json.dumps({**PRICE, "id": number, "timestamp": int(time.time() * 1000)})
            request = maker.request(secret, body, now_s=time.time(), message_id=f"msg_{number}")
            began = time.perf_counter()
            response = send_request("POST", request.url, request.headers, request.body)
            assert response.status == 200, response
            return time.perf_counter() - began

        send(0)
        _tell("one after another", lambda: [send(number) for number in range(1, REQUESTS)])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            _tell(f"{AT_ONCE} at once", lambda: list(pool.map(send, range(REQUESTS, 2 * REQUESTS))))
    finally:
        _cryptoctl(directory, "local", "stop")


def _cryptoctl(directory: Path, *words: str) -> None:
    command = [sys.executable, "-m", "cryptoctl", *words, "--env", "bench", "--local"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _tell(title: str, work: Callable[[], Sequence[float]]) -> None:
    began = time.perf_counter()
    spent = work()
    rate = len(spent) / (time.perf_counter() - began)
    print(f"on the engine, {title}: p50 {_ms(spent, 50)}  p99 {_ms(spent, 99)}  {rate:.0f} requests a second")


def _ms(seconds: Sequence[float], percent: int) -> str:
    return f"{statistics.quantiles(seconds, n=100)[percent - 1] * 1000:.3f} ms"
