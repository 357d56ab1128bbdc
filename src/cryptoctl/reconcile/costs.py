"""What a resource is billed for: amounts, not money. The prices are not known here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from cryptoctl.reconcile.provisioner import Provisioner


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What passes through one resource in a number of days; what does not concern its kind is 0.

    `requests` are those that are billed, `busy_s` the seconds in which a function runs, all invocations
    together, `stored_gb` is the average of what is stored over the time, `key_requests` are those to a
    customer's key that it lies under.
    """

    days: float
    requests: float = 0.0
    busy_s: float = 0.0
    write_units: float = 0.0
    read_units: float = 0.0
    stored_gb: float = 0.0
    ingested_gb: float = 0.0
    metrics: float = 0.0
    traces: float = 0.0
    key_requests: float = 0.0

    @property
    def months(self) -> float:
        """The time in months of 30 days."""
        return self.days / 30


@dataclass(frozen=True, kw_only=True)
class Usage:
    """An amount of something that AWS bills: `item` is its name in the list of prices."""

    item: str
    amount: float
    driver: str
    """What makes it more or less, in a few words."""


class Priced(Provisioner):
    """It costs money."""

    @abstractmethod
    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        """What is billed for it with this traffic."""
