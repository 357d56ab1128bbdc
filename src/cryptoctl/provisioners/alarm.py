"""CloudWatch alarms: a number that should make somebody look, told to a topic when it comes and goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cryptoctl.provisioners.metric import Metric
from cryptoctl.provisioners.tags import changed_tags, key_values, mapped
from cryptoctl.provisioners.topic import Topic
from cryptoctl.reconcile import (
    QUOTAS_URL,
    Access,
    Aws,
    CallOrWait,
    ConsentRequired,
    Delta,
    Fields,
    Listed,
    Observed,
    Permission,
    Priced,
    Remedy,
    Scope,
    Traffic,
    Usage,
    allow,
    call,
    frozen,
)

NO_TAGS = ("ResourceNotFoundException", "ResourceNotFound")
# One minute of the last five is enough to raise it, and five without one clear it: what comes and goes
# within minutes is told once.
PERIOD_S, PERIODS, PERIODS_TO_ALARM = 60, 5, 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Alarm(ConsentRequired, Listed, Priced):
    """More than `threshold`, in the metric's unit, in a minute; without data all is well."""

    metric: Metric
    threshold: int
    topic: Topic
    meaning: str
    """what it says to people, a sentence"""
    command: str
    """what they type to see more, in backquotes"""

    kind: ClassVar[str] = "alarm"
    named_by_settings: ClassVar[bool] = True
    creation_overwrites: ClassVar[bool] = True
    exclusive: ClassVar[frozenset[str]] = frozenset({"Dimensions"})
    fields_of_others: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("Namespace", "MetricName", "Dimensions", "Statistic", "Unit"), "metric"),
        **dict.fromkeys(("ComparisonOperator", "Threshold", "Period", "EvaluationPeriods"), "threshold"),
        **dict.fromkeys(("DatapointsToAlarm", "TreatMissingData"), "threshold"),
        **dict.fromkeys(("AlarmActions", "OKActions", "InsufficientDataActions"), "actions"),
        "ActionsEnabled": "actions",
    }
    remedies: ClassVar[tuple[Remedy, ...]] = (
        Remedy(
            codes=("LimitExceeded", "LimitExceededFault", "LimitExceededException"),
            operations=("PutMetricAlarm",),
            hint="The account has reached its quota of alarms in this region: delete alarms that nobody "
            f"needs, or ask for more ({QUOTAS_URL}, Amazon CloudWatch).",
        ),
        Remedy(
            codes=("ValidationError",),
            contains="composite alarm",
            operations=("DeleteAlarms",),
            hint="Somebody has made a composite alarm of it: take it out of that alarm's rule, or delete "
            "that alarm (`aws cloudwatch describe-alarms --alarm-types CompositeAlarm` lists such alarms).",
        ),
    )

    @property
    def arn(self) -> str:
        return self.scope.arn("cloudwatch", f"alarm:{self.name}")

    @property
    def description(self) -> str:
        """The text of its messages, of those that clear it too."""
        return f"When it is raised: {self.meaning} {self.command} shows more."

    def observe(self, aws: Aws) -> Observed | None:
        alarms, tags = aws.gather(
            lambda: {alarm["AlarmName"]: alarm for alarm in alarms_of(aws, self.scope)},
            lambda: self.tags_of(aws),
        )
        alarm = alarms.get(self.name)
        if alarm is None or tags is None:
            return None
        return Observed(
            fields={
                **{name: alarm.get(name) for name in self._settings()},
                # One that others made may look at an expression, or at a percentile.
                "MetricName": alarm.get("MetricName") or frozen(alarm.get("Metrics")),
                "Statistic": alarm.get("Statistic") or alarm.get("ExtendedStatistic"),
                "Unit": alarm.get("Unit"),
                "Threshold": _plain_number(alarm.get("Threshold")),
                "Dimensions": mapped(alarm.get("Dimensions", ()), "Name", "Value"),
                "AlarmActions": tuple(alarm.get("AlarmActions", ())),
                "OKActions": tuple(alarm.get("OKActions", ())),
                "InsufficientDataActions": tuple(alarm.get("InsufficientDataActions", ())),
                "Tags": tags,
            }
        )

    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """The alarms whose names begin as this environment's do."""
        for alarm in alarms_of(aws, self.scope):
            yield self.scope.arn("cloudwatch", f"alarm:{alarm['AlarmName']}")

    def tags_of(self, aws: Aws) -> dict[str, str] | None:
        response = aws.find("cloudwatch", "ListTagsForResource", not_found=NO_TAGS, ResourceARN=self.arn)
        return None if response is None else mapped(response.get("Tags", ()))

    def desired(self) -> Fields:
        return {
            **self._settings(),
            # With a unit that nobody measures in, it sees no data, and all is well for ever.
            "Unit": None,
            "InsufficientDataActions": (),
            "Dimensions": dict(self.metric.dimensions),
            "Tags": self.scope.tags,
        }

    def _settings(self) -> Fields:
        return {
            "AlarmDescription": self.description,
            "Namespace": self.metric.namespace,
            "MetricName": self.metric.name,
            "Statistic": self.metric.statistic,
            "Threshold": self.threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "Period": PERIOD_S,
            "EvaluationPeriods": PERIODS,
            "DatapointsToAlarm": PERIODS_TO_ALARM,
            "TreatMissingData": "notBreaching",
            "ActionsEnabled": True,
            "AlarmActions": (self.topic.arn,),
            "OKActions": (self.topic.arn,),
        }

    def permissions(self) -> Iterator[Permission]:
        """On all of the environment's, of which one may be left over: a policy has no room for each name."""
        alarm_arns = self.scope.arn("cloudwatch", f"alarm:{prefix(self.scope)}*")
        yield from allow(Access.DESCRIBE, "cloudwatch", "DescribeAlarms", "*")
        yield from allow(Access.DESCRIBE, "cloudwatch", "ListTagsForResource", alarm_arns)
        yield from allow(Access.MANAGE, "cloudwatch", "PutMetricAlarm TagResource DeleteAlarms", alarm_arns)

    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        yield Usage(item="alarm_months", amount=traffic.months, driver="one metric")

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """One call writes it whole, over what is there too; tags of an alarm that exists go apart."""
        if delta.creating or any(change.field != "Tags" for change in delta.changes):
            yield call(
                "cloudwatch",
                "PutMetricAlarm",
                AlarmName=self.name,
                **self._settings(),
                Dimensions=key_values(self.metric.dimensions, "Name", "Value"),
                # Of one that is there CloudWatch ignores them; one deleted a moment ago is made anew by this.
                Tags=key_values(self.scope.tags),
            )
        if delta.touches("Tags"):
            yield call(
                "cloudwatch", "TagResource", ResourceARN=self.arn, Tags=key_values(changed_tags(delta))
            )

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield call("cloudwatch", "DeleteAlarms", gone="ResourceNotFound", AlarmNames=(self.name,))


def prefix(scope: Scope) -> str:
    """What the names of an environment's alarms begin with."""
    return alarm_name(scope.environment, "")


def alarm_name(environment: str, about: str) -> str:
    """The name of an environment's alarm about something."""
    return f"cryptoctl-{environment}-{about}"


def _plain_number(number: float | None) -> float | None:
    """The number as settings write it: a whole one without a fraction."""
    return int(number) if number is not None and number == int(number) else number


def alarms_of(aws: Aws, scope: Scope) -> Sequence[Mapping[str, Any]]:
    """The alarms whose names begin as the environment's do; in one look, one request for a hundred."""
    return aws.list_all(
        "cloudwatch", "DescribeAlarms", "MetricAlarms", AlarmNamePrefix=prefix(scope), MaxRecords=100
    )
