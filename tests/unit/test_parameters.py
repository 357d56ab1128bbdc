"""No run loses or undoes a secret, whatever others do meanwhile; and a parameter is found on any page."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cryptoctl.aws import AccessKey, Aws, AwsError
from cryptoctl.aws_errors import remedy
from cryptoctl.cli.apply import check
from cryptoctl.core.webhook_secrets import SenderSecret, parse_secret
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.webhook.secrets import SecretStore
from cryptoctl.provisioners.parameter import Parameter
from cryptoctl.reconcile.execute import Executor, StepOutcome, StepResult
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.plan import Action, Goal, Plan
from cryptoctl.reconcile.planner import plan_absent, plan_present
from cryptoctl.reconcile.revealed_secrets import RevealedSecrets
from cryptoctl.reconcile.values import Ref, Secret
from live import Silent
from unit.answers import SCOPE
from unit.fake_ssm import DESK, GIVEN, KEY, OTHER_KEY, WITH_SENDERS, FakeSsm, holding, refused

ROTATED = SenderSecret(secret="rotated meanwhile", previous=GIVEN.secret, until_ms=10**15)
DENIED = "User: u is not authorized to perform: kms:Encrypt on resource: key/1"


def ref() -> Ref:
    arn = WITH_SENDERS.key.arn
    assert isinstance(arn, Ref)
    return arn


def planned_for(ssm: Any) -> Plan:
    """The plan for the sender's parameter alone, with its key known."""
    refs = {ref(): KEY}
    step = plan_present(DESK, DESK.observe(ssm), refs, adopt=False)
    return Plan(goal=Goal.PRESENT, steps=(replace(step, after=()),), known=refs)


def up(ssm: FakeSsm, plan: Plan | None = None) -> StepResult:
    executor = Executor(aws=ssm, listener=Silent(), clock=ssm.clock)  # type: ignore[arg-type]
    (result,) = executor.run(plan or planned_for(ssm)).results
    return result


def store(ssm: Any) -> SecretStore:
    return SecretStore(aws=ssm, stack=WITH_SENDERS, sender="desk")


def rotate(ssm: FakeSsm, new: str = ROTATED.secret) -> SenderSecret:
    return store(ssm).rotate(new, now_ms=0, grace=timedelta(hours=1))


def for_s(seconds: float, code: str, message: str = "") -> Callable[[FakeSsm, str], None]:
    """Refuses PutParameter for so long."""

    def refuse(ssm: FakeSsm, operation: str) -> None:
        if operation == "PutParameter" and ssm.clock.time_s < seconds:
            raise refused(operation, code, message)

    return refuse


class Counting(Aws):
    """Counts the pages' requests; an account whose first page has none of ours."""

    def __init__(self) -> None:
        super().__init__(
            endpoint_url="http://127.0.0.1:1", credentials=AccessKey(access_key="a", secret_key="s")
        )
        self.operations: list[str] = []

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        self.operations.append(operation)
        yield from (
            {"Name": sender.name, "Type": "SecureString", "Tier": "Standard", "KeyId": KEY}
            for sender in many()
        )

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> Any:
        assert operation == "ListTagsForResource"
        return {"TagList": [{"Key": key, "Value": value} for key, value in SCOPE.tags.items()]}


def many() -> list[Parameter]:
    return [replace(DESK, name=f"{DESK.name}-{number}") for number in range(50)]


def test_it_is_found_on_a_later_page() -> None:
    ssm = holding()
    assert DESK.observe(ssm) is not None  # type: ignore[arg-type]
    assert list(DESK.candidate_arns(ssm)) == [DESK.arn]  # type: ignore[arg-type]
    rotate(ssm)
    assert ssm.secret.secret == ROTATED.secret


def test_fifty_senders_are_read_with_one_request() -> None:
    aws = Counting()
    assert all(observe(many(), aws.with_shared_lists()).values())
    assert aws.operations == ["DescribeParameters"]


