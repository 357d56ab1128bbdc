"""What is said while something is waited for, and about what AWS refuses: from every rule, wait and remedy.

The real command's work runs on a clock that costs nothing, against an AWS that answers as it is told.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from cryptoctl.aws import Caller
from cryptoctl.aws_errors import COMMON, AwsError, Remedy
from cryptoctl.cli import doctor as cli_doctor
from cryptoctl.cli.apply import carry_out
from cryptoctl.cli.command import CommandRun
from cryptoctl.cli.up import up
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops import doctor as ops_doctor
from cryptoctl.reconcile.call import Call, CallOrWait, RetryRule
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Action, Goal, Plan, Step
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import Wait
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Settings, Target
from cryptoctl.ui.progress import PlanProgress
from cryptoctl.ui.screen import Screen, printable
from hostile.golden import FILE, Situation, check
from hostile.scripted import RULES, SETTLES, STACK, answer, asking, plain, sent_by
from kit.clocks import FakeClock
from kit.sequential_aws import SequentialAws

HOSTILE = "\x1b]0;mine\x07\x1b[2J\x1b[31m[bold red]all is well[/bold red]\u202e\r\nerror: not this line"


@dataclass
class StubAws(SequentialAws):
    """An AWS that gives the same answer, or the same refusal, to everything."""

    say: Callable[[str, str], dict[str, Any]]
    caller: Caller = Caller(account="0" * 12, arn="arn:aws:iam::000000000000:user/deployer")  # noqa: RUF009
    region: str = "us-east-1"
    partition: str = "aws"

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        return self.say(service, operation)

    def find(self, service: str, operation: str, *, not_found: object, **params: Any) -> dict[str, Any]:
        return self.say(service, operation)

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        yield from self.say(service, operation).get(key, ())

    def list_all(self, service: str, operation: str, key: str, **params: Any) -> list[Any]:
        return []


def refuses(code: str, message: str, request_id: str | None = None) -> StubAws:
    def refuse(service: str, operation: str) -> dict[str, Any]:
        if operation == "ListTagsForResource":  # asked before an alarm is made, which is not there
            return {}
        raise AwsError(
            service=service, operation=operation, code=code, message=message, request_id=request_id
        )

    return StubAws(refuse)


def always(response: Any) -> StubAws:
    return StubAws(lambda *_: response)


def step_of(resource: Provisioner, *requests: CallOrWait, after: tuple[Provisioner, ...] = ()) -> Step:
    """The step that does only that."""
    first = requests[0].operation
    going = first.startswith(("Delete", "Remove", "Detach")) or getattr(requests[0], "until", ()) == (None,)
    making = any(first == request.operation for request in resource.apply(delta_of(resource)))
    return Step(
        resource=resource,
        action=Action.DELETE if going else Action.CREATE if making else Action.UPDATE,
        delta=delta_of(resource),
        requests=requests,
        after=after,
    )


def delta_of(resource: Provisioner) -> Any:
    return build_plan([resource], {resource: None}, Goal.PRESENT).steps[0].delta


def record(title: str, aws: StubAws, *steps: Step, goal: Goal = Goal.PRESENT) -> Situation:
    """What the command's work says of these steps."""
    goal = Goal.ABSENT if any(step.action is Action.DELETE for step in steps) else goal
    session = Session(SessionOptions(environment="E", target=Target.AWS))
    session.__dict__ |= {"aws": aws, "environment": "E"}
    command = "up" if goal is Goal.PRESENT else "down"
    plan = Plan(goal=goal, steps=steps, known={})

    def work(screen: Screen) -> None:
        run = CommandRun(session=session, screen=screen, clock=FakeClock())
        carry_out(run, plan, lambda: make_plan([step.resource for step in steps], session.aws, goal))

    return situation_of(title, f"cryptoctl {command} --env E", work)


