"""How each part of the pipeline stands, in one of three words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cryptoctl.ops.overview import Health, health
from cryptoctl.ops.status import Inventory, ResourceReport, ResourceState
from ui.overviews import AT_MS, BROKEN, ERROR, HEALTHY


def test_an_alarm_for_dead_letters_is_theirs_and_not_their_function_s() -> None:
    assert HEALTHY.alarms is not None
    letters = replace(HEALTHY.alarms[0], name="cryptoctl-dev-webhook-processor-dlq", state="ALARM")
    raised = replace(HEALTHY, alarms=(letters,))
    assert health(raised, "webhook-processor") is Health.GOOD
    assert health(replace(raised, queues=BROKEN.queues), "webhook-processor") is Health.DOUBTFUL
    errors = replace(letters, name="cryptoctl-dev-webhook-processor-errors")
    assert health(replace(HEALTHY, alarms=(errors,)), "webhook-processor") is Health.BAD


@pytest.mark.parametrize("environment", ["dev", "my-dlq", "price-enricher", "webhook-processor-dlq", "dlq"])
@pytest.mark.parametrize(
    "subject",
    [
        "function webhook-processor-{}",
        "queue webhook-processor-dlq-{}",
        "log group /aws/lambda/webhook-processor-{}",
        "alarm cryptoctl-{}-webhook-processor-dlq",
    ],
)
def test_a_resource_is_of_the_part_that_it_is_named_after_whatever_the_environment_s_name(
    environment: str, subject: str
) -> None:
    missing = ResourceReport(name=subject.format(environment), state=ResourceState.MISSING)
    overview = replace(HEALTHY, environment=environment, queues=(), inventory=Inventory(resources=(missing,)))
    assert health(overview, "webhook-processor") is Health.BAD
    assert health(overview, "price-enricher") is health(overview, "crypto-prices") is Health.GOOD


def test_a_sender_s_name_makes_its_alarm_no_other_part_s() -> None:
    assert HEALTHY.alarms is not None
    for sender in ("price-enricher", "price-enricher-dlq"):
        alarm = replace(HEALTHY.alarms[0], name=f"cryptoctl-dev-unauthorized-{sender}", state="ALARM")
        overview = replace(HEALTHY, alarms=(alarm,))
        assert overview.concerns
        assert health(overview, "price-enricher") is Health.GOOD


@pytest.mark.parametrize(("visible", "in_flight", "delayed"), [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_dead_letters_are_in_doubt_wherever_they_are(visible: int, in_flight: int, delayed: int) -> None:
    first, second = HEALTHY.queues
    letters = replace(second, visible=visible, in_flight=in_flight, delayed=delayed)
    overview = replace(HEALTHY, queues=(first, letters))
    assert overview.concerns and overview.dead_letters == 1
    assert health(overview, "price-enricher") is Health.DOUBTFUL


def test_an_incident_of_earlier_in_the_hour_is_not_named_as_the_cause_of_this_one() -> None:
    earlier = [
        replace(ERROR, time_ms=AT_MS - 1_200_000 + number, message="Task timed out") for number in range(9)
    ]
    odd = replace(ERROR, message="its price is no number")
    now = [ERROR, odd, replace(ERROR, time_ms=AT_MS - 200_000)]
    queue = BROKEN.queues[0].name
    assert replace(BROKEN, errors=(*earlier, *now)).cause(queue) == "ResourceNotFoundException"
    assert replace(BROKEN, errors=tuple(earlier)).cause(queue) == "Task timed out"
    assert replace(BROKEN, errors=()).cause(queue) is None


def test_errors_long_before_the_oldest_message_are_not_named_as_its_cause() -> None:
    queue = BROKEN.queues[0].name
    assert BROKEN.activity is not None
    young = replace(BROKEN, activity=replace(BROKEN.activity, oldest_s={queue: 60.0}))
    assert replace(young, errors=(replace(ERROR, time_ms=AT_MS - 1_200_000),)).cause(queue) is None
    assert replace(young, errors=(replace(ERROR, time_ms=AT_MS - 200_000),)).cause(queue) is not None


def test_one_late_error_is_not_named_as_the_cause_of_messages_that_failed_before_it() -> None:
    queue = BROKEN.queues[0].name
    assert BROKEN.activity is not None
    many = [replace(ERROR, time_ms=AT_MS - 1_800_000 + number) for number in range(9)]
    late = replace(ERROR, time_ms=AT_MS - 1000, message="Task timed out")
    aged = replace(BROKEN, activity=replace(BROKEN.activity, oldest_s={queue: 1_750.0}))
    assert replace(aged, errors=(*many, late)).cause(queue) == "ResourceNotFoundException"
    before = [replace(error, time_ms=error.time_ms - 600_000, message="over") for error in many * 2]
    assert replace(aged, errors=(*before, *many, late)).cause(queue) == "ResourceNotFoundException"
