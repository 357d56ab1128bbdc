"""All claims that are written out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from cryptoctl.errors import InputError
from cryptoctl.ops.selftest.claim import AwsClaim
from cryptoctl.ops.selftest.claims.address import ADDRESS
from cryptoctl.ops.selftest.claims.functions import FUNCTIONS
from cryptoctl.ops.selftest.claims.functions_shown import FUNCTIONS_SHOWN
from cryptoctl.ops.selftest.claims.identity import IDENTITY
from cryptoctl.ops.selftest.claims.logs import LOGS
from cryptoctl.ops.selftest.claims.messaging import MESSAGING
from cryptoctl.ops.selftest.claims.pipeline import PIPELINE
from cryptoctl.ops.selftest.claims.removed import REMOVED
from cryptoctl.ops.selftest.claims.stream import STREAM
from cryptoctl.ops.selftest.claims.table import TABLE
from cryptoctl.ops.selftest.environment import SelftestStack
from cryptoctl.reconcile.graph import with_dependencies
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.values import leaves

WRITTEN: tuple[AwsClaim, ...] = (
    *PIPELINE,
    *FUNCTIONS,
    *FUNCTIONS_SHOWN,
    *ADDRESS,
    *STREAM,
    *LOGS,
    *TABLE,
    *MESSAGING,
    *IDENTITY,
    *REMOVED,
)


def select_claims(only: Sequence[str]) -> tuple[AwsClaim, ...]:
    """The claims with these ids, or all. Raises Failure (USAGE) where there is no such claim."""
    known = {claim.id: claim for claim in WRITTEN}
    for name in only:
        if name not in known:
            names = get_close_matches(name, known, n=3)
            hint = (
                f"Did you mean: {', '.join(names)}?" if names else "`cryptoctl selftest --list` lists them."
            )
            raise InputError(f"There is no claim {name!r}.", hint)
    return tuple(known[name] for name in dict.fromkeys(only)) if only else WRITTEN


def needed_resources(stack: SelftestStack, claims: Iterable[AwsClaim]) -> list[Provisioner]:
    """What must be there for these claims, with what it depends on."""
    names = dict.fromkeys(name for claim in claims for name in claim.needs)
    values = [leaf for name in names for leaf in leaves(vars(stack)[name])]
    return list(with_dependencies([leaf for leaf in values if isinstance(leaf, Provisioner)]))