def situation_of(title: str, command: str, work: Callable[[Screen], object]) -> Situation:
    """What is said while that is done, and how it ends."""
    code, err = 0, io.StringIO()
    with contextlib.redirect_stderr(err):
        screen = Screen(colour=False)
        try:
            work(screen)
        except Failure as failure:
            code = failure.exit_code
            screen.failure(failure)
    return Situation(title=title, command=command, code=code, err=err.getvalue(), in_order=True)


def by_rule() -> dict[tuple[str, RetryRule], tuple[Provisioner, list[str]]]:
    """Each rule of each kind once, with all its operations."""
    steps: dict[tuple[str, RetryRule], tuple[Provisioner, list[str]]] = {}
    for resource, rule, operation in RULES.values():
        _, operations = steps.setdefault((resource.kind, rule), (resource, []))
        if operation not in operations:
            operations.append(operation)
    return steps


def test_errors_that_pass_by_themselves_and_do_not() -> None:
    check("Waits 1: AWS says “not yet”, for too long", not_passing())


def not_passing() -> Iterator[Situation]:
    for (kind, rule), (resource, operations) in by_rule().items():
        message = f"… {rule.contains} …" if rule.contains else "…"
        title = f"{kind}: {' or '.join(operations)} is answered {rule.code} “{message}”"
        yield record(title, refuses(rule.code, message), step_of(resource, asking(resource, operations[0])))
    topic = STACK[4]
    yield record(
        "anything: AWS answers that it is asked too often",
        refuses("Throttling", "Rate exceeded"),
        step_of(topic, asking(topic, "CreateTopic")),
    )


def test_states_that_do_not_come() -> None:
    check("Waits 2: a change of AWS does not end", not_resting())


def not_resting() -> Iterator[Situation]:
    for resource, settle in SETTLES.values():
        known_absent = settle.gone is not None and None not in settle.until
        moving = None if known_absent else answer(settle, "Moving")
        title = f"{resource.kind}: waits for {settle.reason}"
        yield record(f"{title} – it does not come", always(moving), step_of(resource, plain(settle)))
        if settle.fails:
            failed = answer(settle, settle.fails[0]) | answer(settle, "(AWS's reason)", settle.failure_reason)
            yield record(f"{title} – it fails", always(failed), step_of(resource, plain(settle)))


def test_refusals_that_one_resource_knows() -> None:
    check("Refusals 1: what does not pass, by resource", known_refusals())


def known_refusals() -> Iterator[Situation]:
    kinds = {provisioner.kind: provisioner for provisioner in reversed(STACK)}
    for resource in kinds.values():
        for remedy in resource.remedies:
            call = call_refused(resource, remedy)
            message = f"… {remedy.contains} …" if remedy.contains else "…"
            title = f"{resource.kind}: {call.operation} is answered {' or '.join(remedy.codes)} “{message}”"
            yield record(title, refuses(remedy.codes[-1], message), step_of(resource, call))


def call_refused(resource: Provisioner, remedy: Remedy) -> Call:
    calls = (request.operation for request in sent_by(resource) if isinstance(request, Call))
    return asking(resource, next(iter(remedy.operations), next(calls)))


def test_refusals_that_every_service_knows() -> None:
    check("Refusals 2: what does not pass, whatever the resource", shared_refusals())


DENIED = (
    "User: arn:aws:iam::000000000000:user/deployer is not authorized to perform: lambda:CreateFunction "
    "on resource: arn:aws:lambda:us-east-1:000000000000:function:webhook-processor-E "
)
WORDS = {
    "": "because no identity-based policy allows the lambda:CreateFunction action",
    "service control policy": "with an explicit deny in a service control policy: arn:aws:organizations::…",
    "resource control policy": "with an explicit deny in a resource control policy",
    "permissions boundary allows": "because no permissions boundary allows the lambda:CreateFunction action",
    "session policy allows": "because no session policy allows the lambda:CreateFunction action",
    "VPC endpoint policy allows": "because no VPC endpoint policy allows the lambda:CreateFunction action",
    "resource-based policy allows": "because no resource-based policy allows the lambda:CreateFunction …",
    "explicit deny": "with an explicit deny in a permissions boundary: arn:aws:iam::000000000000:policy/no",
}


