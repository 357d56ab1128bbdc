"""Checking claims: sequences side by side, each claim with an end, whatever its check meets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptoctl.aws_errors import AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, ClaimOutcome, Evidence, failed, not_shown
from cryptoctl.reconcile.retry import Interrupted


@dataclass(frozen=True)
class ClaimResult:
    """What was seen of a claim, and how long that took."""

    claim: AwsClaim
    outcome: ClaimOutcome
    seen: str
    seconds: float = 0.0


class ClaimListener(Protocol):
    """Who is told how far the checks are, from several threads."""

    def started(self, claim: AwsClaim) -> None:
        """A check begins."""

    def ended(self, result: ClaimResult) -> None:
        """A check is over."""


def check_claims(
    context: CheckContext, claims: Sequence[AwsClaim], listener: ClaimListener, *, on_engine: bool
) -> list[ClaimResult]:
    """Checks the claims and gives the results in their order."""
    sequences: dict[str, list[AwsClaim]] = {}
    for claim in claims:
        sequences.setdefault(claim.sequence or claim.id.partition("-")[0], []).append(claim)

    def check_sequence(sequence: list[AwsClaim]) -> list[ClaimResult]:
        return [_check(context, claim, listener, on_engine=on_engine) for claim in sequence]

    unordered = [
        result for results in context.aws.map(check_sequence, sequences.values()) for result in results
    ]
    place = {claim.id: number for number, claim in enumerate(claims)}
    return sorted(unordered, key=lambda result: place[result.claim.id])


def _check(
    context: CheckContext, claim: AwsClaim, listener: ClaimListener, *, on_engine: bool
) -> ClaimResult:
    begun_s = context.retry.clock.now_s()
    listener.started(claim)
    limit = claim.engine_limit if on_engine else ""
    evidence = not_shown(limit) if limit else _evidence(context, claim)
    seconds = context.retry.clock.now_s() - begun_s
    result = ClaimResult(claim, evidence.outcome, evidence.seen, seconds)
    listener.ended(result)
    return result


def _evidence(context: CheckContext, claim: AwsClaim) -> Evidence:
    try:
        context.retry.clock.sleep(0)  # so that nothing is begun once somebody has asked to stop
        return claim.check(context)
    except Interrupted:
        return not_shown("interrupted")
    except AwsError as error:
        return failed(str(error))
    except Failure as failure:
        return failed(failure.message)
    except Exception as error:  # an answer of another shape than the check reads
        return failed(f"{type(error).__name__}: {error}")


def check_offline(context: CheckContext, claims: Iterable[AwsClaim]) -> list[ClaimResult]:
    """The results of claims whose checks ask AWS for nothing."""
    checks = [(claim, claim.check(context)) for claim in claims]
    return [ClaimResult(claim, evidence.outcome, evidence.seen) for claim, evidence in checks]
