"""A working day on the embedded engine, through the commands alone."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cli.conftest import Cli, put_price
from cryptoctl.errors import ExitCode
from cryptoctl.ops import sending
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.retry import RealClock, Retry
from live import Connect

pytestmark = pytest.mark.engine
TRADES = Path(__file__).parents[2] / "examples" / "eth_usdt_trades.csv"


def test_up_twice_changes_nothing_and_another_region_is_told(day: Cli) -> None:
    assert "Nothing to do" in day.ok("up").err
    assert day("plan", "--exit-code").code == 0
    for line in ("status", "prices BTC"):
        elsewhere = day(*line.split(), "--region", "eu-west-1")
        assert elsewhere.code == ExitCode.FAILED
        assert "in eu-west-1: it was last brought up in us-east-1" in elsewhere.err
        assert "--region us-east-1" in elsewhere.err


def test_down_twice_then_up_takes_the_key_back(local_cli: Any) -> None:
    cli, function = local_cli("updown"), ("--only", "function webhook-processor-updown")
    first = cli.ok("up", *function, "--only", "price-alerts-updown")
    assert "webhook_processor_arn" in first.out
    assert re.search(r"No one is subscribed .* run `cryptoctl up[^`]*` again", first.err)
    assert "Pending deletion until" in cli.ok("down", "--yes").err
    assert "Pending deletion until" in cli.ok("down", "--yes").err
    result = cli("status")
    assert result.code == ExitCode.FAILED
    assert "There is no environment updown on this machine" in result.err
    plan = cli("plan", "--exit-code", "-o", "json")
    assert plan.code == 3
    changed = {step["resource"]: step["action"] for step in plan.json["plan"]["steps"]}
    assert changed.pop("key alias/lambda-env-updown") == "update"
    assert set(changed.values()) == {"create"}
    cli.ok("up", *function)  # with the key, which it needs
    assert cli("plan", "--exit-code", *function).code == 0
    assert cli("plan", "--exit-code", "--only", "alias/lambda-env-updown").code == 0
    cli.ok("down", "--yes")


def test_the_indicators_are_those_of_pandas_and_each_price_is_announced_once(
    day: Cli, connect: Connect, tmp_path: Path
) -> None:
    outputs = day.ok("outputs", "-o", "json").json["outputs"]
    live = connect(outputs["environment"])
    url = live.aws.call("sqs", "CreateQueue", QueueName=f"listener-{outputs['environment']}")["QueueUrl"]
    arn = outputs["webhook_dlq_arn"].rsplit(":", 1)[0] + f":listener-{outputs['environment']}"
    live.aws.call("sns", "Subscribe", TopicArn=outputs["sns_topic_arn"], Protocol="sqs", Endpoint=arn)
    sent = [str(Decimal(50000) + Decimal(number * number) / 7) for number in range(21)]
    # The first of them together, the others one after the other: an average may reach over many batches.
    lines = [f"BTC,{price},coinbase,{now_ms() - 60_000 + number}" for number, price in enumerate(sent[:15])]
    (tmp_path / "first.csv").write_text("\n".join(["symbol,price,exchange,timestamp", *lines]), "utf-8")
    day.ok("send-price", "--file", str(tmp_path / "first.csv"))
    for price in sent[15:]:
        day.ok("send-price", "BTC", price, "coinbase")
    rows = day.ok("prices", "BTC", "--wait", "--last", "100", "-o", "json").json["prices"]
    assert [row["price"] for row in rows] == sent
    series = pd.Series([float(price) for price in sent])
    expected = {
        "ma_5": series.rolling(5).mean(),
        "ma_20": series.rolling(20).mean(),
        "volatility": series.rolling(10).std(ddof=0),
    }
    for name, values in expected.items():
        for row, value in zip(rows, values, strict=True):
            if pd.isna(value):
                assert row[name] is None
            else:
                assert float(row[name]) == pytest.approx(value, rel=1e-9)
    announced = Counter(json.loads(message)["sort_key"] for message in _received(live.aws, url, 21))
    assert announced == Counter(row["sort_key"] for row in rows)
    live.aws.call("sqs", "DeleteQueue", QueueUrl=url)


def _received(aws: Any, url: str, number: int) -> list[str]:
    messages: list[str] = []

    def enough() -> bool | None:
        answer = aws.call("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            messages.append(json.loads(message["Body"])["Message"])
            aws.call("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return True if len(messages) >= number and not answer.get("Messages") else None

    assert Retry(RealClock()).until(enough, "the announcements", 30)
    return messages


def test_real_trades_are_stored_in_order_once(
    day: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In three batches, the last of which is not full."""
    send, sizes = sending.send_batch, list[int]()

    def noted(aws: Any, function: Any, prices: Any) -> list[str]:
        sizes.append(len(prices))
        return send(aws, function, prices)

    monkeypatch.setattr(sending, "PRICES_A_BATCH", 20)
    monkeypatch.setattr(sending, "send_batch", noted)
    text = TRADES.read_text(encoding="utf-8").splitlines(keepends=True)[:51]
    trades = list(csv.DictReader(text))
    file = tmp_path / "trades.csv"
    file.write_text("".join(text), encoding="utf-8")
    command = ("send-price", "--file", str(file), "--symbol", "ETH", "--exchange", "binance")
    assert day.ok(*command, "-o", "json").json["file"]["stored"] == len(trades) == 50
    assert sizes == [20, 20, 10]
    assert day.ok(*command, "-o", "json").json["file"]["duplicate"] == len(trades)
    table = day.ok("prices", "ETH", "--wait", "--last", "1000", "-o", "csv").out
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["timestamp"], row["id"]) for row in rows] == [
        (trade["timestamp"], trade["id"]) for trade in trades
    ]
    assert [Decimal(row["price"]) for row in rows] == [Decimal(trade["price"]) for trade in trades]


