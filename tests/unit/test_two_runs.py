"""Law 10 without an engine: what another run settles meanwhile is what everything else uses."""

from __future__ import annotations

from dataclasses import replace

from cryptoctl.provisioners.key import Key
from cryptoctl.reconcile.execute import Executor, Report, StepOutcome
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from kit.clocks import FakeClock
from live import Silent
from unit.fake_kms import ALIAS, SCOPE, FakeKms, named_by_another_run
from unit.fake_resources import FakeResource

KEY = Key(scope=SCOPE, name=ALIAS, deletion_window_days=7, policy=())
USER = FakeResource(name="user", scope=SCOPE, size=KEY.arn)


def run(aws: FakeKms, plan: Plan | None = None) -> Report:
    planned_before = plan or look(aws)
    executor = Executor(aws=aws, listener=Silent(), clock=FakeClock())  # type: ignore[arg-type]
    return executor.run(planned_before)


def look(aws: FakeKms) -> Plan:
    return make_plan([KEY, USER], aws, Goal.PRESENT)  # type: ignore[arg-type]


def right(aws: FakeKms, report: Report) -> None:
    assert {result.outcome for result in report.results} == {StepOutcome.DONE}, report
    winner = aws.keys[aws.aliases[ALIAS]]
    assert aws.things["user"]["Fields"]["Size"] == winner["Arn"]
    assert {key["KeyId"]: key["KeyState"] for key in aws.keys.values()} == {
        key_id: "Enabled" if key_id == winner["KeyId"] else "PendingDeletion" for key_id in aws.keys
    }


def test_a_key_that_loses_its_name_to_another_run_is_used_by_nothing_and_deleted() -> None:
    aws = FakeKms(before={"CreateAlias": named_by_another_run})
    right(aws, run(aws))
    assert len(aws.keys) == 2


def test_a_key_that_was_found_without_a_name_is_used_only_once_it_has_it() -> None:
    aws = FakeKms()
    aws.new_key()  # by a run that has not named it yet
    plan = look(aws)
    assert KEY.arn not in plan.known
    aws.before["CreateAlias"] = named_by_another_run
    report = run(aws, plan)
    assert {result.outcome for result in report.results} == {StepOutcome.DONE}
    assert aws.things["user"]["Fields"]["Size"] == aws.keys[aws.aliases[ALIAS]]["Arn"]


def test_a_key_that_goes_is_taken_back_and_then_enabled() -> None:
    aws = FakeKms()
    aws.ScheduleKeyDeletion(aws.new_key())
    right(aws, run(aws))
    assert list(aws.keys) == ["key-1"]


def test_another_run_may_take_the_key_back_first() -> None:
    def take_back(aws: FakeKms) -> None:
        aws.CancelKeyDeletion("key-1")

    aws = FakeKms(before={"CancelKeyDeletion": take_back})
    aws.ScheduleKeyDeletion(aws.new_key())
    right(aws, run(aws))
    assert list(aws.keys) == ["key-1"]


def test_a_name_that_is_shown_late_is_waited_for() -> None:
    aws = FakeKms(before={"CreateAlias": named_by_another_run}, alias_hidden_for=12)
    right(aws, run(aws))


def test_a_key_that_another_run_has_left_is_named_and_is_no_difference() -> None:
    agreed = look(aws := FakeKms())
    run(aws, agreed)
    aws.new_key()
    other = replace(KEY, only_id="key-2")
    observed = observe([KEY, USER, other], aws)  # type: ignore[arg-type]
    orphans: dict[Provisioner, Observed] = {other: orphan_seen} if (orphan_seen := observed[other]) else {}
    remaining = build_plan([KEY, USER], observed, Goal.PRESENT, orphans=orphans)
    assert remaining.left_by_others(agreed) == remaining.work
    assert [str(step.resource) for step in remaining.work] == ["key key-2"]
    assert remaining.left_by_others(remaining) == ()


def test_a_name_that_kms_still_shows_is_waited_for_before_a_removal_is_over() -> None:
    aws = FakeKms()
    run(aws)
    plan = make_plan([KEY], aws, Goal.ABSENT)  # type: ignore[arg-type]
    aws.alias_shown_for = 12
    clock = FakeClock()
    Executor(aws=aws, listener=Silent(), clock=clock).run(plan)  # type: ignore[arg-type]
    assert aws.alias_shown_for == 0 and 0 < clock.time_s < 60
    observed = KEY.observe(aws)  # type: ignore[arg-type]
    assert observed is not None and observed.fields["Alias"] is None


def test_a_removal_does_not_wait_for_a_key_that_another_run_has_taken_back() -> None:
    def taken_back(kms: FakeKms) -> None:
        kms.aliases[ALIAS] = kms.new_key()

    aws = FakeKms()
    run(aws)
    plan = make_plan([KEY], aws, Goal.ABSENT)  # type: ignore[arg-type]
    aws.before["DescribeKey"] = taken_back
    clock = FakeClock()
    report = Executor(aws=aws, listener=Silent(), clock=clock).run(plan)  # type: ignore[arg-type]
    assert ({result.outcome for result in report.results}, clock.time_s) == ({StepOutcome.DONE}, 0)


def test_a_run_alone_keeps_the_key_that_it_made() -> None:
    aws = FakeKms()
    right(aws, run(aws))
    assert len(aws.keys) == 1


def test_a_lost_answer_to_the_naming_is_no_other_run() -> None:
    def named_already(kms: FakeKms) -> None:
        kms.aliases[ALIAS] = "key-1"

    aws = FakeKms(before={"CreateAlias": named_already})
    right(aws, run(aws))
    assert len(aws.keys) == 1
