"""The environment's alarms as CloudWatch has them: one that is raised needs attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.provisioners.alarm import alarms_of
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

RAISED = "ALARM"


@dataclass(frozen=True, kw_only=True)
class AlarmState:
    """An alarm: `state` is OK, ALARM or INSUFFICIENT_DATA, since `since_ms` (1970); what it means; why."""

    name: str
    state: str
    since_ms: int
    meaning: str
    command: str
    """what to type, in backquotes"""
    reason: str

    @property
    def raised(self) -> bool:
        """Whether it wants somebody."""
        return self.state == RAISED


def permissions(_: Stack) -> Iterator[Permission]:
    """Alarms are listed by the beginning of their names."""
    yield from allow(Access.DESCRIBE, "cloudwatch", "DescribeAlarms", "*")


def alarm_states(aws: Aws, stack: Stack) -> tuple[AlarmState, ...]:
    """Those of the configuration that exist, the one that changed last first; one request for a hundred."""
    ours = {alarm.name: alarm for alarm in stack.alarms}
    if not ours:
        return ()
    states = (
        _state(each, ours[each["AlarmName"]].meaning, ours[each["AlarmName"]].command)
        for each in alarms_of(aws, stack.scope)
        if each["AlarmName"] in ours
    )
    return tuple(sorted(states, key=lambda each: (-each.since_ms, each.name)))


def _state(found: Mapping[str, Any], meaning: str, command: str) -> AlarmState:
    changed = found.get("StateTransitionedTimestamp") or found.get("StateUpdatedTimestamp")
    return AlarmState(
        name=found["AlarmName"],
        state=found.get("StateValue", "INSUFFICIENT_DATA"),
        since_ms=int(changed.timestamp() * 1000) if changed else 0,
        meaning=meaning,
        command=command,
        reason=str(found.get("StateReason", "")),
    )
