"""How a part of the pipeline stands, in one of three words."""

from __future__ import annotations

from enum import StrEnum

from cryptoctl.ops.overview import Overview
from cryptoctl.provisioners.alarm import alarm_name

LOG_GROUPS = "/aws/lambda/"


class Health(StrEnum):
    """What a part of the pipeline is shown as."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """dead letters wait"""
    BAD = "bad"
    """it needs attention"""


def health(overview: Overview, part: str) -> Health:
    """How the part with this name at the beginning of its resources' names stands."""
    if any(
        _concerns(each.subject, part, overview.environment) for each in overview.concerns if not each.letters
    ):
        return Health.BAD
    queue = overview.dead_letter_queue(part)
    return Health.DOUBTFUL if queue is not None and queue.messages else Health.GOOD


def _concerns(subject: str, part: str, environment: str) -> bool:
    """Whether it is a resource of the part; an environment or a sender may have any name."""
    name = subject.rpartition(" ")[2]
    for prefix in (LOG_GROUPS, alarm_name(environment, "")):
        name = name.removeprefix(prefix)
    return name.startswith(f"{part}-")