def test_under_another_key_the_same_value_is_written_again() -> None:
    ssm = holding(KeyId=OTHER_KEY)
    assert up(ssm).outcome is StepOutcome.DONE
    assert (ssm.secret, ssm.versions[-1]["KeyId"], ssm.writes) == (GIVEN, KEY, ["PutParameter"])


def test_an_advanced_one_stays_one() -> None:
    ssm = holding(Tier="Advanced")
    assert planned_for(ssm).nothing_to_do
    ssm.put(GIVEN, KeyId=OTHER_KEY)
    assert up(ssm).outcome is StepOutcome.DONE
    rotate(ssm)
    assert [version["Tier"] for version in ssm.versions] == ["Advanced"] * 4


def test_one_of_another_type_stops_up_before_anything_is_changed() -> None:
    ssm = holding(Type="String")
    del ssm.versions[-1]["KeyId"]
    (obstacle,) = Parameter.preflight(ssm, {DESK: planned_for(ssm).steps[0].delta})  # type: ignore[arg-type]
    for words in (
        "--query Parameter.Value --output text`",
        f"delete-parameter --region us-east-1 --name {DESK.name}`",
    ):
        assert words in obstacle.hint
    assert GIVEN.secret not in str(obstacle)
    with pytest.raises(Failure) as raised:
        check(replace(planned_for(ssm), obstacles=(obstacle,)))
    assert raised.value.exit_code is ExitCode.REFUSED
    with pytest.raises(Failure) as raised:
        rotate(ssm)
    assert (raised.value.exit_code, raised.value.hint) == (ExitCode.REFUSED, obstacle.hint)
    assert (ssm.secret, ssm.writes) == (GIVEN, [])


def test_the_obstacle_is_in_the_plan() -> None:
    plan = make_plan([DESK], holding(Type="String"), Goal.PRESENT)  # type: ignore[arg-type]
    assert [obstacle.what for obstacle in plan.obstacles if "of type String" in obstacle.what]


def test_down_removes_one_of_another_type() -> None:
    ssm = holding(Type="String")
    step = plan_absent(DESK, DESK.observe(ssm), after=())  # type: ignore[arg-type]
    assert step.action is Action.DELETE
    assert up(ssm, Plan(goal=Goal.ABSENT, steps=(step,), known={})).outcome is StepOutcome.DONE
    assert ssm.versions == []


def test_one_that_another_run_made_of_another_type_meanwhile_is_not_replaced() -> None:
    ssm = FakeSsm()
    plan = planned_for(ssm)
    ssm.put(GIVEN, Type="String")
    assert up(ssm, plan).outcome is StepOutcome.FAILED
    assert ssm.secret == GIVEN


def test_a_rotation_while_it_waits_for_its_new_key_counts() -> None:
    ssm = holding(KeyId=OTHER_KEY)
    refuse = for_s(20, "InvalidKeyId")

    def rotated_meanwhile(its: FakeSsm, operation: str) -> None:
        if operation == "PutParameter" and 10 < its.clock.time_s < 20 and its.secret == GIVEN:
            its.put(ROTATED)
        refuse(its, operation)

    ssm.refuse = rotated_meanwhile
    assert up(ssm).outcome is StepOutcome.DONE
    assert (ssm.secret, ssm.versions[-1]["KeyId"]) == (ROTATED, KEY)
    assert [parse_secret(version["Value"]) for version in ssm.versions] == [GIVEN, ROTATED, ROTATED]


@pytest.mark.parametrize(
    ("aws_message", "cause"),
    [
        (f"{KEY} is disabled.", "`cryptoctl up` brings back"),
        ("The ciphertext refers to a key that does not exist.", "`cryptoctl up` creates a new secret"),
    ],
)
def test_a_secret_whose_key_cannot_be_used_says_what_to_do(aws_message: str, cause: str) -> None:
    def refuse(_: FakeSsm, operation: str) -> None:
        raise refused(operation, "InvalidKeyId", aws_message)

    ssm = holding()
    ssm.refuse = refuse
    with pytest.raises(AwsError) as raised:
        store(ssm).read()
    assert cause in remedy(raised.value)


