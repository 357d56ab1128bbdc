"""A plan as Markdown and as a graph: complete, and nothing from the wire becomes more than text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from cli.conftest import Cli
from cryptoctl.errors import ExitCode
from cryptoctl.ops.console import function_page, logs_page, queue_page, table_page
from cryptoctl.reconcile.observed import Observed, Obstacle
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.scope import Scope
from cryptoctl.ui.plan_markdown import markdown, mermaid
from cryptoctl.ui.plans import brief_change
from cryptoctl.ui.screen import Screen
from unit.answers import STACK
from unit.fake_resources import FakeResource

HOSTILE = "a|b`c<script>alert(1)</script>[x](http://y)\n# no heading\x1b[2J"


def changed(value: str) -> Plan:
    """A plan that changes one field of one resource, in place of what is there now."""
    resource = FakeResource(name="one", size="new")
    return build_plan([resource], {resource: Observed(fields={"Size": value})}, Goal.PRESENT)


def updating() -> Plan:
    """A plan that asks nothing."""
    resource = FakeResource(name="one", size="new")
    return build_plan(
        [resource], {resource: Observed(fields={**resource.desired(), "Size": 1})}, Goal.PRESENT
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Needing(FakeResource):
    """A thing that needs another."""

    other: FakeResource
    kind: ClassVar[str] = "needing"


def test_what_changes_is_a_row_and_the_fingerprint_leads_to_it() -> None:
    plan = changed("old")
    text = markdown(Screen(colour=False, options={"--env": "prod"}), plan, environment="prod")
    assert "`Size`: `old` → **`new`**" in text
    assert f"`cryptoctl up --expect {plan.fingerprint} --env prod`" in text


def test_the_command_that_applies_it_makes_the_same_plan() -> None:
    screen, options = Screen(colour=False, options={"--env": "prod"}), ["--only", "topic a", "--adopt"]
    text = markdown(screen, plan := updating(), environment="prod", options=options)
    command = f"up --expect {plan.fingerprint} --only 'topic a' --adopt --env prod"
    assert text.endswith(f"Apply exactly this plan with `cryptoctl {command}`.\n")


def test_what_up_asks_about_is_said_to_need_a_yes_where_nobody_can_be_asked() -> None:
    assert "add `--yes`" not in markdown(Screen(colour=False), updating(), environment="prod")
    gone = FakeResource(name="one", size="s")
    plan = build_plan([gone], {gone: Observed(fields=gone.desired())}, Goal.ABSENT)
    assert "add `--yes`" in markdown(Screen(colour=False), plan, environment="prod")


def test_no_command_applies_a_plan_that_has_nothing_to_do() -> None:
    there = FakeResource(name="one", size="s")
    plan = build_plan([there], {there: Observed(fields=there.desired())}, Goal.PRESENT)
    assert "cryptoctl up" not in markdown(Screen(colour=False), plan, environment="prod")


def test_no_command_applies_a_plan_that_up_refuses() -> None:
    obstacle = Obstacle(what="No room.", hint="Make room.")
    plans = replace(updating(), obstacles=(obstacle,)), _refused()
    for plan in plans:
        assert "--expect" not in markdown(Screen(colour=False), plan, environment="prod")


def _refused() -> Plan:
    resource = FakeResource(name="one", size="new")
    fields = {**resource.desired(), "Tags": {"ManagedBy": "another"}}
    plan = build_plan([resource], {resource: Observed(fields=fields)}, Goal.PRESENT)
    assert plan.refused
    return plan


def test_the_command_that_estimates_the_rest_of_the_bill_is_set_as_one() -> None:
    plan = build_plan([STACK.key, STACK.prices], {STACK.key: None, STACK.prices: None}, Goal.PRESENT)
    text = markdown(Screen(colour=False, options={"--env": "prod"}), plan, environment="prod")
    assert "`cryptoctl cost --env prod` estimates what prices cost.\n" in text


def test_text_from_the_wire_stays_in_its_cell() -> None:
    text = markdown(Screen(colour=False), changed(HOSTILE), environment="prod")
    (row,) = [line for line in text.splitlines() if "`Size`" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    value = row.partition("`Size`: ")[2].partition(" → ")[0]
    assert value.startswith("`") and value.endswith("`") and "`" not in value[1:-1]
    assert "\x1b" not in text
    assert "\n# no heading" not in text


def test_the_graph_has_every_resource_and_what_it_needs() -> None:
    plain = FakeResource(name='x"];click', size="s")
    needing = Needing(name="two", size="s", other=plain)
    text = mermaid(
        build_plan([plain, needing], {plain: None, needing: Observed(fields=needing.desired())}, Goal.PRESENT)
    )
    head, first, second, edge, style = text.splitlines()
    assert head == "flowchart LR"
    assert first.endswith('<br>create"]') and '"];' not in first
    assert second == '  r1["needing two"]'
    assert (edge, style) == ("  r0 --> r1", "  style r0 stroke:#2da44e")


SCOPE = Scope(environment="e", account="123456789012", region="eu-west-1")


def test_the_console_s_addresses() -> None:
    assert logs_page(SCOPE, "/aws/lambda/f").endswith(
        "#logsV2:log-groups/log-group/$252Faws$252Flambda$252Ff"
    )
    assert table_page(SCOPE, "t").startswith(
        "https://eu-west-1.console.aws.amazon.com/dynamodbv2/home?region=eu-"
    )
    assert "sqs.eu-west-1.amazonaws.com%2F123456789012%2Fq" in queue_page(SCOPE, "q")
    china = replace(SCOPE, region="cn-north-1", partition="aws-cn")
    assert "cn-north-1.console.amazonaws.cn/" in function_page(china, "f")
    assert "sqs.cn-north-1.amazonaws.com.cn%2F" in queue_page(china, "q")
    europe = replace(SCOPE, region="eusc-de-east-1", partition="aws-eusc")
    assert "eusc-de-east-1.console.amazonaws-eusc.eu/" in function_page(europe, "f")
    assert "sqs.eusc-de-east-1.amazonaws.eu%2F" in queue_page(europe, "q")


@pytest.mark.parametrize("line", ["status -o markdown", "plan -o csv", "config -o csv"])
def test_a_format_that_a_command_has_not_is_refused(cli: Cli, line: str) -> None:
    result = cli(*line.split())
    assert result.code == ExitCode.USAGE
    assert "has no output as" in result.err


def test_on_the_engine_there_is_no_console(cli: Cli) -> None:
    result = cli("open", "table", "--local")
    assert (result.code, "no console" in result.err) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        (None, "x", ("absent", "x")),
        ("a" * 70, "b", ("a" * 59 + "…", "b")),
        ("a" * 100 + "1", "a" * 100 + "2", ("…" + "a" * 15 + "1", "…" + "a" * 15 + "2")),
        ("a" * 100, "a" * 100 + "b" * 80, ("…" + "a" * 15, "…" + "a" * 15 + "b" * 43 + "…")),
    ],
)
def test_a_change_is_shown_from_where_the_values_differ(
    old: str | None, new: str | None, shown: tuple[str, str]
) -> None:
    assert brief_change(old, new) == shown
