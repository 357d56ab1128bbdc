"""What AWS shows late, in pages, or on its way out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws_errors import RESPONSE_LOST, AwsError
from cryptoctl.provisioners.dashboard import Dashboard, dashboard_name
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.tls_policy import SID
from cryptoctl.reconcile.call import Call, WaitUntil
from cryptoctl.reconcile.execute import Executor, StepOutcome
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Action, Goal
from kit.clocks import FakeClock
from live import Silent
from unit.answers import SCOPE, STACK, Answers
from unit.fake_resources import FakeAws, FakeResource, refusal
from unit.resource_answers import TAGS, allowing, function, plan, role
from unit.running import outcomes, run


def test_a_function_that_is_being_deleted_is_waited_for_and_made_again() -> None:
    leaving = function(configuration={"State": "Deleting"})
    [again] = plan(STACK.webhook, leaving).steps
    assert again.action is Action.CREATE
    first, then, *_ = again.requests
    assert isinstance(first, WaitUntil) and first.until == (None,)
    assert isinstance(then, Call) and then.operation == "CreateFunction"
    [gone] = plan(STACK.webhook, leaving, Goal.ABSENT).steps
    assert (gone.action, gone.requests) == (Action.DELETE, (first,))


class Paged(Answers):
    """IAM gives a page of a list, and the whole only to who asks for all of them."""

    def find(self, service: str, operation: str, **params: Any) -> Any:
        response = super().find(service, operation, **params)
        return {**response, "PolicyNames": []} if operation == "ListRolePolicies" else response


def test_the_policies_of_a_role_are_read_page_by_page() -> None:
    observed = STACK.webhook_role.observe(Paged(role({"last": allowing("*")})))  # type: ignore[arg-type]
    assert observed is not None and list(observed.fields["Policies"]) == ["last"]


def test_a_statement_that_somebody_adds_after_the_plan_was_made_stays_in_the_policy() -> None:
    queue = Queue(scope=SCOPE, name="q", retention_s=60, refuse_plain_http=True)
    foreign = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"}
    attributes = dict(queue.desired()["Attributes"])
    aws = Answers(
        {
            "GetQueueUrl": {"QueueUrl": "https://q"},
            "GetQueueAttributes": {"Attributes": attributes},
            "ListQueueTags": {"Tags": SCOPE.tags},
            "SetQueueAttributes": {},
        }
    )
    agreed = make_plan([queue], aws, Goal.PRESENT)  # type: ignore[arg-type]
    attributes["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": [foreign]})
    executor = Executor(aws=aws, listener=Silent(), clock=FakeClock())  # type: ignore[arg-type]
    [result] = executor.run(agreed).results
    [sent] = [params for operation, params in aws.requests if operation == "SetQueueAttributes"]
    statements = json.loads(sent["Attributes"]["Policy"])["Statement"]
    assert result.outcome is StepOutcome.DONE
    assert [statement["Sid"] for statement in statements] == ["Theirs", SID]


@dataclass
class Late(Answers):
    """Another run has made the dashboard, and CloudWatch does not show it for the first few looks."""

    looks: int = 4
    body: str = ""

    def call(self, service: str, operation: str, **params: Any) -> Any:
        if operation == "PutDashboard":
            raise AwsError(service=service, operation=operation, code="ConflictException", message="")
        return {}

    def find(self, service: str, operation: str, **_: Any) -> Any:
        if operation == "GetDashboard":
            self.looks -= 1
            return {"DashboardBody": self.body} if self.looks < 0 else None
        return {"Tags": TAGS}


def test_a_dashboard_that_another_run_has_made_is_waited_for_until_it_is_shown() -> None:
    dashboard = Dashboard(scope=SCOPE, name=dashboard_name(SCOPE), graphs=(), alarms=("arn:one",))
    aws, clock = Late({}, body=dashboard.body), FakeClock()
    agreed = make_plan([dashboard], aws, Goal.PRESENT)  # type: ignore[arg-type]
    [result] = Executor(aws=aws, listener=Silent(), clock=clock).run(agreed).results  # type: ignore[arg-type]
    assert (result.outcome, aws.looks) == (StepOutcome.DONE, -1)


class Pestered(FakeAws):
    """Answers the reads after its first write with an error, so many times."""

    def __init__(self, code: str, times: int) -> None:
        super().__init__()
        self.code, self.left = code, times

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        if self.calls and self.left:
            self.left -= 1
            raise refusal(operation, self.code)
        return super().find(service, operation, not_found=not_found, **params)


def test_a_wait_goes_on_where_its_question_is_throttled() -> None:
    report, _, clock = run(Pestered("ThrottlingException", 3), FakeResource(name="a", settles=True))
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert clock.time_s > 0


def test_a_wait_whose_question_is_refused_ends_with_the_refusal() -> None:
    report, _, clock = run(Pestered("AccessDenied", 10**9), FakeResource(name="a", settles=True))
    [failed] = report.ended(StepOutcome.FAILED)
    assert "AccessDenied" in failed.problem
    assert clock.time_s == 0


def test_a_step_that_a_defect_ends_says_how_long_it_took() -> None:
    aws, clock = FakeAws(), FakeClock()

    def breaks(*_: Any) -> None:
        clock.time_s += 3
        raise ZeroDivisionError

    clock.time_s = 10
    steps, aws.before = make_plan([FakeResource(name="a")], aws, Goal.PRESENT), breaks  # type: ignore[arg-type]
    [failed] = Executor(aws=aws, listener=Silent(), clock=clock).run(steps).results  # type: ignore[arg-type]
    assert (failed.outcome, failed.seconds) == (StepOutcome.FAILED, 3)


@dataclass
class LateUpdate(FakeAws):
    """Makes a change and loses the answer, takes it once only, and shows it after a few looks."""

    looks: int = 4

    def find(self, *names: str, not_found: Any, **params: Any) -> Any:
        thing = super().find(*names, not_found=not_found, **params)
        if self.calls.count(("UpdateThing", "a")) and thing:
            self.looks -= 1
            if self.looks >= 0:
                return {**thing, "Fields": {**thing["Fields"], "Size": 1}}
        return thing

    def call(self, service: str, operation: str, **params: Any) -> Any:
        if operation == "UpdateThing" and (operation, "a") in self.calls:
            raise refusal(operation, "ValidationException", "it has that size")
        answer = super().call(service, operation, **params)
        if operation == "UpdateThing":
            raise AwsError(service=service, operation=operation, code=RESPONSE_LOST, message="")
        return answer


def test_a_change_whose_answer_was_lost_may_be_shown_after_it_is_refused_a_second_time() -> None:
    aws = LateUpdate()
    run(aws, FakeResource(name="a"))
    report, _, clock = run(aws, FakeResource(name="a", size=2))
    assert outcomes(report) == {"a": StepOutcome.DONE}
    assert aws.looks < 0 < clock.time_s
    assert aws.calls.count(("UpdateThing", "a")) == 1