def shared_refusals() -> Iterator[Situation]:
    function = next(resource for resource in STACK if resource.kind == "function")
    for remedy in COMMON:
        call = asking(function, next(iter(remedy.operations), "CreateFunction"))
        message = f"{DENIED}{WORDS[remedy.contains]}" if "AccessDenied" in remedy.codes else "(AWS's words)"
        words = f" “… {remedy.contains} …”" if remedy.contains else ""
        subject = call.operation if remedy.operations else "any request"
        title = f"{subject} is answered {' or '.join(remedy.codes)}{words}"
        yield record(title, refuses(remedy.codes[-1], message), step_of(function, call))
    call = asking(function, "CreateFunction")
    yield record(
        "an error of which cryptoctl knows nothing",
        refuses("NewException", "Something new.", request_id="5c1d…"),
        step_of(function, call),
    )
    yield record(
        "an error whose text would command the terminal, or passes for markup or for another line",
        refuses("NewException", HOSTILE, request_id=HOSTILE),
        step_of(function, call),
    )

    def defect(service: str, operation: str) -> dict[str, Any]:
        raise KeyError(service)

    yield record("a defect of cryptoctl", StubAws(defect), step_of(function, call))


def test_a_halfway_failure_says_what_was_done_and_what_not() -> None:
    check("Halfway 1: some worked, some failed, some were never begun", [halfway()])


def halfway() -> Situation:
    kinds = {resource.kind: resource for resource in STACK}
    topic, group, function = kinds["topic"], kinds["log group"], kinds["function"]
    mapping, config = kinds["stream mapping"], kinds["invoke config"]

    def some(service: str, operation: str) -> dict[str, Any]:
        if operation in ("CreateFunction", "CreateLogGroup"):
            code = {"lambda": "AccessDeniedException", "logs": "LimitExceededException"}[service]
            raise AwsError(service=service, operation=operation, code=code, message="…")
        return {}

    steps = [
        step_of(topic, asking(topic, "CreateTopic")),
        step_of(group, asking(group, "CreateLogGroup")),
        step_of(function, asking(function, "CreateFunction")),
        step_of(mapping, asking(mapping, "CreateEventSourceMapping"), after=(function,)),
        step_of(config, asking(config, "PutFunctionEventInvokeConfig"), after=(mapping,)),
    ]
    situation = record("one was made, two are refused, two need those", StubAws(some), *steps)
    return replace(situation, in_order=False)


def test_two_runs_at_once() -> None:
    check("Halfway 2: somebody else is at it at the same time", at_the_same_time())


def at_the_same_time() -> Iterator[Situation]:
    group = next(resource for resource in STACK if resource.kind == "log group")
    creating = group_step(group)
    for title, groups, its_tags in (
        ("it is made and taken away again under our hands", [], None),
        (
            "somebody makes it a moment before us, without our tags",
            [{"logGroupName": group.name}],
            FOREIGN,
        ),
    ):

        def say(
            service: str, operation: str, found: Any = groups, its_tags: Any = its_tags
        ) -> dict[str, Any]:
            if operation == "CreateLogGroup":
                code = "ResourceAlreadyExistsException"
                raise AwsError(service=service, operation=operation, code=code, message="…")
            return {"logGroups": found, "tags": its_tags}

        yield record(title, StubAws(say), creating)


FOREIGN = {"Owner": "somebody"}


def group_step(group: Provisioner) -> Step:
    return build_plan([group], {group: None}, Goal.PRESENT).steps[0]


def test_a_difference_that_remains() -> None:
    check("Halfway 3: AWS accepted every call, and does not show it", [difference_that_remains()])


