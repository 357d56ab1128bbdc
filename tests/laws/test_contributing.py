"""CONTRIBUTING's example of a new kind is what it says: one file and one statement, and all else follows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cryptoctl.ops.permissions import Purpose, needed_permissions
from cryptoctl.reconcile.graph import with_dependencies
from cryptoctl.reconcile.plan import Action
from cryptoctl.stack import Stack
from laws.drifts import variants
from laws.whole_stack import done
from live import Connect, Live, LivePart

pytestmark = pytest.mark.engine

FILE, STATEMENT = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL
)


@pytest.fixture(scope="module")
def example_class() -> Iterator[Any]:
    """The example's class, as its file defines it."""
    module = ModuleType("cryptoctl_example")
    sys.modules[module.__name__] = module
    exec(compile(FILE, "CONTRIBUTING.md", "exec"), vars(module))
    yield vars(module)["CompositeAlarm"]
    del sys.modules[module.__name__]


@pytest.fixture(scope="module")
def extended(connect: Connect, example_class: Any) -> Iterator[Live]:
    """An environment whose stack has the example's statement, and of which that is up and what it needs."""
    live = LivePart(connect("contributing"), lambda stack: [vars(stack)["any_error"], stack.success])
    add(live.stack, example_class)
    done(live.up())
    yield live
    done(live.down())


def add(stack: Stack, example_class: Any) -> None:
    names = {"self": stack, "CompositeAlarm": example_class}
    exec(STATEMENT, names)


def test_the_second_plan_is_empty(extended: Live) -> None:
    assert extended.plan().nothing_to_do
    assert "composite alarm any-error-contributing" in map(str, extended.resources)


def test_each_field_changed_behind_our_back_is_named_and_repaired(extended: Live) -> None:
    example: Any = vars(extended.stack)["any_error"]
    labels = []
    for drift in variants(example, extended.resources):
        done(extended.up([drift.resource]))
        plan = extended.plan()
        assert {change.field for step in plan.work for change in step.changes} == drift.fields
        done(extended.run(plan))
        labels.append(drift.label)
    assert labels == ["scope", "alarms", "topic"]


def test_deleted_it_is_one_create_and_out_of_the_stack_it_is_an_orphan(extended: Live) -> None:
    example: Any = vars(extended.stack)["any_error"]
    extended.aws.call("cloudwatch", "DeleteAlarms", AlarmNames=[example.name])
    plan = extended.plan()
    assert [(str(step.resource), step.action) for step in plan.work] == [(str(example), Action.CREATE)]
    done(extended.run(plan))
    former = replace(example, name=f"former-{example.name}")
    done(extended.up(list(with_dependencies([former]))))
    plan = extended.plan()
    assert [(str(step.resource), step.action) for step in plan.work] == [(str(former), Action.DELETE)]
    done(extended.run(plan))
    assert former.observe(extended.aws) is None
    assert extended.plan().nothing_to_do


def test_its_permissions_are_in_the_policies(extended: Live) -> None:
    actions = {permission.action for permission in needed_permissions(extended.stack, Purpose.DEPLOY)}
    assert {"cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm", "cloudwatch:DeleteAlarms"} <= actions