@pytest.mark.parametrize("price", ["0.000000000000000001", "1234567890123456789012345678.9012345678"])
def test_a_price_survives_digit_for_digit(day: Cli, price: str) -> None:
    day.ok("send-price", "TINY", price, "somewhere", "--volume", "0.5")
    [row] = day.ok("prices", "TINY", "--last", "1", "-o", "json").json["prices"]
    assert (row["price"], row["volume"]) == (price, "0.5")


def test_a_broken_line_is_named_and_the_others_are_sent(day: Cli, tmp_path: Path) -> None:
    lines = ["symbol,price,exchange,timestamp"]
    lines += [f"LINE,{'1x' if line == 7 else line},here,{1_700_000_000_000 + line}" for line in range(2, 12)]
    file = tmp_path / "prices.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    result = day("send-price", "--file", str(file))
    assert result.code == 1
    assert "line 7: price: not a finite decimal number" in result.err
    assert "9 stored, 0 duplicates, 1 failed" in result.out
    assert len(day.ok("prices", "LINE", "-o", "json").json["prices"]) == 9
    # Where all of it was stored, `--from-line` one behind its end is what a hint says.
    beyond = day.ok("send-price", "--file", str(file), "--from-line", "12")
    assert "prices.csv has no prices from line 12 on" in " ".join(beyond.err.split())


def test_json_lines_override_the_options(day: Cli, tmp_path: Path) -> None:
    file = tmp_path / "prices.jsonl"
    file.write_text('{"price": 1.5, "id": 1}\n\n{"price": "2.5", "exchange": "kraken"}\n', encoding="utf-8")
    day.ok("send-price", "--file", str(file), "--symbol", "JL", "--exchange", "gemini", "--now")
    rows = day.ok("prices", "JL", "-o", "json").json["prices"]
    assert {(row["price"], row["exchange"]) for row in rows} == {("1.5", "gemini"), ("2.5", "kraken")}


def test_a_dry_run_shows_what_would_be_stored_and_sends_nothing(day: Cli, tmp_path: Path) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("price,transact_time\n1.5,1675329600138\n1.5,1675329600138\nx,1\n", encoding="utf-8")
    command: tuple[str, ...] = ("send-price", "--file", str(file))
    command += ("--symbol", "比特币USDT", "--exchange", "BtcTurk | Kripto")
    refused = day(*command)
    assert (refused.code, "--map timestamp=transact_time" in refused.err) == (2, True)
    command = (*command, "--map", "timestamp=transact_time")
    result = day.ok(*command, "--dry-run")
    assert "times in milliseconds" in result.err
    assert "line 4: " in result.err
    assert (
        "2 would be sent, from 2023-02-02T09:20:00.138Z to 2023-02-02T09:20:00.138Z; 1 would be" in result.out
    )
    (tmp_path / "notes.md").write_text("x", encoding="utf-8")
    beside = day.ok(*command, "--file", str(tmp_path), "--dry-run", "-o", "json").json["dry_run"]
    assert beside["passed_over"] == [str(tmp_path / "notes.md")]
    preview = day.ok(*command, "--dry-run", "-o", "json").json["dry_run"]
    assert [row["occurrence"] for row in preview["first"]] == [None, 2]
    assert day.ok("prices", "比特币usdt", "-o", "json").json["prices"] == []
    for stored, duplicate in ((2, 0), (0, 2)):
        counts = day(*command, "-o", "json").json["file"]
        assert (counts["stored"], counts["duplicate"], counts["refused"]) == (
            stored,
            duplicate,
            1,
        )
    text = day.ok("prices", "比特币USDT", "--wait", "-o", "csv").out
    (tmp_path / "again.csv").write_text(text, encoding="utf-8")
    again = day.ok("send-price", "--file", str(tmp_path / "again.csv"), "-o", "json").json["file"]
    assert (again["stored"], again["duplicate"]) == (0, 2)


