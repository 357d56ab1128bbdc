"""When an alarm is in which state: CloudWatch's rules, and nothing that waits or calls.

From "Using Amazon CloudWatch alarms" in the CloudWatch user guide: an alarm looks at its last periods, M of N
of them must breach, and missing data is treated as the alarm says.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, kw_only=True)
class AlarmRule:
    """What an alarm looks at. `missing`: missing, ignore, breaching or notBreaching."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int
    missing: str

    @property
    def rising(self) -> bool:
        """Whether a period that is not over yet can only come to breach, not cease to."""
        return self.comparison.startswith("Greater")


def evaluate_alarm(rule: AlarmRule, values: Sequence[float | None], now: str) -> tuple[str, str]:
    """The state and its reason, from the values of the last periods, newest first; None is missing data."""
    datapoints = list(values[: rule.periods])
    present = [value for value in datapoints if value is not None]
    if not present and rule.missing == "missing":
        return "INSUFFICIENT_DATA", "Insufficient Data: no datapoints were received."
    if not present and rule.missing == "ignore":
        return now, "Unchecked: no datapoints were received."
    breaches = COMPARISONS[rule.comparison]
    assumed = rule.missing == "breaching"
    breaching = [breaches(value, rule.threshold) if value is not None else assumed for value in datapoints]
    count = sum(breaching)
    values_text = ", ".join(f"{value:g}" for value in present) or "no data"
    reason = f"Threshold Crossed: {count} of the last {rule.periods} datapoints [{values_text}]"
    if count >= rule.to_alarm:
        return "ALARM", f"{reason} were {_words(rule)}."
    if now == "ALARM" and rule.missing == "ignore" and None in datapoints:
        return now, f"{reason} were {_words(rule)}; missing data is ignored."
    return "OK", f"{reason} were {_words(rule)}; {rule.to_alarm} are needed."


def _words(rule: AlarmRule) -> str:
    words = "".join(
        f" {character.lower()}" if character.isupper() else character for character in rule.comparison
    ).strip()
    return f"{words.removesuffix(' threshold')} the threshold ({rule.threshold:g})"
