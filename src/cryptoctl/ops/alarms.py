"""The environment's alarms as CloudWatch has them: one that is raised needs attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.provisioners.alarm import Alarm, alarms_of
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
    configured = {alarm.name: alarm for alarm in stack.alarms}
    if not configured:
        return ()
    states = (
        _state(configured[observed["AlarmName"]], observed)
        for observed in alarms_of(aws, stack.scope)
        if observed["AlarmName"] in configured
    )
    return tuple(sorted(states, key=lambda state: (-state.since_ms, state.name)))


def _state(alarm: Alarm, observed: Mapping[str, Any]) -> AlarmState:
    changed_at = observed.get("StateTransitionedTimestamp") or observed.get("StateUpdatedTimestamp")
    return AlarmState(
        name=alarm.name,
        state=observed.get("StateValue", "INSUFFICIENT_DATA"),
        since_ms=int(changed_at.timestamp() * 1000) if changed_at else 0,
        meaning=alarm.meaning,
        command=alarm.command,
        reason=str(observed.get("StateReason", "")),
    )
