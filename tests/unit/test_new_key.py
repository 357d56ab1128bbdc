"""A key's tags count in permissions after some minutes; until then AWS denies what they allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cryptoctl.aws_errors import AwsError
from cryptoctl.provisioners.key import Key
from cryptoctl.reconcile.execute import Executor, Report, StepOutcome
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from kit.clocks import FakeClock
from live import Silent
from unit.fake_kms import ALIAS, SCOPE, FakeKms, named_by_another_run

BY_TAGS = ("CreateAlias", "PutKeyPolicy", "EnableKeyRotation", "ScheduleKeyDeletion")
DENIED = "User: u is not authorized to perform"


@dataclass
class DenyingKms(FakeKms):
    """Denies what needs the key's tags until `tags_count_after_s` have passed."""

    clock: FakeClock = field(default_factory=FakeClock)
    tags_count_after_s: float = 240.0
    made_ago: timedelta = timedelta()
    denies: tuple[str, ...] = BY_TAGS
    indexed: bool = True
    """Whether the tag index lists its keys yet."""

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        return super().tagged(tags, kind) if self.indexed else {}

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        if operation in self.denies and self.clock.time_s < self.tags_count_after_s:
            raise AwsError(service=service, operation=operation, code="AccessDeniedException", message=DENIED)
        return super().call(service, operation, once=once, **params)

    def new_key(self) -> str:
        key_id = super().new_key()
        self.keys[key_id]["CreationDate"] = datetime.now(UTC) - self.made_ago
        return key_id


def up(kms: DenyingKms, goal: Goal = Goal.PRESENT) -> tuple[Report, Silent]:
    key = Key(scope=SCOPE, name=ALIAS, deletion_window_days=10, policy=())
    listener = Silent()
    plan = make_plan([key], kms, goal)  # type: ignore[arg-type]
    report = Executor(aws=kms, listener=listener, clock=kms.clock).run(plan)  # type: ignore[arg-type]
    return report, listener


def test_a_new_key_waits_until_its_tags_count() -> None:
    kms = DenyingKms()
    report, listener = up(kms)
    assert [result.outcome for result in report.results] == [StepOutcome.DONE], report.results[0].problem
    assert kms.aliases == {ALIAS: "key-1"}
    assert any("the new key's tags to count" in reason for _, reason in listener.waits)
    assert kms.tags_count_after_s <= kms.clock.time_s < 330


def test_who_waits_hears_what_is_denied_and_that_the_permission_may_be_missing() -> None:
    """Whoever lacks it would wait for minutes to hear of it: AWS denies both in the same words."""
    _, listener = up(DenyingKms(denies=("EnableKeyRotation",)))
    [reason] = {reason for _, reason in listener.waits if "tags to count" in reason}
    assert reason.endswith(
        "; AWS denies kms:EnableKeyRotation until then, as it does where a permission is missing"
    )


@pytest.mark.parametrize("operation", BY_TAGS[:3])
def test_each_call_that_needs_the_tags_waits_for_them(operation: str) -> None:
    kms = DenyingKms(denies=(operation,))
    report, _ = up(kms)
    assert [result.outcome for result in report.results] == [StepOutcome.DONE], report.results[0].problem
    assert kms.clock.time_s >= kms.tags_count_after_s


def test_a_key_that_lost_its_name_to_another_run_is_deleted_once_its_tags_count() -> None:
    kms = DenyingKms(denies=("ScheduleKeyDeletion",), before={"CreateAlias": named_by_another_run})
    report, _ = up(kms)
    assert [result.outcome for result in report.results] == [StepOutcome.DONE], report.results[0].problem
    assert kms.keys["key-1"]["KeyState"] == "PendingDeletion"
    assert kms.clock.time_s >= kms.tags_count_after_s


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "not yet indexed"])
def test_a_run_after_one_that_was_killed_waits_too_and_makes_no_second_key(indexed: bool) -> None:
    kms = DenyingKms(indexed=indexed)
    kms.new_key()
    report, _ = up(kms)
    assert [result.outcome for result in report.results] == [StepOutcome.DONE], report.results[0].problem
    assert list(kms.keys) == ["key-1"]
    assert kms.aliases == {ALIAS: "key-1"}


def test_tags_that_never_count_end_in_what_to_attach() -> None:
    report, _ = up(DenyingKms(tags_count_after_s=10_000))
    [result] = report.results
    assert result.outcome is StepOutcome.FAILED
    assert "cryptoctl iam-policy" in result.hint


def test_a_denial_on_a_key_that_is_not_new_is_told_at_once() -> None:
    kms = DenyingKms(made_ago=timedelta(days=1))
    kms.new_key()
    report, _ = up(kms)
    assert [result.outcome for result in report.results] == [StepOutcome.FAILED]
    assert kms.clock.time_s < 1


def test_a_denial_on_a_new_key_whose_alias_could_be_deleted_is_told_at_once() -> None:
    """That takes what the tags allow, so they count."""
    kms = DenyingKms(denies=("ScheduleKeyDeletion",))
    kms.aliases[ALIAS] = kms.new_key()
    report, listener = up(kms, Goal.ABSENT)
    assert [result.outcome for result in report.results] == [StepOutcome.FAILED]
    assert (kms.clock.time_s, listener.waits) == (0, [])


def test_the_policy_is_not_in_the_call_that_creates_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """KMS asks of a creator with a policy that they may change it afterwards, which only the tags allow."""
    sent: dict[str, dict[str, Any]] = {}
    kms = DenyingKms(tags_count_after_s=0)
    monkeypatch.setattr(
        kms, "CreateKey", lambda **params: sent.update(CreateKey=params) or FakeKms.CreateKey(kms)
    )
    monkeypatch.setattr(kms, "PutKeyPolicy", lambda **params: sent.update(PutKeyPolicy=params) or {})
    up(kms)
    assert "Policy" not in sent["CreateKey"]
    assert {tag["TagKey"] for tag in sent["CreateKey"]["Tags"]} >= {"ManagedBy", "Environment"}
    assert "Policy" in sent["PutKeyPolicy"]
