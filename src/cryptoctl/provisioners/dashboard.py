"""CloudWatch dashboards: graphs of an environment in AWS's console."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cryptoctl.provisioners.alarm import prefix
from cryptoctl.provisioners.metric import Metric
from cryptoctl.provisioners.tags import changed_tags, key_values, mapped
from cryptoctl.reconcile import (
    Access,
    Aws,
    CallOrWait,
    ConflictChecked,
    ConsentRequired,
    Delta,
    Fields,
    Listed,
    Observed,
    Permission,
    Priced,
    Scope,
    Traffic,
    Usage,
    allow,
    call,
    frozen,
)

NOT_FOUND = ("ResourceNotFound", "ResourceNotFoundException")
# The console's grid has 24 columns.
WIDTH, HEIGHT, IN_A_ROW = 8, 6, 3
PERIOD_S = 60


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Lines over time: label → metric."""

    title: str
    lines: Mapping[str, Metric]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dashboard(ConflictChecked, ConsentRequired, Listed, Priced):
    """Graphs, three in a row, and the state of alarms below. What somebody else has added to it is drift."""

    graphs: tuple[Graph, ...]
    alarms: tuple[str, ...]
    """ARNs"""

    kind: ClassVar[str] = "dashboard"
    exclusive: ClassVar[frozenset[str]] = frozenset({"Widgets", "Settings"})
    fields_of_others: ClassVar[Mapping[str, str]] = {"Widgets": "widgets", "Settings": "settings"}
    creation_overwrites: ClassVar[bool] = True

    @property
    def arn(self) -> str:
        return self.scope.arn("cloudwatch", f"dashboard/{self.name}", regional=False)

    def observe(self, aws: Aws) -> Observed | None:
        response, tags = aws.gather(
            lambda: aws.find("cloudwatch", "GetDashboard", not_found=NOT_FOUND, DashboardName=self.name),
            lambda: self.tags_of(aws),
        )
        if response is None:
            return None
        settings = _parse(response["DashboardBody"])
        widgets = settings.pop("widgets", None)
        return Observed(
            fields={
                "Widgets": _by_title(widgets),
                "Settings": frozen(settings),
                "Tags": tags,
            }
        )

    def conflict(self, observed: Observed) -> str | None:
        """They are global, and their tags name no region: the name says whose one of them is."""
        return None if self.name == dashboard_name(self.scope) else "is the environment's in another region"

    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """This region's alone: those of the environment in other regions are not left over."""
        yield self.arn

    def tags_of(self, aws: Aws) -> Mapping[str, str]:
        response = aws.find("cloudwatch", "ListTagsForResource", not_found=NOT_FOUND, ResourceARN=self.arn)
        # One without any is ours by its name, and is left so: CloudWatch may keep none, and a simulator of it
        # may know none of dashboards.
        return mapped((response or {}).get("Tags", ())) or self.scope.tags

    def desired(self) -> Fields:
        return {"Widgets": self._widgets(), "Settings": {}, "Tags": self.scope.tags}

    def _widgets(self) -> dict[str, Any]:
        """By title: position, size and properties of each, as one mapping."""
        widgets = {
            graph.title: {**_widget_position(number), "type": "metric", **self._graph(graph)}
            for number, graph in enumerate(self.graphs)
        }
        if self.alarms:
            row = -(-len(self.graphs) // IN_A_ROW)
            widgets["Alarms"] = {
                "type": "alarm",
                "x": 0,
                "y": row * HEIGHT,
                "width": 24,
                "height": HEIGHT,
                "alarms": self.alarms,
            }
        return widgets

    def _graph(self, graph: Graph) -> dict[str, Any]:
        return {
            "view": "timeSeries",
            "region": self.scope.region,
            "period": PERIOD_S,
            "metrics": tuple(_line(label, metric) for label, metric in graph.lines.items()),
        }

    def permissions(self) -> Iterator[Permission]:
        yield from allow(Access.DESCRIBE, "cloudwatch", "GetDashboard ListTagsForResource", self.arn)
        yield from allow(Access.MANAGE, "cloudwatch", "PutDashboard TagResource DeleteDashboards", self.arn)

    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        yield Usage(item="dashboard_months", amount=traffic.months, driver="one dashboard")

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """One call writes it whole; tags of one that exists go apart."""
        if delta.creating or delta.touches("Widgets", "Settings"):
            yield call(
                "cloudwatch",
                "PutDashboard",
                exists="ConflictException",
                DashboardName=self.name,
                DashboardBody=self.body,
                # Of one that is there CloudWatch ignores them; one deleted a moment ago is made anew by this.
                Tags=key_values(self.scope.tags),
            )
        if delta.touches("Tags"):
            yield call(
                "cloudwatch", "TagResource", ResourceARN=self.arn, Tags=key_values(changed_tags(delta))
            )

    @property
    def body(self) -> str:
        """The JSON text of it."""
        widgets = []
        for title, widget in self._widgets().items():
            placement = {name: widget[name] for name in OUTSIDE if name in widget}
            inside = {name: value for name, value in widget.items() if name not in OUTSIDE}
            widgets.append({**placement, "properties": {"title": title, **inside}})
        return json.dumps({"widgets": widgets}, separators=(",", ":"))

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield call("cloudwatch", "DeleteDashboards", gone="ResourceNotFound", DashboardNames=(self.name,))


OUTSIDE = ("type", "x", "y", "width", "height")


def dashboard_name(scope: Scope) -> str:
    """With the region: dashboards of all regions share their names."""
    return f"{prefix(scope)}{scope.region}"


def _widget_position(number: int) -> dict[str, Any]:
    row, column = divmod(number, IN_A_ROW)
    return {"x": column * WIDTH, "y": row * HEIGHT, "width": WIDTH, "height": HEIGHT}


def _line(label: str, metric: Metric) -> tuple[Any, ...]:
    dimensions = tuple(part for pair in metric.dimensions.items() for part in pair)
    return (metric.namespace, metric.name, *dimensions, {"label": label, "stat": metric.statistic})


def _parse(body: str) -> dict[str, Any]:
    """The members of a body, whatever somebody has made of it."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _by_title(widgets: object) -> dict[str, Any]:
    """The widgets by title; those without one, or with that of an earlier one, by their place as well."""
    result: dict[str, Any] = {}
    for number, widget in enumerate(widgets if isinstance(widgets, list) else (), 1):
        properties = widget.get("properties") if isinstance(widget, dict) else None
        settings = dict(properties) if isinstance(properties, dict) else {}
        title = str(settings.pop("title", None) or f"widget {number}")
        placement = {name: widget[name] for name in OUTSIDE if isinstance(widget, dict) and name in widget}
        result[f"{title} (widget {number})" if title in result else title] = frozen({**placement, **settings})
    return result
