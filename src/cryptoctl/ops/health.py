"""How a part of the pipeline stands, in one of three words."""

from __future__ import annotations

from enum import StrEnum

from cryptoctl.ops.overview import Overview


class Health(StrEnum):
    """What a part of the pipeline is shown as."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """dead letters wait"""
    BAD = "bad"
    """it needs somebody"""


def health(found: Overview, name: str, queue: int | None = None) -> Health:
    """How the part with this name in its resources' names stands; `queue` is its place among the queues."""
    if any(name in each.subject and "-dlq" not in each.subject for each in found.concerns):
        return Health.BAD
    waiting = queue is not None and len(found.queues) > queue and found.queues[queue].visible
    return Health.DOUBTFUL if waiting else Health.GOOD
