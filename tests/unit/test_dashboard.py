"""The dashboard's JSON: what CloudWatch takes, and what of it counts as changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cryptoctl.aws import Aws
from cryptoctl.provisioners.dashboard import Dashboard, dashboard_name
from cryptoctl.reconcile.delta import difference
from cryptoctl.reconcile.orphans import Orphans
from cryptoctl.reconcile.planner import is_owned
from unit.answers import STACK


def dashboard() -> Dashboard:
    assert STACK.dashboard is not None
    return STACK.dashboard


class Answering(Aws):
    """Answers with a body that somebody has made."""

    def __init__(self, body: str) -> None:
        super().__init__(region="us-east-1")
        self.body = body

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> Any:
        """The body, or our tags."""
        if operation == "GetDashboard":
            return {"DashboardBody": self.body, "DashboardName": params["DashboardName"]}
        return {"Tags": [{"Key": key, "Value": value} for key, value in STACK.scope.tags.items()]}


def changes(body: str) -> set[str]:
    """What differs, where AWS has this body."""
    board = dashboard()
    observed = board.observe(Answering(body))
    assert observed is not None
    return {change.path for change in difference(board.desired(), observed, board.exclusive).changes}


def test_the_body_is_what_cloudwatch_takes() -> None:
    widgets = json.loads(dashboard().body)["widgets"]
    cells: set[tuple[int, int]] = set()
    for widget in widgets:
        assert set(widget) == {"type", "x", "y", "width", "height", "properties"}
        assert widget["x"] + widget["width"] <= 24
        own = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not own & cells, "widgets lie over one another"
        cells |= own
        for metric in widget["properties"].get("metrics", ()):
            *names, options = metric
            assert len(names) % 2 == 0 and all(isinstance(name, str) for name in names)
            assert set(options) == {"label", "stat"}
    alarms = widgets[-1]["properties"]["alarms"]
    assert widgets[-1]["type"] == "alarm" and alarms == [alarm.arn for alarm in STACK.alarms]
    assert len({widget["properties"]["title"] for widget in widgets}) == len(widgets) == 7


def test_the_same_json_written_otherwise_is_no_difference() -> None:
    loaded = json.loads(dashboard().body)
    turned = [dict(reversed(widget.items())) for widget in reversed(loaded["widgets"])]
    assert changes(json.dumps({"widgets": turned}, indent=4)) == set()


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"widgets": 5}', '{"widgets": [5, {}]}', "{"])
def test_a_body_that_is_none_differs_in_every_widget(body: str) -> None:
    assert {f"Widgets.{graph.title}" for graph in dashboard().graphs} <= changes(body)


def test_what_somebody_has_changed_or_added_is_named() -> None:
    loaded = json.loads(dashboard().body)
    loaded["widgets"][0]["properties"]["period"] = 300
    loaded["widgets"].append({"type": "text", "properties": {"markdown": "hello"}})
    assert changes(json.dumps(loaded)) == {"Widgets.Prices", "Widgets.widget 8"}


def test_a_copy_before_ours_and_a_setting_of_the_whole_are_named() -> None:
    loaded = json.loads(dashboard().body)
    loaded["widgets"].insert(0, {**loaded["widgets"][0], "x": 16})
    loaded["start"] = "-PT3H"
    assert changes(json.dumps(loaded)) == {"Widgets.Prices", "Widgets.Prices (widget 2)", "Settings.start"}


class WithoutTags(Answering):
    """One whose tags CloudWatch does not keep, or that somebody has tagged for themselves."""

    def __init__(self, body: str) -> None:
        super().__init__(body)
        self.tags: list[dict[str, str]] | None = []

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> Any:
        """The body, or these tags."""
        answer = super().find(service, operation, not_found=not_found, **params)
        tags = None if self.tags is None else {"Tags": self.tags}
        return answer if operation == "GetDashboard" else tags


@pytest.mark.parametrize("none", [[], None], ids=["none", "where dashboards have none"])
def test_one_of_our_name_without_any_tag_is_ours_and_one_with_somebodys_is_not(none: Any) -> None:
    board, answers = dashboard(), WithoutTags(dashboard().body)
    answers.tags = none
    observed = board.observe(answers)
    assert observed is not None and is_owned(board, observed)
    assert difference(board.desired(), observed, board.exclusive).changes == ()
    answers.tags = [{"Key": "ManagedBy", "Value": "somebody"}]
    foreign = board.observe(answers)
    assert foreign is not None and not is_owned(board, foreign)


def test_the_environments_dashboard_in_another_region_is_nobodys_leftover() -> None:
    """Tags name no region: in a list of all that has ours, it is beside the one of this region."""
    board = dashboard()
    elsewhere = replace(board, name=dashboard_name(replace(board.scope, region="eu-west-1")))

    class Indexed(Answering):
        def tagged(self, tags: Any, kind: str | None = None) -> dict[str, dict[str, str]]:
            """What bears our tags, wherever it is."""
            return {} if kind else {resource.arn: dict(board.scope.tags) for resource in (board, elsewhere)}

    aws = Indexed(board.body)
    leftover = Orphans(stack=[STACK.prices], unconfigured=[board])
    orphans = leftover.find(aws, leftover.candidates(aws), {STACK.prices: None})
    assert [orphan.name for orphan in orphans.removable] == [board.name]
