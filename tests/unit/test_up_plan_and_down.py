"""The commands that run a plan, on made-up things: what they refuse, what they ask, how they end."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import pytest
import typer

from cryptoctl.cli.command import CommandRun
from cryptoctl.cli.down import down
from cryptoctl.cli.plan import plan
from cryptoctl.cli.up import up
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.observed import Observed, Obstacle
from cryptoctl.reconcile.orphans import Candidates, FoundOrphans, Orphans
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.traits import ConsentRequired, DeletionProtected, FollowUp
from cryptoctl.session import Session
from cryptoctl.settings import Target
from cryptoctl.ui.screen import Screen
from kit.clocks import FakeClock
from unit.fake_resources import SCOPE, FakeAws, FakeResource

DEV = replace(SCOPE, environment="dev")


@dataclass(frozen=True, kw_only=True, eq=False)
class Data(FakeResource, ConsentRequired, DeletionProtected, FollowUp):
    """A thing with data, that may be protected, of which a person is asked and told."""

    holds_data: ClassVar[bool] = True

    def consent_reasons(self, delta: Delta) -> Iterator[str]:
        if delta.touches("Size"):
            yield "lift the protection"

    def follow_up(self, delta: Delta) -> str | None:
        return "Tell everybody."

    def deletion_blocker(self, observed: Observed) -> Obstacle | None:
        return Obstacle(what="It is protected.", hint="") if observed.fields["Size"] == 7 else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Going(FakeResource):
    """A thing that AWS removes some days after it was asked to."""

    def observe(self, aws: Any) -> Observed | None:
        observed = super().observe(aws)
        when = datetime(2030, 1, 2, tzinfo=UTC) if self.name in aws.going else None
        return observed and replace(observed, pending_deletion_until=when)


class Aws(FakeAws):
    """An AWS with things of these fields."""

    def __init__(self, **existing: Mapping[str, Any]) -> None:
        super().__init__()
        self.going: set[str] = set()
        for name, fields in existing.items():
            tags = {"Size": 1, "Shape": "round", "Tags": DEV.tags}
            self.things[name] = {"Fields": {**tags, **fields}, "Id": f"id-of-{name}", "State": "Ready"}


@dataclass(frozen=True, kw_only=True)
class LeftOver(Orphans):
    """Things that are no longer part of the stack, from the look with that number on."""

    leftover: tuple[FakeResource, ...] = ()
    from_look: int = 1
    looks: list[bool] = field(default_factory=list)

    def candidates(self, aws: Any) -> Candidates:
        self.looks.append(True)
        return Candidates()

    def find(self, aws: Any, candidates: Candidates, seen: Any) -> FoundOrphans:
        orphans = {
            resource: resource.observe(aws) for resource in self.leftover if len(self.looks) >= self.from_look
        }
        return FoundOrphans(
            removable={resource: observed for resource, observed in orphans.items() if observed}
        )


@dataclass
class Stack:
    """What a session has of a stack."""

    things: tuple[FakeResource, ...]
    orphans: Orphans
    outputs: Mapping[str, Any] = field(default_factory=dict)
    alerts: FakeResource | None = None

    def __iter__(self) -> Iterator[Provisioner]:
        return iter(self.things)


@dataclass
class MadeUp:
    """A session on made-up things."""

    aws: Aws
    stack: Stack
    config: Any
    saved: list[bool] = field(default_factory=list)
    location: str = "dev"
    environment: str = "dev"
    target: Target = Target.AWS
    scope: Any = DEV

    def start_engine(self) -> list[str]:
        return []

    def save_last_location(self) -> None:
        self.saved.append(not self.aws.calls)


@dataclass
class Config:
    """What is asked of a configuration."""

    protected: bool = False


def command(
    aws: Aws, *things: FakeResource, leftover: LeftOver | None = None, protected: bool = False
) -> CommandRun:
    stack = Stack(things, leftover or LeftOver(stack=things))
    session = MadeUp(aws, stack, Config(protected))
    return CommandRun(session=cast("Session", session), screen=Screen(colour=False), clock=FakeClock())


def thing(name: str, **more: Any) -> FakeResource:
    return FakeResource(name=name, scope=DEV, **more)


def data(name: str = "data", **more: Any) -> Data:
    return Data(name=name, scope=DEV, **more)


@pytest.fixture
def dialogue(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A person at the terminal: what they are asked, and their answer."""
    prompts: dict[str, Any] = {"answer": "", "questions": []}

    def ask(_: Screen, question: str) -> str:
        prompts["questions"].append(question)
        return str(prompts["answer"])

    monkeypatch.setattr(Screen, "can_ask", property(lambda _: True))
    monkeypatch.setattr(Screen, "ask", ask)
    return prompts


