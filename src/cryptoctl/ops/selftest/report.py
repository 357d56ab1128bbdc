"""The report of a self-test: what was seen of each claim, and nothing of whose account it was."""

from __future__ import annotations

import platform
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version

from cryptoctl import __version__
from cryptoctl.ops.selftest.claim import ClaimOutcome
from cryptoctl.ops.selftest.run import ClaimResult

HIDDEN_ACCOUNT = "ACCOUNT"
_PRINCIPAL = re.compile(r"(arn:[a-z-]+:(?:iam|sts)::[^:]*:(?:user|assumed-role|federated-user))/[^\s\"',]+")
_ACCESS_KEY = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,}(?![A-Z0-9])")


@dataclass(frozen=True, kw_only=True)
class SelftestReport:
    """What a run of the self-test found. `seconds` is the whole run's time, removal included."""

    environment: str
    target: str
    account: str
    region: str
    began: datetime
    seconds: float
    results: tuple[ClaimResult, ...]
    problems: tuple[str, ...] = ()
    """What kept it from being a whole run."""

    @property
    def versions(self) -> dict[str, str]:
        """What it was run with."""
        return {
            "cryptoctl": __version__,
            "boto3": version("boto3"),
            "Python": platform.python_version(),
        }

    @property
    def counts(self) -> dict[ClaimOutcome, int]:
        """How many claims there are of each outcome."""
        counts = Counter(result.outcome for result in self.results)
        return {outcome: counts[outcome] for outcome in ClaimOutcome}

    def results_with(self, outcome: ClaimOutcome) -> list[ClaimResult]:
        """The results with that outcome."""
        return [result for result in self.results if result.outcome is outcome]

    @property
    def failing(self) -> list[ClaimResult]:
        """The claims that were seen not to hold, or could not be checked."""
        return [*self.results_with(ClaimOutcome.DIFFERS), *self.results_with(ClaimOutcome.FAILED)]

    def without_account(self) -> SelftestReport:
        """The same without the account's number, the caller's name and access keys."""
        account = self.account
        return replace(
            self,
            account=HIDDEN_ACCOUNT,
            results=tuple(replace(result, seen=masked(result.seen, account)) for result in self.results),
            problems=tuple(masked(problem, account) for problem in self.problems),
        )


def masked(text: str, account: str) -> str:
    """A text without the account's number, the caller's name and access keys."""
    if account:
        text = re.sub(rf"(?<![\d-]){re.escape(account)}(?!\d)", HIDDEN_ACCOUNT, text)
    return _ACCESS_KEY.sub("***", _PRINCIPAL.sub(r"\1/***", text))
