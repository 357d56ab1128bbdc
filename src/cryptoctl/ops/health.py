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


def health(found: Overview, name: str) -> Health:
    """How the part with this name in its resources' names stands."""
    if any(name in each.subject and not _of_letters(each.subject) for each in found.concerns):
        return Health.BAD
    queue = found.dead_letter_queue(name)
    return Health.DOUBTFUL if queue is not None and queue.visible else Health.GOOD


def _of_letters(subject: str) -> bool:
    """Whether it is about what is in a queue, rather than about the queue itself."""
    return "-dlq" in subject and not subject.startswith("queue ")
