"""Values that AWS never sends, as simulators may: told as that, with what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.metric_data import metric_data
from cryptoctl.ops.selftest.environment import unprotect
from cryptoctl.provisioners.metric import waiting_metric
from cryptoctl.reconcile.execute import StepOutcome
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.ui.progress import PlanProgress
from cryptoctl.ui.screen import Screen
from kit.clocks import FakeClock
from unit.answers import STACK, Answers
from unit.fake_resources import FakeAws, FakeResource
from unit.resource_answers import mapping
from unit.running import run
from unit.test_drift import TABLE, queue

HERE = STACK.webhook_dead_letters
SOME_DAY = datetime(2026, 11, 1, tzinfo=UTC)


def table(**more: Any) -> dict[str, Any]:
    return {**TABLE, "DescribeTable": {"Table": {**TABLE["DescribeTable"]["Table"], **more}}}


@pytest.mark.parametrize(
    ("resource", "answers"),
    [
        (HERE, queue(Policy="no document")),
        (HERE, queue(ApproximateNumberOfMessages="many")),
        (STACK.prices, table(AttributeDefinitions=[])),
        (
            STACK.prices_to_enricher,
            {
                "ListTags": {"Tags": {}},
                "ListEventSourceMappings": {
                    "EventSourceMappings": [mapping("ours", FilterCriteria={"Filters": [{"Pattern": "?"}]})]
                },
            },
        ),
    ],
    ids=["policy", "number", "key", "filter"],
)
def test_a_value_that_cannot_be_read_is_told_with_its_resource(
    resource: Provisioner, answers: dict[str, Any]
) -> None:
    with pytest.raises(Failure, match=f"The answers about {resource} are of another form") as raised:
        make_plan([resource], Answers(answers), Goal.PRESENT)  # type: ignore[arg-type]
    assert raised.value.exit_code is ExitCode.UNREACHABLE
    assert "something like it" in raised.value.hint


def test_so_is_one_that_the_self_test_meets_before_its_plan() -> None:
    with pytest.raises(Failure, match=f"The answers about {STACK.prices} are of another form"):
        unprotect(STACK, Answers(table(AttributeDefinitions=[])))  # type: ignore[arg-type]


@pytest.mark.parametrize("result", [{"Id": "lag", "Timestamps": [SOME_DAY]}, {"Id": "x", "Values": [1.0]}])
def test_metrics_that_do_not_fit_what_was_asked_for_are_told(result: dict[str, Any]) -> None:
    class Counted:
        def paginate(self, *_: str, **__: Any) -> Iterator[dict[str, Any]]:
            yield {"Timestamps": [SOME_DAY], "Values": [], **result}

    with pytest.raises(Failure, match="The answers about metrics are of another form"):
        metric_data(Counted(), {"lag": waiting_metric(HERE)}, 60, SOME_DAY, SOME_DAY)  # type: ignore[arg-type]


def test_a_value_that_appears_during_the_run_is_no_defect() -> None:
    class Odd(FakeResource):
        def observe(self, aws: Any) -> Any:
            return int("many") if aws.things else None

    aws = FakeAws()
    aws.before = lambda *_: aws.things.update(a={})
    report, _, _ = run(aws, Odd(name="a"))
    [failed] = report.ended(StepOutcome.FAILED)
    assert failed.problem.startswith("The answers about thing a are of another form")


@pytest.mark.parametrize("verbose", [False, True])
def test_where_a_defect_may_lie_is_shown_with_verbose_alone(verbose: bool, capsys: Any) -> None:
    with pytest.raises(Failure) as odd:
        make_plan([HERE], Answers(queue(Policy="no document\x1b[2J")), Goal.PRESENT)  # type: ignore[arg-type]
    with pytest.raises(Failure) as foreseen:
        try:
            int("many")
        except ValueError as error:
            raise Failure(ExitCode.FAILED, "It is no number.") from error
    reported = Failure(ExitCode.FAILED, "The result could not be read.")
    reported.__cause__ = odd.value
    of_itself = Failure(ExitCode.FAILED, "It is raised again from what it caused.")
    of_itself.__cause__ = Failure(ExitCode.FAILED, "It is looked into.")
    of_itself.__cause__.__cause__ = of_itself
    told_of = ((odd.value, True), (reported, True), (foreseen.value, False), (of_itself, False))
    for failure, is_odd in told_of:
        Screen(colour=False, verbose=verbose).failure(failure)
        err = capsys.readouterr().err
        assert ("Traceback" in err) is ("policy.py" in err) is (verbose and is_odd)
        assert "\x1b" not in err


def test_so_is_that_of_a_step(capsys: Any) -> None:
    def breaks(*_: Any) -> None:
        raise ZeroDivisionError

    report, _, _ = run(FakeAws(before=breaks), FakeResource(name="a"))
    [failed] = report.ended(StepOutcome.FAILED)
    for verbose in (False, True):
        PlanProgress(Screen(colour=False, verbose=verbose), FakeClock()).ended(failed)
        err = capsys.readouterr().err
        assert "✗ thing a  create failed: ZeroDivisionError" in err
        assert ("in breaks" in err) is verbose