def test_a_rotation_between_reading_and_writing_counts() -> None:
    ssm = holding(KeyId=OTHER_KEY)
    ssm.after = {"GetParameter": lambda fake: fake.put(ROTATED)}
    assert up(ssm).outcome is StepOutcome.DONE
    assert (ssm.secret, ssm.versions[-1]["KeyId"]) == (ROTATED, KEY)


@pytest.mark.parametrize("operation", ["GetParameter", "PutParameter"])
def test_what_could_not_be_put_back_is_a_failure_and_no_success(operation: str) -> None:
    ssm = holding(KeyId=OTHER_KEY)
    ssm.after = {"GetParameter": lambda fake: fake.put(ROTATED)}

    def refuse(its: FakeSsm, called: str) -> None:
        if called == operation and len(its.versions) > 2:
            raise refused(
                called, "InternalServerError", f"odd: {ROTATED.text()}" * (called == "PutParameter")
            )

    ssm.refuse = refuse
    result = up(ssm)
    assert result.outcome is StepOutcome.FAILED and ROTATED.secret not in result.problem + result.hint
    assert "overwrote a secret" in result.problem and "earlier versions" in result.hint


def test_a_refused_read_of_what_is_kept_is_waited_out() -> None:
    ssm = holding(KeyId=OTHER_KEY)

    def refuse(its: FakeSsm, called: str) -> None:
        if called == "GetParameter" and its.clock.time_s < 10:
            raise refused(called, "ThrottlingException", "Rate exceeded")

    ssm.refuse = refuse
    assert up(ssm).outcome is StepOutcome.DONE and ssm.secret == GIVEN


def test_a_value_under_a_key_that_goes_is_not_waited_for() -> None:
    """That a new key is not seen yet concerns what is written with it, not what is read."""
    ssm = holding(KeyId=OTHER_KEY)

    def refuse(its: FakeSsm, called: str) -> None:
        if called == "GetParameter":
            raise refused(called, "InvalidKeyId", f"{OTHER_KEY} is pending deletion.")

    ssm.refuse = refuse
    result = up(ssm)
    assert (result.outcome, ssm.clock.time_s) == (StepOutcome.FAILED, 0)
    assert "aws kms cancel-key-deletion" in result.hint


def test_a_rotation_that_cannot_put_back_what_it_overwrote_says_so() -> None:
    ssm = holding()
    ssm.after = {"GetParameter": lambda fake: fake.put(SenderSecret(secret="the first one's"))}

    def refuse(its: FakeSsm, called: str) -> None:
        if called == "PutParameter" and len(its.versions) > 2:
            raise refused(called, "TooManyUpdates", "again later")

    ssm.refuse = refuse
    with pytest.raises(Failure, match=r"could not put it back: .*TooManyUpdates") as raised:
        rotate(ssm)
    assert "--reveal" in raised.value.hint and "the first one's" not in str(raised.value)


def test_of_three_rotations_at_once_the_last_one_that_was_told_success_counts() -> None:
    ssm = holding()
    first, second = SenderSecret(secret="the first one's"), SenderSecret(secret="the second one's")

    def second_comes(its: FakeSsm) -> None:
        its.after = {"GetParameter": lambda _: its.put(second)}

    ssm.after = {"GetParameter": lambda fake: fake.put(first), "PutParameter": second_comes}
    with pytest.raises(Failure):
        rotate(ssm)
    assert ssm.secret == second


def test_a_write_that_was_repeated_after_a_lost_answer_is_no_other_ones() -> None:
    ssm = holding(KeyId=OTHER_KEY)
    ssm.after = {"GetParameter": lambda fake: fake.put(GIVEN)}
    assert up(ssm).outcome is StepOutcome.DONE
    assert (ssm.secret, ssm.writes) == (GIVEN, ["PutParameter"])


