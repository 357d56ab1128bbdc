"""Answers that leave something out for those who may less: AWS's own models say which, and each is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from cryptoctl.ops.permissions import Purpose, needed_permissions
from cryptoctl.reconcile.delta import difference
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.values import serialize
from unit.answers import STACK, Answers
from unit.resource_answers import function, mapping, observed_mapping
from unit.test_calls_and_permissions import resources

# An answer that stands in for what was left out has these two members.
INSTEAD = {"ErrorCode", "Message"}
LOOKING = ("Describe", "Get", "List")
# What each leaves out, and why that harms nothing.
KNOWN = {
    ("lambda", "GetFunction", "TagsError"): "told as what it is: test_foreign.py",
    ("lambda", "GetFunction", "Configuration.Environment.Error"): "told as what it is: test_foreign.py",
    ("lambda", "GetFunction", "Configuration.ImageConfigResponse.Error"): "ours are no images",
    ("lambda", "GetFunction", "Configuration.RuntimeVersionConfig.Error"): "not looked at",
    ("lambda", "GetFunction", "Code.Error"): "not looked at",
    ("lambda", "GetFunctionConfiguration", "Environment.Error"): "only its states are looked at",
    ("lambda", "GetFunctionConfiguration", "ImageConfigResponse.Error"): "only its states are looked at",
    ("lambda", "GetFunctionConfiguration", "RuntimeVersionConfig.Error"): "only its states are looked at",
    ("lambda", "GetEventSourceMapping", "FilterCriteriaError"): "its filters are sent again, without a key",
    ("lambda", "ListEventSourceMappings", "EventSourceMappings.FilterCriteriaError"): "as above",
}


def thinner(shape: Any, path: tuple[str, ...] = (), above: frozenset[str] = frozenset()) -> Iterator[str]:
    """The paths in an answer at which an error may stand in for something."""
    if shape is None or shape.name in above:
        return
    if shape.type_name == "structure":
        if shape.members.keys() >= INSTEAD:
            yield ".".join(path)
        for name, member in shape.members.items():
            yield from thinner(member, (*path, name), above | {shape.name})
    elif shape.type_name == "list":
        yield from thinner(shape.member, path, above)
    elif shape.type_name == "map":
        yield from thinner(shape.value, path, above)


def test_every_answer_that_may_be_thinner_is_known() -> None:
    session = botocore.session.Session()
    actions = {permission.action for purpose in Purpose for permission in needed_permissions(STACK, purpose)}
    actions |= {permission.action for resource in resources() for permission in resource.permissions()}
    paths = set()
    for action in actions:
        prefix, _, operation = action.partition(":")
        service = {"tag": "resourcegroupstaggingapi"}.get(prefix, prefix)
        model = session.get_service_model(service)
        if operation.startswith(LOOKING) and operation in model.operation_names:
            output = model.operation_model(operation).output_shape
            paths |= {(service, operation, path) for path in thinner(output)}
    assert paths == KNOWN.keys()


def test_filters_that_a_key_hides_are_sent_again_without_it() -> None:
    denied = {"ErrorCode": "AccessDeniedException", "Message": "no"}
    observed = observed_mapping(mapping("ours", KMSKeyArn="arn:key", FilterCriteriaError=denied))
    enricher_mapping = STACK.prices_to_enricher
    desired = {**enricher_mapping.desired(), "EventSourceArn": observed.fields["EventSourceArn"]}
    delta = difference(desired, observed, enricher_mapping.exclusive)
    [sent] = [
        action.params for action in enricher_mapping.apply(delta) if action.operation.startswith("Update")
    ]
    assert sent["KMSKeyArn"] == ""
    assert serialize(sent["FilterCriteria"]) == {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]}


@pytest.mark.parametrize("code", ["KMSDisabledException", "InvalidStateException"])
def test_variables_that_nobody_can_read_are_written_again(code: str) -> None:
    answers = function(configuration={"Environment": {"Error": {"ErrorCode": code, "Message": "off"}}})
    [step] = make_plan([STACK.webhook], Answers(answers), Goal.PRESENT).steps  # type: ignore[arg-type]
    [*_, sent] = [call.params["Environment"] for call in step.calls if "Environment" in call.params]
    assert sent["Variables"].keys() == STACK.webhook.environment.keys()
