"""The self-test's claims, evidence, report and names, without any AWS."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cryptoctl
from cryptoctl.aws_errors import AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.selftest.catalogue import WRITTEN, needed_resources, select_claims
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import (
    AnswerCode,
    AwsClaim,
    ClaimOutcome,
    Evidence,
    Expectation,
    exact_code,
    holds,
    remedy_of,
    retry_rule,
)
from cryptoctl.ops.selftest.claims import table
from cryptoctl.ops.selftest.derived import declared_expectations, derived_claims
from cryptoctl.ops.selftest.environment import (
    SelftestStack,
    may_be_running,
    names_in,
    new_name,
    probe_code,
    settings,
    start_time,
)
from cryptoctl.ops.selftest.provoking import Request, refusal_evidence
from cryptoctl.ops.selftest.recorder import Recorder
from cryptoctl.ops.selftest.report import HIDDEN_ACCOUNT, SelftestReport, masked
from cryptoctl.ops.selftest.run import ClaimResult, check_claims
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.function_errors import INVALID
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.role import Role
from cryptoctl.reconcile.call import WaitUntil
from cryptoctl.reconcile.plan import Goal, Step
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.retry import Retry
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.ui.selftest import markdown, report_document
from kit.clocks import FakeClock
from kit.sequential_aws import SequentialAws
from unit.answers import STACK

SOURCE = Path(cryptoctl.__file__).parent
DOCS = SOURCE.parents[1] / "docs"
NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
ACCOUNT = "123456789012"
NAME = new_name(NOW)
OURS = SelftestStack(
    Scope(environment=NAME, account=ACCOUNT, region="eu-west-1"), settings(EnvironmentSettings()), STACK.code
)
CREATES: tuple[Step, ...] = build_plan(list(OURS), dict.fromkeys(OURS), Goal.PRESENT).steps


class RefusingAws(SequentialAws):
    """An AWS that refuses requests as it is told, and does what `map` promises in turn."""

    def __init__(self, *errors: AwsError | None) -> None:
        self._errors, self.sent = list(errors), list[str]()

    def call(self, service: str, operation: str, **_: Any) -> dict[str, Any]:
        self.sent.append(operation)
        error = self._errors.pop(0) if self._errors else None
        if error is not None:
            raise error
        return {}


def context(*errors: AwsError | None) -> CheckContext:
    answers: Any = RefusingAws(*errors)
    return CheckContext(aws=answers, stack=OURS, retry=Retry(FakeClock()), began=NOW)


def error(code: str, message: str = "", operation: str = "CreateFunction") -> AwsError:
    return AwsError(service="lambda", operation=operation, code=code, message=message)


def claim(
    name: str, check: Callable[[CheckContext], Evidence], sequence: str = "one", engine_limit: str = ""
) -> AwsClaim:
    return AwsClaim(
        id=name, text=name, relied_on=("aws.py",), check=check, sequence=sequence, engine_limit=engine_limit
    )


class Listener:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def started(self, claim: AwsClaim) -> None:
        self.events.append(f"begun {claim.id}")

    def ended(self, result: ClaimResult) -> None:
        self.events.append(f"{result.outcome} {result.claim.id}")


def test_each_claim_has_a_name_of_its_own_and_says_where_it_is_relied_on() -> None:
    assert [name for name, count in Counter(claim.id for claim in WRITTEN).items() if count > 1] == []
    for claim in WRITTEN:
        assert claim.text.endswith("."), claim.id
        for place in claim.relied_on:
            file = place.partition(":")[0]
            assert (SOURCE / file).exists() or (DOCS.parent / file).exists(), f"{claim.id}: {place}"
            member = place.partition(": ")[2].partition(",")[0].partition(".")[0]
            if member.isidentifier():
                assert member in (SOURCE / file).read_text("utf-8"), f"{claim.id}: {place}"


def test_what_the_claims_need_is_part_of_the_environment() -> None:
    for claim in WRITTEN:
        assert set(needed_resources(OURS, [claim])) <= set(OURS), claim.id
    assert Counter(claim.id for claim in select_claims(["queue-missing", "queue-missing"])) == {
        "queue-missing": 1
    }
    with pytest.raises(Failure, match="no claim 'queue-mising'") as raised:
        select_claims(["queue-mising"])
    assert "queue-missing" in raised.value.hint


def test_every_rule_remedy_and_code_of_the_stack_is_in_the_report_once() -> None:
    written = {subject for claim in WRITTEN for subject in claim.covers}
    claims = list(derived_claims(list(OURS), CREATES, Recorder(FakeClock()), WRITTEN, on_engine=True))
    assert len({claim.id for claim in claims}) == len(claims)
    everything = list(declared_expectations(OURS, CREATES))
    waits = {
        (step.resource.kind, request.reason)
        for step in CREATES
        for request in step.requests
        if isinstance(request, WaitUntil)
    }
    assert len(claims) == len([subject for subject in everything if subject not in written]) + len(waits)
    rules = {(type(subject), rule) for subject in OURS for rule in (*subject.retry_rules, *subject.remedies)}
    codes = {call.exists for step in CREATES for call in step.calls} - {None}
    assert rules <= set(everything)
    assert codes <= {
        code for _, subject in everything if isinstance(subject, AnswerCode) for code in subject.codes
    }


def test_what_did_not_occur_is_not_shown_and_what_the_engine_waits_is_no_evidence() -> None:
    for on_engine in (True, False):
        claims = list(
            derived_claims(list(OURS), CREATES, Recorder(FakeClock()), WRITTEN, on_engine=on_engine)
        )
        outcomes = {claim.check(context()).outcome for claim in claims if "shows it within" not in claim.text}
        assert outcomes == {ClaimOutcome.NOT_SHOWN}
        waits = {claim.check(context()).outcome for claim in claims if "shows it within" in claim.text}
        assert waits == {ClaimOutcome.NOT_SHOWN if on_engine else ClaimOutcome.HOLDS}


def test_a_refusal_that_passed_while_the_environment_was_made_is_evidence_with_its_time() -> None:
    clock, late = FakeClock(), "ContinuousBackupsUnavailableException"
    recorder = Recorder(clock)
    refused = AwsError(service="dynamodb", operation="UpdateContinuousBackups", code=late, message="later")
    for _ in range(3):
        recorder.answered("dynamodb", "UpdateContinuousBackups", refused)
        clock.sleep(2)
    claims = {
        claim.id: claim for claim in derived_claims(list(OURS), CREATES, recorder, WRITTEN, on_engine=False)
    }
    assert claims[f"table: {late}"].check(context()).outcome is ClaimOutcome.NOT_SHOWN
    recorder.answered("dynamodb", "UpdateContinuousBackups", None)
    shown_claims = {
        claim.id: claim for claim in derived_claims(list(OURS), CREATES, recorder, WRITTEN, on_engine=False)
    }
    evidence = shown_claims[f"table: {late}"].check(context())
    assert evidence.outcome is ClaimOutcome.HOLDS
    assert "met 3 times" in evidence.seen
    assert "passed after 6.0 s" in evidence.seen


def test_another_services_error_of_the_same_code_is_no_evidence() -> None:
    recorder = Recorder(FakeClock())
    for code in ("KMSInvalidStateException", "LimitExceededException"):
        refused = AwsError(service="logs", operation="PutSubscriptionFilter", code=code, message="")
        recorder.answered("logs", "PutSubscriptionFilter", refused)
    claims = {
        claim.id: claim for claim in derived_claims(list(OURS), CREATES, recorder, WRITTEN, on_engine=False)
    }
    assert claims["key: KMSInvalidStateException"].check(context()).outcome is ClaimOutcome.NOT_SHOWN
    assert claims["every service: LimitExceededException"].check(context()).outcome is ClaimOutcome.HOLDS


def test_refusals_in_two_threads_are_told_apart() -> None:
    clock = FakeClock()
    recorder, refused = Recorder(clock), error("ResourceConflictException")
    thread = threading.Thread(target=lambda: recorder.answered("lambda", "CreateFunction", refused))
    thread.start()
    thread.join()
    recorder.answered("lambda", "CreateFunction", None)
    assert [wait.passed_after_s for wait in recorder.refusals()] == [None]


ASSUMED = retry_rule(Function, INVALID, "cannot be assumed by Lambda")
RUNTIME = remedy_of(Function, INVALID, "runtime")
EXISTS = exact_code(Function, "lambda", "CreateFunction", "ResourceConflictException")


@pytest.mark.parametrize(
    ("answer", "expectation", "outcome"),
    [
        (None, ASSUMED, ClaimOutcome.DIFFERS),
        (error(INVALID, "The role cannot be assumed by Lambda."), ASSUMED, ClaimOutcome.HOLDS),
        (error(INVALID, "The role is not assumable."), ASSUMED, ClaimOutcome.DIFFERS),
        (error("ValidationException", "Value at 'runtime' failed"), RUNTIME, ClaimOutcome.HOLDS),
        (error("ValidationException", "replicated runtime"), RUNTIME, ClaimOutcome.HOLDS),
        # Another remedy is found first, and a retry rule would wait for it.
        (error(INVALID, "provisioned concurrency of a runtime"), RUNTIME, ClaimOutcome.DIFFERS),
        (error(INVALID, "runtime: cannot be assumed by Lambda"), RUNTIME, ClaimOutcome.DIFFERS),
        (error("ResourceConflictException", "Function already exists"), EXISTS, ClaimOutcome.HOLDS),
        (error("AccessDeniedException"), EXISTS, ClaimOutcome.DIFFERS),
    ],
)
def test_an_answer_is_judged_as_the_code_would_take_it(
    answer: AwsError | None, expectation: Expectation, outcome: ClaimOutcome
) -> None:
    assert refusal_evidence(answer, expectation).outcome is outcome


def test_an_answer_code_that_a_rule_would_wait_for_does_not_hold() -> None:
    code = exact_code(Function, "lambda", "TagResource", "ResourceConflictException")
    answer = error("ResourceConflictException", operation="TagResource")
    assert refusal_evidence(answer, code).outcome is ClaimOutcome.DIFFERS


def test_what_is_seen_of_numbers_reads_the_same_in_each_report(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [table.LONGEST_NUMBER, table.SMALLEST_NUMBER]
    answers = iter([{}, {"Item": {"long": {"N": numbers[0]}, "small": {"N": numbers[1]}}}])
    monkeypatch.setattr(RefusingAws, "call", lambda *_, **__: next(answers))
    monkeypatch.setattr(CheckContext, "refusal", lambda *_: error(table.INVALID))
    (check,) = (claim.check for claim in table.TABLE if claim.id == "table-numbers")
    assert check(context()) == holds(str(numbers))


def test_what_passes_by_itself_is_waited_for_before_a_refusal_is_judged() -> None:
    lacks = retry_rule(Function, INVALID, "execution role does not have permissions")
    checks = Request("lambda", "CreateFunction").refused("x", lacks)
    first = error(INVALID, "The role cannot be assumed by Lambda.")
    then = error(INVALID, "The provided execution role does not have permissions to call SendMessage")
    assert checks.check(context(first, first, then)).outcome is ClaimOutcome.HOLDS


def test_what_aws_accepts_against_the_claim_is_undone() -> None:
    check_context = context()
    checks = Request("sqs", "CreateQueue").refused(
        "x",
        retry_rule(Queue, "AWS.SimpleQueueService.QueueDeletedRecently"),
        undo=Request("sqs", "DeleteQueue"),
    )
    assert checks.check(check_context).outcome is ClaimOutcome.DIFFERS
    sent: Any = check_context.aws
    assert sent.sent == ["CreateQueue", "DeleteQueue"]


def test_what_may_be_over_is_not_shown_where_it_is() -> None:
    checks = Request("lambda", "UpdateFunctionConfiguration").refused(
        "x",
        retry_rule(Function, "ResourceConflictException"),
        acceptance_reason="it was done before",
    )
    assert checks.check(context()).outcome is ClaimOutcome.NOT_SHOWN


def test_a_kind_without_such_a_rule_is_told_when_the_claims_are_read() -> None:
    with pytest.raises(LookupError):
        retry_rule(Role, "Missing")
    with pytest.raises(LookupError):
        remedy_of(Role, "LimitExceeded", "policy size", operation="CreateRole")


def test_a_check_that_breaks_ends_its_own_claim_only() -> None:
    def breaks(_: CheckContext) -> Evidence:
        raise KeyError("Tags")

    def denied(_: CheckContext) -> Evidence:
        raise error("AccessDeniedException", "no")

    claims = [
        claim("breaks", breaks),
        claim("denied", denied, sequence="other"),
        claim("works", lambda _: holds("seen")),
        claim("lacks", breaks, engine_limit="the engine has none"),
    ]
    listener = Listener()
    results = check_claims(context(), claims, listener, on_engine=True)
    assert [(result.claim.id, result.outcome) for result in results] == [
        ("breaks", ClaimOutcome.FAILED),
        ("denied", ClaimOutcome.FAILED),
        ("works", ClaimOutcome.HOLDS),
        ("lacks", ClaimOutcome.NOT_SHOWN),
    ]
    assert "KeyError" in results[0].seen
    assert listener.events.index("check failed breaks") < listener.events.index("begun works")


def test_after_an_interruption_no_check_is_begun() -> None:
    check_context, stop = context(), threading.Event()
    stop.set()
    clock: Any = check_context.retry.clock
    clock.stop = stop
    [result] = check_claims(
        check_context, [claim("any", lambda _: holds("seen"))], Listener(), on_engine=False
    )
    assert (result.outcome, result.seen) == (ClaimOutcome.NOT_SHOWN, "interrupted")


def test_a_name_says_when_its_run_began() -> None:
    assert start_time(NAME) == NOW
    assert start_time("dev") is None
    assert start_time("selftest-20269926t0930-aaaa") is None
    assert may_be_running(NAME, NOW + timedelta(minutes=59))
    assert not may_be_running(NAME, NOW + timedelta(minutes=60))
    assert not may_be_running("dev", NOW)


def test_former_environments_are_known_by_the_names_of_everything_in_them() -> None:
    names = [resource.name for resource in OURS] + [str(resource.arn) for resource in OURS]
    assert names_in(iter(names)) == {NAME}
    assert {resource.name for resource in OURS if not names_in(iter([resource.name]))} == set()
    assert names_in(iter(["prices-selftest-20261126t0930-abcdef", "my-selftest-1", "selftest-x"])) == set()


def test_the_environment_fits_into_a_small_account_and_keeps_the_boundary() -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    given_ = EnvironmentSettings(permissions_boundary=boundary, protected=True, region="eu-west-1")
    config = settings(given_)
    stack = SelftestStack(OURS.scope, config, STACK.code)
    assert {resource.reserved_concurrency for resource in stack if isinstance(resource, Function)} == {None}
    assert {resource.boundary for resource in stack if isinstance(resource, Role)} == {boundary}
    assert not stack.prices.deletion_protection
    assert config.region == "eu-west-1"


def test_the_probe_is_not_part_of_what_is_deployed() -> None:
    assert b"probe" not in STACK.code.zip_bytes
    assert b"def handler" in probe_code().zip_bytes


FROM_AWS = st.text(alphabet="|`\n\r\x1ba*<>:- \\")


def report(evidence: str) -> SelftestReport:
    [result] = check_claims(context(), [claim("one", lambda _: holds(evidence))], Listener(), on_engine=False)
    return SelftestReport(
        environment=NAME,
        target="aws",
        account=ACCOUNT,
        region="eu-west-1",
        began=NOW,
        seconds=1.0,
        results=(result,),
        problems=(evidence,),
    )


@given(FROM_AWS)
def test_the_report_is_a_table_whatever_aws_says(evidence: str) -> None:
    text = markdown(report(evidence).without_account())
    [row] = [line for line in text.splitlines() if line.startswith("| one |")]
    assert row.replace(r"\|", "").count("|") == 5
    assert "\x1b" not in text


@given(st.text(alphabet="ab:/ 1"), st.text(alphabet="ab:/ "))
def test_a_report_tells_nobody_whose_account_it_was(before: str, after: str) -> None:
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/admins/alice"
    evidence = f"{before} User: {caller} is not authorized, {ACCOUNT} {after} AKIAIOSFODNN7EXAMPLE"
    hidden = report(evidence).without_account()
    for text in (markdown(hidden), json.dumps(report_document(hidden))):
        assert ACCOUNT not in text
        assert "alice" not in text
        assert "AKIA" not in text
    assert ACCOUNT in json.dumps(report_document(report(evidence)))


def test_a_number_that_only_contains_the_account_is_left() -> None:
    assert (
        masked(f"1{ACCOUNT}, {ACCOUNT}9, {ACCOUNT}", ACCOUNT) == f"1{ACCOUNT}, {ACCOUNT}9, {HIDDEN_ACCOUNT}"
    )