def test_of_two_rotations_at_once_one_counts_and_the_other_says_so() -> None:
    ssm = holding()
    first = SenderSecret(secret="the first one's", previous=GIVEN.secret, until_ms=10**15)
    ssm.after = {"GetParameter": lambda fake: fake.put(first)}
    with pytest.raises(Failure) as raised:
        rotate(ssm)
    assert (raised.value.exit_code, ssm.secret) == (ExitCode.REFUSED, first)
    assert first.secret not in str(raised.value) + raised.value.hint


def test_a_rotation_at_the_time_of_a_move_to_another_key_counts() -> None:
    ssm = holding(KeyId=OTHER_KEY)
    ssm.after = {"GetParameter": lambda fake: fake.put(GIVEN, KeyId=KEY)}
    assert rotate(ssm).secret == ssm.secret.secret == ROTATED.secret
    assert ssm.versions[-1]["KeyId"] == KEY


@pytest.mark.parametrize("exists", [True, False], ids=["moved", "created"])
def test_a_replaced_keys_tags_are_waited_for(exists: bool) -> None:
    ssm = holding(KeyId=OTHER_KEY) if exists else FakeSsm()
    ssm.refuse = for_s(240, "AccessDeniedException", DENIED)
    result = up(ssm)
    assert result.outcome is StepOutcome.DONE, result.problem
    assert ssm.clock.time_s >= 240
    assert not exists or ssm.secret == GIVEN


def test_a_name_that_was_deleted_a_moment_ago_is_waited_for() -> None:
    """`PutParameter` after `DeleteParameter`: "wait for at least 30 seconds"."""
    ssm = FakeSsm(refuse=for_s(30, "ParameterAlreadyExists"))
    result = up(ssm)
    assert result.outcome is StepOutcome.DONE, result.problem
    assert len(ssm.versions) == 1


def test_no_error_shows_it() -> None:
    def echoes(its: FakeSsm, operation: str) -> None:
        if operation == "PutParameter":
            raise refused(operation, "ValidationException", json.dumps({"Value": GIVEN.text()}))

    ssm = holding(KeyId=OTHER_KEY)
    ssm.refuse = echoes
    result = up(ssm)
    assert result.outcome is StepOutcome.FAILED
    assert GIVEN.secret not in result.problem + result.hint


def test_no_traceback_of_an_error_shows_it() -> None:
    """What botocore raised repeats the parameters as they were sent."""
    revealed = RevealedSecrets(FakeSsm())  # type: ignore[arg-type]
    sent = revealed(Secret(make=GIVEN.text))
    try:
        raise refused("PutParameter", "ValidationException", sent) from ValueError(sent)
    except AwsError as error:
        revealed.hide_in(error)
        text = "".join(traceback.format_exception(error))
    assert "ValidationException" in text and sent not in text


def test_tags_go_without_the_value() -> None:
    fields: Mapping[str, Any] = {**DESK.observe(holding()).fields, "Tags": {}}  # type: ignore[union-attr, arg-type]
    step = plan_present(DESK, replace(DESK.observe(holding()), fields=fields), {ref(): KEY}, adopt=True)  # type: ignore[arg-type, type-var]
    assert [call.operation for call in step.calls] == ["AddTagsToResource"]


def test_a_rotation_while_the_secret_before_still_counts_is_refused_unless_it_ends_both() -> None:
    """A sender that still has the first one would be refused at once."""
    ssm = holding()
    rotate(ssm)
    before = ssm.secret
    with pytest.raises(Failure, match="was rotated before") as raised:
        rotate(ssm, "the third one's own")
    assert (raised.value.exit_code, ssm.secret) == (ExitCode.REFUSED, before)
    store(ssm).rotate("the third one's own", now_ms=0, grace=timedelta(0))
    assert ssm.secret.accepted(0) == ("the third one's own",)