def exit_code(run: CommandRun, **options: Any) -> int:
    try:
        plan(run, exit_code=True, **options)
    except typer.Exit as ending:
        return ending.exit_code
    return 0


def test_the_exit_code_of_plan_says_that_there_is_work_or_that_something_is_refused() -> None:
    assert exit_code(command(Aws(a={}), thing("a"))) == 0
    assert exit_code(command(Aws(a={"Size": 2}), thing("a"))) == ExitCode.DIFFERENCES
    refused = command(Aws(a={"Tags": {}}), thing("a"))
    assert exit_code(refused) == ExitCode.DIFFERENCES
    assert [step["action"] for step in refused.members["plan"]["steps"]] == ["refused"]
    plan(refused)  # without --exit-code


def test_plan_adopts_and_shows_what_is_left_over() -> None:
    leftover = LeftOver(stack=(), leftover=(thing("old"),))
    run = command(Aws(a={"Tags": {}}, old={}), thing("a"), leftover=leftover)
    plan(run, adopt=True)
    assert [(step["resource"], step["action"]) for step in run.members["plan"]["steps"]] == [
        ("thing a", "update"),
        ("thing old", "delete"),
    ]


@pytest.mark.parametrize("expected", ["", "00000000000", "0123456789ab\n", "0123456789AB", "latest"])
def test_up_expects_nothing_that_is_no_fingerprint(expected: str) -> None:
    aws = Aws()
    with pytest.raises(InputError, match="no fingerprint"):
        up(command(aws, thing("a")), expect=expected)
    assert aws.calls == []


def test_up_runs_no_other_plan_than_the_expected_one() -> None:
    aws = Aws()
    with pytest.raises(Failure, match=r"changed since, .* --adopt\. Nothing was changed") as raised:
        up(command(aws, thing("a")), expect="000000000000")
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])
    run = command(aws, thing("a"))
    plan(run)
    up(command(aws, thing("a")), expect=run.members["plan"]["fingerprint"])
    assert aws.calls == [("CreateThing", "a")]


def test_up_refuses_what_is_not_ours_and_does_nothing_else_either() -> None:
    aws = Aws(a={"Tags": {}})
    with pytest.raises(Failure, match="Refused: thing a exists without cryptoctl's tags") as raised:
        up(command(aws, thing("a"), thing("b")), yes=True)
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])
    assert "`cryptoctl up --adopt`" in raised.value.hint
    with pytest.raises(Failure, match="Refused: thing a exists") as raised:
        up(command(aws, thing("a"), thing("b")), only=["a"])
    assert "`cryptoctl up --only a --adopt`" in raised.value.hint


def test_up_knows_no_resource_of_another_name() -> None:
    aws = Aws()
    with pytest.raises(Failure, match="no resource named b, c in dev") as raised:
        up(command(aws, thing("a")), only=["a", "c", "b"])
    assert (raised.value.exit_code, aws.calls) == (ExitCode.USAGE, [])


def test_what_needs_consent_is_refused_where_nobody_can_be_asked() -> None:
    aws = Aws(data={"Size": 2, "Tags": {}})
    with pytest.raises(Failure, match="no terminal to ask for confirmation") as raised:
        up(command(aws, data()), only=["data"], adopt=True)
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])
    assert "`cryptoctl plan --only data --adopt`" in raised.value.hint


def test_what_needs_consent_is_done_after_a_yes_alone(dialogue: dict[str, Any]) -> None:
    aws, dialogue["answer"] = Aws(data={"Size": 2}), "n"
    run = command(aws, data())
    with pytest.raises(Failure, match="Nothing was changed") as raised:
        up(run)
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])
    assert dialogue["questions"] == ["Lift the protection of thing data? [y/N]"]
    assert cast("MadeUp", run.session).saved == []
    dialogue["answer"] = "y"
    up(command(aws, data()))
    assert (aws.calls, len(dialogue["questions"])) == ([("UpdateThing", "data")], 2)
    aws.things["data"]["Fields"] = {**aws.things["data"]["Fields"], "Size": 2}
    up(command(aws, data()), yes=True)
    assert (len(aws.calls), len(dialogue["questions"])) == (2, 2)


def test_up_notes_where_the_environment_is_before_it_makes_anything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = command(Aws(), data())
    up(run)
    assert cast("MadeUp", run.session).saved == [True]
    assert "Tell everybody." in capsys.readouterr().err


def test_what_another_run_has_left_meanwhile_is_told_and_not_deleted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    aws = Aws(old={})
    up(command(aws, thing("a"), leftover=LeftOver(stack=(), leftover=(thing("old"),), from_look=2)), yes=True)
    assert aws.calls == [("CreateThing", "a")]
    assert "Another run has left thing old" in capsys.readouterr().err


