"""The laws on engines that others wrote: what holds on the embedded engine alone could be its own habit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from cryptoctl.aws_errors import AwsError
from cryptoctl.reconcile.execute import Executor, Report, StepOutcome
from cryptoctl.reconcile.graph import with_dependencies
from cryptoctl.reconcile.observe import observe
from cryptoctl.reconcile.plan import Action, Goal, Plan
from cryptoctl.reconcile.provisioner import Provisioner
from kit.clocks import FakeClock
from laws.drifts import CONSTANTS
from laws.other_engines import GAPS, Gaps, PatchedAws, other_engine
from laws.whole_stack import done, look_again, operations
from live import Live, Silent

pytestmark = pytest.mark.process


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A finished environment on one of the engines, and how it came about."""

    engine: str
    live: Live
    aws: PatchedAws
    plan: Plan
    written_by_planning: int
    report: Report
    written: Counter[tuple[str, str]]

    @property
    def gaps(self) -> Gaps:
        """What the engine lacks."""
        return GAPS[self.engine]

    def expected(self) -> set[tuple[str, str]]:
        """What differs for ever."""
        return set(self.gaps.forgets)


@pytest.fixture(scope="module", params=list(GAPS))
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Brought up; a test that leaves it otherwise brings it up again."""
    with other_engine(request.param, tmp_path_factory.mktemp(request.param)) as (live, aws):
        plan = live.plan()
        planned = len(live.aws.writes)
        report = live.run(plan)
        written = Counter((service, operation) for service, operation, _ in live.aws.writes)
        yield Stand(
            engine=request.param,
            live=live,
            aws=aws,
            plan=plan,
            written_by_planning=planned,
            report=report,
            written=written,
        )


def one_of_each(live: Live) -> list[Provisioner]:
    """The first resource of each kind."""
    return list({resource.kind: resource for resource in reversed(live.resources)}.values())


def differing(plan: Plan) -> set[tuple[str, str]]:
    """The kinds and fields that a plan would change, and the kinds that it would create."""
    changed = {(step.resource.kind, change.field) for step in plan.work for change in step.changes}
    return changed | {(step.resource.kind, "") for step in plan.work if step.action is Action.CREATE}


def test_law_1_a_plan_sends_no_writing_call(stand: Stand) -> None:
    assert stand.written_by_planning == 0


def test_law_2_up_sends_exactly_the_planned_calls(stand: Stand) -> None:
    done(stand.report)
    assert stand.written == operations(stand.plan)


def test_law_3_the_second_plan_has_the_engines_gaps_and_nothing_else(stand: Stand) -> None:
    assert differing(stand.live.plan()) == stand.expected()


def test_law_4_what_is_changed_behind_our_back_is_named_and_repaired(stand: Stand) -> None:
    """Each constant of the provisioners, on the first resource of its kind."""
    live = stand.live
    undisturbed = set()
    for resource in one_of_each(live):
        around = list(with_dependencies([resource]))
        now = live.plan(resources=around)
        for name, request in CONSTANTS.get(resource.kind, {}).items():
            where = (resource.kind, name)
            skipped = where in stand.gaps.forgets or where in stand.gaps.unrepaired
            if skipped or resource.desired()[name] == {}:
                continue
            with suppress(AwsError, NotImplementedError):
                request(live.aws, resource)
            plan = look_again(live, resource, now)
            if where not in differing(plan):
                undisturbed.add(where)
                continue
            done(live.run(plan))
            now = look_again(live, resource, plan)
            assert differing(now) <= stand.expected(), where
        assert differing(live.plan(resources=around)) <= stand.expected(), resource.kind
    assert undisturbed == set(stand.gaps.undisturbed)
    done(live.up())  # what uses a stream that is another one now


def test_law_4_is_broken_where_an_engine_is_said_to_break_it(stand: Stand) -> None:
    live = stand.live
    for resource in one_of_each(live):
        for name, request in CONSTANTS.get(resource.kind, {}).items():
            if (resource.kind, name) in stand.gaps.unrepaired:
                request(live.aws, resource)
                plan = live.plan(resources=[resource])
                assert differing(plan) == {(resource.kind, name)}
                report = Executor(aws=live.aws, listener=Silent(), clock=FakeClock()).run(plan)
                assert [result.outcome for result in report.results] == [StepOutcome.FAILED]
                done(live.down())
                done(live.up())


def test_each_operation_that_an_engine_is_said_to_lack_is_lacking(stand: Stand) -> None:
    for service, operation in stand.gaps.refuses:
        with pytest.raises(AwsError):
            stand.aws.plainly(service, operation)


def test_law_6_down_leaves_nothing_but_the_key_pending_deletion(stand: Stand) -> None:
    live = stand.live
    done(live.down())
    remaining = {
        str(resource): observed
        for resource, observed in observe(live.resources, live.aws).items()
        if observed is not None
    }
    assert list(remaining) == [str(live.stack.key)]
    assert remaining[str(live.stack.key)].pending_deletion_until is not None
    assert live.plan(Goal.ABSENT).work == ()
    done(live.up())
