"""What each command writes as JSON on a living environment is what docs/json.md says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Cli
from cryptoctl.cli.commands import COMMANDS
from cryptoctl.ui.documents import MODELS

pytestmark = pytest.mark.engine

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# A log line is what a function wrote.
NOT_OURS = {"message"}
# The engine has no console that could be opened.
NOT_HERE = {"feed", "init", "open", "local start", "local stop", "local reset", "down"}


def lines(directory: Path) -> dict[str, list[str]]:
    """A command line for each command, in an order that works."""
    prices = directory / "prices.csv"
    prices.write_text("symbol,price,exchange\nJSON,1,here\nJSON,no,here\n", encoding="utf-8")
    letters = directory / "letters.jsonl"
    failed = {"ErrorMessage": {"DataType": "String", "StringValue": "KeyError"}}
    letter = {"queue": "webhook", "body": '{"body": "{}"}', "attributes": failed}
    letters.write_text(json.dumps(letter), encoding="utf-8")
    return {
        "up": ["up"],
        "selftest": ["selftest", "--only", "queue-missing", "--yes", "--report-dir", str(directory)],
        "cost": ["cost"],
        "plan": ["plan"],
        "status": ["status"],
        "dashboard": ["dashboard", "--save", str(directory / "page.html")],
        "outputs": ["outputs"],
        "envs": ["envs"],
        "doctor": ["doctor"],
        "config": ["config"],
        "iam-policy": ["iam-policy", "--part", "1"],
        "send-price": ["send-price", "JSON", "2", "here", "--id", "7"],
        "prices": ["prices", "JSON", "--wait"],
        "chart": ["chart", "JSON"],
        "candles": ["candles", "JSON", "--interval", "1m"],
        "symbols": ["symbols"],
        "logs": ["logs", "--since", "5m"],
        "trace": ["trace", "JSON", "--id", "7"],
        "dlq list": ["dlq", "list"],
        "dlq peek": ["dlq", "peek"],
        "dlq replay": ["dlq", "replay"],
        "dlq repair": ["dlq", "repair", "--symbol", "JSON"],
        "dlq export": ["dlq", "export", str(directory / "exported.jsonl")],
        "dlq import": ["dlq", "import", str(letters)],
        "dlq purge": ["dlq", "purge", "--yes"],
        "webhook list": ["webhook", "list"],
        "webhook show": ["webhook", "show", "desk", "--reveal"],
        "webhook test": ["webhook", "test", "desk"],
        "webhook rotate": ["webhook", "rotate", "desk", "--reveal", "--no-wait"],
        "local status": ["local", "status"],
        "local logs": ["local", "logs"],
        "local outbox": ["local", "outbox"],
    }


def validated(name: str, document: Any) -> Any:
    model = MODELS[name].model_validate(document)
    assert set(document) == set(MODELS[name].model_fields)
    others = {text for text in times(document) if not UTC_TIME.fullmatch(text)}
    assert not others, (name, others)
    return model


def times(value: Any) -> list[str]:
    """Every text that begins like a time."""
    if isinstance(value, dict):
        return [time for key, item in value.items() if key not in NOT_OURS for time in times(item)]
    if isinstance(value, list):
        return [time for item in value for time in times(item)]
    return [value] if isinstance(value, str) and ISO.match(value) else []


def test_each_command_writes_its_model(day: Cli, tmp_path: Path) -> None:
    every = lines(tmp_path)
    assert set(every) == set(COMMANDS) - NOT_HERE
    settings = Path("cryptoctl.toml")
    environment = tomllib.loads(settings.read_text(encoding="utf-8"))["env"]
    with settings.open("a", encoding="utf-8") as file:
        file.write(f'[env.{next(iter(environment))}.webhook.senders.desk]\npreset = "standard-webhooks"\n')
    for name, line in every.items():
        document = validated(name, day.ok(*line, "-o", "json").json)
        assert document.outcome == "success", name
        asks = name not in ("config", "cost", "local status", "local logs", "local outbox")
        assert (document.account, document.region) == (("0" * 12, "us-east-1") if asks else (None, None)), (
            name
        )
        assert document.target == "local"


def test_a_file_with_a_bad_line_and_a_queued_price(day: Cli, tmp_path: Path) -> None:
    lines(tmp_path)
    result = day("send-price", "--file", str(tmp_path / "prices.csv"), "--now", "-o", "json")
    document = validated("send-price", result.json)
    assert (result.code, document.outcome) == (1, "failure")
    assert (document.file.stored, document.file.failed[0].line) == (1, 3)
    queued = validated("send-price", day.ok("send-price", "JSON", "3", "here", "--async", "-o", "json").json)
    assert queued.request_id


def test_down_has_results_as_up_has(local_cli: Any) -> None:
    cli = local_cli("jsondown")
    options = ("--only", "price-alerts-jsondown")
    up = validated("up", cli.ok("up", *options, "-o", "json").json)
    assert [(result.action, result.outcome) for result in up.results] == [("create", "done")]
    refused = validated("down", cli("down", "-o", "json").json)
    assert (refused.failure.problem, refused.results) == ("REFUSED", [])
    assert refused.plan is not None
    down = validated("down", cli.ok("down", "--yes", "-o", "json").json)
    assert [(result.action, result.outcome) for result in down.results] == [("delete", "done")]