def difference_that_remains() -> Situation:
    topic = next(resource for resource in STACK if resource.kind == "topic")

    def say(service: str, operation: str) -> dict[str, Any]:
        if operation == "ListTagsForResource":
            return {"Tags": [{"Key": key, "Value": value} for key, value in topic.scope.owner_tags.items()]}
        return {"Subscriptions": []}

    session = Session(SessionOptions(environment="E", target=Target.AWS))
    session.__dict__ |= {"aws": StubAws(say), "environment": "E"}
    session.__dict__ |= {"settings": Settings(), "last_location": None}
    return situation_of(
        "a tag was set, and AWS goes on without it",
        f"cryptoctl up --env E --only {topic.name}",
        lambda screen: up(CommandRun(session=session, screen=screen, clock=FakeClock()), only=[topic.name]),
    )


def test_what_stands_on_the_screen_while_it_waits() -> None:
    check("Waits 3: what stands on the screen meanwhile", meanwhile())


def meanwhile() -> Iterator[Situation]:
    for title, live in (
        ("on a terminal, 42 s later", True),
        ("in a file or a pipe, all that was said", False),
    ):
        clock, stream = FakeClock(), io.StringIO()
        screen = Screen(colour=False)
        screen.terminal.err = Console(
            file=stream, width=150, force_terminal=live, highlight=False, soft_wrap=True
        )
        progress = PlanProgress(screen, clock)
        watch(progress, clock)
        if live:
            screen.message(progress.render())
        yield Situation(
            title=title, command="cryptoctl up --env E", code=0, err=stream.getvalue(), in_order=True
        )


def watch(progress: PlanProgress, clock: FakeClock) -> None:
    """42 seconds of an `up`: a table that waits for AWS, others that wait for it, one that is being asked."""
    kinds = {resource.kind: resource for resource in STACK}
    table, function, mapping = (steps_of(kinds[kind]) for kind in ("table", "function", "stream mapping"))
    for step in (table, function):
        progress.started(step)
    progress.waiting(mapping, waits(f"{table.resource}, which comes first", None))
    for _ in range(42):
        progress.waiting(
            table, waits("the table to be active; DynamoDB does it in the background", 300.0, clock.time_s)
        )
        clock.sleep(1)


def waits(reason: str, timeout_s: float | None, waited_s: float = 0.0) -> Wait:
    return Wait(reason=reason, waited_s=waited_s, timeout_s=timeout_s)


def steps_of(resource: Provisioner) -> Step:
    return build_plan([resource], {resource: None}, Goal.PRESENT).steps[0]


def test_every_exit_code_is_in_the_file() -> None:
    text = FILE.read_text(encoding="utf-8")
    # `--exit-code` of `plan` says nothing but that.
    assert [
        code.name
        for code in ExitCode
        if code is not ExitCode.DIFFERENCES and f"exit code {code}\n" not in text
    ] == []


def test_every_check_of_doctor_is_in_the_file_good_and_bad() -> None:
    text = FILE.read_text(encoding="utf-8")
    source = "".join(
        Path(str(module.__file__)).read_text(encoding="utf-8") for module in (ops_doctor, cli_doctor)
    )
    for name in set(re.findall(r'what="(\w+)"', source)) - ALWAYS_GOOD - NOTES:
        shown = set(re.findall(rf"^    {name} +(good|bad|unknown)\b", text, re.MULTILINE))
        assert "good" in shown, name
        assert shown - {"good"}, name


# Credentials that are none end the command; the region is as it is; another boto3 cannot be had here.
ALWAYS_GOOD = {"credentials", "region", "runtime"}
# These are shown only where there is something to say; test_drift.py and test_endpoints.py have them.
NOTES = {"attention", "endpoints"}


def test_nothing_secret_and_nothing_that_commands_a_terminal_is_in_the_file() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert all(line == printable(line) for line in text.split("\n"))
    assert "not-to-be-seen" not in text
    assert "me:secret@" not in re.sub(r"^\$ .*$", "", text, flags=re.MULTILINE)


def test_every_rule_and_every_wait_says_what_to_do_where_it_does_not_pass() -> None:
    assert [name for name, (_, settle) in SETTLES.items() if not settle.hint] == []
    shared = {code for remedy in COMMON for code in remedy.codes}
    assert [name for name, (_, rule, _) in RULES.items() if not rule.hint and rule.code not in shared] == []
