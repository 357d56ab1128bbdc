"""The commands on dead letters without an engine: what they ask, what they pass on, how they end."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cryptoctl.cli import dlq
from cryptoctl.cli.command import CommandRun
from cryptoctl.cli.dlq_files import purge
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.enriching import EnrichResult, UnenrichedPrice
from cryptoctl.ops.dead_letters.messages import QueueName
from cryptoctl.ops.dead_letters.payloads import EditError
from cryptoctl.ops.dead_letters.receiving import selected_messages
from cryptoctl.ops.dead_letters.results import Outcome, ReplayOptions, ReplaySummary
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import Unreceived, unreceived
from cryptoctl.session import Session
from cryptoctl.ui.screen import Screen
from dead_letters.test_replay_in_memory import GOOD, Bench
from unit.answers import SCOPE, STACK

SELECTION = Selection(queues=[QueueName.WEBHOOK])


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Two messages on a queue in memory."""
    bench = Bench([GOOD, GOOD], set(), str(tmp_path))
    for module in ("dlq", "dlq_files"):
        monkeypatch.setattr(f"cryptoctl.cli.{module}.dead_letter_queues", lambda *_: bench.queues)
    monkeypatch.setattr("cryptoctl.cli.dlq.journal_path", lambda _: bench.path)
    return bench


def command(aws: object = None) -> CommandRun:
    session = SimpleNamespace(aws=aws, stack=STACK, location="dev", environment="dev", scope=SCOPE)
    return CommandRun(session=cast("Session", session), screen=Screen(colour=False))


@pytest.mark.parametrize("answer", ["", "n", "no", "purge"])
def test_a_purge_deletes_after_a_yes_alone_and_leaves_no_file_of_what_it_did_not_delete(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    answers, file = [answer, "y"], tmp_path / "file"
    monkeypatch.setattr(Screen, "can_ask", property(lambda _: True))
    monkeypatch.setattr(Screen, "ask", lambda *_: answers.pop(0))
    with pytest.raises(Failure, match="Nothing was deleted, and the file is removed") as raised:
        purge(command(), SELECTION, export_to=file)
    assert capsys.readouterr().out == ""
    assert raised.value.exit_code is ExitCode.REFUSED
    assert len(bench.queue.messages) == 2 and not bench.queue.hidden and not file.exists()
    purge(command(), SELECTION, export_to=file)
    assert not bench.queue.messages and len(file.read_text(encoding="utf-8").splitlines()) == 2


def test_a_purge_is_refused_where_nobody_can_be_asked_or_two_options_disagree(
    bench: Bench, tmp_path: Path
) -> None:
    with pytest.raises(Failure, match="no terminal to ask") as raised:
        purge(command(), SELECTION)
    assert raised.value.exit_code is ExitCode.REFUSED
    with pytest.raises(Failure, match="exclude each other") as raised:
        purge(command(), SELECTION, yes=True, no_export=True, export_to=tmp_path / "file")
    assert raised.value.exit_code is ExitCode.USAGE
    assert len(bench.queue.messages) == 2 and not bench.queue.hidden


def test_a_replay_is_run_as_the_options_say(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[ReplayOptions]()

    class Noting:
        def __init__(self, *parts: Any) -> None:
            calls.append(parts[3])

        def run(self) -> ReplaySummary:
            return ReplaySummary()

    monkeypatch.setattr(dlq, "Replay", Noting)
    dlq.replay(command(), SELECTION, limit=7, rate=0.5, max_failures=3, set_=["price=5"])
    (options,) = calls
    assert (options.limit, options.rate_per_s, options.max_failures, options.edits.changes) == (
        7,
        0.5,
        3,
        {"price": "5"},
    )


@pytest.mark.parametrize(
    ("summary", "code"),
    [
        (ReplaySummary(), None),
        (ReplaySummary(interrupted=True, stopped="interrupted"), ExitCode.INTERRUPTED),
        (ReplaySummary(unreceived=Unreceived(in_flight=2)), ExitCode.FAILED),
        (ReplaySummary(chosen=1, undeleted=1), ExitCode.FAILED),
    ],
)
def test_only_a_replay_of_everything_ends_with_0(summary: ReplaySummary, code: ExitCode | None) -> None:
    if code is None:
        dlq._check(summary)
        return
    with pytest.raises(Failure) as raised:
        dlq._check(summary)
    assert raised.value.exit_code is code
    failed = ReplaySummary(chosen=1)
    failed.outcomes[Outcome.FAILED] += 1
    with pytest.raises(Failure, match="Not everything selected was replayed"):
        dlq._check(failed)


def test_what_an_editor_leaves_that_was_given_up_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """`:cq` in vi, say."""
    monkeypatch.setattr("cryptoctl.cli.dlq.subprocess.run", lambda *_, **__: SimpleNamespace(returncode=1))
    with pytest.raises(EditError, match="the editor vi exited with 1"):
        dlq._edited(Screen(colour=False), ["vi"], "{}")


def test_a_repair_that_leaves_prices_unenriched_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    price = UnenrichedPrice(key=("BTC", Decimal(5)), reason="why")
    result = EnrichResult(enriched=3, unenriched=[price], given_up=True)
    monkeypatch.setattr(dlq, "repair_prices", lambda *_: result)
    with pytest.raises(Failure, match="1 price is still not enriched, and the rest was not tried") as raised:
        dlq.repair(command(), symbol="BTC")
    assert raised.value.exit_code is ExitCode.FAILED
    result.unenriched.clear()
    dlq.repair(command(), symbol="BTC")


def looked_at(bench: Bench, limit: int | None, *ids: str) -> list[str]:
    selection = Selection(queues=[QueueName.WEBHOOK], ids=ids)
    with selected_messages(bench.queues, selection, limit=limit) as (letters, _):
        return [letter.message.id for letter in letters]


def test_a_look_gives_everything_back_and_tells_of_an_id_that_no_message_has(bench: Bench) -> None:
    assert looked_at(bench, None) == ["0", "1"]
    assert not bench.queue.hidden
    assert looked_at(bench, 1, "0", "7") == ["0"], "behind a limit none is looked for"
    with pytest.raises(Failure, match="has the id 7"):
        looked_at(bench, None, "0", "7")
    assert not bench.queue.hidden
    bench.queue.hidden.add("1")
    assert looked_at(bench, None, "0", "1") == ["0"], "it may be the one that another run has"
    assert bench.queue.hidden == {"1"}


def test_whose_messages_are_all_found_by_their_ids_misses_none_that_is_in_flight(bench: Bench) -> None:
    bench.queue.hidden.add("1")
    for ids, in_flight in ((("0",), 0), ((), 1), (("0", "1"), 1)):
        selection = Selection(queues=[QueueName.WEBHOOK], ids=ids)
        with selected_messages(bench.queues, selection) as (letters, journal):
            assert [letter.message.id for letter in letters] == ["0"]
            assert unreceived(bench.queues, selection, journal).in_flight == in_flight
