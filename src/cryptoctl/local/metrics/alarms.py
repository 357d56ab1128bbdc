"""Evaluates metric alarms and has them act: state and actions are set through CloudWatch's own API."""

from __future__ import annotations

import calendar
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.metrics.rules import COMPARISONS, AlarmRule, evaluate_alarm
from cryptoctl.local.regions import Regions

Notify = Callable[[str, str, str, str], Awaitable[None]]
"""Takes what an alarm tells a topic: region, topic, subject, text."""

logger = logging.getLogger(__name__)

TARGET: Final[str] = "GraniteServiceVersion20100801"
_ACTIONS: Final[dict[str, str]] = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


class Alarms:
    """A service: sees every change of an alarm's state, and makes those that the metrics call for."""

    def __init__(self, forward: Forward, client: InternalClient, regions: Regions, notify: Notify) -> None:
        self._forward = forward
        self._client = client
        self._regions = regions
        self._notify = notify

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Has ministack change the state, and keeps what the alarm tells people outside."""
        if request.target != f"{TARGET}.SetAlarmState":
            return None
        state = request.json.get("StateValue")
        if state not in _ACTIONS:
            problem = (
                f"1 validation error detected: Value '{state}' at 'stateValue' failed to satisfy constraint"
            )
            enum = f"Member must satisfy enum value set: [{', '.join(_ACTIONS)}]"
            raise ServiceError("ValidationError", f"{problem}: {enum}")
        previous = await self._describe(request.region, AlarmNames=[request.json.get("AlarmName", "")])
        response = await self._forward(request)
        if response.status < 300 and previous:
            await self._run_actions(request, previous[0])
        return response

    async def _run_actions(self, request: HttpRequest, alarm: Mapping[str, Any]) -> None:
        state, reason = request.json["StateValue"], request.json.get("StateReason", "")
        if alarm["StateValue"] == state or not alarm.get("ActionsEnabled", True):
            return
        name = alarm["AlarmName"]
        text = f"{name} went from {alarm['StateValue']} to {state}. {reason}"
        if description := alarm.get("AlarmDescription"):
            text = f"{text} {description}"
        for action in alarm.get(_ACTIONS[state]) or []:
            if ":sns:" in action:
                await self._notify(request.region, action, f'{state}: "{name}" in {request.region}', text)

    async def evaluate_all(self) -> None:
        """Sets the state of every alarm whose metric calls for another."""
        for region in self._regions.used():
            for alarm in await self._describe(region):
                await self._evaluate(region, alarm)

    async def _describe(self, region: str, **which: Any) -> list[dict[str, Any]]:
        response = await self._client.json("monitoring", "DescribeAlarms", region, **which)
        return list(response.get("MetricAlarms", []))

    async def _evaluate(self, region: str, alarm: Mapping[str, Any]) -> None:
        if alarm.get("ComparisonOperator") not in COMPARISONS or not alarm.get("MetricName"):
            return
        rule = AlarmRule(
            comparison=alarm["ComparisonOperator"],
            threshold=float(alarm["Threshold"]),
            periods=int(alarm["EvaluationPeriods"]),
            to_alarm=int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]),
            missing=alarm.get("TreatMissingData") or "missing",
        )
        state, reason = evaluate_alarm(rule, await self._values(region, alarm, rule), alarm["StateValue"])
        if state == alarm["StateValue"]:
            return
        change = {"AlarmName": alarm["AlarmName"], "StateValue": state, "StateReason": reason}
        try:
            await self._client.json("monitoring", "SetAlarmState", region, **change)
        except ServiceError as error:
            # It was deleted meanwhile.
            logger.warning("alarm %s: %s", alarm["AlarmName"], error)

    async def _values(self, region: str, alarm: Mapping[str, Any], rule: AlarmRule) -> list[float | None]:
        """The statistic of the last periods, newest first. The present one counts where it can only rise."""
        period = int(alarm["Period"])
        statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic") or "Average"
        newest = int(time.time() // period) * period
        extended = "ExtendedStatistics" if statistic.startswith("p") else "Statistics"
        response = await self._client.json(
            "monitoring",
            "GetMetricStatistics",
            region,
            Namespace=alarm["Namespace"],
            MetricName=alarm["MetricName"],
            Dimensions=alarm.get("Dimensions") or [],
            StartTime=newest - rule.periods * period,
            EndTime=newest + period,
            Period=period,
            **{extended: [statistic]},
        )
        by_start = {_epoch(datapoint["Timestamp"]): datapoint for datapoint in response["Datapoints"]}
        starts = [newest - number * period for number in range(rule.periods + 1)]
        if not (rule.rising and starts[0] in by_start):
            starts.pop(0)
        return [_value(by_start.get(start), statistic) for start in starts]


def _value(datapoint: Mapping[str, Any] | None, statistic: str) -> float | None:
    if datapoint is None:
        return None
    value = (datapoint.get("ExtendedStatistics") or datapoint).get(statistic)
    return None if value is None else float(value)


def _epoch(timestamp: str | float) -> int:
    if isinstance(timestamp, str):
        return calendar.timegm(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ"))
    return int(timestamp)
