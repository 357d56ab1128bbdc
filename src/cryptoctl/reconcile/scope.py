"""Where an environment lives, and what marks a resource as part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MANAGED_BY = "ManagedBy"
ENVIRONMENT = "Environment"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One environment in one account and region. Every name, ARN and tag follows from it."""

    environment: str
    account: str
    region: str
    partition: str = "aws"
    extra_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner_tags(self) -> dict[str, str]:
        """The tags that make a resource ours; written in the create call."""
        return {MANAGED_BY: "cryptoctl", ENVIRONMENT: self.environment}

    @property
    def tags(self) -> dict[str, str]:
        """Everything a taggable resource carries."""
        return {**self.extra_tags, **self.owner_tags}

    def is_named_in(self, name: str) -> bool:
        """Whether the environment stands in a name as a word, as it does in every name that we give."""
        return re.search(rf"(?<![A-Za-z0-9]){re.escape(self.environment)}(?![A-Za-z0-9])", name) is not None

    def likeliest(self, names: Iterable[str], ending: str = "") -> list[str]:
        """The names that have the environment in them; first those that end as ours do."""
        suffix = f"-{self.environment}{ending}"
        return sorted(filter(self.is_named_in, names), key=lambda name: (not name.endswith(suffix), name))

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """The ARN of a resource of this account; global services have no region in theirs."""
        return f"arn:{self.partition}:{service}:{self.region if regional else ''}:{self.account}:{resource}"
