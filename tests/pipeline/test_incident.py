"""An incident as a stranger meets it: from the alert's text to an empty queue, with what each text names.

GOLDEN=1 writes the commands and what they print into docs/runbook.md.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptoctl.local.engine import Engine
from kit.commands import Cli
from kit.waiting import eventually
from live import Connect, Live

pytestmark = pytest.mark.engine

NAME = "prod"
# As many as in the runbook where that is written; fewer show the same.
PRICES = 300 if os.environ.get("GOLDEN") else 6
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
BEGIN, END = "<!-- the incident -->\n", "<!-- the end of the incident -->"
COMMAND = re.compile(r"cryptoctl (?:[a-z-]+)(?: [^`\n;]*)?")


@pytest.fixture
def prod(engine: Engine, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """An environment that is up, as the defaults have it, with somebody who is told."""
    monkeypatch.chdir(tmp_path)
    Path("cryptoctl.toml").write_text(
        f'[env.{NAME}]\nalert_subscribers = ["on-call@example.com"]\nstream.window_s = 0\n', encoding="utf-8"
    )
    Cli().ok("up", "--local", "--env", NAME)
    live = connect(NAME)
    yield live
    live.down()


class Stranger:
    """Types what a text names, and nothing else."""

    def __init__(self) -> None:
        self.typed: list[tuple[str, str]] = []
        self.seconds = 0.0
        self._read = ""

    def reads(self, text: str) -> None:
        """What may be typed from now on is also what this text names."""
        self._read += text

    def types(self, words: str, *, code: int = 0) -> str:
        """The last command read that begins so, typed as it stands there."""
        named = [match.group().strip() for match in COMMAND.finditer(self._read)]
        command = next(hint for hint in reversed(named) if hint.startswith(f"cryptoctl {words}"))
        began = time.monotonic()
        result = Cli()(*shlex.split(command)[1:])
        self.seconds += time.monotonic() - began
        assert result.code == code, f"{command}\n{result.out}{result.err}"
        self.typed.append((command, result.out + result.err))
        self.reads(result.out + result.err)
        return result.out + result.err


def break_the_table_s_name(live: Live) -> None:
    """As somebody might in the console: one variable."""
    name = live.stack.webhook.name
    configuration = live.aws.call("lambda", "GetFunctionConfiguration", FunctionName=name)
    variables = {**configuration["Environment"]["Variables"], "DYNAMODB_TABLE": "crypto-prices-test"}
    live.change_function(name, Environment={"Variables": variables})


def send_prices(live: Live) -> None:
    """Each in a request of its own, as senders do."""
    now_ms = int(time.time() * 1000)

    def send(number: int) -> int:
        price = {"symbol": "BTC", "price": 50_000 + number, "exchange": "coinbase", "id": number}
        event = {
            "body": json.dumps({**price, "timestamp": now_ms + number}),
            "requestContext": {"timeEpoch": now_ms},
        }
        answer = live.aws.call(
            "lambda", "Invoke", FunctionName=live.stack.webhook.name, Payload=json.dumps(event).encode()
        )
        return int(json.loads(answer["Payload"].read())["statusCode"])

    # One after the other: sent at once, each would start an instance of the function.
    assert {send(number) for number in range(PRICES)} == {503}


def test_from_the_alert_to_cause_repair_and_empty_queue(prod: Live, engine: Engine) -> None:
    break_the_table_s_name(prod)
    send_prices(prod)

    def alert() -> str | None:
        messages = [message for message in engine.outbox(200) if prod.stack.webhook.name in message.subject]
        return f"{messages[0].subject}\n\n{messages[0].text}" if messages else None

    alert_text = eventually(alert, "the alert")
    stranger = Stranger()
    stranger.reads(alert_text)
    logged = stranger.types("logs")
    assert re.search(r"ERROR request not stored  × \d+, last ", logged)
    assert "ResourceNotFoundException" in logged
    status = stranger.types("status")
    assert "Environment.DYNAMODB_TABLE" in status
    waiting = re.search(r"(\d+) dead letters", status)
    # On a busy machine a function sends a message again whose answer it has waited for long enough.
    assert waiting and int(waiting[1]) >= PRICES
    assert "Environment.DYNAMODB_TABLE" in stranger.types("plan")
    stranger.types("up")
    count = waiting[1]
    assert f"; {count} match, the oldest " in stranger.types("dlq list")
    assert f"{count} of {count} replayed" in stranger.types("dlq replay")
    after = stranger.types("status")
    assert "no dead letters" in after and "drifted" not in after
    prices = Cli().ok("prices", "BTC", "--last", "1000", "--wait", "--env", NAME, "-o", "json").json["prices"]
    assert len(prices) == PRICES
    check_runbook(alert_text, stranger)


def check_runbook(alert_text: str, stranger: Stranger) -> None:
    """The runbook has these commands, in this order."""
    runbook = RUNBOOK.read_text(encoding="utf-8")
    before, _, remainder = runbook.partition(BEGIN)
    section, _, after = remainder.partition(END)
    if os.environ.get("GOLDEN"):
        section = section_of(alert_text, stranger)
        RUNBOOK.write_text(f"{before}{BEGIN}{section}{END}{after}", encoding="utf-8")
    shown = [line.removeprefix("$ ") for line in section.splitlines() if line.startswith("$ cryptoctl")]
    assert [timeless(command) for command in shown] == [timeless(command) for command, _ in stranger.typed]


def section_of(alert_text: str, stranger: Stranger) -> str:
    """The section: the alert, then each command with what it printed."""
    head = alert_text.split("\n\n1. ")[0]
    screens = [f"```console\n$ {command}\n{shortened(out)}\n```\n" for command, out in stranger.typed]
    seconds = f"On the embedded engine these commands took {stranger.seconds:.0f} s, reading not counted.\n"
    return "\n".join(["", f"```text\n{head.strip()}\n```\n", *screens, seconds])


def shortened(out: str, most: int = 14) -> str:
    """The beginning and the end of a long screen."""
    lines = [line[:150].rstrip() for line in out.strip().splitlines()]
    if len(lines) > most:
        lines = [*lines[: most - 4], f"… {len(lines) - most + 1} more lines", *lines[-3:]]
    return "\n".join(lines)


def timeless(command: str) -> str:
    return re.sub(r"--since \S+", "--since T", command)
