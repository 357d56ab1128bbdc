"""The table of cryptoctl.toml that says when CloudWatch alarms are raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cryptoctl.settings_schema import Between, Section, Switch, setting

Threshold = Annotated[int, Between(0, 1_000_000_000)] | Literal["off"]


@dataclass(frozen=True, kw_only=True)
class AlarmSettings(Section):
    """[env.NAME.alarms]: each is raised above its number; "off" has none."""

    enabled: Switch = setting(
        True, "CloudWatch alarms tell alert_subscribers; 0.10 USD a month each, ten free"
    )
    dead_letters: Threshold = setting(
        0, 'messages in a dead-letter queue above which an alarm is raised, or "off"'
    )
    lag_s: Threshold = setting(
        60, 'seconds that a price has waited for the enricher above which an alarm is raised, or "off"'
    )
    errors: Threshold = setting(
        0, 'failed invocations of a function in a minute above which an alarm is raised, or "off"'
    )
    throttles: Threshold = setting(
        0, 'throttled invocations of a function in a minute above which an alarm is raised, or "off"'
    )
    unauthorized: Threshold = setting(
        60,
        "refused requests in a minute, of one sender or of nobody known, above which an alarm "
        'is raised, or "off"',
    )
