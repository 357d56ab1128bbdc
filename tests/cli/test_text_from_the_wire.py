"""Text from the wire never makes a line of its own, and never commands a terminal."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoctl.aws import Aws
from cryptoctl.core.items import StoredPrice
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.local.engine import OutboxMessage
from cryptoctl.ops.invoking import invoke
from cryptoctl.ops.log_entries import entries
from cryptoctl.ops.logs import Line
from cryptoctl.ui.engine import show_message
from cryptoctl.ui.logs import show_entry
from cryptoctl.ui.plans import brief
from cryptoctl.ui.prices import write_csv
from cryptoctl.ui.screen import Screen, printable

BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]
each_break = pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
FORGED = "error: AWS has deleted everything."


@each_break
@pytest.mark.parametrize("member", ["message", "errorMessage", "type", "level", "other", None])
def test_a_log_line_is_one_line(line_break: str, member: str | None, capsys: Any) -> None:
    message = f"all is well{line_break}{FORGED}"
    text = message if member is None else json.dumps({member: message})
    [entry] = entries([Line(id="1", time_ms=0, function="f", text=text)], everything=False)
    show_entry(Screen(colour=False), entry)
    assert len(capsys.readouterr().out.splitlines()) == 1


@each_break
def test_a_value_in_a_plan_is_one_line(line_break: str) -> None:
    assert len(brief(f"a{line_break}{FORGED}").splitlines()) == 1


@each_break
def test_a_line_of_the_screen_is_one_line(line_break: str, capsys: Any) -> None:
    screen, text = Screen(colour=False), f"a{line_break}{FORGED}"
    screen.data(text)
    screen.say(text)
    captured = capsys.readouterr()
    assert (len(captured.out.splitlines()), len(captured.err.splitlines())) == (1, 1)


@each_break
def test_a_failure_has_one_line_that_begins_like_one(line_break: str, capsys: Any) -> None:
    Screen(colour=False).failure(
        Failure(ExitCode.AWS, f"It failed.{line_break}{FORGED}", f"a{line_break}{FORGED}")
    )
    first, *lines = capsys.readouterr().err.splitlines()
    assert first.startswith("error: It failed.")
    assert not any(line.startswith("error:") for line in lines)


@each_break
def test_a_function_that_fails_says_why_on_one_line(line_break: str) -> None:
    class Failing(Aws):
        def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
            payload = json.dumps({"errorType": f"E{line_break}x", "errorMessage": f"a{line_break}{FORGED}"})
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(payload.encode())}

    function: Any = SimpleNamespace(name="webhook-processor-x", scope=SimpleNamespace(environment="x"))
    with pytest.raises(Failure) as raised:
        invoke(Failing(), function, "{}")
    assert len(raised.value.message.splitlines()) == 1


def test_what_is_said_of_a_failed_function_without_a_description_is_told() -> None:
    class Simulator(Aws):
        def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
            return {"FunctionError": "Handled", "Payload": io.BytesIO(b"no\xffdocker\nhere")}

    function: Any = SimpleNamespace(name="webhook-processor-x", scope=SimpleNamespace(environment="x"))
    with pytest.raises(Failure, match="failed: no") as raised:
        invoke(Simulator(), function, "{}")
    assert raised.value.message == "webhook-processor-x failed: no\ufffddocker here"


@each_break
def test_each_line_of_a_message_that_would_be_sent_is_indented(line_break: str, capsys: Any) -> None:
    message = OutboxMessage(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        region="us-east-1",
        topic="t",
        protocol="email",
        recipient="a@example.com",
        subject="s",
        text=f"a{line_break}{FORGED}",
    )
    show_message(Screen(colour=False), message)
    _, *lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("    ") for line in lines)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_text_in_csv_is_no_formula_and_commands_no_terminal(sign: str, capsys: Any) -> None:
    text = f"{sign}1+1\x1b[2J\n"
    price = StoredPrice(
        symbol=text,
        key=Decimal(5),
        exchange=text,
        price=Decimal(-1),
        volume=Decimal(2),
        processed=False,
        id=text,
    )
    write_csv(Screen(colour=False), [price])
    out = capsys.readouterr().out
    [row] = csv.DictReader(io.StringIO(out))
    assert {row[name] for name in ("symbol", "exchange", "id")} == {f"'{printable(text)}"}
    assert row["price"] == "-1"
    assert "\x1b" not in out
