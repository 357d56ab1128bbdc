"""The printed policies, and requests that none of them may allow; for tools that others wrote.

python probes.py DIRECTORY: writes policies/*.json for a linter and probes.json for simulate.mjs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptoctl.ops.permissions import Purpose, parts, policy
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import Environment
from cryptoctl.stack import Stack

ACCOUNT = "1" * 12
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/webhook-processor-prod-role"
OURS = {"ManagedBy": "cryptoctl", "Environment": "prod"}
ON_KEYS = (
    *("CancelKeyDeletion", "CreateAlias", "CreateGrant", "Decrypt", "DeleteAlias", "EnableKey"),
    *("EnableKeyRotation", "Encrypt", "PutKeyPolicy", "ScheduleKeyDeletion"),
)
# How other people's keys look to a condition.
FOREIGN = {
    "a key of another environment": {
        "aws:ResourceTag/ManagedBy": "cryptoctl",
        "aws:ResourceTag/Environment": "dev",
    },
    "a key with one of the tags": {"aws:ResourceTag/Environment": "prod"},
    "a key with an alias": {"kms:ResourceAliases": "alias/payroll"},
}
BY_LAMBDA = {"kms:ViaService": "lambda.us-east-1.amazonaws.com"}


def stack(name: str, boundary: str | None = None) -> Stack:
    """An environment of that name."""
    scope = Scope(environment=name, account=ACCOUNT, region="us-east-1")
    return Stack(scope, Environment(permissions_boundary=boundary), Code(zip_bytes=b"", sha256=""))


def probes() -> Iterator[dict[str, Any]]:
    """Each with a policy, what is asked, and whether it is to be allowed."""
    deploy, bound = (policy(stack("prod", each), Purpose.DEPLOY) for each in (None, BOUNDARY))
    asked_for = {f"aws:RequestTag/{key}": value for key, value in OURS.items()}
    own = {f"aws:ResourceTag/{key}": value for key, value in OURS.items()}

    def probe(
        what: str, action: str, resource: str, context: Any, *, allowed: bool = False, of: Any = deploy
    ) -> Any:
        ask = {"action": action, "resource": resource, "context": context}
        return {"what": what, "policy": of, "ask": ask, "allowed": allowed}

    for what, tags in FOREIGN.items():
        yield probe(what, "kms:TagResource", KEY, {**tags, **asked_for})
        for action in ON_KEYS:
            yield probe(what, f"kms:{action}", KEY, {**tags, **BY_LAMBDA})
    for action in ("Decrypt", "Encrypt", "CreateGrant"):
        yield probe("our key, not through Lambda", f"kms:{action}", KEY, own)
        yield probe("our key, through Lambda", f"kms:{action}", KEY, {**own, **BY_LAMBDA}, allowed=True)
    yield probe("a new key", "kms:TagResource", KEY, asked_for, allowed=True)
    for action in ("CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary"):
        other = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/other"}
        inside = {"iam:PermissionsBoundary": BOUNDARY}
        yield probe("a role without the boundary", f"iam:{action}", ROLE, {}, of=bound)
        yield probe("a role with another boundary", f"iam:{action}", ROLE, other, of=bound)
        yield probe("a role with the boundary", f"iam:{action}", ROLE, inside, allowed=True, of=bound)
    for action in ("DeleteRolePermissionsBoundary", "AttachRolePolicy"):
        yield probe("a boundary taken off, a policy attached", f"iam:{action}", ROLE, {}, of=bound)


def main(directory: Path) -> None:
    """Writes the files."""
    (directory / "policies").mkdir(parents=True, exist_ok=True)
    for name, boundary in (("prod", None), ("prod-bound", BOUNDARY), ("e" * 41, BOUNDARY)):
        for purpose in Purpose:
            for number, document in enumerate(parts(stack(name, boundary), purpose), 1):
                path = directory / "policies" / f"{name}-{purpose}-{number}.json"
                path.write_text(json.dumps(document), encoding="utf-8")
    (directory / "probes.json").write_text(json.dumps(list(probes())), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
