"""Law 10 without an engine: what another run settles meanwhile is what everything else uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptoctl.aws_errors import AwsError
from cryptoctl.provisioners.key import Key
from cryptoctl.reconcile.execute import Executor, Report, StepOutcome
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from kit.clocks import FakeClock
from kit.one_by_one import OneByOne
from live import Silent
from unit.things import Thing

SCOPE = Scope(environment="test", account="111111111111", region="here")
ALIAS = "alias/lambda-env-test"
Hook = Callable[["FakeKms"], None]


@dataclass
class FakeKms(OneByOne):
    """Keys, aliases and things of one account. `before` a call of that name, another run does something."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: dict[str, Hook] = field(default_factory=dict)
    alias_hidden_for: int = 0
    """How many reads do not show an alias yet."""
    alias_shown_for: int = 0
    """How many reads still show an alias that was deleted."""
    _deleted: dict[str, str] = field(default_factory=dict)

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        if hook := self.before.pop(operation, None):
            hook(self)
        answer: dict[str, Any] = getattr(self, operation)(**params)
        return answer

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        try:
            return self.call(service, operation, **params)
        except AwsError as error:
            if error.code == not_found:
                return None
            raise

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        yield from self.call(service, operation, **params)[key]

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        return {f"arn/{key_id}": {} for key_id in self.keys}

    def new_key(self) -> str:
        key_id = f"key-{len(self.keys) + 1}"
        self.keys[key_id] = {
            "KeyId": key_id,
            "Arn": f"arn:aws:kms:here:111111111111:key/{key_id}",
            "KeyState": "Enabled",
            "CreationDate": datetime(2026, 1, len(self.keys) + 1, tzinfo=UTC),
        }
        return key_id

    def CreateKey(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"KeyMetadata": self.keys[self.new_key()]}

    def CreateAlias(self, AliasName: str, TargetKeyId: str) -> dict[str, Any]:  # noqa: N802, N803
        if AliasName in self.aliases:
            raise refused("CreateAlias", "AlreadyExistsException")
        self.aliases[AliasName] = TargetKeyId
        return {}

    def DeleteAlias(self, AliasName: str) -> dict[str, Any]:  # noqa: N802, N803
        self._deleted[AliasName] = self.aliases.pop(AliasName)
        return {}

    def DescribeKey(self, KeyId: str) -> dict[str, Any]:  # noqa: N802, N803
        if KeyId in self.aliases and self.alias_hidden_for > 0:
            self.alias_hidden_for -= 1
            raise refused("DescribeKey", "NotFoundException")
        if KeyId in self._deleted and KeyId not in self.aliases and self.alias_shown_for > 0:
            self.alias_shown_for -= 1
            return {"KeyMetadata": self.keys[self._deleted[KeyId]]}
        key_id = self.aliases.get(KeyId, KeyId)
        if key_id not in self.keys:
            raise refused("DescribeKey", "NotFoundException")
        return {"KeyMetadata": self.keys[key_id]}

    def ListKeys(self) -> dict[str, Any]:  # noqa: N802
        return {"Keys": list(self.keys.values())}

    def GetKeyPolicy(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"Policy": '{"Version": "2012-10-17", "Statement": []}'}

    def GetKeyRotationStatus(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"KeyRotationEnabled": True}

    def ListResourceTags(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"Tags": [{"TagKey": key, "TagValue": value} for key, value in SCOPE.tags.items()]}

    def ScheduleKeyDeletion(self, KeyId: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        if self.keys[KeyId]["KeyState"] == "PendingDeletion":
            raise refused("ScheduleKeyDeletion", "KMSInvalidStateException")
        self.keys[KeyId] |= {"KeyState": "PendingDeletion", "DeletionDate": datetime(2026, 2, 1, tzinfo=UTC)}
        return {}

    def PutKeyPolicy(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def EnableKeyRotation(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def GetThing(self, Name: str) -> dict[str, Any]:  # noqa: N802, N803
        if Name not in self.things:
            raise refused("GetThing", "NoSuchThing")
        return self.things[Name]

    def CreateThing(self, Name: str, Fields: Any) -> dict[str, Any]:  # noqa: N802, N803
        self.things[Name] = {"Fields": Fields, "Id": Name, "State": "Ready"}
        return self.things[Name]


def refused(operation: str, code: str) -> AwsError:
    return AwsError(service="kms", operation=operation, code=code, message="")


KEY = Key(scope=SCOPE, name=ALIAS, deletion_window_days=7, policy=())
USER = Thing(name="user", scope=SCOPE, size=KEY.arn)


def run(aws: FakeKms, plan: Plan | None = None) -> Report:
    planned_before = plan or look(aws)
    executor = Executor(aws=aws, listener=Silent(), clock=FakeClock())  # type: ignore[arg-type]
    return executor.run(planned_before)


def look(aws: FakeKms) -> Plan:
    return make_plan([KEY, USER], aws, Goal.PRESENT)  # type: ignore[arg-type]


def named_by_another_run(aws: FakeKms) -> None:
    aws.aliases[ALIAS] = aws.new_key()


def right(aws: FakeKms, report: Report) -> None:
    assert {each.outcome for each in report.results} == {StepOutcome.DONE}, report
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
    assert {each.outcome for each in report.results} == {StepOutcome.DONE}
    assert aws.things["user"]["Fields"]["Size"] == aws.keys[aws.aliases[ALIAS]]["Arn"]


def test_a_name_that_is_shown_late_is_waited_for() -> None:
    aws = FakeKms(before={"CreateAlias": named_by_another_run}, alias_hidden_for=12)
    right(aws, run(aws))


def test_a_key_that_another_run_has_left_is_named_and_is_no_difference() -> None:
    agreed = look(aws := FakeKms())
    run(aws, agreed)
    aws.new_key()
    other = replace(KEY, only_id="key-2")
    seen = observe([KEY, USER, other], aws)  # type: ignore[arg-type]
    orphans: dict[Provisioner, Observed] = {other: each} if (each := seen[other]) else {}
    rest = build_plan([KEY, USER], seen, Goal.PRESENT, orphans=orphans)
    assert rest.left_by_others(agreed) == rest.work
    assert [str(step.resource) for step in rest.work] == ["key key-2"]
    assert rest.left_by_others(rest) == ()


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
    assert ({each.outcome for each in report.results}, clock.time_s) == ({StepOutcome.DONE}, 0)


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
