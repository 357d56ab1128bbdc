"""SQS gives out so many messages of a queue at a time; what waits beyond is counted and told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cryptoctl.cli import dlq
from cryptoctl.cli.dlq_files import export, purge
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters.causes import count_causes
from cryptoctl.ops.dead_letters.messages import Message, QueueName
from cryptoctl.ops.dead_letters.results import Outcome
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.dead_letters.unreceived import Unreceived
from cryptoctl.ops.queue_depth import QueueDepth
from dead_letters.test_commands_in_memory import command
from dead_letters.test_replay_in_memory import GOOD, ODD, Bench, MemoryQueue

MAX_IN_FLIGHT = 12
SELECTION = Selection(queues=[QueueName.WEBHOOK])
TOLD = (
    "13 more messages wait, and SQS gives them out only once others are replayed or purged: "
    "120,000 of a queue can be in flight (on AWS the count may lag by a minute). "
    "Whether the filters select them is not known."
)

AGAIN = "Run the same command again. Where it finds none any more, replay or purge others first."


@dataclass(frozen=True, kw_only=True)
class Withholding(MemoryQueue):
    """Gives none where MAX_IN_FLIGHT are in flight."""

    def now_ms(self) -> int:
        return 100

    def receive(self, *, visibility_s: int, wait_s: int) -> list[Message]:
        messages = super().receive(visibility_s=visibility_s, wait_s=wait_s)
        beyond = messages[len(messages) - max(0, len(self.hidden & self.messages.keys()) - MAX_IN_FLIGHT) :]
        self.hidden.difference_update(message.id for message in beyond)
        return messages[: len(messages) - len(beyond)]


@dataclass(frozen=True, kw_only=True)
class Lagging(MemoryQueue):
    """Counts messages that it has given out."""

    def depth(self) -> QueueDepth:
        return replace(super().depth(), visible=3)


def bench_of(kinds: list[str], directory: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(kinds, set(), str(directory))
    bench.queue = Withholding(**vars(bench.queue))
    bench.queues = {QueueName.WEBHOOK: bench.queue}
    monkeypatch.setattr("cryptoctl.ops.dead_letters.receiving.MAX_IN_FLIGHT", MAX_IN_FLIGHT)
    for module in ("dlq", "dlq_files"):
        monkeypatch.setattr(f"cryptoctl.cli.{module}.dead_letter_queues", lambda *_: bench.queues)
    monkeypatch.setattr("cryptoctl.cli.dlq.journal_path", lambda _: bench.path)
    return bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Twice as many messages as may be in flight, and one."""
    return bench_of([GOOD] * (2 * MAX_IN_FLIGHT + 1), tmp_path, monkeypatch)


def test_a_replay_says_what_it_leaves_and_the_same_again_goes_on_with_it(bench: Bench) -> None:
    for replayed, withheld in ((12, 13), (12, 1), (1, 0)):
        summary = bench.replay()
        document = summary.document()
        assert (document["replayed"], document["withheld"]) == (replayed, withheld)
        assert document["complete"] is (not withheld)
        if withheld == 13:
            with pytest.raises(Failure) as raised:
                dlq._check(summary)
            failure = raised.value
            assert (failure.exit_code, failure.message) == (ExitCode.FAILED, TOLD)
            assert failure.hint == AGAIN
    assert not bench.queue.messages


def test_a_purge_does_too(bench: Bench, tmp_path: Path) -> None:
    for deleted, withheld in ((12, 13), (12, 1)):
        run = command()
        with pytest.raises(Failure, match=f"^{withheld} more messages? waits?,") as raised:
            purge(run, SELECTION, yes=True, export_to=tmp_path / f"{withheld}.jsonl")
        assert (raised.value.exit_code, raised.value.hint) == (ExitCode.FAILED, AGAIN)
        assert (run.members["deleted"], run.members["withheld"]) == (deleted, withheld)
        assert run.members["complete"] is False
    run = command()
    purge(run, SELECTION, yes=True, no_export=True)
    assert (run.members["deleted"], run.members["withheld"], run.members["complete"]) == (1, 0, True)
    assert not bench.queue.messages


def test_a_purge_that_keeps_some_tells_of_the_others_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench_of([ODD] * (2 * MAX_IN_FLIGHT + 1), tmp_path, monkeypatch)
    with pytest.raises(Failure) as raised:
        purge(command(), SELECTION, yes=True, no_export=True)
    assert raised.value.message == f"12 messages were kept: the format is unknown. {TOLD}"


def test_a_replay_that_fails_tells_of_the_others_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = bench_of([ODD] * (2 * MAX_IN_FLIGHT + 1), tmp_path, monkeypatch).replay()
    with pytest.raises(Failure) as raised:
        dlq._check(summary)
    assert raised.value.message.endswith(f"the rest is still in its queue. {TOLD}")


def test_a_look_says_that_it_has_not_seen_them_and_gives_all_back(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    causes = count_causes(bench.queues, SELECTION)
    assert (causes.matching[QueueName.WEBHOOK].count, causes.document()["withheld"]) == (12, 13)
    run = command()
    export(run, SELECTION, tmp_path / "file")
    assert (run.members["exported"], run.members["withheld"]) == (12, 13)
    assert TOLD in capsys.readouterr().err
    assert not bench.queue.hidden


def test_an_id_that_was_not_found_may_be_one_of_them(bench: Bench) -> None:
    summary = bench.replay(ids=["24"])
    assert (summary.outcomes, summary.unreceived) == ({}, Unreceived(withheld=13))
    assert bench.replay(ids=["3"]).outcomes == {Outcome.REPLAYED: 1}


def test_as_many_as_are_asked_for_are_complete_without_them(bench: Bench) -> None:
    assert bench.replay(limit=5).complete


def test_a_count_that_lags_is_none_of_them(tmp_path: Path) -> None:
    """SQS counts what it has given out as waiting for up to a minute."""
    bench = Bench([GOOD] * 3, set(), str(tmp_path))
    bench.queue = Lagging(**vars(bench.queue))
    bench.queues = {QueueName.WEBHOOK: bench.queue}
    assert bench.replay().complete


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        (Unreceived(), ""),
        (Unreceived(withheld=1), "SQS gives it out only once"),
        (Unreceived(in_flight=1, withheld=1), "Whether the filters select them is not known."),
    ],
)
def test_what_is_said_of_them(rest: Unreceived, text: str) -> None:
    assert text in str(rest) and bool(rest) is bool(text)
    assert rest.hint == (AGAIN if rest.withheld else "Run the same command again later.")