def test_another_price_under_a_stored_id_is_told(day: Cli, tmp_path: Path) -> None:
    at = "2026-01-02T03:04:05Z"
    day.ok("send-price", "DIFFERS", "10", "x", "--timestamp", at, "--id", "7")
    result = day.ok("send-price", "DIFFERS", "11", "x", "--timestamp", at, "--id", "7")
    assert (result.out.split(":")[0], "what was stored first stays" in result.err) == ("duplicate", True)
    file = tmp_path / "differs.csv"
    file.write_text(f"timestamp,symbol,price,exchange,id\n{at},DIFFERS,11,x,7\n{at},DIFFERS,12,x,8\n")
    result = day.ok("send-price", "--file", str(file))
    assert "Of the duplicates, 1 has another price or volume" in " ".join(result.err.split())
    counts = day.ok("send-price", "--file", str(file), "-o", "json").json["file"]
    assert (counts["duplicate"], counts["differing"]) == (2, 1)


def test_names_as_exchanges_write_them_come_through_everything(day: Cli, tmp_path: Path) -> None:
    names = [
        ("币安人生USDT", "BtcTurk | Kripto"),
        ("@107", "Börse Stuttgart"),
        ("USD₮0", "BtcTurk | Kripto"),
        ("USD₮0", "Börse Stuttgart"),
    ]
    file = tmp_path / "names.jsonl"
    lines = [
        {"symbol": symbol, "exchange": exchange, "price": "1.5", "id": number, "timestamp": 1_767_323_045_000}
        for number, (symbol, exchange) in enumerate(names, start=1)
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    assert day.ok("send-price", "--file", str(file), "-o", "json").json["file"]["stored"] == 4
    pairs = []
    for symbol in dict.fromkeys(symbol for symbol, _ in names):
        text = day.ok("prices", symbol, "--wait", "-o", "csv").out  # enriched by PartiQL, and announced
        (tmp_path / "again.csv").write_text(text, encoding="utf-8")
        again = day.ok("send-price", "--file", str(tmp_path / "again.csv"), "-o", "json").json["file"]
        assert (again["stored"], again["refused"]) == (0, 0)
        rows = day.ok("prices", symbol, "-o", "json").json["prices"]
        assert all(row["processed"] for row in rows)
        pairs += [(row["symbol"], row["exchange"]) for row in rows if row["timestamp"] == 1_767_323_045_000]
    assert sorted(pairs) == sorted(names)
    listed = {row["symbol"] for row in day.ok("symbols", "-o", "json").json["symbols"]}
    assert listed >= {symbol for symbol, _ in names}
    assert "on Börse Stuttgart" in day.ok("trace", "USD₮0", "--id", "4", "--since", "2026-01-01").out


def test_an_asynchronous_price_gets_a_request_id_and_is_stored(day: Cli) -> None:
    result = day.ok("send-price", "LATER", "3", "here", "--async")
    assert "queued as request" in result.out
    assert "stored" not in result.out

    def stored() -> Any:
        return day.ok("prices", "LATER", "-o", "json").json["prices"] or None

    assert Retry(RealClock()).until(stored, "the price", 20)


def test_status_envs_and_logs_tell_what_is_there(day: Cli) -> None:
    day.ok("send-price", "LOGGED", "1", "here")
    status = day.ok("status", "-o", "json").json
    assert {resource["state"] for resource in status["resources"]} == {"present"}
    assert [queue["visible"] for queue in status["queues"]] == [0, 0]
    assert status["mappings"][0]["state"] == "Enabled"
    assert status["engine"]["url"].startswith("http://127.0.0.1:")
    names = [row["environment"] for row in day.ok("envs", "-o", "json").json["environments"]]
    assert status["environment"] in names

    def log_has_line() -> bool | None:
        return True if "LOGGED" in day.ok("logs", "webhook-processor", "--since", "5m").out else None

    assert Retry(RealClock()).until(log_has_line, "the log line", 20)


@pytest.mark.parametrize(
    "words", [("up",), ("plan",), ("status",), ("doctor",), ("prices", "BTC", "-o", "json")]
)
def test_that_the_engine_is_another_cryptoctls_is_told_once(
    day: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("cryptoctl.local.engine.source_digest", lambda: "another")
    result = day.ok(*words)
    assert (result.out + result.err).count("was started by another version of cryptoctl") == 1


def test_status_tells_what_does_not_work_in_the_engine(
    day: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = day.ok("status", "-o", "json").json["concerns"]
    monkeypatch.setattr("cryptoctl.local.engine.problems", lambda _: ("saving the state fails",))
    result = day("status", "--exit-code", "--all")
    assert result.code == ExitCode.DIFFERENCES
    assert (result.out + result.err).count("saving the state fails") == 1
    first, second, *_ = result.out.splitlines()
    assert first.startswith("! ") and second == "! embedded engine  saving the state fails"
    assert "`cryptoctl local logs` may say more" in result.out
    concern, *others = day.ok("status", "-o", "json").json["concerns"]
    assert (concern["subject"], others) == ("embedded engine", before)
    page = tmp_path / "page.html"
    day.ok("dashboard", "--save", str(page))
    assert "saving the state fails" in page.read_text(encoding="utf-8")


def test_plan_is_reviewed_and_then_exactly_that_plan_is_applied(local_cli: Any) -> None:
    cli = local_cli("reviewed")
    only = ("--only", "price-alerts-reviewed")
    fingerprint = cli.ok("plan", *only, "-o", "json").json["plan"]["fingerprint"]
    refused = cli("up", *only, "--expect", "0123456789ab")
    assert refused.code == 6
    assert fingerprint in refused.err
    assert "`cryptoctl plan --only price-alerts-reviewed --" in refused.err
    cli.ok("up", *only, "--expect", fingerprint)
    missing = {
        resource["resource"]
        for resource in cli.ok("status", "-o", "json").json["resources"]
        if resource["state"] == "missing"
    }
    assert "stream mapping price-enricher-reviewed" in missing
    assert "topic price-alerts-reviewed" not in missing
    cli.ok("down", "--yes")


def test_down_keeps_the_data_when_asked(local_cli: Any, connect: Connect) -> None:
    cli, live = local_cli("kept"), connect("kept")
    parts = ("--only", "crypto-prices-kept", "--only", "price-alerts-kept")
    cli.ok("up", *parts)
    put_price(live, "BTC", 1_767_323_045_000)
    down = cli.ok("down", "--yes", "--keep-data").err
    assert "Kept: table crypto-prices-kept" in down and "✓ topic price-alerts-kept  deleted" in down
    cli.ok("up", *parts)
    assert len(cli.ok("prices", "BTC", "-o", "json").json["prices"]) == 1
    cli.ok("down", "--yes")
    assert cli("prices", "BTC").code == 1


def test_a_protected_environment_refuses_to_go(local_cli: Any, elsewhere: Path) -> None:
    cli, table = local_cli("guarded"), ("--only", "crypto-prices-guarded")
    config = elsewhere / "cryptoctl.toml"
    unprotected = config.read_text(encoding="utf-8")
    config.write_text(f"[env.guarded]\nprotected = true\n{unprotected}", encoding="utf-8")
    cli.ok("up", *table)
    protected = cli("down", "--yes")
    assert protected.code == 6
    assert "guarded is protected" in protected.err
    config.write_text(unprotected, encoding="utf-8")
    refused = cli("down", "--yes")
    assert refused.code == 6
    assert "deletion protection" in refused.err
    assert cli("down", "--yes", "--keep-data").code == 6
    unasked = cli("up")
    assert unasked.code == 6
    assert "lift the deletion protection" in unasked.err
    result = cli("up", *table, "--adopt")
    assert "`cryptoctl plan --only crypto-prices-guarded --adopt --env guarded --local`" in result.err
    cli.ok("up", "--yes", *table)
    cli.ok("down", "--yes")


def test_down_asks_for_the_name_and_without_a_terminal_names_the_flag(local_cli: Any) -> None:
    cli = local_cli("asked")
    outputs = cli.ok("up", "--only", "webhook-processor-dlq-asked", "-o", "json").json["outputs"]
    assert outputs["webhook_dlq_url"].startswith("http")
    assert "enricher_dlq_url" not in outputs, "what was not looked at has no known value"
    result = cli("down", typed="asked\n")
    assert result.code == 6
    assert "--yes" in result.err
    cli.ok("down", "--yes")