def test_an_output_of_what_was_not_looked_at_is_left_out() -> None:
    a, b = thing("a"), thing("b")
    run = command(Aws(), a, b)
    run.session.stack.outputs = {"a": a.id, "b": b.id}  # type: ignore[misc]
    up(run, only=["a"])
    assert run.members["outputs"] == {"a": "id-of-a"}


def test_what_still_differs_after_the_work_is_a_failure() -> None:
    aws = Aws(a={"Size": 2})
    aws.after = lambda *_: aws.things["a"].update(Fields={**aws.things["a"]["Fields"], "Size": 3})
    with pytest.raises(Failure, match=r"these still differ: thing a \(Size\)"):
        up(command(aws, thing("a")))


@pytest.mark.parametrize("in_the_work", [True, False], ids=["in the work", "in the look after it"])
def test_ctrl_c_ends_up_with_its_own_code_although_all_calls_are_done(in_the_work: bool) -> None:
    aws = Aws()
    if in_the_work:
        aws.after = lambda *_: signal.raise_signal(signal.SIGINT)
    else:
        real, looks = aws.find, list[bool]()

        def find(*arguments: Any, **params: Any) -> Any:
            looks.append(True)
            if len(looks) > 1:
                raise KeyboardInterrupt
            return real(*arguments, **params)

        aws.find = find  # type: ignore[method-assign]
    with pytest.raises(Failure, match=r"(?s)Interrupted:.*1 done$") as raised:
        up(command(aws, thing("a")))
    assert raised.value.exit_code is ExitCode.INTERRUPTED
    assert raised.value.hint == "Run the same command again: it goes on from here."


def test_down_refuses_a_protected_environment() -> None:
    aws = Aws(a={})
    with pytest.raises(Failure, match="is protected") as raised:
        down(command(aws, thing("a"), protected=True), yes=True)
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])


def test_down_refuses_what_is_not_ours() -> None:
    aws = Aws(a={"Tags": {}}, b={})
    with pytest.raises(Failure, match="Refused: thing a") as raised:
        down(command(aws, thing("a"), thing("b")), yes=True)
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])


def test_down_deletes_nothing_where_nobody_can_be_asked() -> None:
    aws = Aws(a={})
    with pytest.raises(Failure, match="no terminal") as raised:
        down(command(aws, thing("a")))
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])


@pytest.mark.parametrize("answer", ["", "y", "prod", "DEV"])
def test_down_deletes_after_the_environments_name_alone(dialogue: dict[str, Any], answer: str) -> None:
    aws, dialogue["answer"] = Aws(a={}), answer
    with pytest.raises(Failure, match="Nothing was changed") as raised:
        down(command(aws, thing("a")))
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])
    dialogue["answer"] = "dev "
    down(command(aws, thing("a")))
    assert aws.things == {}


def test_what_holds_data_is_kept_as_asked_and_a_protected_environment_whole() -> None:
    aws = Aws(a={}, data={"Size": 7})
    with pytest.raises(Failure, match="It is protected") as raised:
        down(command(aws, thing("a"), data()), yes=True, keep_data=True)
    assert (raised.value.exit_code, aws.calls) == (ExitCode.REFUSED, [])
    aws = Aws(a={}, data={})
    run = command(aws, thing("a"), data())
    down(run, yes=True, keep_data=True)
    assert (list(aws.things), run.members["kept"]) == (["data"], ["thing data"])


def test_what_aws_removes_later_is_told_with_its_date(capsys: pytest.CaptureFixture[str]) -> None:
    aws = Aws(a={})

    def later(Name: str) -> dict[str, Any]:  # noqa: N803
        aws.going.add(Name)
        return {}

    aws._DeleteThing = later  # type: ignore[method-assign]
    run = command(aws, Going(name="a", scope=DEV))
    down(run, yes=True)
    assert run.members["pending_deletion"] == [
        {"resource": "thing a", "id": "id-of-a", "deleted_at": "2030-01-02T00:00:00.000Z"}
    ]
    assert "Pending deletion until 2030-01-02: thing a (id-of-a)." in capsys.readouterr().err


def test_what_aws_still_shows_after_down_is_a_failure() -> None:
    aws = Aws(a={})
    aws._DeleteThing = lambda Name: {}  # type: ignore[method-assign]  # noqa: N803
    with pytest.raises(Failure, match="AWS still shows: thing a") as raised:
        down(command(aws, thing("a")), yes=True)
    assert raised.value.exit_code is ExitCode.FAILED
